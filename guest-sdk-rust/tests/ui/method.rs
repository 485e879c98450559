use distri_guest::tool;

struct Greeter;

impl Greeter {
    /// Greets
    #[tool]
    fn greet(&self) -> String {
        String::new()
    }
}

fn main() {}
