//! What plugin authors begin with: new packages, checks, the plugins of the
//! project's first description, and TypeScript's types.

use std::process::Command;

use distri_testing::{MANIFEST, Sandbox, program, repository};
use serde_json::json;

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
            "computed for longer than 5s",
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
    let seed = repository().join("cli/tests/e2e/seed");
    let sandbox = Sandbox::with(&[]);
    for (from, to) in [("ts", "my-ts-plugin"), ("rust", "my-wasm-plugin")] {
        distri_testing::copy(&seed.join(from), &sandbox.path().join("plugins").join(to));
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

/// Where `scripts/toolchains.sh` installs.
fn tools() -> Option<std::path::PathBuf> {
    let home = |name: &str| std::env::var_os(name).map(std::path::PathBuf::from);
    home("DISTRI_TOOLS").or_else(|| {
        let cache = home("XDG_CACHE_HOME").or_else(|| Some(home("HOME")?.join(".cache")))?;
        Some(cache.join("distri/tools"))
    })
}

/// npm packages of the tests' own, as `scripts/toolchains.sh` installs them.
fn npm_modules() -> Option<std::path::PathBuf> {
    let modules = tools()?.join("npm/node_modules");
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
    distri_testing::copy(&modules.join("zod"), &sandbox.path().join("node_modules/zod"));
    sandbox.build();
    let call = |input| sandbox.distri(&["call", "p/add", "--input", input]);
    assert_eq!(call(r#"{"a":1}"#).json(), 3);
    call(r#"{"a":"x"}"#)
        .fails(2, &["`p/add` does not fit: `a` must be a number, and is the text \"x\""]);
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

/// What a plugin of the original project imports is where it imports it from.
#[test]
fn sources_of_the_original_project_find_what_they_import() {
    let names = "callAgent, callTool, CallError, createArtifactPart, createDataPart, createImagePart, \
        createIntegration, createTextPart, createTool, createWorkflow, getSessionValue, registerPlugin, setSessionValue";
    let types = "AuthRequirement, CallAgentParams, CallToolParams, Context, DapTool, DapWorkflow, DistriPlugin, \
        DistriTool, DistriWorkflow, ExecutionContext, Integration, Part, Tool, ToolCall, Workflow, WorkflowCall";
    for from in ["distri/base", "https://distri.dev/base.ts", "jsr:@distri/runtime@^0.1"] {
        let sandbox = Sandbox::with_plugin(&format!(
            "import {{ {names}, {types} }} from \"{from}\";\n\
             const functions = {{ {names} }};\n\
             const kinds: DapTool = createTool({{ name: \"kinds\", execute: () => Object.values(functions).map((f) => typeof f) }});\n\
             const part: DapTool = createTool({{ name: \"part\", execute: async (): Promise<Part[]> => [createDataPart({{ a: 1 }})] }});\n\
             const flow: DapWorkflow = createWorkflow({{ name: \"flow\", execute: ({{ n }}, context: Context) => callTool({{ tool_name: \"part\", session_id: context.session_id, input: n }}) }});\n\
             export default registerPlugin({{ tools: [kinds, part], workflows: [flow] }});",
        ));
        sandbox.build();
        let kinds = sandbox.distri(&["call", "p/kinds"]).json();
        let kinds = kinds.as_array().unwrap();
        assert!(
            kinds.len() == 13 && kinds.iter().all(|kind| kind == "function"),
            "{from}: {kinds:?}"
        );
        assert_eq!(sandbox.distri(&["run", "p/flow"]).json(), json!({ "a": 1 }), "{from}");
    }
}

/// A new package is whole for `tsc` as it comes, and its types are those of the SDK.
#[test]
fn a_new_package_passes_the_compiler_without_installing_anything() {
    let Some(modules) = npm_modules() else { return eprintln!("no TypeScript compiler here") };
    let sandbox = Sandbox::with(&[]);
    for kind in ["tool", "workflow"] {
        let path = format!("plugins/new-{kind}");
        assert_eq!(sandbox.distri(&["new", &path, "--kind", kind]).code, 0);
        sandbox.write(
            &format!("{path}/more.ts"),
            "import { database, type Rows } from \"distri/sql\";\n\
             import { createTool, type DapTool } from \"https://distri.dev/base.ts\";\n\
             import { readFile } from \"node:fs/promises\";\n\
             import * as index from \"./index.ts\";\n\
             export const more: DapTool = createTool({ name: \"more\", execute: async () => {\n\
               const answer = await fetch(new URL(\"http://a.example\"), { signal: AbortSignal.timeout(1) });\n\
               const body: ReadableStream | null = answer.body;\n\
               console.log(process.env.LANG, body, setTimeout(() => {}, 1), new TextDecoderStream());\n\
               return [await readFile(\"/a\", \"utf8\"), await database(\"main\").query(\"select 1\"), index];\n\
             } });\n",
        );
        let compile = || {
            Command::new("node")
                .arg(modules.join("typescript/bin/tsc"))
                .args(["--noEmit", "-p"])
                .arg(sandbox.path().join(&path))
                .output()
                .unwrap()
        };
        // `Rows` is no type of the SDK's: the compiler looks.
        let output = compile();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success() && said.lines().count() == 1, "{said}");
        assert!(said.contains("'Rows'"), "{said}");
        let more = sandbox.path().join(&path).join("more.ts");
        let text = std::fs::read_to_string(&more).unwrap().replace(", type Rows", "");
        std::fs::write(&more, text).unwrap();
        let output = compile();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let output = Command::new("node")
        .arg(repository().join("scripts/types.mjs"))
        .arg(modules.join("typescript"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let template = std::fs::read_to_string(repository().join("cli/templates/distri.d.ts")).unwrap();
    assert!(
        String::from_utf8_lossy(&output.stdout) == template,
        "the SDK's types are others now: run `node scripts/types.mjs` as it says"
    );
}

/// Parameters and results of one's own types, in the package as it comes.
#[test]
fn a_new_rust_package_takes_types_of_its_own() {
    let sandbox = Sandbox::with(&[]);
    assert_eq!(sandbox.distri(&["new", "plugins/own", "--lang", "rust"]).code, 0);
    sandbox.write(
        "plugins/own/src/lib.rs",
        r#"
use distri_guest::{CallError, call_tool, export_plugin, set_session_value, tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Numbers to look at
#[derive(Deserialize, JsonSchema)]
struct Numbers {
    /// All of them
    all: Vec<f64>,
    limit: Option<u32>,
    total: u64,
    kind: Kind,
    next: Option<Box<Numbers>>,
}

#[derive(Deserialize, Serialize, JsonSchema, Clone)]
enum Kind { Mean, Half(f32) }

#[derive(Serialize)]
struct Stats { mean: f64, total: u64, wide: i128, kind: Kind }

/// The mean
#[tool]
fn mean(input: Numbers) -> Stats {
    let wide = -i128::from(input.total) * 4;
    let sum: f64 = input.all.iter().sum();
    Stats { mean: sum / input.all.len() as f64, total: input.total, wide, kind: input.kind }
}

/// Asks another tool about no number
#[tool]
async fn ask() -> Result<String, CallError> {
    call_tool("mean", &[(1, f64::NAN)]).await
}

/// Keeps no number
#[tool]
async fn keep() -> Result<(), CallError> {
    set_session_value("k", &Some(f32::INFINITY)).await
}

export_plugin! { tools: [mean, ask, keep] }
"#,
    );
    sandbox.build();
    let call = |tool: &str, input: &str| sandbox.distri(&["call", tool, "--input", input]);
    let run = call(
        "own/mean",
        r#"{"all":[0.1,7.120236347223045e-307],"total":18446744073709551615,"kind":{"Half":0.5}}"#,
    );
    let shown: String = run.stdout.split_ascii_whitespace().collect();
    assert_eq!(
        shown,
        r#"{"mean":0.05,"total":18446744073709551615,"wide":-73786976294838206460,"kind":{"Half":0.5}}"#,
        "{run:#?}"
    );
    call("own/mean", r#"{"all":[],"total":0,"kind":"Mean"}"#)
        .fails(1, &["`result.mean` is NaN, which JSON cannot say"]);
    call("own/ask", "{}").fails(1, &["`input[0][1]` is NaN"]);
    call("own/keep", "{}").fails(1, &["`value` is Infinity"]);
    let tools = sandbox.distri(&["list", "tools", "--json"]).json();
    let parameters = &tools[0]["parameters"];
    assert_eq!(parameters["properties"]["total"], json!({ "type": "integer", "minimum": 0 }));
    assert!(!parameters.to_string().contains("\"format\""), "{parameters}");
    assert_eq!(parameters["properties"]["all"]["description"], "All of them");
}

/// The code and the commands of the page, as they stand there.
#[test]
fn the_python_plugins_of_the_page_on_toolchains_answer() {
    let python = tools().map(|tools| tools.join("python/bin"));
    let Some(python) = python.filter(|folder| folder.join("componentize-py").is_file()) else {
        assert!(std::env::var_os("DISTRI_REQUIRE_GUESTS").is_none(), "no componentize-py");
        return eprintln!("no componentize-py here");
    };
    let page = std::fs::read_to_string(repository().join("docs/toolchains.md")).unwrap();
    let block = |text: &str, language: &str| {
        let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let program = program().parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [program, python].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).unwrap();
    for (track, welcome) in
        [("0.2", json!("Hello, everybody!")), ("0.3", json!(["Hello, everybody!", "Hello, you!"]))]
    {
        let (_, section) = page.split_once(&format!("## Python, track {track}\n")).unwrap();
        let sandbox = Sandbox::with(&[
            ("plugins/weather/distri.toml", &block(&page, "toml")),
            ("plugins/weather/plugin.py", &block(section, "python")),
        ]);
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &block(section, "sh")])
            .current_dir(sandbox.path().join("plugins/weather"))
            .env("PATH", &path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        sandbox.build();
        let input = r#"{"name":"Ada"}"#;
        let greeting = sandbox.distri(&["call", "weather/greet", "--input", input]).json();
        assert_eq!(greeting, "Hello, Ada!", "{track}");
        assert_eq!(sandbox.distri(&["run", "weather/welcome"]).json(), welcome, "{track}");
    }
}

/// A promise that nobody settles is told as what it is.
#[test]
fn a_tool_that_waits_for_ever_is_told_so() {
    let sandbox =
        Sandbox::with_plugin(&distri_testing::tool("never", "await new Promise(() => {});"));
    sandbox.build();
    sandbox.distri(&["call", "p/never"]).fails(
        1,
        &[
            "`p/never` never answers: it waits for something that never comes",
            "never resolved or rejected",
        ],
    );
}

#[test]
fn a_result_that_is_too_large_says_whose_limit_it_is() {
    let sandbox =
        Sandbox::with_plugin(&distri_testing::tool("large", "return \"x\".repeat(2 << 20);"));
    sandbox.build();
    sandbox
        .distri(&["call", "p/large"])
        .fails(1, &["the limit `payload` bounds every value, and is the host's", "write a file"]);
}
