//! Whatever is wrong gets one clear message, and the next call is answered.

use distri_testing::{MANIFEST, Sandbox, tool};

/// A plugin that can go wrong in every way, and right.
const UNRULY: &str = r#"import { createTool } from "distri/base";
import { callTool } from "distri/workflow";

function broken(text: string): never {
  throw new TypeError(`no good: ${text}`);
}

const hoard: unknown[] = [];

export default {
  tools: [
    createTool({ name: "good", execute: () => "fine" }),
    createTool({ name: "throws", execute: () => broken("oops") }),
    createTool({ name: "throws_text", execute: () => { throw "just text"; } }),
    createTool({ name: "spins", execute: () => { for (;;) {} } }),
    createTool({ name: "waits", execute: () => new Promise(() => {}) }),
    createTool({ name: "hoards", execute: () => { for (;;) hoard.push(new Uint8Array(1 << 20).fill(1)); } }),
    createTool({ name: "digs", execute: () => { const dig = (n: number): number => dig(n + 1) + 1; return dig(0); } }),
    createTool({ name: "floods", execute: () => "x".repeat(2 << 20) }),
    createTool({ name: "turns", execute: (): unknown => callTool("p/turns") }),
  ],
};
"#;

#[test]
fn a_guest_that_goes_wrong_is_one_error_and_harms_nothing() {
    let sandbox = Sandbox::with_plugin(UNRULY);
    sandbox.build();
    // Only what never ends meets its deadline, however busy the machine is.
    let call = |name: &str| {
        let timeout = if ["spins", "waits"].contains(&name) { "2s" } else { "30s" };
        sandbox.distri(&["call", &format!("p/{name}"), "--timeout", timeout])
    };

    // The source line that threw, not the bundle's.
    call("throws").fails(
        1,
        &["`p/throws` failed", "TypeError: no good: oops", "index.ts:5", "throw new TypeError"],
    );
    call("throws_text").fails(1, &["just text"]);
    call("spins").fails(1, &["`p/spins` took longer than its 2s"]);
    call("waits").fails(1, &["p/waits"]);
    call("hoards").fails(1, &["`p/hoards` needed more than its 128MiB of memory"]);
    call("digs").fails(1, &["p/digs"]);
    call("floods").fails(1, &["the result of `p/floods` has 2097154 bytes, 1048576 are allowed"]);
    call("turns").fails(1, &["nested more than 16 deep"]);
    assert_eq!(call("good").stdout, "\"fine\"\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_host_answers_after_every_kind_of_failure() {
    use distri_host::{ErrorKind, ToolCall};
    use std::time::Duration;

    let sandbox = Sandbox::with_plugin(UNRULY);
    let host = sandbox.host(());
    let call = |name: &'static str| {
        let mut call = ToolCall::new("{}");
        call.deadline = Some(Duration::from_secs(if name == "spins" { 2 } else { 30 }));
        host.execute_tool("p", name, call)
    };
    for (name, kind) in [
        ("spins", ErrorKind::Timeout),
        ("hoards", ErrorKind::MemoryLimit),
        ("floods", ErrorKind::PayloadTooLarge),
    ] {
        assert_eq!(call(name).await.unwrap_err().kind(), kind, "{name}");
        assert_eq!(call("good").await.unwrap().result, "\"fine\"", "after {name}");
    }
    for name in ["throws", "digs", "turns"] {
        let _ = call(name).await;
        assert_eq!(call("good").await.unwrap().result, "\"fine\"", "after {name}");
    }
    assert_eq!(host.activity().calls, 0);
    assert_eq!(host.activity().instances, 0);
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest() {
    let sandbox = Sandbox::with(&[
        ("plugins/text-tools/distri.toml", &MANIFEST.replace("\"p\"", "\"text-tools\"")),
        ("plugins/text-tools/index.ts", &tool("slugify", "return 1;")),
    ]);
    sandbox
        .distri(&["call", "text-tools/slugify"])
        .fails(2, &["`text-tools` was not built yet", "run `distri build`"]);
    sandbox.build();
    sandbox
        .distri(&["call", "text-tool/slugify"])
        .fails(2, &["there is no plugin `text-tool`", "did you mean `text-tools`?"]);
    sandbox
        .distri(&["call", "text-tools/slugfy"])
        .fails(2, &["`text-tools` has no tool `slugfy`", "did you mean `slugify`?"]);
    sandbox
        .distri(&["call", "slugfy"])
        .fails(2, &["there is no tool `slugfy`", "did you mean `text-tools/slugify`?"]);
    sandbox.distri(&["run", "text-tools/slugify"]).fails(2, &["is a tool, not a workflow"]);
    sandbox.distri(&["inspect", "text-tool"]).fails(2, &["did you mean `text-tools`?"]);
    sandbox.distri(&["list", "tool"]).fails(2, &["tools"]);
    sandbox.distri(&["biuld"]).fails(2, &["build"]);
    sandbox
        .distri(&["-C", "nowhere", "list"])
        .fails(2, &["is not a folder", "`--directory` names it"]);
}

#[test]
fn an_empty_workspace_says_so() {
    let sandbox = Sandbox::with(&[]);
    let run = sandbox.distri(&["build"]);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("there is nothing to build in"), "{run:#?}");
    sandbox.distri(&["call", "p/x"]).fails(2, &["there is no plugin `p`", "nothing is built in"]);
}

