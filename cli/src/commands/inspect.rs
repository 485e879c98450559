//! `distri inspect`.

use distri_host::{Artifact, Error, ErrorKind, ItemInfo};
use distri_manifest::{PackageName, suggestion};
use serde_json::Value;

use super::build::{bytes, language};
use super::{print_json, print_line};
use crate::args::{Args, Inspect};
use crate::failure::Failure;
use crate::session;

pub(crate) fn run(args: &Args, inspect: &Inspect) -> Result<(), Failure> {
    let workspace = session::workspace(args)?;
    let catalog = workspace.store().catalog()?;
    let Some(artifact) = catalog.packages.get(inspect.package.as_str()) else {
        let names = catalog.packages.keys().map(PackageName::as_str);
        let hint = suggestion(&inspect.package, names.clone()).unwrap_or_else(|| {
            let names: Vec<&str> = names.collect();
            match names.as_slice() {
                [] => "nothing is built here yet; run `distri build`".to_owned(),
                names => format!("built are `{}`", names.join("`, `")),
            }
        });
        let message = format!("there is no built package `{}`", inspect.package);
        return Err(Failure::Usage(Error::new(ErrorKind::NotFound, message).with_hint(hint)));
    };
    if args.json {
        print_json(artifact);
    } else {
        show(artifact);
    }
    Ok(())
}

fn show(artifact: &Artifact) {
    print_line(&format!("{} {}", artifact.package, artifact.version));
    if let Some(description) = &artifact.description {
        print_line(description);
    }
    print_line("");
    let line = |label: &str, value: &str| print_line(&format!("{label:<12}{value}"));
    line("folder", &artifact.folder.display().to_string());
    line("language", language(&artifact.language));
    line("component", &format!("{}, sha256 {}", bytes(artifact.size), artifact.component));
    line("world", &format!("distri:plugin@{}", artifact.abi));
    items("tools", &artifact.tools);
    items("workflows", &artifact.workflows);
    let asked = serde_json::to_value(&artifact.capabilities).unwrap_or_default();
    print_line("\nasks for");
    let mut nothing = true;
    for (name, value) in asked.as_object().into_iter().flatten() {
        let value = value.get("hosts").unwrap_or(value);
        if let Value::Array(entries) = value
            && !entries.is_empty()
        {
            nothing = false;
            let entries: Vec<String> = entries
                .iter()
                .map(|entry| entry.as_str().map_or_else(|| entry.to_string(), str::to_owned))
                .collect();
            print_line(&format!("  {name:<12}{}", entries.join(", ")));
        }
    }
    if nothing {
        print_line("  nothing");
    }
}

fn items(label: &str, items: &[ItemInfo]) {
    if items.is_empty() {
        return;
    }
    print_line(&format!("\n{label}"));
    for item in items {
        print_line(&format!("  {:<12}{}", item.name.as_str(), item.description));
        let properties = item.parameters.get("properties").and_then(Value::as_object);
        let required: Vec<&str> = item
            .parameters
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, schema) in properties.into_iter().flatten() {
            let kind = schema.get("type").and_then(Value::as_str).unwrap_or("any");
            let optional = if required.contains(&name.as_str()) { "" } else { ", optional" };
            let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
            print_line(format!("    {name} ({kind}{optional})  {description}").trim_end());
        }
    }
}
