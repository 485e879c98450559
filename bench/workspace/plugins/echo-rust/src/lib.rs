//! Answers with its input.

use distri_guest::{export_plugin, tool};
use serde::Serialize;

/// The input again.
#[derive(Serialize)]
struct Echo {
    text: String,
}

/// Answers with its input
#[tool]
fn echo(text: String) -> Echo {
    Echo { text }
}

export_plugin! { tools: [echo] }
