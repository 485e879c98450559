//! What the program says: of manifests that are wrong, of limits, of long work.

use std::os::unix::fs::PermissionsExt as _;

use distri_testing::{MANIFEST, Sandbox, tool};
use serde_json::json;

#[test]
fn a_manifest_that_is_wrong_is_named_with_the_line_to_write() {
    let head = "package = \"p\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n";
    for (manifest, texts) in [
        (
            "package = \"p\"\n[entrypoints]\nts = \"index.ts\"\n".to_owned(),
            ["`version` is missing", "plugins/p/distri.toml:1", "version = \"0.1.0\""],
        ),
        (String::new(), ["`package` is missing", "plugins/p/distri.toml", "package = \"weather\""]),
        (
            format!("{head}[capabilities]\nnetwork = [\"a.org\"]\n"),
            ["`capabilities.network` must be a table, not a list", "distri.toml:6", "hosts = ["],
        ),
        (
            format!("{head}[dependencies]\nnope = \"1.0\"\n"),
            ["`dependencies.nope` must be a table", "distri.toml:6", "units = { path"],
        ),
        (
            format!("{head}[limits]\nhandles = -1\n"),
            ["`limits.handles` must be a whole number", "distri.toml:6", "handles = 100"],
        ),
    ] {
        let sandbox = Sandbox::with_plugin(&tool("t", "return 1;"));
        sandbox.write("plugins/p/distri.toml", &manifest);
        sandbox.distri(&["build"]).fails(1, &texts);
        sandbox.distri(&["check"]).fails(1, &texts);
    }
    let sandbox = Sandbox::with_plugin(&tool("t", "return 1;"));
    std::fs::write(sandbox.path().join("plugins/p/distri.toml"), b"# \xff\n").unwrap();
    sandbox.distri(&["build"]).fails(1, &["plugins/p/distri.toml", "not UTF-8"]);
}

#[test]
fn a_manifest_of_another_editor_reads() {
    let sandbox = Sandbox::with_plugin(&tool("t", "return 1;"));
    let text = format!("\u{feff}{}", MANIFEST.replace('\n', "\r\n"));
    sandbox.write("plugins/p/distri.toml", &text);
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/t"]).json(), json!(1));
}

#[test]
fn a_wrong_name_is_told_where_the_tool_is_made() {
    let sandbox = Sandbox::with_plugin(
        "import { createTool } from \"distri/base\";\n\
         const good = createTool({ name: \"good\", execute: () => 1 });\n\
         const bad = createTool({ name: \"not good\", execute: () => 1 });\n\
         export default { tools: [good, bad] };\n",
    );
    sandbox.distri(&["build"]).fails(
        1,
        &["`not good` is not a valid tool or workflow name", "index.ts:3", "createTool({ name"],
    );
    sandbox.write(
        "plugins/p/index.ts",
        "export default { tools: [{ name: \"a\", execute() {} }, { name: \"b\", description: 1, execute() {} }] };\n",
    );
    sandbox.distri(&["build"]).fails(1, &["the tool `b` is described wrongly"]);
}

#[test]
fn a_limit_above_the_hosts_is_said_to_have_no_effect() {
    let sandbox = Sandbox::with_plugin(&tool("much", "return \"x\".repeat(2 << 20);"));
    sandbox.write(
        "plugins/p/distri.toml",
        &format!("{MANIFEST}[limits]\npayload = \"10MiB\"\ndepth = 3\n"),
    );
    let texts = [
        "`payload = \"10MiB\"` in plugins/p/distri.toml:9 has no effect: the host allows 1MiB",
        "--limit payload=10MiB",
        "[packages.p.limits]",
    ];
    for command in ["check", "build"] {
        let run = sandbox.distri(&[command]);
        assert_eq!(run.code, 0, "{run:#?}");
        for text in texts {
            assert!(run.stderr.contains(text), "no {text:?} in {run:#?}");
        }
        assert_eq!(run.stderr.matches("has no effect").count(), 1, "{run:#?}");
    }
    let check = sandbox.distri(&["check", "--json"]).json();
    assert!(check[0]["warnings"].to_string().contains("has no effect"), "{check:#}");
    sandbox.distri(&["call", "p/much"]).fails(1, &["2097154 bytes", "--limit payload="]);

    // Once an operator raises it, it has one.
    sandbox.write("operator.toml", "[packages.p.limits]\npayload = \"10MiB\"\n");
    let policy = sandbox.path().join("operator.toml");
    let raised = sandbox.distri_with_env(&["check"], &[("DISTRI_POLICY", policy.as_path())]);
    assert!(!raised.stderr.contains("has no effect"), "{raised:#?}");
    let raised = sandbox.distri(&["call", "p/much", "--policy", "operator.toml"]);
    assert_eq!(raised.json().as_str().unwrap().len(), 2 << 20);
}

