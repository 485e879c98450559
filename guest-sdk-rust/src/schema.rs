//! The JSON Schema of an input, as clients of all kinds understand it.

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// What `schemars` writes for Rust's own kinds of numbers. JSON Schema has no such
/// formats, and clients refuse or warn of what they do not know; the bounds beside
/// them say the same.
const OF_RUST: [&str; 14] = [
    "int", "int8", "int16", "int32", "int64", "int128", "uint", "uint8", "uint16", "uint32",
    "uint64", "uint128", "float", "double",
];

/// The JSON Schema of `T`.
pub fn parameters<T: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T);
    RecursiveTransform(without_formats).transform(&mut schema);
    // The first says what is the same for all, the second repeats the name of a type.
    schema.remove("$schema");
    schema.remove("title");
    schema.to_value()
}

fn without_formats(schema: &mut Schema) {
    let format = schema.get("format").and_then(Value::as_str);
    if format.is_some_and(|format| OF_RUST.contains(&format)) {
        schema.remove("format");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    /// Where to begin.
    #[derive(serde::Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "its schema is all that is wanted")]
    struct Page {
        /// How many
        limit: u32,
        total: Option<u64>,
        rate: f64,
        small: [i8; 2],
        format: usize,
        next: Option<Box<Page>>,
        kind: Kind,
        counts: BTreeMap<String, i128>,
        #[serde(flatten)]
        more: More,
        #[schemars(extend("format" = "date-time"))]
        since: String,
    }

    #[derive(serde::Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "its schema is all that is wanted")]
    struct More {
        ratio: f32,
    }

    #[derive(serde::Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "its schema is all that is wanted")]
    enum Kind {
        All,
        Some { first: u8 },
    }

    #[test]
    fn formats_of_rust_are_left_out_and_all_else_stays() {
        let schema = parameters::<Page>();
        let text = schema.to_string();
        for format in OF_RUST {
            assert!(!text.contains(&format!("\"format\":\"{format}\"")), "{format} in {text}");
        }
        assert_eq!(schema.get("$schema"), None);
        assert_eq!(schema.get("title"), None);
        assert_eq!(schema["description"], "Where to begin.");
        let properties = &schema["properties"];
        assert_eq!(
            properties["limit"],
            json!({ "description": "How many", "type": "integer", "minimum": 0 })
        );
        assert_eq!(properties["total"], json!({ "type": ["integer", "null"], "minimum": 0 }));
        assert_eq!(properties["rate"], json!({ "type": "number" }));
        assert_eq!(properties["small"]["items"]["minimum"], -128);
        assert_eq!(properties["format"], json!({ "type": "integer", "minimum": 0 }));
        assert_eq!(properties["ratio"], json!({ "type": "number" }));
        assert_eq!(properties["since"]["format"], "date-time");
        assert!(text.contains("\"$ref\":\"#"), "{text}");
        assert_eq!(properties["counts"]["additionalProperties"], json!({ "type": "integer" }));
        assert!(schema["$defs"]["Kind"].is_object(), "{text}");
    }
}