#[test]
fn malformed_json_names_its_place() {
    let sandbox = Sandbox::with_plugin(&tool("echo", "return input;"));
    sandbox.build();
    sandbox
        .distri(&["call", "p/echo", "--input", "{\"text\": oops}"])
        .fails(2, &["the input of `p/echo` is not JSON", "line 1, column 10"]);
    let deep = "[".repeat(100_000);
    sandbox
        .distri_with_input(&["call", "p/echo", "--input", "-"], &deep)
        .fails(2, &["more than 128 levels"]);
    sandbox
        .distri(&["call", "p/echo", "--input", "@nowhere.json"])
        .fails(2, &["cannot read `nowhere.json`"]);
    assert_eq!(sandbox.distri(&["call", "p/echo", "--input", "[]"]).stdout, "[]\n");
}

#[test]
fn a_misspelt_manifest_key_names_file_line_and_key() {
    let sandbox = Sandbox::with_plugin(&tool("a", "return 1;"));
    sandbox.write("plugins/p/distri.toml", &MANIFEST.replace("version", "verison"));
    sandbox.distri(&["build"]).fails(
        1,
        &[
            "unknown key `verison`",
            "did you mean `version`?",
            "distri.toml:2",
            "verison = \"0.1.0\"",
        ],
    );
}

#[test]
fn a_syntax_error_names_file_line_and_source() {
    let sandbox = Sandbox::with_plugin("export default {\n  tools: [,\n  const x = ;\n};\n");
    sandbox.distri(&["build"]).fails(1, &["p: not built", "index.ts:3", "const x = ;"]);

    // And as JSON, for editors.
    let run = sandbox.distri(&["build", "--json"]);
    assert_eq!(run.code, 1);
    let report: serde_json::Value =
        serde_json::from_str(run.stdout.lines().next().unwrap()).unwrap();
    let error = &report["errors"][0];
    assert_eq!((&error["package"], &error["line"]), (&"p".into(), &3.into()), "{report}");
    assert!(error["file"].as_str().unwrap().ends_with("index.ts"));
}

#[test]
fn what_goes_wrong_at_the_top_level_is_told_at_build_time() {
    let build = |source: &str| Sandbox::with_plugin(source).distri(&["build"]);
    build("const config: any = undefined;\nexport default { tools: [config.tool] };\n")
        .fails(1, &["index.ts:2", "config.tool"]);
    build("export default { tools: [{ name: \"a\", execute: () => Math.random() }], n: Math.random() };\n")
        .fails(1, &["Math.random() is not available at a module's top level"]);
    build("import { callTool } from \"distri/workflow\";\nawait callTool(\"a/b\");\nexport default { tools: [] };\n")
        .fails(1, &["callTool() is not available at a module's top level"]);
    build("for (;;) {}\nexport default { tools: [] };\n")
        .fails(1, &["computed for longer than 5s"]);
    build("export const x = 1;\n").fails(1, &["no default export"]);
    build("import x from \"./missing\";\nexport default { tools: [x] };\n")
        .fails(1, &["./missing", "index.ts:1"]);
    build("export default { tools: [{ name: \"a b\", execute() {} }] };\n")
        .fails(1, &["`a b` is not a valid tool or workflow name"]);
}

#[test]
fn what_is_not_a_plugin_is_refused_by_name() {
    let sandbox = Sandbox::with(&[(
        "plugins/p/distri.toml",
        &MANIFEST.replace("ts = \"index.ts\"", "wasm = \"p.wasm\""),
    )]);
    let refused = |bytes: &[u8], texts: &[&str]| {
        std::fs::write(sandbox.path().join("plugins/p/p.wasm"), bytes).unwrap();
        sandbox.distri(&["build"]).fails(1, texts);
    };
    refused(b"hello", &["is not"]);
    refused(
        &wat::parse_str("(component)").unwrap(),
        &["the component is not a plugin: it exports nothing"],
    );
    refused(
        &wat::parse_str("(component (import \"acme:cloud/rocket@1.0.0\" (instance (export \"launch\" (func)))))").unwrap(),
        &["which this host does not have", "acme:cloud/rocket"],
    );
    std::fs::remove_file(sandbox.path().join("plugins/p/p.wasm")).unwrap();
    sandbox.distri(&["build"]).fails(1, &["cannot read", "p.wasm", "`[entrypoints] wasm`"]);
}

#[test]
fn a_rust_package_that_does_not_compile_shows_what_cargo_says() {
    let sdk = distri_testing::repository().join("guest-sdk-rust");
    let sandbox = Sandbox::examples();
    sandbox.write("plugins/checksum/src/lib.rs", "fn broken() -> u32 { \"text\" }\n");
    sandbox
        .distri(&["build"])
        .fails(1, &["checksum: not built", "mismatched types", "src/lib.rs:1"]);
    assert!(sdk.is_dir());
}
