use serde_json::json;

use super::*;

fn compiled(schema: &Value) -> Schema {
    Schema::compile(schema).unwrap_or_else(|fault| panic!("{fault}"))
}

fn later() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn fit(schema: &Value, value: &Value) -> Fit {
    compiled(schema).fit(schema, ("the input", value), Effort::Little, later())
}

/// What is said of a value that does not fit.
fn said(schema: &Value, value: &Value) -> Vec<String> {
    match fit(schema, value) {
        Fit::Differs(found, _) => found.into_iter().map(|it| it.message).collect(),
        other => panic!("{other:?}"),
    }
}

fn fault(schema: &Value) -> SchemaFault {
    check_schema(schema).expect_err("no schema")
}

/// As a host does when little effort was not enough.
fn hard(schema: &Value, value: &Value) -> Fit {
    let compiled = compiled(schema);
    let work = || compiled.fit(schema, ("the input", value), Effort::Much, later());
    match compiled.fit(schema, ("the input", value), Effort::Little, later()) {
        Fit::Unknown => on_large_stack(work).unwrap(),
        known => known,
    }
}

#[test]
fn each_field_is_told_with_what_was_wanted_and_what_came() {
    let schema = json!({
        "type": "object",
        "properties": {
            "at": { "type": "integer" },
            "seconds": { "type": "integer", "minimum": 0 },
            "dry": { "type": "boolean" },
            "mode": { "enum": ["fast", "slow"] },
            "name": { "type": "string", "minLength": 1, "pattern": "^[a-z]+$" },
            "items": { "type": "array", "maxItems": 2, "items": { "$ref": "#/$defs/item" } },
            "either": { "type": ["string", "null"] },
        },
        "required": ["at"],
        "additionalProperties": false,
        "$defs": {
            "item": { "properties": { "price": { "type": "number" } }, "required": ["id"] },
        },
    });
    for (value, wanted) in [
        (json!({ "at": "10" }), "`at` must be an integer, and is the text \"10\": write 10"),
        (json!({ "at": 1.5 }), "`at` must be an integer, and is the number 1.5"),
        (json!({}), "`at` is missing: it is required, an integer"),
        (
            json!({ "at": 1, "dry": "false" }),
            "`dry` must be true or false, and is the text \"false\": write false",
        ),
        (json!({ "at": 1, "second": 1 }), "`second` is not known: did you mean `seconds`?"),
        (json!({ "at": 1, "seconds": -1 }), "`seconds` must be at least 0, and is the number -1"),
        (
            json!({ "at": 1, "mode": "fasst" }),
            "`mode` must be one of \"fast\", \"slow\", and is the text \"fasst\": did you mean \"fast\"?",
        ),
        (
            json!({ "at": 1, "name": "" }),
            "`name` must have at least 1 character, and is the text \"\"",
        ),
        (
            json!({ "at": 1, "name": "A" }),
            "`name` must match the pattern `^[a-z]+$`, and is the text \"A\"",
        ),
        (
            json!({ "at": 1, "items": [{ "id": 1 }, { "id": 1, "price": "3" }] }),
            "`items[1].price` must be a number, and is the text \"3\": write 3",
        ),
        (json!({ "at": 1, "items": [{}] }), "`items[0].id` is missing: it is required, a value"),
        (
            json!({ "at": 1, "items": [{ "id": 1 }, { "id": 1 }, { "id": 1 }] }),
            "`items` must have at most 2 items, and is a list of 3 items",
        ),
        (json!({ "at": 1, "either": 1 }), "`either` must be null or a string, and is the number 1"),
        (json!([1]), "the input must be an object, and is a list of 1 item"),
        (json!(null), "the input must be an object, and is null"),
    ] {
        let said = said(&schema, &value);
        assert!(said.iter().any(|it| it == wanted), "{value}: {said:?}");
    }
    assert_eq!(fit(&schema, &json!({ "at": 1.0, "items": [] })), Fit::Fits);
}

