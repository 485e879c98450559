//! Prints what each crate of the workspace is made of: files, lines, and circles of files
//! that import each other.
//!
//! ```text
//! cargo run --release --workspace --example house
//! ```

use std::path::Path;

use distri_house::Crate;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
    let members = manifest["workspace"]["members"].as_array().ok_or("no members")?;
    println!("{:<32}{:>6}{:>8}  circles", "crate", "files", "lines");
    for member in members.iter().filter_map(toml::Value::as_str) {
        let found = Crate::read(&root.join(member).join("src"))?;
        let circles = found.circles();
        let circles: Vec<String> = circles.iter().map(|files| files.join(" - ")).collect();
        let (files, lines) = (found.files(), found.lines());
        println!("{member:<32}{files:>6}{lines:>8}  {}", circles.join(", "));
    }
    Ok(())
}
