//! What a plugin offers: its tools and workflows, as it describes them.

use std::collections::BTreeSet;

use distri_call::text::{REASON, cut};
use distri_call::{Error, ErrorKind, ItemKind, Result};
use distri_manifest::{ItemName, PackageName};
use distri_schema::{SchemaFault, check_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a component says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The version of `distri:plugin` that it conforms to, like `0.3.0`.
    pub abi: String,
    /// Its tools.
    pub tools: Vec<ItemInfo>,
    /// Its workflows.
    pub workflows: Vec<ItemInfo>,
}

/// A tool or workflow, as its plugin describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemInfo {
    /// The name, unique in its package.
    pub name: ItemName,
    /// What it does, for people and models.
    #[serde(default)]
    pub description: String,
    /// Its own version, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The JSON Schema of its input.
    #[serde(default = "any_object")]
    pub parameters: Value,
    /// The JSON Schema of what it gives, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Value>,
    /// Other names that it answers to: `integration.tool` and `integration_tool`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

impl ItemInfo {
    /// What is wrong with its JSON Schemas: with `parameters` or `returns`, and what.
    pub fn schema_faults(&self) -> Vec<(&'static str, SchemaFault)> {
        let schemas = [("parameters", Some(&self.parameters)), ("returns", self.returns.as_ref())];
        let check =
            |(name, schema): (_, Option<&Value>)| Some((name, check_schema(schema?).err()?));
        schemas.into_iter().filter_map(check).collect()
    }
}

/// The schema of a tool that gives none: any object.
fn any_object() -> Value {
    serde_json::json!({ "type": "object" })
}

/// A loaded plugin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PluginInfo {
    /// The package's name.
    pub package: PackageName,
    /// The package's version.
    pub version: String,
    /// What it is for.
    pub description: Option<String>,
    /// The version of `distri:plugin` that it conforms to, like `0.3.0`.
    pub abi: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Its tools.
    pub tools: Vec<ItemInfo>,
    /// Its workflows.
    pub workflows: Vec<ItemInfo>,
}

impl PluginInfo {
    /// The package's name, and what its component is.
    #[doc(hidden)]
    pub fn identity(&self) -> (PackageName, String) {
        (self.package.clone(), self.digest.clone())
    }

    /// The items of one kind.
    pub fn items(&self, kind: ItemKind) -> &[ItemInfo] {
        match kind {
            ItemKind::Tool => &self.tools,
            ItemKind::Workflow => &self.workflows,
        }
    }
}

/// The items in what a plugin says of itself: a JSON array of them, or one.
pub fn parse_items(kind: ItemKind, json: Option<String>) -> Result<Vec<ItemInfo>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let what = kind.as_str();
    let bad = |why: String| {
        Error::new(ErrorKind::InvalidComponent, format!("`get-{what}-info` {}", cut(&why, REASON)))
            .with_hint("it gives a JSON array of `{name, description, version, parameters}`")
    };
    let value: serde_json::Value = serde_json::from_str(&json)
        .map_err(|error| bad(format!("gave what is not JSON: {error}")))?;
    let items = match value {
        serde_json::Value::Array(items) => items,
        one => vec![one],
    };
    let items: Vec<ItemInfo> = items
        .into_iter()
        .enumerate()
        .map(|(at, item)| parse_item(what, at, item))
        .collect::<Result<_>>()?;
    let mut names = BTreeSet::new();
    for item in &items {
        let aliases = item.aliases.iter().map(String::as_str);
        for name in std::iter::once(item.name.as_str()).chain(aliases) {
            if !names.insert(name) {
                return Err(bad(format!("gave `{name}` twice")));
            }
        }
    }
    Ok(items)
}

/// One item, in the words of who wrote it: a tool by its name.
fn parse_item(what: &str, at: usize, item: serde_json::Value) -> Result<ItemInfo> {
    let bad = |message: String, hint: &str| {
        Error::new(ErrorKind::InvalidComponent, message).with_hint(hint)
    };
    let number = at + 1;
    let name = match item.get("name") {
        Some(serde_json::Value::String(name)) => name.clone(),
        Some(other) => {
            let message = format!("{what} number {number} has the name {other}, which is no text");
            return Err(bad(message, "give it a `name` of letters, digits, `-` and `_`"));
        }
        None => {
            let message = format!("{what} number {number} has no name");
            return Err(bad(message, "give it a `name` of letters, digits, `-` and `_`"));
        }
    };
    if let Err(error) = ItemName::new(name.as_str()) {
        return Err(bad(error.to_string(), &format!("rename this {what} where it is made")));
    }
    serde_json::from_value(item).map_err(|error| {
        bad(
            format!("the {what} `{name}` is described wrongly: {error}"),
            "a description is `{name, description, version, parameters}`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Vec<ItemInfo>> {
        parse_items(ItemKind::Tool, Some(json.to_owned()))
    }

    #[test]
    fn one_item_or_many_are_taken() {
        assert_eq!(parse(r#"{"name":"a"}"#).unwrap().len(), 1);
        assert_eq!(
            parse(r#"[{"name":"a","description":"x","version":"1","parameters":{}},{"name":"b"}]"#)
                .unwrap()
                .len(),
            2
        );
        assert_eq!(parse("[]").unwrap(), []);
        assert_eq!(parse_items(ItemKind::Tool, None).unwrap(), []);
    }

    #[test]
    fn wrong_items_are_refused_with_their_place() {
        for (json, expected) in [
            ("oops", "not JSON"),
            ("[{}]", "tool number 1 has no name"),
            (r#"[{"name":1}]"#, "tool number 1 has the name 1, which is no text"),
            (r#"[{"name":"a","description":1}]"#, "the tool `a` is described wrongly"),
            (r#"[{"name":"a b"}]"#, "not a valid tool or workflow name"),
            (r#"[{"name":"a"},{"name":"a"}]"#, "`a` twice"),
        ] {
            let error = parse(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidComponent);
            assert!(error.message().contains(expected), "{error}");
        }
    }
}