#[test]
fn several_are_told_at_once_and_the_rest_is_counted() {
    let schema = json!({ "additionalProperties": { "type": "string" } });
    let many: Value =
        (0..100).map(|n| (format!("f{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let Fit::Differs(told, more) = fit(&schema, &many) else { panic!() };
    assert_eq!((told.len(), more), (TOLD, 100 - TOLD));
    let schema = json!({ "properties": { "a": {} }, "additionalProperties": false });
    let Fit::Differs(told, more) = fit(&schema, &many) else { panic!() };
    assert_eq!((told.len(), more), (TOLD, 100 - TOLD));
}

#[test]
fn alternatives_say_what_the_closest_wants() {
    let schema =
        json!({ "properties": { "a": { "anyOf": [{ "type": "string" }, { "type": "null" }] } } });
    assert_eq!(
        said(&schema, &json!({ "a": 1 })),
        ["`a` must be a string or null, and is the number 1"]
    );
    let schema = json!({ "oneOf": [
        { "properties": { "kind": { "const": "dot" }, "x": { "type": "number" } }, "required": ["kind", "x"] },
        { "properties": { "kind": { "const": "word" }, "text": { "type": "string" } }, "required": ["kind", "text"] },
    ]});
    let said = said(&schema, &json!({ "kind": "word", "text": 1 }));
    assert!(said[0].contains("none of the 2 forms") && said[0].contains("`text`"), "{said:?}");
}

#[test]
fn numbers_are_exact() {
    let schema = json!({ "type": "integer" });
    for good in ["1", "1.0", "-0", "1e3", "9007199254740993", "18446744073709551615"] {
        let value: Value = serde_json::from_str(good).unwrap();
        assert_eq!(fit(&schema, &value), Fit::Fits, "{good}");
    }
    let schema = json!({ "const": 9_007_199_254_740_993_u64 });
    assert_eq!(fit(&schema, &json!(9_007_199_254_740_993_u64)), Fit::Fits);
    assert_ne!(fit(&schema, &json!(9_007_199_254_740_992_u64)), Fit::Fits);
    let unique = json!({ "uniqueItems": true });
    assert_ne!(fit(&unique, &serde_json::from_str("[1,2,1.0]").unwrap()), Fit::Fits);
    assert_ne!(fit(&unique, &json!([{ "a": 1, "b": [0] }, { "b": [-0.0], "a": 1 }])), Fit::Fits);
    assert_eq!(
        fit(&unique, &json!([18_446_744_073_709_551_614_u64, u64::MAX, "1", 1, [1], true])),
        Fit::Fits
    );
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (schema, place, wanted) in [
        (json!({ "type": "object", "required": {} }), "/required", "must be a list"),
        (
            json!({ "properties": { "id": { "required": true } } }),
            "/properties/id/required",
            "must be a list",
        ),
        (
            json!({ "properties": { "n": { "type": "int" } } }),
            "/properties/n/type",
            "did you mean `integer`?",
        ),
        (json!({ "type": "objekt", "properties": [] }), "", ""),
        (json!({ "type": "objekt" }), "/type", "did you mean `object`?"),
        (json!({ "properties": [] }), "/properties", "must be an object"),
        (json!({ "properties": { "a": null } }), "/properties/a", "null"),
        (
            json!({ "properties": { "ids": { "type": "array", "items": null } } }),
            "/properties/ids/items",
            "null",
        ),
        (
            json!({ "properties": { "a": { "$ref": "#/$defs/Missing" } } }),
            "/properties/a/$ref",
            "leads nowhere",
        ),
        (
            json!({ "properties": { "a": { "$ref": "https://example.com/a.json" } } }),
            "/properties/a/$ref",
            "nothing is fetched",
        ),
        (
            json!({ "properties": { "a": { "$ref": "file:///etc/passwd" } } }),
            "/properties/a/$ref",
            "nothing is fetched",
        ),
        (
            json!({ "properties": { "a": { "$ref": "other.json#/a" } } }),
            "/properties/a/$ref",
            "nothing is fetched",
        ),
        (
            json!({ "properties": { "a": { "pattern": "(" } } }),
            "/properties/a/pattern",
            "no regular expression",
        ),
        (
            json!({ "patternProperties": { "(": {} } }),
            "/patternProperties/(",
            "no regular expression",
        ),
        (
            json!({ "properties": { "a": { "minLength": -1 } } }),
            "/properties/a/minLength",
            "at least 0",
        ),
        (json!({ "enum": "a" }), "/enum", "must be a list"),
        (json!({ "$schema": "https://example.com/own" }), "/$schema", "no draft"),
        (json!({ "$schema": 7 }), "/$schema", "no draft"),
        (json!(null), "", "null"),
        (json!("string"), "", "string"),
    ] {
        let fault = fault(&schema);
        if !wanted.is_empty() {
            assert_eq!(fault.place, place, "{schema}: {fault}");
        }
        assert!(fault.message.contains(wanted), "{schema}: {fault}");
        assert!(fault.to_string().len() < 600);
    }
}

#[test]
fn schemas_that_tools_write_are_taken() {
    for (schema, good, bad) in [
        // zod 4, with its look-arounds.
        (
            json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": { "email": {
            "type": "string", "format": "email",
            "pattern": "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$" } } }),
            json!({ "email": "a.b@example.com" }),
            json!({ "email": "a..b@example.com" }),
        ),
        // zod-to-json-schema.
        (
            json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": { "at": { "$ref": "#/definitions/Point" } },
            "definitions": { "Point": { "type": "object", "properties": { "x": { "type": "number" } }, "additionalProperties": false } } }),
            json!({ "at": { "x": 1 } }),
            json!({ "at": { "y": 1 } }),
        ),
        // The same without a word of its draft: pairs as older drafts write them.
        (
            json!({ "items": [{ "type": "string" }, { "type": "number" }], "additionalItems": false }),
            json!(["a", 1]),
            json!(["a", "b"]),
        ),
        // schemars, which refers to itself.
        (
            json!({ "$defs": { "Tree": { "type": "object", "properties": { "children": { "type": "array", "items": { "$ref": "#/$defs/Tree" } } } } },
            "$ref": "#/$defs/Tree", "type": "object" }),
            json!({ "children": [{ "children": [] }] }),
            json!({ "children": [{ "children": [1] }] }),
        ),
        // Numbers of Rust, with formats that JSON Schema does not know.
        (
            json!({ "properties": { "n": { "type": "integer", "format": "uint64", "minimum": 0 } } }),
            json!({ "n": 18_446_744_073_709_551_615_u64 }),
            json!({ "n": -1 }),
        ),
        // Anchors, identities and keywords of one's own.
        (
            json!({ "$id": "https://example.com/root.json", "$defs": { "a": { "$id": "a.json", "$defs": { "b": { "type": "string" } }, "items": { "$ref": "#/$defs/b" } }, "c": { "$anchor": "see", "type": "number" } },
            "properties": { "a": { "$ref": "a.json" }, "c": { "$ref": "#see" }, "d": { "$ref": "https://example.com/a.json#/$defs/b" } }, "x-own": { "type": 1 } }),
            json!({ "a": ["x"], "c": 1, "d": "x" }),
            json!({ "a": [1] }),
        ),
        (
            json!({ "components": { "schemas": { "A": { "type": "string" } } }, "additionalProperties": { "$ref": "#/components/schemas/A" } }),
            json!({ "x": "y" }),
            json!({ "x": 1 }),
        ),
        (
            json!({ "$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": true }),
            json!(2),
            json!(1),
        ),
        (
            json!({ "if": { "required": ["a"] }, "then": { "required": ["b"] }, "dependentRequired": { "c": ["d"] } }),
            json!({ "a": 1, "b": 1 }),
            json!({ "c": 1 }),
        ),
        (
            json!({ "allOf": [{ "properties": { "a": {} } }], "unevaluatedProperties": false }),
            json!({ "a": 1 }),
            json!({ "b": 1 }),
        ),
        (
            json!({ "propertyNames": { "pattern": "^[a-z]+$" } }),
            json!({ "a": 1 }),
            json!({ "B": 1 }),
        ),
        (
            json!({ "properties": { "$ref": { "type": "string" }, "type": { "type": "string" } } }),
            json!({ "$ref": "x", "type": "y" }),
            json!({ "$ref": 1 }),
        ),
        (
            json!({ "const": { "$ref": "#/nowhere", "pattern": "(" } }),
            json!({ "$ref": "#/nowhere", "pattern": "(" }),
            json!(1),
        ),
        (json!(false), json!([]), json!(1)),
    ] {
        check_schema(&schema).unwrap_or_else(|fault| panic!("{schema}: {fault}"));
        if schema != json!(false) {
            assert_eq!(fit(&schema, &good), Fit::Fits, "{schema}: {good}");
        }
        assert!(matches!(fit(&schema, &bad), Fit::Differs(..)), "{schema}: {bad}");
    }
}

