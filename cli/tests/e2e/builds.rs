//! What a build makes, and what it leaves alone.

use distri_testing::{Sandbox, tool};
use serde_json::{Value, json};

/// Twenty lines, as a newcomer would write them.
const TWENTY_LINES: &str = r#"import { DistriPlugin, Tool, ToolCall } from "distri/base";

class Greet implements Tool {
  name = "greet";
  description = "Greets somebody";
  version = "0.1.0";

  async execute(call: ToolCall) {
    const { name } = JSON.parse(call.input);
    return { greeting: `Hello, ${name}!` };
  }

  getParameters() {
    return { type: "object", properties: { name: { type: "string" } } };
  }
}

const plugin: DistriPlugin = { tools: [new Greet()] };

export default plugin;
"#;

fn package(sandbox: &Sandbox) -> Value {
    let report = sandbox.distri(&["build", "--json"]).json();
    report["packages"][0].clone()
}

#[test]
fn a_small_plugin_is_a_small_component() {
    let sandbox = Sandbox::with_plugin(TWENTY_LINES);
    let built = package(&sandbox);
    // Nearly all of it is the engine and the world's types.
    assert!(built["bytes"].as_u64().unwrap() < 1_950_000, "{built}");
    assert_eq!(built["unchanged"], false);
    let answer = sandbox.distri(&["call", "p/greet", "--input", "{\"name\":\"Ada\"}"]).json();
    assert_eq!(answer, json!({ "greeting": "Hello, Ada!" }));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    // In folders of different names, each built from nothing.
    let digests = [(); 2].map(|()| package(&Sandbox::with_plugin(TWENTY_LINES))["digest"].clone());
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn only_what_changed_is_built_again() {
    let sandbox = Sandbox::with_plugin(&tool("version", "return 1;"));
    let first = package(&sandbox);
    let again = package(&sandbox);
    assert_eq!(again["unchanged"], true, "{again}");
    assert_eq!(again["digest"], first["digest"]);

    sandbox.write("plugins/p/index.ts", &tool("version", "return 2;"));
    let stale = sandbox.distri(&["call", "p/version"]);
    assert_eq!(stale.json(), json!(1), "the old build runs until the new one is there");
    assert!(stale.stderr.contains("changed since it was built"), "{stale:#?}");
    assert_eq!(package(&sandbox)["unchanged"], false);
    assert_eq!(sandbox.distri(&["call", "p/version"]).json(), json!(2));
}

#[test]
fn a_build_says_when_a_plugin_is_callable() {
    let sandbox = Sandbox::with_plugin(&tool("once", &format!("return {:?};", std::process::id())));
    let run = sandbox.build();
    assert!(run.stderr.contains("p 0.1.0: TypeScript component of"), "{run:#?}");
    assert!(run.stderr.contains("callable after"), "{run:#?}");
    // What it is called with is there, and nothing follows.
    assert!(!run.stderr.contains("compiled"), "{run:#?}");
}

#[test]
fn a_failed_build_keeps_the_older_one() {
    let sandbox = Sandbox::with_plugin(&tool("version", "return 1;"));
    sandbox.build();
    sandbox.write("plugins/p/index.ts", "export default {");
    assert_eq!(sandbox.distri(&["build"]).code, 1);
    assert_eq!(sandbox.distri(&["call", "p/version"]).json(), json!(1));
}

#[test]
fn modules_json_and_npm_packages_are_bundled() {
    let sandbox = Sandbox::with_plugin(
        "import { double } from \"./lib/math\";\n\
         import data from \"./data.json\";\n\
         import { triple } from \"tripler\";\n\
         import { createTool } from \"https://distri.dev/base.ts\";\n\
         import four from \"https://example.com/four/mod.ts\";\n\
         export default { tools: [createTool({ name: \"sum\", execute: () => double(data.n) + triple(1) + four })] };\n",
    );
    sandbox.write(
        "plugins/p/distri.toml",
        &format!(
            "{}[imports]\n\"https://example.com/four/mod.ts\" = \"./four.ts\"\n",
            distri_testing::MANIFEST
        ),
    );
    sandbox.write("plugins/p/four.ts", "export default 4;\n");
    sandbox.write("plugins/p/lib/math.ts", "export const double = (n: number): number => n * 2;\n");
    sandbox.write("plugins/p/data.json", "{\"n\": 21}\n");
    sandbox.write(
        "plugins/p/node_modules/tripler/package.json",
        "{\"name\":\"tripler\",\"main\":\"index.js\"}",
    );
    sandbox.write("plugins/p/node_modules/tripler/index.js", "exports.triple = (n) => n * 3;\n");
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/sum"]).json(), json!(49));
}

#[test]
fn nothing_outside_the_workspace_is_read() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.json"), "{\"key\": \"canary\"}").unwrap();
    let sandbox = Sandbox::with_plugin(&format!(
        "import secret from \"{}/secret.json\";\nexport default {{ tools: [], secret }};\n",
        outside.path().display()
    ));
    let run = sandbox.distri(&["build"]);
    run.fails(1, &["outside the workspace"]);
    assert!(!run.stderr.contains("canary"));
}

