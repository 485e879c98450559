//! What the program writes where: results that cannot be written, and `--json`,
//! which is one document whatever happens.

use std::fs::File;
use std::process::{Command, Stdio};

use distri_testing::{Run, Sandbox, program, repository};
use serde_json::Value;

/// A plugin with long answers, a workflow and a tool that fails.
const PLUGIN: &str = r#"import { createTool } from "distri/base";

export default {
  tools: [
    ...Array.from({ length: 400 }, (_, at) => createTool({ name: `tool-${at}`, description: "x".repeat(200), execute: () => at })),
    createTool({ name: "much", description: "Much", execute: () => "y".repeat(900_000) }),
    createTool({ name: "fails", description: "Fails", execute: () => { throw new Error("no"); } }),
  ],
  workflows: [createTool({ name: "flow", description: "Flows", execute: () => 1 })],
};
"#;

fn built() -> Sandbox {
    let sandbox = Sandbox::with_plugin(PLUGIN);
    sandbox.build();
    sandbox
}

/// Every command that prints a result, with what it prints being long or short.
const PRINTING: &[&[&str]] = &[
    &["list"],
    &["list", "tools"],
    &["list", "tools", "--json"],
    &["list", "agents", "--json"],
    &["inspect", "p"],
    &["inspect", "p", "--json"],
    &["grants"],
    &["grants", "--json"],
    &["wit"],
    &["wit", "--json"],
    &["completions", "bash"],
    &["call", "p/much"],
    &["call", "p/much", "--json"],
    &["run", "p/flow"],
    &["build", "--json"],
    &["check", "--json"],
    &["secrets", "remove", "NONE", "--json"],
    &["call", "p/fails", "--json"],
    &["call", "--json"],
    &["--help"],
    &["call", "--help"],
    &["--version"],
    &["--version", "--json"],
];