#[test]
fn formats_and_contents_say_what_a_text_is_and_refuse_none() {
    let schema = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "properties": {
        "a": { "format": "email" }, "b": { "format": "regex" }, "c": { "contentEncoding": "base64" }, "d": { "contentMediaType": "application/json" } } });
    assert_eq!(fit(&schema, &json!({ "a": "x", "b": "(", "c": "!", "d": "{" })), Fit::Fits);
}

#[test]
fn schemas_above_the_bounds_are_refused_at_once() {
    let deep = (0..200).fold(json!({}), |inner, _| json!({ "items": inner }));
    assert!(fault(&deep).message.contains("levels"), "{}", fault(&deep));
    let many: Vec<Value> = (0..20_000).map(|_| json!({})).collect();
    assert!(fault(&json!({ "allOf": many })).message.contains("larger"));
    let named = |count: usize, name: &dyn Fn(usize) -> String| -> Value {
        (0..count).map(|n| (name(n), json!({}))).collect::<serde_json::Map<_, _>>().into()
    };
    assert!(fault(&json!({ "description": "x".repeat(1 << 20) })).message.contains("bytes"));
    assert!(
        fault(&json!({ "properties": named(1, &|_| "x".repeat(1_000)) })).message.contains("name")
    );
    assert!(
        fault(&json!({ "patternProperties": named(100, &|n| format!("a{n}")) }))
            .message
            .contains("patterns")
    );
    assert!(fault(&json!({ "pattern": "a".repeat(10_000) })).message.contains("pattern"));
    // Places that are long, and many.
    let leaves = json!({ "properties": named(5_000, &|n| n.to_string()) });
    let nested =
        (0..60).fold(leaves, |inner, _| json!({ "properties": { "x".repeat(500): inner } }));
    assert!(check_schema(&nested).is_err());
    for pattern in ["(?:(?:(?:a{50}){50}){50}){50}", "[^\\d]{5000}"] {
        assert!(check_schema(&json!({ "pattern": pattern })).is_err(), "{pattern}");
    }
}

