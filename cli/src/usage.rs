//! What the command line itself asks for or gets wrong: help, versions, usage.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde_json::{Value, json};

use crate::{output, terminal, version};

/// Prints help, a version or what is wrong with the command line.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    let as_json = std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    match error.kind() {
        ErrorKind::DisplayVersion if as_json => output::json(&version::json()),
        ErrorKind::DisplayVersion | ErrorKind::DisplayHelp if as_json => {
            output::json(&json!({ "help": error.render().to_string() }));
        }
        ErrorKind::DisplayVersion | ErrorKind::DisplayHelp => {
            let text = error.render();
            output::text(&if output::coloured() {
                text.ansi().to_string()
            } else {
                text.to_string()
            });
        }
        _ => {
            if as_json {
                output::json(&json!({ "error": wrong(error) }));
            } else {
                terminal::usage(&error.render());
            }
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// A wrong command line, for machines.
fn wrong(error: &clap::Error) -> Value {
    let text = error.render().to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is missing",
        _ => message.strip_prefix("error: ").unwrap_or(message),
    };
    let suggested =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
            .into_iter()
            .find_map(|kind| match error.get(kind)? {
                ContextValue::String(name) => Some(name.clone()),
                ContextValue::Strings(names) => names.first().cloned(),
                _ => None,
            });
    let hint = suggested.map(|name| format!("did you mean `{name}`?"));
    json!({
        "kind": distri_host::ErrorKind::InvalidInput,
        "message": message.split_whitespace().collect::<Vec<_>>().join(" "),
        "hint": hint.unwrap_or_else(|| "`distri --help` shows what there is".to_owned()),
        "chain": [],
        "detail": null,
    })
}