/// Runs the program with this as its standard output.
fn into(sandbox: &Sandbox, args: &[&str], stdout: impl Into<Stdio>) -> Run {
    let output = command(sandbox, program().to_str().unwrap(), args)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn command(sandbox: &Sandbox, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(sandbox.path())
        .env_remove("CURRENT_WORKING_DIR")
        .env_remove("RUST_LOG")
        .env("XDG_CONFIG_HOME", sandbox.config())
        .stdin(Stdio::null());
    command
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let sandbox = built();
    for args in PRINTING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = into(&sandbox, args, writer);
        assert!([0, 1, 2].contains(&run.code), "{args:?}: {run:#?}");
        assert_eq!(run.stderr, "", "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure_in_words() {
    let sandbox = built();
    for args in PRINTING {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let run = into(&sandbox, args, full);
        assert!([1, 2].contains(&run.code), "{args:?}: {run:#?}");
        assert!(run.stderr.contains("error: cannot write to standard output: "), "{run:#?}");
        assert!(run.stderr.contains("No space left on device"), "{args:?}: {run:#?}");
        assert_eq!(run.stderr.matches("error: cannot write").count(), 1, "{args:?}: {run:#?}");
    }
    for args in [["list", "tools"], ["call", "p/much"]] {
        let closed = ["-c", "exec \"$0\" \"$@\" >&-", program().to_str().unwrap()];
        let args = [closed.as_slice(), &args].concat();
        let output = command(&sandbox, "sh", &args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
        assert!(stderr.contains("cannot write to standard output: it is closed"), "{stderr}");
    }
    // What nobody reads is no failure, and where nobody complains, nobody panics.
    let null = into(&sandbox, &["call", "p/much"], Stdio::null());
    assert_eq!((null.code, null.stderr.as_str()), (0, ""));
    for args in [["call", "p/much"].as_slice(), &["call", "p/fails"], &["-vv", "list"], &["x"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command(&sandbox, program().to_str().unwrap(), args)
            .stdout(Stdio::piped())
            .stderr(full)
            .output()
            .unwrap();
        assert!(matches!(output.status.code(), Some(0..=2)), "{args:?}: {:?}", output.status);
    }
}

/// Runs it with `--json`; what is printed must be one document.
#[track_caller]
fn one_document(sandbox: &Sandbox, args: &[&str], code: i32) -> Value {
    // Only that command reads its input: another may be over before it is written.
    let input = if args.starts_with(&["secrets", "set"]) { "a value" } else { "" };
    let run = sandbox.distri_with_input(&[&["--json"], args].concat(), input);
    assert_eq!(run.code, code, "{args:?}: {run:#?}");
    let documents: Vec<Value> = serde_json::Deserializer::from_str(&run.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {run:#?}"));
    let [document] = documents.as_slice() else { panic!("{args:?}: {run:#?}") };
    document.clone()
}

#[test]
fn json_is_one_document_for_every_command_that_succeeds() {
    let sandbox = built();
    for args in [
        ["build"].as_slice(),
        &["check"],
        &["check", "p"],
        &["list"],
        &["list", "plugins"],
        &["list", "tools"],
        &["list", "workflows"],
        &["list", "agents"],
        &["call", "p/much"],
        &["call", "p/much", "--audit"],
        &["run", "p/flow"],
        &["inspect", "p"],
        &["grants"],
        &["grants", "p"],
        &["approve", "p", "--yes"],
        &["approve", "p", "--revoke"],
        &["secrets", "set", "KEY"],
        &["secrets", "list"],
        &["secrets", "remove", "KEY"],
        &["wit"],
        &["wit", "--track", "0.2"],
        &["wit", "--out", "wit"],
        &["completions", "zsh"],
        &["new", "plugins/other"],
        &["--version"],
        &["--help"],
        &["help"],
        &["call", "--help"],
    ] {
        let document = one_document(&sandbox, args, 0);
        assert_eq!(document.get("error"), None, "{args:?}");
    }
    let empty = Sandbox::with(&[]);
    for args in [["build"].as_slice(), &["check"], &["list"], &["grants"], &["secrets", "list"]] {
        one_document(&empty, args, 0);
    }
}

#[test]
fn json_is_one_document_for_every_command_that_fails() {
    let sandbox = built();
    let cases: &[(i32, &[&str])] = &[
        (2, &[]),
        (2, &["biuld"]),
        (2, &["list", "tool"]),
        (2, &["list", "--lang", "ts"]),
        (2, &["call"]),
        (2, &["call", "p/nope"]),
        (2, &["call", "p/much", "--input", "{"]),
        (2, &["call", "p/much", "--input", "@nowhere"]),
        (2, &["call", "p/much", "--limit", "paylod=1"]),
        (2, &["call", "p/much", "--timeout", "soon"]),
        (1, &["call", "p/much", "--limit", "payload=1kB"]),
        (1, &["call", "p/much", "--policy", "nowhere.toml"]),
        (1, &["call", "p/fails"]),
        (1, &["call", "p/fails", "--audit"]),
        (2, &["run", "p/much"]),
        (2, &["check", "q"]),
        (2, &["inspect", "q"]),
        (2, &["grants", "q"]),
        (2, &["approve", "q", "--yes"]),
        (2, &["approve", "Q q", "--revoke"]),
        (2, &["secrets", "set", "bad name"]),
        (2, &["secrets", "remove", "NONE"]),
        (2, &["secrets"]),
        (2, &["new", "plugins/p"]),
        (2, &["new", "plugins/Bad Name"]),
        (2, &["wit", "--track", "9"]),
        (2, &["conformance", "nowhere.wasm"]),
        (2, &["completions", "tcsh"]),
        (2, &["-C", "nowhere", "list"]),
    ];
    for (code, args) in cases {
        let document = one_document(&sandbox, args, *code);
        let message = document["error"]["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "{args:?}: {document:#}");
        assert!(!message.contains('\u{1b}'), "{args:?}: {document:#}");
    }
    let hint = one_document(&sandbox, &["biuld"], 2);
    assert_eq!(hint["error"]["hint"], "did you mean `build`?", "{hint:#}");

    sandbox.write("plugins/p/index.ts", "export default {");
    let report = one_document(&sandbox, &["build"], 1);
    assert_eq!(report["errors"][0]["package"], "p", "{report:#}");
    let report = one_document(&sandbox, &["check"], 1);
    assert_eq!(report[0]["errors"][0]["line"], 1, "{report:#}");
    sandbox.write("plugins/p/distri.toml", "package = \"p\"\n");
    let report = one_document(&sandbox, &["build"], 1);
    assert!(report["errors"][0]["file"].as_str().unwrap().ends_with("distri.toml"), "{report:#}");

    sandbox.write(".distri/runtime/catalog.json", "{ half");
    for args in [["list"].as_slice(), &["grants"], &["inspect", "p"], &["call", "p/much"]] {
        one_document(&sandbox, args, 1);
    }
}

#[test]
fn what_an_operator_would_be_warned_of_is_in_the_document() {
    let sandbox = built();
    sandbox.write("plugins/p/index.ts", &format!("{PLUGIN}// changed\n"));
    let run = sandbox.distri(&["call", "p/tool-1", "--json"]);
    let document = run.json();
    assert_eq!((&document["result"], run.stderr.as_str()), (&1.into(), ""));
    let warning = document["warnings"][0].as_str().unwrap();
    assert!(warning.contains("what runs is the older build; run `distri build`"), "{warning}");
}

#[test]
fn a_component_that_is_no_plugin_fails_conformance_in_one_document() {
    let sandbox = Sandbox::with(&[]);
    std::fs::write(sandbox.path().join("empty.wasm"), wat::parse_str("(component)").unwrap())
        .unwrap();
    one_document(&sandbox, &["conformance", "empty.wasm"], 1);
    let golden = repository().join("tests/conformance/golden/rust-0.3.wasm");
    let report = one_document(&sandbox, &["conformance", golden.to_str().unwrap()], 0);
    assert_eq!(report["abi"], "0.3.0");
}

/// A plugin that traps whenever it is called says so where a toolchain is checked.
#[test]
fn a_plugin_whose_calls_trap_does_not_conform() {
    let sandbox = Sandbox::with(&[]);
    std::fs::write(sandbox.path().join("trap.wasm"), distri_testing::guest::tool("unreachable"))
        .unwrap();
    std::fs::write(sandbox.path().join("good.wasm"), distri_testing::guest::good()).unwrap();
    let run = sandbox.distri(&["conformance", "trap.wasm"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stdout.contains("FAIL  calls-are-answered"), "{run:#?}");
    assert!(run.stdout.contains("`subject/go` trapped"), "{run:#?}");
    let good = sandbox.distri(&["conformance", "good.wasm"]);
    assert!(good.stdout.contains("ok    calls-are-answered"), "{good:#?}");
}

#[test]
fn the_version_names_abi_and_engines() {
    let sandbox = Sandbox::with(&[]);
    let short = sandbox.distri(&["-V"]);
    assert_eq!(short.stdout, format!("distri {}\n", env!("CARGO_PKG_VERSION")));
    let long = sandbox.distri(&["--version"]).stdout;
    let lock = std::fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    let (_, wasmtime) = lock.split_once("name = \"wasmtime\"\nversion = \"48.").unwrap();
    let wasmtime = format!("wasmtime 48.{}", wasmtime.split('"').next().unwrap());
    for text in ["distri:plugin 0.2.0 and 0.3.0", &wasmtime, "QuickJS"] {
        assert!(long.contains(text), "no {text:?} in {long}");
    }
}
