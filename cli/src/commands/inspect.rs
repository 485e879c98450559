//! `distri inspect`.

use distri_host::{Artifact, ItemInfo, Policy, decisions};
use serde_json::Value;

use super::build::{bytes, language};
use crate::args::{Args, Inspect};
use crate::failure::Failure;
use crate::{output, session};

pub(crate) fn run(args: &Args, inspect: &Inspect) -> Result<(), Failure> {
    let workspace = session::workspace(args)?;
    let artifact = session::artifact(&workspace, &inspect.package)?;
    if args.json {
        output::json(&artifact);
    } else {
        show(&artifact);
    }
    Ok(())
}

fn show(artifact: &Artifact) {
    output::line(&format!("{} {}", artifact.package, artifact.version));
    if let Some(description) = &artifact.description {
        output::line(description);
    }
    output::line("");
    let line = |label: &str, value: &str| output::line(&format!("{label:<12}{value}"));
    line("folder", &artifact.folder.display().to_string());
    line("language", language(&artifact.language));
    line("component", &format!("{}, sha256:{}", bytes(artifact.size), artifact.component));
    line("world", &format!("distri:plugin@{}", artifact.abi));
    items("tools", &artifact.tools);
    items("workflows", &artifact.workflows);
    output::line("");
    output::line("asks for");
    let asked = decisions(&artifact.package, &artifact.capabilities, &Policy::default());
    for kind in asked.chunk_by(|one, other| one.capability == other.capability) {
        let requests: Vec<&str> = kind.iter().map(|asked| asked.request.as_str()).collect();
        let capability = kind.first().map_or("", |asked| asked.capability.as_str());
        output::line(&format!("  {capability:<12}{}", requests.join(", ")));
    }
    if asked.is_empty() {
        output::line("  nothing");
    }
}

fn items(label: &str, items: &[ItemInfo]) {
    if items.is_empty() {
        return;
    }
    output::line("");
    output::line(label);
    for item in items {
        output::line(&format!("  {:<12}{}", item.name.as_str(), item.description));
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
            output::line(format!("    {name} ({kind}{optional})  {description}").trim_end());
        }
    }
}