#[test]
fn a_damaged_catalog_is_set_aside_and_built_anew() {
    let sandbox = Sandbox::with_plugin(&tool("version", "return 1;"));
    sandbox.build();
    sandbox.write(".distri/runtime/catalog.json", "{ half");
    sandbox.distri(&["call", "p/version"]).fails(1, &["catalog.json", "hint: run `distri build`"]);
    assert!(sandbox.build().stderr.contains("catalog.damaged.json"));
    let path = ".distri/runtime/catalog.json";
    let text = std::fs::read_to_string(sandbox.path().join(path)).unwrap();
    let catalog: Value = serde_json::from_str(&text).unwrap();
    let digest = catalog["packages"]["p"]["component"].as_str().unwrap();
    sandbox.write(path, &text.replace(digest, "../../../../../../etc/passwd"));
    sandbox.distri(&["call", "p/version"]).fails(1, &["is not a digest"]);
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/version"]).json(), json!(1));
}

#[test]
fn without_a_wasm_target_only_rust_packages_are_not_built() {
    use std::os::unix::fs::PermissionsExt as _;

    // A compiler that knows of no target but its own.
    let sandbox = Sandbox::examples();
    let bin = sandbox.path().join("bin");
    sandbox.write("bin/rustc", "#!/bin/sh\nexit 1\n");
    std::fs::set_permissions(bin.join("rustc"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let nowhere = sandbox.path().join("nowhere");
    let env = [("PATH", bin.as_path()), ("DISTRI_RUST_WASM", nowhere.as_path())];
    sandbox.distri_with_env(&["build"], &env).fails(
        1,
        &[
            "checksum: not built",
            "no Rust toolchain here can build for WebAssembly",
            "rustup target add wasm32-wasip2",
            "text-tools 0.1.0: TypeScript component",
            "4 packages built, 1 failed",
        ],
    );
    assert_eq!(
        sandbox.distri(&["call", "slugify", "--input", "{\"text\":\"A b\"}"]).json(),
        json!({ "slug": "a-b" })
    );
}

#[test]
fn packages_of_one_name_in_a_shared_target_folder_are_kept_apart() {
    let one = Sandbox::examples();
    let two = Sandbox::examples();
    let lib = |sandbox: &Sandbox, value: u32| {
        sandbox.write(
            "plugins/checksum/src/lib.rs",
            &format!(
                "use distri_guest::{{export_plugin, tool}};\n\
                 /// A number.\n#[tool]\nfn number() -> u32 {{ {value} }}\n\
                 export_plugin! {{ tools: [number] }}\n"
            ),
        );
    };
    // Both are written before either is built: their times say nothing.
    lib(&one, 1);
    lib(&two, 2);
    for (sandbox, value) in [(&one, 1), (&two, 2)] {
        sandbox.build();
        assert_eq!(sandbox.distri(&["call", "checksum/number"]).json(), json!(value));
    }
}
