//! What plugin authors begin with: new packages, checks, the plugins of the
//! project's first description, and TypeScript's types.

use std::process::Command;

use serde_json::json;

use crate::support::{MANIFEST, Sandbox, repository};

#[test]
fn a_new_package_checks_builds_and_answers_as_it_comes() {
    let sandbox = Sandbox::with(&[]);
    for (lang, kind) in [("ts", "tool"), ("ts", "workflow"), ("rust", "tool"), ("rust", "workflow")]
    {
        let name = format!("{lang}-{kind}");
        let path = format!("plugins/{name}");
        let run = sandbox.distri(&["new", &path, "--lang", lang, "--kind", kind]);
        assert_eq!(run.code, 0, "{run:#?}");
        assert!(run.stdout.contains(&format!("{name}/")), "{run:#?}");
    }
    let check = sandbox.distri(&["check", "--json"]);
    for package in check.json().as_array().unwrap() {
        assert_eq!(
            (&package["errors"], &package["warnings"]),
            (&json!([]), &json!([])),
            "{check:#?}"
        );
        assert_eq!(package["abi"], "0.3.0");
    }
    assert!(
        !sandbox.path().join(".distri/runtime/catalog.json").exists(),
        "a check builds nothing"
    );
    sandbox.build();
    let input = r#"{"name":"Ada"}"#;
    for name in ["ts-tool", "rust-tool", "ts-workflow", "rust-workflow"] {
        let answer = sandbox.distri(&["call", &format!("{name}/greet"), "--input", input]);
        assert_eq!(answer.json(), "Hello, Ada!");
    }
    for name in ["ts-workflow", "rust-workflow"] {
        let answer = sandbox.distri(&["run", &format!("{name}/welcome"), "--input", input]);
        assert_eq!(answer.json(), json!(["Hello, Ada!", "Hello, everybody!"]));
    }
}

#[test]
fn new_refuses_bad_names_and_folders_that_are_there() {
    let sandbox = Sandbox::with(&[("plugins/there/x", "")]);
    sandbox
        .distri(&["new", "plugins/Bad Name"])
        .fails(2, &["Bad Name", "the last part of the path"]);
    sandbox.distri(&["new", "plugins/there"]).fails(2, &["is there already"]);
}

#[test]
fn check_says_everything_that_is_wrong_and_changes_nothing() {
    let (head, _) = MANIFEST.split_once("[capabilities]").unwrap();
    let capabilities = "[capabilities]\ntools = [\"q/*\"]\nagents = [\"editr\"]\n";
    let sandbox = Sandbox::with(&[
        ("agents/editor.md", "---\nname = \"editor\"\ndescription = \"Edits\"\n---\nYou edit.\n"),
        ("plugins/p/distri.toml", &format!("{head}{capabilities}")),
        (
            "plugins/p/index.ts",
            "export default { tools: [{ name: \"t\", execute: () => 1, parameters: { type: \"string\", required: [\"x\"] } }] };",
        ),
        ("plugins/bad/distri.toml", &MANIFEST.replace("\"p\"", "\"bad\"")),
        ("plugins/bad/index.ts", "for (;;);\nexport default {};"),
    ]);
    let run = sandbox.distri(&["check"]);
    run.fails(
        1,
        &[
            "asks for `q/*`, and there is no package `q`",
            "asks for `editr`, and there is no such agent: did you mean `editor`?",
            "`t` has no description",
            "`t` takes a `string`",
            "`t` requires `x`, which its schema does not describe",
            "computed for longer than 1s",
            "bad: not a plugin",
        ],
    );
    sandbox.distri(&["check", "nothing"]).fails(2, &["there is no package `nothing`"]);
    assert_eq!(sandbox.distri(&["check", "p"]).code, 0, "warnings are no errors");
}

