//! The examples answer as their documentation says.

mod json;
mod locales;
mod numbers;

use distri_testing::Sandbox;
use serde_json::json;

const HELLO: &str = r#"{"text": "Hello, World!"}"#;
const HELLO_SHA256: &str = "dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f";

#[test]
fn the_examples_build_and_answer() {
    let examples = Sandbox::examples();
    let run = examples.build();
    assert_eq!(run.stdout, "", "progress goes to standard error");

    let call = |name: &str, input: &str| {
        examples.distri(&["call", name, "--input", input, "--json"]).json()
    };
    assert_eq!(call("text-tools/slugify", HELLO), json!({ "result": { "slug": "hello-world" } }));
    assert_eq!(
        call("text-tools/word_count", HELLO),
        json!({ "result": { "words": 2, "characters": 13 } })
    );
    assert_eq!(
        call("checksum/sha256", r#"{"text":"abc"}"#),
        json!({ "result": { "hex": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" } })
    );
    assert_eq!(
        call("checksum/crc32", r#"{"text":"abc"}"#),
        json!({ "result": { "hex": "352441c2" } })
    );

    let run = examples.distri(&["run", "text-report/report", "--input", HELLO]);
    assert_eq!(
        run.json(),
        json!({ "words": 2, "sha256": HELLO_SHA256, "comment": "Short and friendly. Nothing to cut." })
    );
    assert!(run.stderr.contains("no model runs"), "a scripted answer says so: {run:#?}");

    let added = call("notes/add", r#"{"name":"idea","text":"Make\nWelcome better"}"#);
    assert_eq!(added, json!({ "result": { "file": "idea.md" } }));
    let kept = std::fs::read_to_string(examples.path().join("notes/idea.md")).unwrap();
    assert_eq!(kept, "Make\nWelcome better");
    assert_eq!(
        call("notes/search", r#"{"text":"welcome"}"#)["result"],
        json!([
            { "file": "idea.md", "line": 2, "text": "Welcome better" },
            { "file": "welcome.md", "line": 1, "text": "# Welcome" },
        ])
    );

    let today = examples.distri(&["call", "workspace/today"]).json();
    let date = today["date"].as_str().unwrap();
    assert!(date.len() == 10 && date.starts_with("20"), "{today}");

    let tools = examples.distri(&["list", "tools", "--json"]).json();
    let names: Vec<&str> =
        tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "checksum/sha256",
            "checksum/crc32",
            "notes/add",
            "notes/search",
            "text-tools/slugify",
            "text-tools/word_count",
            "workspace/today"
        ]
    );
    let sha256 = &tools[0];
    assert_eq!(sha256["description"], "The SHA-256 checksum of a text.");
    assert_eq!(
        sha256["parameters"],
        json!({
            "type": "object",
            "properties": { "text": { "type": "string", "description": "The text, hashed as UTF-8" } },
            "required": ["text"],
        })
    );

    let plugins = examples.distri(&["list"]);
    assert!(plugins.stdout.contains("text-report 0.1.0  TypeScript  1 workflow"), "{plugins:#?}");
    let agents = examples.distri(&["list", "agents"]);
    assert_eq!(agents.stdout, "editor  Comments on a text in one sentence\n");
    let shown = examples.distri(&["inspect", "text-report"]);
    assert!(
        shown.stdout.contains("tools       text-tools/word_count, checksum/sha256"),
        "{shown:#?}"
    );
}

#[test]
fn a_rust_tool_says_what_does_not_fit_its_input() {
    let examples = Sandbox::examples();
    examples.build();
    examples
        .distri(&["call", "checksum/sha256", "--input", "{\"txt\": 1}"])
        .fails(2, &["`checksum/sha256` does not fit", "`text` is missing"]);
}

#[test]
fn input_comes_from_an_argument_a_file_or_standard_input() {
    let sandbox = Sandbox::with_plugin(&distri_testing::tool("echo", "return input;"));
    sandbox.build();
    sandbox.write("input.json", "{\"from\": \"file\"}");
    assert_eq!(
        sandbox.distri(&["call", "p/echo", "--input", "@input.json"]).json(),
        json!({ "from": "file" })
    );
    let run = sandbox.distri_with_input(&["call", "p/echo", "--input", "-"], "[1, \"ü\"]");
    assert_eq!(run.json(), json!([1, "ü"]));
    // Without a package, where only one has it.
    assert_eq!(sandbox.distri(&["call", "echo"]).json(), json!({}));
}

#[test]
fn a_component_without_a_manifest_entry_is_taken_as_it_is() {
    // A component that another toolchain made: here, the one of the example.
    let examples = Sandbox::examples();
    examples.build();
    let catalog: serde_json::Value = serde_json::from_str(
        &std::fs::read_to_string(examples.path().join(".distri/runtime/catalog.json")).unwrap(),
    )
    .unwrap();
    let digest = catalog["packages"]["checksum"]["component"].as_str().unwrap();
    let store = distri_host::ArtifactStore::of_workspace(examples.path());
    let wasm = store.get(digest).unwrap();

    let other = Sandbox::with(&[(
        "plugins/sums/distri.toml",
        "package = \"sums\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"sums.wasm\"\n",
    )]);
    std::fs::write(other.path().join("plugins/sums/sums.wasm"), wasm).unwrap();
    other.build();
    let answer = other.distri(&["call", "sums/crc32", "--input", "{\"text\":\"abc\"}"]).json();
    assert_eq!(answer, json!({ "hex": "352441c2" }));
}
