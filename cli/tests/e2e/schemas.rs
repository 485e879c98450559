//! JSON Schemas that are none, inputs that do not fit, and answers that do not, as
//! authors and callers see them.

use distri_testing::{MANIFEST, Sandbox};
use serde_json::{Value, json};

/// A plugin `p` whose tool `act` has these parameters, and gives `1`.
fn with_parameters(parameters: &str) -> Sandbox {
    Sandbox::with_plugin(&format!(
        "import {{ createTool }} from \"distri/base\";\n\
         export default {{ tools: [createTool({{ name: \"act\", description: \"Acts\", parameters: {parameters} as never, execute: () => 1 }})] }};\n"
    ))
}

#[test]
fn check_and_build_name_tool_and_place_of_what_is_no_schema() {
    for (parameters, place) in [
        ("{ required: {} }", "`/required` must be a list"),
        ("{ properties: { id: { required: true } } }", "`/properties/id/required` must be a list"),
        ("{ properties: { n: { type: \"int\" } } }", "`/properties/n/type`"),
        ("{ properties: { n: null } }", "`/properties/n`"),
        ("{ properties: { a: { items: null } } }", "`/properties/a/items`"),
        ("{ properties: { a: { $ref: \"#/$defs/A\" } } }", "`/properties/a/$ref` leads nowhere"),
        ("{ properties: { a: { $ref: \"https://example.com/a\" } } }", "nothing is fetched"),
        ("{ properties: { a: { pattern: \"(\" } } }", "`/properties/a/pattern`"),
        ("{ allOf: [{ $ref: \"#\" }] }", "without end"),
        ("{ type: \"objekt\" }", "did you mean `object`?"),
    ] {
        let sandbox = with_parameters(parameters);
        for command in ["check", "build"] {
            let run = sandbox.distri(&[command]);
            assert_eq!(run.code, 1, "{parameters}: {run:#?}");
            let said: String = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains("p/act"), "{parameters}: {said}");
            assert!(
                said.replace(" │ ", " ").contains(place),
                "{parameters}: no {place:?} in {said}"
            );
        }
    }
}

#[test]
fn every_schema_that_is_none_is_told_at_once() {
    let sandbox = Sandbox::with_plugin(
        "const of = (name: string, more: object) => ({ name, description: \"d\", execute: () => 1, ...more });\n\
         export default { tools: [of(\"a\", { parameters: { type: 1 } }), of(\"b\", { returns: { type: \"bool\" } })] };\n",
    );
    sandbox.distri(&["check"]).fails(1, &["p/a", "p/b", "`returns`", "did you mean `boolean`?"]);
}

#[test]
fn a_schema_of_an_older_draft_passes_without_a_word() {
    let sandbox = with_parameters(
        "{ $schema: \"http://json-schema.org/draft-07/schema#\", type: \"object\",\
           properties: { at: { $ref: \"#/definitions/Point\" } },\
           definitions: { Point: { type: \"object\", properties: { x: { type: \"number\" } } } } }",
    );
    let run = sandbox.distri(&["check"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(!run.stderr.contains("warning"), "{run:#?}");
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/act", "--input", "{\"at\":{\"x\":1}}"]).json(), 1);
    sandbox
        .distri(&["call", "p/act", "--input", "{\"at\":{\"x\":\"1\"}}"])
        .fails(2, &["`at.x` must be a number"]);
}

