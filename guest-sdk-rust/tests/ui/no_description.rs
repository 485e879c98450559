use distri_guest::tool;

#[tool]
fn greet(name: String) -> String {
    name
}

fn main() {}