#[test]
fn a_schema_that_asks_itself_without_end_is_refused() {
    for schema in [
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "$ref": "#" }),
        json!({ "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" }),
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "definitions": { "a": { "not": { "$ref": "#/definitions/a" } } }, "$ref": "#/definitions/a" }),
        json!({ "$defs": { "a": { "$anchor": "a", "if": { "$ref": "#a" } } }, "$ref": "#a" }),
        json!({ "$defs": { "a": { "$id": "x:a", "dependentSchemas": { "p": { "$ref": "x:a" } } } }, "$ref": "x:a" }),
    ] {
        assert!(fault(&schema).message.contains("without end"), "{schema}: {}", fault(&schema));
    }
    let chain: serde_json::Map<String, Value> = (0..1_000)
        .map(|n| (n.to_string(), json!({ "$ref": format!("#/$defs/{}", n + 1) })))
        .chain([("1000".to_owned(), json!({}))])
        .collect();
    assert!(
        fault(&json!({ "$defs": chain, "$ref": "#/$defs/0" }))
            .message
            .contains("one within the other")
    );
}

/// Schemas whose meaning takes time that grows faster than they do, with values. What
/// comes of them is one of the things that a host answers, soon, and nothing else.
#[test]
fn hostile_schemas_end_within_their_allowance() {
    let doubled = |keyword: &str, leaf: Value| {
        let mut defs: serde_json::Map<String, Value> = (0..30)
            .map(|n| {
                let next = json!({ "$ref": format!("#/$defs/{}", n + 1) });
                (n.to_string(), json!({ keyword: [next, next] }))
            })
            .collect();
        defs.insert("30".to_owned(), leaf);
        json!({ "$defs": defs, "$ref": "#/$defs/0" })
    };
    let tree = |depth: usize| (0..depth).fold(json!([]), |inner, _| json!([inner]));
    let doubled_items = json!({ "$defs": { "a": { "allOf": [{ "items": { "$ref": "#/$defs/a" } }, { "items": { "$ref": "#/$defs/a" } }] } }, "$ref": "#/$defs/a" });
    let numbers: Value = (0..200_000_u64).map(|n| json!(u64::MAX - n)).collect();
    let wide: Value = (0..100_000)
        .map(|n| (format!("name{n}"), json!(n)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let options: Vec<Value> = (0..5_000).map(|n| json!([n, n, n])).collect();
    let branches: Vec<Value> =
        (0..5_000).map(|n| json!({ "required": [format!("r{n}")] })).collect();
    let patterns: serde_json::Map<String, Value> =
        (0..64).map(|n| (format!("(a|b)*a(a|b){{{n}}}$"), json!({}))).collect();
    let dynamic = json!({ "$dynamicAnchor": "n", "allOf": [{ "properties": { "a": { "$dynamicRef": "#n" } } }, { "properties": { "a": { "$dynamicRef": "#n" } } }] });
    let chain = (0..100).fold(json!({}), |inner, _| json!({ "a": inner }));
    let long = Value::String("ab".repeat(500_000));
    let unevaluated = json!({ "$defs": { "a": { "anyOf": [{ "properties": { "a": { "$ref": "#/$defs/a" } } }, { "properties": { "a": { "$ref": "#/$defs/a" }, "b": {} } }], "unevaluatedProperties": false } }, "$ref": "#/$defs/a" });
    for (name, schema, value) in [
        ("allOf twice, thirty times", doubled("allOf", json!({})), json!(1)),
        ("anyOf twice, thirty times", doubled("anyOf", json!(false)), json!(1)),
        ("oneOf twice, thirty times", doubled("oneOf", json!({ "type": "string" })), json!(1)),
        ("allOf with true", doubled("allOf", json!(true)), json!({ "a": 1 })),
        ("items twice per level", doubled_items, tree(100)),
        ("dynamic references", dynamic, chain.clone()),
        ("unevaluated members, twice per level", unevaluated, chain),
        ("unique numbers that are one double", json!({ "uniqueItems": true }), numbers.clone()),
        (
            "unique, in 2,000 branches",
            json!({ "allOf": vec![json!({ "uniqueItems": true }); 2_000] }),
            numbers.clone(),
        ),
        (
            "long options",
            json!({ "items": { "enum": options } }),
            (0..50_000).map(|n| json!([n, n, 0])).collect(),
        ),
        ("5,000 branches of 100,000 members", json!({ "anyOf": branches }), wide.clone()),
        (
            "closed branches",
            json!({ "anyOf": vec![json!({ "additionalProperties": false }); 2_000] }),
            wide.clone(),
        ),
        (
            "errors that hold the schema",
            json!({ "items": { "not": { "description": "x".repeat(100_000), "type": "integer" } } }),
            numbers.clone(),
        ),
        (
            "errors in their thousands",
            json!({ "items": { "anyOf": vec![json!({ "type": "string" }); 1_000] } }),
            numbers,
        ),
        ("patterns of names", json!({ "patternProperties": patterns }), wide),
        ("a pattern with many states", json!({ "pattern": "(a|b)*a(a|b){300}$" }), long.clone()),
        (
            "a pattern that goes back",
            json!({ "pattern": "^(?=(a|ab|b)*$)(a*)*\\1(?!x)(a|a)*c$" }),
            long.clone(),
        ),
        (
            "a pattern that repeats what repeats",
            json!({ "pattern": "^((a|b|ab)+)+c$" }),
            long.clone(),
        ),
        ("a reference in a pattern", json!({ "pattern": "(.+)\\1\\1\\1\\1x" }), long),
        ("small multiples", json!({ "multipleOf": 1e-300, "maximum": 1e300 }), json!(1e300)),
    ] {
        let began = Instant::now();
        let fit = hard(&schema, &value);
        let took = began.elapsed();
        println!("{name}: {took:?}, {}", format!("{fit:?}").chars().take(150).collect::<String>());
        assert!(!matches!(fit, Fit::Fault), "{name}: {fit:?}");
        if let Fit::Differs(told, _) = &fit {
            let bytes: usize = told
                .iter()
                .map(|it| it.message.len() + it.wanted.len() + it.got.len() + it.path.len())
                .sum();
            assert!(bytes < 16 << 10, "{name}: {bytes}");
        }
        // Seconds for what would be hours.
        assert!(took < Duration::from_mins(1), "{name}: {took:?}");
    }
}

#[test]
fn a_deadline_ends_it() {
    let schema = json!({ "items": { "anyOf": vec![json!({ "type": "string" }); 500] } });
    let value: Value = (0..200_000).map(Value::from).collect();
    let compiled = compiled(&schema);
    let now = Instant::now();
    assert_eq!(compiled.fit(&schema, ("the input", &value), Effort::Much, now), Fit::Late);
}

#[test]
fn what_is_quoted_is_cut_and_shown_as_text() {
    let evil = "\u{1b}[31m\u{202e}\n\r";
    let schema = json!({ "properties": { evil: { "enum": [evil.repeat(1_000)] } }, "additionalProperties": false });
    let value = json!({ evil: evil.repeat(10_000), evil.repeat(1_000): 1 });
    for message in said(&schema, &value) {
        assert!(
            message.len() <= 500 && !message.chars().any(distri_manifest::is_control),
            "{message:?}"
        );
    }
    let fault = fault(&json!({ "properties": { evil: { "type": evil } } })).to_string();
    assert!(!fault.chars().any(distri_manifest::is_control), "{fault:?}");
}

#[test]
fn deep_values_fit_a_schema_that_refers_to_itself() {
    let schema = json!({ "$defs": { "Node": { "type": "object", "properties": { "value": { "type": "integer" }, "next": { "anyOf": [{ "$ref": "#/$defs/Node" }, { "type": "null" }] } }, "required": ["value"] } }, "$ref": "#/$defs/Node" });
    let deep =
        |levels: u32| (0..levels).fold(json!(null), |next, n| json!({ "value": n, "next": next }));
    assert_eq!(hard(&schema, &deep(120)), Fit::Fits);
    let (value, compiled) = (deep(40), compiled(&schema));
    // Little effort is enough: no thread is made for it.
    assert_eq!(compiled.fit(&schema, ("the input", &value), Effort::Little, later()), Fit::Fits);
}

/// What a call pays for it, printed: `cargo test --release --workspace --lib
/// a_small_input_costs -- --nocapture`.
#[test]
fn a_small_input_costs_microseconds() {
    let schema = json!({
        "type": "object",
        "properties": { "at": { "type": "integer" }, "seconds": { "type": "integer", "minimum": 0 }, "name": { "type": "string", "pattern": "^[a-z]+$" }, "tags": { "type": "array", "items": { "type": "string" } } },
        "required": ["at", "seconds"],
        "additionalProperties": false,
    });
    let compiled = compiled(&schema);
    let text = r#"{"at":5,"seconds":10,"name":"somebody","tags":["a","b","c"]}"#;
    let rounds = 10_000;
    let began = Instant::now();
    for _ in 0..rounds {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            compiled.fit(&schema, ("the input", &value), Effort::Little, later()),
            Fit::Fits
        );
    }
    let each = began.elapsed() / rounds;
    println!("parsed and checked in {each:?}");
    // Far above what it takes on any machine, and far below a call.
    assert!(each < Duration::from_millis(1), "{each:?}");
}

/// Where a text is that a pattern gives up on, the validator looks for in the value.
#[test]
fn a_pattern_that_gives_up_is_told_wherever_it_is() {
    let pattern = json!({ "pattern": "^(a*)*\\1b$" });
    let text = format!("{}c", "a".repeat(30));
    for (schema, value) in [
        (pattern.clone(), json!(text)),
        (json!({ "properties": { "a/~": pattern } }), json!({ "a/~": text })),
        (json!({ "items": { "items": pattern } }), json!([[], [1, text]])),
        (json!({ "anyOf": [{ "items": pattern }, { "items": pattern }] }), json!([text])),
        (json!({ "oneOf": [{ "items": { "not": pattern } }, {}] }), json!([text])),
        (json!({ "propertyNames": pattern }), json!({ text.clone(): { "b": 1 } })),
        (json!({ "items": { "propertyNames": pattern } }), json!([{ text.clone(): 1 }])),
        (json!({ "patternProperties": { "^(a*)*\\1b$": false } }), json!({ text.clone(): 1 })),
        (json!({ "if": { "contains": pattern }, "then": false }), json!([text, "b"])),
        (json!({ "required": ["x"], "additionalProperties": pattern }), json!({ "a": text })),
    ] {
        let found = hard(&schema, &value);
        assert!(matches!(found, Fit::Unknown | Fit::Differs(..)), "{schema}: {found:?}");
        let short = value.to_string().replace(&"a".repeat(30), "aaa");
        let found = hard(&schema, &serde_json::from_str(&short).unwrap());
        assert!(!matches!(found, Fit::Fault | Fit::Unknown), "{schema}: {found:?}");
    }
}