#[test]
fn an_input_that_does_not_fit_is_refused_with_each_field() {
    let sandbox = Sandbox::with(&[
        ("plugins/p/distri.toml", MANIFEST),
        (
            "plugins/p/index.ts",
            "import { createTool } from \"distri/base\";\n\
             import { callTool } from \"distri/workflow\";\n\
             const later = createTool({ name: \"later\", description: \"d\",\n\
               parameters: { type: \"object\", properties: { at: { type: \"integer\" }, seconds: { type: \"integer\", minimum: 0 }, dry: { type: \"boolean\" } },\n\
                 required: [\"at\", \"seconds\"], additionalProperties: false },\n\
               execute: ({ at, seconds, dry }: any) => ({ until: at + seconds, dry: dry ? \"yes\" : \"no\" }) });\n\
             const asks = createTool({ name: \"asks\", description: \"d\", execute: async () => {\n\
               try { return await callTool(\"later\", { at: \"1\" }); } catch ({ kind, message, detail }: any) { return { kind, message, detail }; } } });\n\
             const wrong = createTool({ name: \"wrong\", description: \"d\", returns: { type: \"object\", required: [\"n\"] }, execute: ({ n }: any) => ({ n }) });\n\
             const workflow = { name: \"w\", description: \"d\", version: \"1\", parameters: { type: \"object\", required: [\"a\"] }, execute: () => 1 };\n\
             export default { tools: [later, asks, wrong], workflows: [workflow] };\n",
        ),
    ]);
    sandbox.build();
    let later = |input: &str| sandbox.distri(&["call", "p/later", "--input", input]);
    assert_eq!(later("{\"at\":5,\"seconds\":10}").json(), json!({ "until": 15, "dry": "no" }));
    for (input, texts) in [
        ("{\"at\":5,\"seconds\":\"10\"}", ["`seconds` must be an integer", "write 10"]),
        (
            "{\"at\":5,\"seconds\":1,\"dry\":\"false\"}",
            ["`dry` must be true or false", "write false"],
        ),
        ("{\"at\":5}", ["`seconds` is missing", "an integer"]),
        ("{\"at\":5,\"second\":1,\"seconds\":1}", ["`second` is not known", "`seconds`"]),
        (
            "{\"at\":\"x\",\"seconds\":-1}",
            ["`at` must be an integer", "`seconds` must be at least 0"],
        ),
        ("[1]", ["must be an object", "a list of 1 item"]),
        ("null", ["must be an object", "no input is `{}`"]),
    ] {
        let run = later(input);
        let said: String = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_ne!(run.code, 0, "{run:#?}");
        for text in texts {
            assert!(said.contains(text), "{input}: no {text:?} in {said}");
        }
        assert_eq!(run.stdout, "", "the plugin was not asked");
    }
    // A caller that is a plugin is told the same.
    let told = sandbox.distri(&["call", "p/asks"]).json();
    assert_eq!(told["kind"], "invalid-input");
    assert!(told["message"].as_str().unwrap().contains("`at` must be an integer"), "{told}");
    let detail: Value = match &told["detail"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        parsed => parsed.clone(),
    };
    let mismatches = detail["mismatches"].as_array().unwrap();
    assert!(
        mismatches.iter().any(|it| it["path"] == "/at" && it["wanted"] == "an integer"),
        "{detail}"
    );
    // And an answer that is not what its tool says is no answer.
    assert_eq!(
        sandbox.distri(&["call", "p/wrong", "--input", "{\"n\":1}"]).json(),
        json!({ "n": 1 })
    );
    let run = sandbox.distri(&["call", "p/wrong", "--input", "{}"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("p/wrong") && run.stderr.contains("`n` is missing"), "{run:#?}");
    let run = sandbox.distri(&["run", "p/w", "--input", "{}"]);
    assert!(run.code != 0 && run.stderr.contains("`a` is missing"), "{run:#?}");
}

#[test]
fn a_tool_that_says_nothing_of_its_input_takes_any() {
    let sandbox = Sandbox::with_plugin(
        "import { createTool } from \"distri/base\";\n\
         export default { tools: [createTool({ name: \"t\", description: \"d\", execute: (input: any) => input })] };\n",
    );
    sandbox.build();
    for input in ["{\"a\":[1]}", "[1]", "null", "\"x\""] {
        let answer = sandbox.distri(&["call", "p/t", "--input", input]).json();
        assert_eq!(answer, serde_json::from_str::<Value>(input).unwrap());
    }
    assert_eq!(sandbox.distri(&["call", "p/t"]).json(), json!({}));
}

/// `distri conformance` on components whose every call traps.
#[test]
fn conformance_fails_where_no_item_answers() {
    let sandbox = Sandbox::with(&[]);
    let items = json!([
        { "name": "hi", "description": "d", "parameters": { "properties": { "n": { "type": "integer", "minimum": 3 } }, "required": ["n"] } },
        { "name": "ho", "description": "d" },
    ]);
    for (body, code) in [("unreachable", 1), ("", 0)] {
        let wasm = distri_testing::guest::describing(&items.to_string(), body);
        std::fs::write(sandbox.path().join("plugin.wasm"), wasm).unwrap();
        let run = sandbox.distri(&["conformance", "plugin.wasm"]);
        assert_eq!(run.code, code, "{run:#?}");
        assert!(run.stdout.contains("calls-are-answered"), "{run:#?}");
        assert_eq!(run.stdout.contains("0 failed"), code == 0, "{run:#?}");
    }
}
