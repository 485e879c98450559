use distri_guest::tool;

/// Greets
#[tool]
fn greets_everybody_who_is_in_the_room(name: String) -> String {
    name
}

fn main() {}
