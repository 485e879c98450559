//! `distri secrets`.

use std::io::Read as _;

use distri_host::{Error, ErrorKind};
use distri_manifest::VariableName;
use distri_workspace::SecretStore;
use serde_json::json;

use crate::args::{Args, SecretsCommand};
use crate::failure::Failure;
use crate::{operator, output, terminal};

pub(crate) fn run(args: &Args, command: &SecretsCommand) -> Result<(), Failure> {
    let store = SecretStore::of_user()?;
    match command {
        SecretsCommand::List => {
            let names = store.names()?;
            if args.json {
                output::json(&names);
            } else {
                if names.is_empty() {
                    terminal::say("no secrets are kept; `distri secrets set NAME` keeps one");
                }
                for name in names {
                    output::line(&name);
                }
            }
        }
        SecretsCommand::Set { name } => {
            let name = variable(name)?;
            let value = read_value(&name)?;
            store.set(&name, value)?;
            said(args, &format!("`{name}` is set"), &json!({ "name": name, "set": true }));
        }
        SecretsCommand::Remove { name } => {
            let name = variable(name)?;
            if !store.remove(name.as_str())? {
                let error = Error::new(ErrorKind::NotFound, format!("there is no secret `{name}`"));
                let names = store.names()?;
                let hint =
                    distri_manifest::suggestion(name.as_str(), names.iter().map(String::as_str));
                let hint = hint.unwrap_or_else(|| "`distri secrets list` lists them".to_owned());
                return Err(Failure::Usage(error.with_hint(hint)));
            }
            said(args, &format!("`{name}` is removed"), &json!({ "name": name, "removed": true }));
        }
    }
    Ok(())
}

fn said(args: &Args, text: &str, json: &serde_json::Value) {
    if args.json {
        output::json(json);
    } else {
        terminal::say(text);
    }
}

fn variable(name: &str) -> Result<VariableName, Failure> {
    name.parse().map_err(|error: String| Failure::Usage(Error::new(ErrorKind::InvalidInput, error)))
}

/// The value, from a terminal without showing it, or all of standard input. Never
/// from the command line, which other users see.
fn read_value(name: &VariableName) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::Usage(Error::new(
            ErrorKind::InvalidInput,
            format!("cannot read the value: {error}"),
        ))
    };
    let value = if operator::on_terminal() {
        terminal::ask_hidden(&format!("value of {name}: ")).map_err(unreadable)?
    } else {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        text
    };
    let value = value.strip_suffix('\n').unwrap_or(&value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        return Err(Failure::Usage(
            Error::new(ErrorKind::InvalidInput, format!("`{name}` would have no value")).with_hint(
                format!("pass it on standard input: `distri secrets set {name} < FILE`"),
            ),
        ));
    }
    Ok(value.to_owned())
}
