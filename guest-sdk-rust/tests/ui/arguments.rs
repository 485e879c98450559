use distri_guest::tool;

/// Greets
#[tool(name = "greet")]
fn greet(name: String) -> String {
    name
}

fn main() {}
