//! The items of a component that are its own, not the reference plugin's: each is
//! called once. What it answers is its own business; that it answers is not.

use std::collections::BTreeSet;

use distri_host::{ErrorKind, ItemKind, ToolCall};
use serde_json::{Map, Value, json};

use crate::cases::cases;
use crate::kit::{Kit, SUBJECT};

/// Most of its own items that are called: more say nothing new.
const MOST: usize = 16;

/// How deep in a schema a sample goes.
const DEPTH: usize = 8;

/// Calls them; fails with those that trapped.
pub(crate) async fn answer(kit: &Kit) -> Result<(), String> {
    let reference: BTreeSet<&str> = cases().iter().flat_map(|case| case.needs).copied().collect();
    let mut wrong = Vec::new();
    for (kind, name, input) in own(kit, &reference) {
        let call = ToolCall::new(input);
        let answer = match kind {
            ItemKind::Tool => kit.host.execute_tool(SUBJECT, &name, call).await,
            ItemKind::Workflow => kit.host.execute_workflow(SUBJECT, &name, call).await,
        };
        if let Err(error) = answer
            && matches!(
                error.kind(),
                ErrorKind::Trap | ErrorKind::Internal | ErrorKind::InvalidComponent
            )
        {
            wrong.push(format!("the {} {}: {error}", kind.as_str(), name));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Its own items, each with its name and an input.
fn own(kit: &Kit, reference: &BTreeSet<&str>) -> Vec<(ItemKind, String, String)> {
    let mut own = Vec::new();
    for (kind, prefix) in [(ItemKind::Tool, ""), (ItemKind::Workflow, "workflow ")] {
        for item in kit.info.items(kind) {
            if !reference.contains(format!("{prefix}{}", item.name).as_str()) {
                own.push((kind, item.name.to_string(), sample(&item.parameters, 0).to_string()));
            }
        }
    }
    own.truncate(MOST);
    own
}

/// A value that a schema probably takes: what it requires, and no more.
fn sample(schema: &Value, depth: usize) -> Value {
    for key in ["const", "default"] {
        if let Some(value) = schema.get(key) {
            return value.clone();
        }
    }
    let first = |key: &str| schema.get(key).and_then(Value::as_array).and_then(|all| all.first());
    if let Some(value) = first("enum").or_else(|| first("examples")) {
        return value.clone();
    }
    if depth >= DEPTH {
        return Value::Null;
    }
    if let Some(one) = first("anyOf").or_else(|| first("oneOf")) {
        return sample(one, depth + 1);
    }
    let kind = schema.get("type");
    let kind = kind.and_then(Value::as_str).or_else(|| first("type")?.as_str());
    match kind {
        Some("string") => json!("a"),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("null") => Value::Null,
        _ => {
            let required = schema.get("required").and_then(Value::as_array);
            let required = required.into_iter().flatten().filter_map(Value::as_str);
            let of = |name: &str| {
                schema.get("properties").and_then(|all| all.get(name)).unwrap_or(&Value::Null)
            };
            let object: Map<String, Value> =
                required.map(|name| (name.to_owned(), sample(of(name), depth + 1))).collect();
            Value::Object(object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_what_a_schema_requires() {
        let schema = json!({
            "type": "object",
            "required": ["name", "how", "at"],
            "properties": {
                "name": { "type": "string" },
                "how": { "enum": ["fast", "slow"] },
                "at": { "type": "object", "required": ["x"], "properties": { "x": { "type": ["integer", "null"] } } },
                "more": { "type": "boolean" },
            },
        });
        assert_eq!(sample(&schema, 0), json!({ "name": "a", "how": "fast", "at": { "x": 1 } }));
        assert_eq!(sample(&json!({}), 0), json!({}));
    }
}
