use distri_guest::tool;

/// Greets
#[tool]
fn greet(name: &str) -> String {
    name.to_owned()
}

fn main() {}