#[test]
fn an_operator_raises_and_lowers_limits_for_all_and_for_one_package() {
    let sandbox = Sandbox::with_plugin(
        "import { createTool } from \"distri/base\";\n\
         const t = (name: string, execute: (input: any) => unknown) => createTool({ name, execute });\n\
         export default { tools: [\n\
           t(\"much\", () => \"x\".repeat(2 << 20)),\n\
           t(\"fills\", () => new Uint8Array(160 << 20).fill(1).length),\n\
           t(\"one\", () => 1),\n\
           t(\"waits\", () => new Promise((done) => setTimeout(() => done(1), 1500))),\n\
         ] };\n",
    );
    sandbox.build();
    let call = |name: &str, more: &[&str]| {
        sandbox.distri(&[&["call", &format!("p/{name}")], more].concat())
    };
    assert_eq!(call("much", &["--limit", "payload=10MiB"]).code, 0);
    // The pool of instances has room for it, too.
    call("fills", &[]).fails(1, &["128MiB of memory"]);
    assert_eq!(call("fills", &["--limit", "memory=512MiB"]).json(), json!(160 << 20));

    sandbox.write("all.toml", "[limits]\npayload = \"10MiB\"\ntimeout = \"1s\"\n");
    sandbox.write(
        "one.toml",
        "[limits]\npayload = \"1kB\"\n[packages.p.limits]\npayload = \"10MiB\"\nmemory = \"512MiB\"\n",
    );
    for policy in ["all.toml", "one.toml"] {
        assert_eq!(call("much", &["--policy", policy]).code, 0, "{policy}");
    }
    assert_eq!(call("fills", &["--policy", "one.toml"]).code, 0);
    call("much", &["--policy", "one.toml", "--limit", "payload=1MiB"]).fails(1, &["payload"]);
    call("waits", &["--policy", "all.toml"]).fails(1, &["longer than its 1s"]);
    // The command line has the last word, in both directions.
    assert_eq!(call("waits", &["--policy", "all.toml", "--timeout", "1m"]).code, 0);
    assert_eq!(call("one", &["--limit", "timeout=1m", "--timeout", "30s"]).code, 0);

    // And a manifest the very last, downwards.
    sandbox.write("plugins/p/distri.toml", &format!("{MANIFEST}[limits]\npayload = \"1kB\"\n"));
    sandbox.build();
    call("much", &["--limit", "payload=10MiB"]).fails(1, &["1000B in one call"]);

    call("one", &["--limit", "paylod=1"]).fails(2, &["did you mean `payload`?"]);
    sandbox.write("wrong.toml", "[packages.p.limits]\nkept_instances = 3\n");
    call("one", &["--policy", "wrong.toml"])
        .fails(1, &["a limit of the whole host", "wrong.toml:2", "`[limits]`"]);
}

#[test]
fn what_many_plugins_pass_on_is_said_once() {
    let sandbox = Sandbox::with_plugin(&tool("turns", "return callTool(\"p/turns\");"));
    sandbox.build();
    let run = sandbox.distri(&["call", "p/turns"]);
    run.fails(1, &["calls are nested more than 16 deep: p/turns -> p/turns"]);
    assert!(run.stderr.matches("CallError").count() <= 1, "{run:#?}");
}

#[test]
fn the_first_hint_of_a_chain_reaches_its_caller() {
    let sandbox = Sandbox::with_plugin(
        "import { createTool } from \"distri/base\";\n\
         import { callTool } from \"distri/workflow\";\n\
         export default { tools: [\n\
           createTool({ name: \"outer\", execute: () => callTool(\"p/inner\") }),\n\
           createTool({ name: \"inner\", execute: () => callTool(\"p/iner\") }),\n\
         ] };\n",
    );
    sandbox.build();
    sandbox.distri(&["call", "p/outer"]).fails(1, &["has no tool `iner`", "did you mean `inner`?"]);
}

#[test]
fn what_cargo_compiles_is_said_where_there_is_no_terminal() {
    let sandbox = Sandbox::examples();
    let bin = sandbox.path().join("bin");
    sandbox.write("bin/lib/libcore-1.rlib", "");
    sandbox.write("bin/rustc", &format!("#!/bin/sh\necho '{}/lib'\n", bin.display()));
    sandbox.write(
        "bin/cargo",
        "#!/bin/sh\n\
         printf '   Compiling serde v1.0.0\\n    Building [=>   ] 1/3: serde\\r    Building [==>  ] 2/3: checksum\\r' >&2\n\
         printf '\\r                    \\rerror: no luck\\n' >&2\n\
         exit 1\n",
    );
    for program in ["rustc", "cargo"] {
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bin.join(program), mode).unwrap();
    }
    let path = std::env::var_os("PATH").unwrap();
    let path =
        std::env::join_paths(std::iter::once(bin.clone()).chain(std::env::split_paths(&path)))
            .unwrap();
    let run = sandbox.distri_with_env(&["build"], &[("PATH", path.as_ref())]);
    run.fails(1, &["checksum: cargo compiles 1/3: serde\n", "cargo failed:", "error: no luck"]);
    assert!(!run.stderr.contains("2/3"), "now and then, not each time: {run:#?}");
}
