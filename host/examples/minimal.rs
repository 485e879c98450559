//! The least that an embedder writes: load a plugin, call its tool.
//!
//! ```text
//! cargo run --release --workspace --example minimal -- examples/plugins/text-tools slugify '{"text": "Hello, World!"}'
//! ```

use distri_host::{Host, ToolCall};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(tool), Some(input)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: minimal PLUGIN TOOL INPUT".into());
    };
    let host = Host::builder().build()?;
    let package = host.load_plugin(path.as_ref()).await?;
    let answer = host.execute_tool(&package, &tool, ToolCall::new(input)).await?;
    match answer.error {
        None => println!("{}", answer.result),
        Some(message) => eprintln!("{package}/{tool} failed: {message}"),
    }
    Ok(())
}