/// The two plugins of the document that the project comes from. Of the Rust one
/// only what today's tools cannot compile differs.
#[test]
fn the_plugins_of_the_first_description_answer() {
    let seed = repository().join("tests/e2e/seed");
    let sandbox = Sandbox::with(&[]);
    for (from, to) in [("ts", "my-ts-plugin"), ("rust", "my-wasm-plugin")] {
        crate::support::copy(&seed.join(from), &sandbox.path().join("plugins").join(to));
    }
    let source = "plugins/my-wasm-plugin/src/lib.rs";
    let text = std::fs::read_to_string(sandbox.path().join(source)).unwrap();
    let wit = repository().join("wit/v0.2").display().to_string();
    sandbox.write(source, &text.replace("../../../../wit/v0.2", &wit));
    sandbox.build();
    let input = r#"{"message":"hi"}"#;
    let answer = sandbox.distri(&["call", "my-ts-plugin/my_tool", "--input", input]).json();
    assert_eq!(answer["result"], r#"Tool executed with: {"message":"hi"}"#);
    assert!(answer["timestamp"].as_str().unwrap().starts_with("20"), "{answer}");
    let answer = sandbox.distri(&["call", "my-wasm-plugin/my_wasm_tool", "--input", input]).json();
    assert_eq!(answer, r#"WASM tool executed with: {"message":"hi"}"#);
}

/// npm packages of the tests' own, as `scripts/toolchains.sh` installs them.
fn npm_modules() -> Option<std::path::PathBuf> {
    let home = |name: &str| std::env::var_os(name).map(std::path::PathBuf::from);
    let tools = home("DISTRI_TOOLS").or_else(|| {
        let cache = home("XDG_CACHE_HOME").or_else(|| Some(home("HOME")?.join(".cache")))?;
        Some(cache.join("distri/tools"))
    })?;
    let modules = tools.join("npm/node_modules");
    let there = modules.join("typescript").is_dir() && modules.join("zod").is_dir();
    // `make test` installs them, and says that it did.
    assert!(there || std::env::var_os("DISTRI_REQUIRE_GUESTS").is_none(), "no npm packages");
    there.then_some(modules)
}

#[test]
fn the_types_and_all_examples_pass_the_strict_compiler() {
    let Some(modules) = npm_modules() else { return eprintln!("no TypeScript compiler here") };
    let project = repository().join("guest-sdk-ts");
    let output = Command::new("node")
        .arg(modules.join("typescript/bin/tsc"))
        .args(["--noEmit", "-p"])
        .arg(project)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_zod_schema_describes_a_tool_and_checks_its_input() {
    let Some(modules) = npm_modules() else { return eprintln!("no zod here") };
    let sandbox = Sandbox::with_plugin(
        "import { createTool } from \"distri/base\";\nimport { z } from \"zod\";\n\
         export default { tools: [createTool({\n\
           name: \"add\", description: \"Adds\",\n\
           parameters: z.object({ a: z.number().describe(\"one\"), b: z.number().default(2) }),\n\
           execute: ({ a, b }) => a + b,\n\
         })] };",
    );
    crate::support::copy(&modules.join("zod"), &sandbox.path().join("node_modules/zod"));
    sandbox.build();
    let call = |input| sandbox.distri(&["call", "p/add", "--input", input]);
    assert_eq!(call(r#"{"a":1}"#).json(), 3);
    call(r#"{"a":"x"}"#).fails(1, &["the input does not fit: a: Invalid input: expected number"]);
    let tools = sandbox.distri(&["list", "tools", "--json"]).json();
    assert_eq!(
        tools[0]["parameters"]["properties"]["a"],
        json!({ "type": "number", "description": "one" })
    );
}

/// A tool of an integration answers to the names that the original gave it.
#[test]
fn a_tool_of_an_integration_has_aliases() {
    let sandbox = Sandbox::with_plugin(
        "import { createIntegration, createTool } from \"distri/base\";\n\
         import { callTool } from \"distri/workflow\";\n\
         const send = createTool({ name: \"send\", execute: ({ text }) => `sent ${text}` });\n\
         const all = createTool({ name: \"all\", execute: () => Promise.all(\n\
           [\"send\", \"slack.send\", \"slack_send\", { tool_name: \"send\", integration: \"slack\", package_name: \"p\", input: { text: \"x\" } }]\n\
             .map((tool) => typeof tool === \"string\" ? callTool(tool, { text: \"x\" }) : callTool(tool))) });\n\
         export default { tools: [all], integrations: [createIntegration({ name: \"slack\", tools: [send] })] };",
    );
    sandbox.build();
    assert_eq!(
        sandbox.distri(&["call", "p/slack.send", "--input", r#"{"text":"x"}"#]).json(),
        "sent x"
    );
    assert_eq!(
        sandbox.distri(&["call", "p/all"]).json(),
        json!(["sent x", "sent x", "sent x", "sent x"])
    );
    sandbox.write(
        "plugins/p/index.ts",
        "const t = (name: string) => ({ name, execute: () => 1 });\n\
         export default { tools: [t(\"slack_send\")], integrations: [{ name: \"slack\", tools: [t(\"send\")] }] };",
    );
    let run = sandbox.distri(&["build"]);
    run.fails(1, &["`slack_send` twice"]);
}
