//! What strangers wrote is shown as the text that it is: on pipes as on terminals, in
//! every command, and as JSON.

use distri_manifest::is_control;
use distri_testing::{Run, Sandbox};

/// Clears a screen, begins a line that poses as a message, reverses what follows, and
/// hides characters; as JavaScript, JSON and TOML write it.
const HOSTILE: &str =
    "x\\u001b[2J\\u001b]0;t\\u0007\\r\\nerror: forged\\u009b1m\\u202ecba\\u2066\\u200b\\ufeff.";

fn sandbox() -> Sandbox {
    let manifest = format!(
        "package = \"p\"\nversion = \"0.1.0\"\ndescription = \"{HOSTILE}\"\n[entrypoints]\nts = \"index.ts\"\n\
         [capabilities]\nsecrets = [\"KEY\"]\nnetwork.hosts = [\"https://example.org\"]\n"
    );
    let module = format!(
        "import {{ createTool }} from \"distri/base\";\n\
         export default {{ tools: [\n\
           createTool({{ name: \"throws\", description: \"{HOSTILE}\", version: \"{HOSTILE}\",\n\
             parameters: {{ type: \"object\", description: \"{HOSTILE}\", properties: {{ \"{HOSTILE}\": {{ type: \"string\", description: \"{HOSTILE}\" }} }} }},\n\
             execute: async () => {{ const e: any = new Error(\"{HOSTILE}\"); e.hint = \"{HOSTILE}\"; throw e; }} }}),\n\
           createTool({{ name: \"answers\", description: \"\", execute: async () => \"{HOSTILE}\" }}),\n\
         ] }};\n"
    );
    Sandbox::with(&[
        ("plugins/p/distri.toml", &manifest),
        ("plugins/p/index.ts", &module),
        ("agents/a.md", &format!("---\nname = \"a\"\ndescription = \"{HOSTILE}\"\n---\nYou.\n")),
    ])
}

#[track_caller]
fn plain(args: &[&str], run: &Run) {
    for stream in [&run.stdout, &run.stderr] {
        let bad: Vec<char> = stream.chars().filter(|c| *c != '\n' && is_control(*c)).collect();
        assert!(bad.is_empty(), "{args:?}: {bad:?} in {run:#?}");
        // No line of a stranger's poses as one of the program's.
        assert!(!stream.lines().any(|line| line.starts_with("error: forged")), "{run:#?}");
    }
}

#[test]
fn what_strangers_wrote_moves_no_cursor_and_forges_no_line() {
    let sandbox = sandbox();
    for args in [
        &["check"][..],
        &["build"],
        &["build"],
        &["list"],
        &["list", "tools"],
        &["list", "workflows"],
        &["list", "agents"],
        &["inspect", "p"],
        &["grants"],
        &["grants", "p"],
        &["approve", "p"],
        &["approve", "p", "--yes"],
        &["approve", "p", "--revoke"],
        &["call", "p/throws"],
        &["call", "p/answers"],
        &["call", "p/throws", "--audit"],
    ] {
        let run = sandbox.distri(args);
        plain(args, &run);
        let json = sandbox.distri(&[args, &["--json"]].concat());
        plain(args, &json);
        for line in json.stdout.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(!value.is_null(), "{args:?}");
        }
    }
    let list = sandbox.distri(&["list", "tools"]);
    assert!(list.stdout.contains("\\u{1b}[2J"), "it is shown, not left out: {list:#?}");
    assert_eq!(list.stdout.lines().count(), 2, "{list:#?}");
    // The value in JSON is what it was.
    let json = sandbox.distri(&["list", "tools", "--json"]).json();
    let expected: String = serde_json::from_str(&format!("\"{HOSTILE}\"")).unwrap();
    assert_eq!(json[0]["description"].as_str(), Some(expected.as_str()));
}

/// What is not built fails with a stranger's text too.
#[test]
fn errors_about_what_strangers_wrote_are_plain() {
    let key = "\"a\\u001b[2J\\u202eb\" = 1\n";
    let long = "x\\u001b]0;t\\u0007".repeat(500);
    let sandbox = Sandbox::with(&[
        ("plugins/key/distri.toml", &format!("package = \"k\"\nversion = \"0.1.0\"\n{key}")),
        ("plugins/name/distri.toml", "package = \"\\u001b[2J\\u202e\"\nversion = \"0.1.0\"\n"),
        ("plugins/version/distri.toml", "package = \"v\"\nversion = \"\\u001b[2J\\u202e\"\n"),
        (
            "plugins/top/distri.toml",
            "package = \"top\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n",
        ),
        ("plugins/top/index.ts", &format!("throw new Error(\"{long}\\nerror: forged\");\n")),
        (
            "plugins/syntax/distri.toml",
            "package = \"syntax\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n",
        ),
        ("plugins/syntax/index.ts", "export default \u{1b}[2J \u{202e} ( ;\n"),
        ("agents/b.md", "---\n\"\\u001b[2J\" = 1\n---\n"),
    ]);
    for args in [
        &["build"][..],
        &["check"],
        &["list"],
        &["list", "agents"],
        &["call", "\u{1b}[2J/\u{202e}"],
    ] {
        plain(args, &sandbox.distri(args));
        plain(args, &sandbox.distri(&[args, &["--json"]].concat()));
    }
}
