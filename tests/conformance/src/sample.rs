//! The smallest value that a JSON Schema is likely to take: what the kit calls items
//! with that it knows nothing of. The host says whether it fits.

use serde_json::{Map, Value, json};

/// Levels of a value that is made up, references included.
const LEVELS: usize = 16;

/// Characters and items that are made up at most.
const MANY: u64 = 1_000;

/// A value that `schema` is likely to take.
pub(crate) fn sample(schema: &Value) -> Value {
    made(schema, schema, LEVELS).unwrap_or_else(|| json!({}))
}

/// None when there are no levels left.
fn made(schema: &Value, root: &Value, levels: usize) -> Option<Value> {
    let levels = levels.checked_sub(1)?;
    let Some(members) = schema.as_object() else { return Some(json!({})) };
    let first = |list: &str| members.get(list)?.as_array()?.first().cloned();
    let given = members.get("const").cloned();
    if let Some(value) = given.or_else(|| first("enum")).or_else(|| members.get("default").cloned())
    {
        return Some(value);
    }
    if let Some(value) = first("examples") {
        return Some(value);
    }
    if let Some(target) = members.get("$ref").and_then(Value::as_str) {
        return made(root.pointer(target.strip_prefix('#')?)?, root, levels);
    }
    for forms in ["anyOf", "oneOf"] {
        let forms = members.get(forms).and_then(Value::as_array);
        if let Some(value) = forms.into_iter().flatten().find_map(|form| made(form, root, levels)) {
            return Some(with_required(value, members, root, levels));
        }
    }
    let kind = match members.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.first()?.as_str()?,
        _ => "object",
    };
    let number = |name: &str| members.get(name).and_then(Value::as_u64);
    let bound = |name: &str, step: i64| Some(members.get(name)?.as_i64()?.saturating_add(step));
    Some(match kind {
        "null" => Value::Null,
        "boolean" => json!(false),
        "integer" | "number" => {
            let least = bound("minimum", 0).or_else(|| bound("exclusiveMinimum", 1));
            let most = bound("maximum", 0).or_else(|| bound("exclusiveMaximum", -1));
            let factor = members.get("multipleOf").and_then(Value::as_i64).filter(|it| *it > 0);
            let value = least
                .unwrap_or(0)
                .max(0)
                .min(most.unwrap_or(i64::MAX))
                .max(least.unwrap_or(i64::MIN));
            json!(factor.map_or(value, |it| value.div_euclid(it).saturating_mul(it)))
        }
        "string" => {
            let length = number("minLength").unwrap_or(1).clamp(0, MANY);
            json!("a".repeat(usize::try_from(length).unwrap_or_default().max(1)))
        }
        "array" => {
            let length = number("minItems").unwrap_or(0).min(MANY);
            let item = members.get("items").and_then(|items| made(items, root, levels));
            (0..length).map(|_| item.clone().unwrap_or(Value::Null)).collect()
        }
        _ => with_required(json!({}), members, root, levels),
    })
}

/// An object with every member that it must have, `allOf` included.
fn with_required(value: Value, schema: &Map<String, Value>, root: &Value, levels: usize) -> Value {
    let Value::Object(mut made_up) = value else { return value };
    let properties = schema.get("properties");
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        let property = properties.and_then(|known| known.get(name));
        let member = property.and_then(|property| made(property, root, levels));
        made_up.entry(name).or_insert(member.unwrap_or_else(|| json!({})));
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        if let Some(Value::Object(more)) = made(part, root, levels) {
            made_up.extend(more);
        }
    }
    Value::Object(made_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_what_its_schema_requires() {
        for (schema, value) in [
            (json!({}), json!({})),
            (json!(true), json!({})),
            (json!({ "type": "object" }), json!({})),
            (
                json!({ "properties": { "a": { "type": "string" }, "b": { "type": "integer", "minimum": 3 } }, "required": ["a", "b"] }),
                json!({ "a": "a", "b": 3 }),
            ),
            (json!({ "enum": ["x", "y"] }), json!("x")),
            (json!({ "type": ["null", "string"] }), Value::Null),
            (
                json!({ "type": "array", "minItems": 2, "items": { "type": "boolean" } }),
                json!([false, false]),
            ),
            (
                json!({ "$defs": { "a": { "type": "string", "minLength": 3 } }, "required": ["a"], "properties": { "a": { "$ref": "#/$defs/a" } } }),
                json!({ "a": "aaa" }),
            ),
            (json!({ "anyOf": [{ "type": "number" }, { "type": "null" }] }), json!(0)),
        ] {
            assert_eq!(sample(&schema), value, "{schema}");
        }
    }

    #[test]
    fn a_schema_without_end_ends() {
        sample(&json!({ "$ref": "#" }));
        sample(&json!({ "properties": { "a": { "$ref": "#" } }, "required": ["a"] }));
    }
}
