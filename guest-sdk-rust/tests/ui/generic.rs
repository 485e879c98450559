use distri_guest::workflow;

/// Greets
#[workflow]
fn greet<T: ToString>(name: T) -> String {
    name.to_string()
}

fn main() {}
