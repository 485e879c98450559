//! What an operator is told when something is missing: which file lacks which line,
//! which database is why not there, who called whom.

use distri_testing::{Sandbox, tool};

fn manifest(package: &str, top: &str, capabilities: &str) -> String {
    format!(
        "package = \"{package}\"\nversion = \"0.1.0\"\n{top}\n[entrypoints]\nts = \"index.ts\"\n[capabilities]\n{capabilities}"
    )
}

const FOLDER: &str =
    "filesystem = [{ guest = \"/data\", path = \"data\", access = \"read-write\" }]\n";

#[test]
fn what_the_policy_lacks_is_told_from_what_the_manifest_lacks() {
    let sandbox = Sandbox::with(&[]);
    std::fs::create_dir(sandbox.path().join("data")).unwrap();
    let source = format!(
        "import {{ readFile }} from \"node:fs/promises\";\n{}",
        tool("read", "return readFile(\"/data/x\", \"utf8\");")
    );
    sandbox.write("data/x", "inside");
    sandbox.write("plugins/p/index.ts", &source);
    // The manifest asks, and the policy lacks it.
    sandbox.write("plugins/p/distri.toml", &manifest("p", "", FOLDER));
    sandbox.write("operator.toml", "[packages.p]\nenv = [\"LANG\"]\n");
    sandbox.build();
    let locked = ["call", "p/read", "--locked", "--policy", "operator.toml"];
    let run = sandbox.distri(&locked);
    assert_eq!(run.code, 1, "{run:#?}");
    for words in [
        "`p` may not write to the folder `data`: it asks, and nothing grants it",
        "`[packages.p]` in the policy `operator.toml`",
    ] {
        assert!(run.stderr.contains(words), "no {words:?}: {run:#?}");
    }
    assert!(!run.stderr.contains("its manifest does not ask for it"), "{run:#?}");
    // Unlocked, the workspace gives it.
    assert_eq!(sandbox.distri(&["call", "p/read"]).stdout, "\"inside\"\n");
    // The manifest lacks it.
    sandbox.write("plugins/p/distri.toml", &manifest("p", "", ""));
    sandbox.build();
    let run = sandbox.distri(&["call", "p/read", "--audit"]);
    assert!(run.stderr.contains("`p` sees no folder: its manifest asks for none"), "{run:#?}");
    assert!(run.stderr.contains("# refused in this run: folder"), "{run:#?}");
}

#[test]
fn a_database_that_nobody_named_is_named_in_a_file_that_is_read() {
    let sandbox = Sandbox::with(&[]);
    let databases = "databases = [{ name = \"main\", access = \"read-write\" }]\n";
    sandbox.write("plugins/p/distri.toml", &manifest("p", "", databases));
    let source = format!(
        "import {{ database }} from \"distri/sql\";\n{}",
        tool("all", "return database(\"main\").query(\"select 1 as a\");")
    );
    sandbox.write("plugins/p/index.ts", &source);
    sandbox.build();
    sandbox.distri(&["approve", "p", "--yes"]);
    let run = sandbox.distri(&["call", "p/all"]);
    let own = sandbox.config().join("distri/policy.toml");
    assert!(run.stderr.contains("there is no database `main`"), "{run:#?}");
    assert!(run.stderr.contains(&format!("the policy `{}`", own.display())), "{run:#?}");
    // What it says is what helps.
    let path = sandbox.path().join("main.db");
    std::fs::create_dir_all(own.parent().unwrap()).unwrap();
    let define = |url: &str| format!("[databases.main]\nurl = \"{url}\"\n");
    std::fs::write(&own, define(&format!("sqlite:{}", path.display()))).unwrap();
    // It is not there yet, and reading makes none: the log says so.
    let run = sandbox.distri(&["call", "p/all"]);
    assert!(run.stderr.contains("the host's log says why"), "{run:#?}");
    let shown = path.display().to_string();
    assert!(run.stderr.contains(&shown) && run.stderr.contains("no such file"), "{run:#?}");
    std::fs::write(&path, "").unwrap();
    assert_eq!(sandbox.distri(&["call", "p/all", "--json"]).json()["result"][0]["a"], 1);
    // A server that is down, without what only it should know.
    std::fs::write(&own, define("postgres://me:hunter22hunter@127.0.0.1:1/x")).unwrap();
    let run = sandbox.distri(&["call", "p/all"]);
    assert!(run.stderr.to_lowercase().contains("connection refused"), "{run:#?}");
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("hunter22"), "{run:#?}");
}

#[test]
fn a_database_that_a_package_may_replace_is_told_at_the_grant_and_refused_at_the_call() {
    let sandbox = Sandbox::with(&[]);
    std::fs::create_dir(sandbox.path().join("data")).unwrap();
    sandbox.write("plugins/w/distri.toml", &manifest("w", "", FOLDER));
    sandbox.write("plugins/w/index.ts", &tool("t", "return 1;"));
    let databases = "databases = [{ name = \"main\", access = \"read-write\" }]\n";
    sandbox.write("plugins/p/distri.toml", &manifest("p", "", databases));
    let source = format!(
        "import {{ database }} from \"distri/sql\";\n{}",
        tool("all", "return database(\"main\").execute(\"create table t (a)\");")
    );
    sandbox.write("plugins/p/index.ts", &source);
    sandbox.write(
        "operator.toml",
        &format!("[packages.p]\n{databases}[databases.main]\nurl = \"sqlite:data/main.db\"\n"),
    );
    sandbox.build();
    let words = "the database `main` lies in `data`, which `w` may write to";
    let policy = ["--policy", "operator.toml"];
    let grants = sandbox.distri(&[&["grants"], policy.as_slice()].concat());
    assert!(grants.stderr.contains(words), "{grants:#?}");
    sandbox.distri(&[&["call", "p/all"], policy.as_slice()].concat()).fails(1, &[words]);
    let own = sandbox.config().join("distri/policy.toml");
    std::fs::create_dir_all(own.parent().unwrap()).unwrap();
    let path = sandbox.path().join("data/main.db");
    std::fs::write(&own, format!("[databases.main]\nurl = \"sqlite:{}\"\n", path.display()))
        .unwrap();
    sandbox.distri(&["approve", "p", "--yes"]).fails(1, &[words]);
    assert!(!path.exists());
}

#[test]
fn an_audit_names_who_called_whom() {
    let sandbox = Sandbox::with(&[]);
    sandbox.write("plugins/p/distri.toml", &manifest("p", "", "tools = [\"q/t\"]\n"));
    sandbox.write("plugins/p/index.ts", &tool("t", "return callTool(\"q/t\");"));
    sandbox.write("plugins/q/distri.toml", &manifest("q", "", "agents = [\"poet\"]\n"));
    let source = tool("t", "return callAgent(\"poet\", \"x\").catch((e: any) => e.kind);");
    sandbox.write("plugins/q/index.ts", &source);
    sandbox.build();
    let run = sandbox.distri(&["call", "p/t", "--audit"]);
    assert!(run.stderr.contains("# for others: p/t -> q/t: agent poet"), "{run:#?}");
    assert!(!sandbox.distri(&["call", "q/t", "--audit"]).stderr.contains("for others"));
    // And a package says who may.
    sandbox.write(
        "plugins/q/distri.toml",
        &manifest("q", "callers = [\"r\"]", "agents = [\"poet\"]\n"),
    );
    sandbox.build();
    sandbox.distri(&["call", "p/t"]).fails(1, &["`q` does not name it among its callers"]);
    assert_eq!(sandbox.distri(&["call", "q/t"]).code, 0);
}

#[test]
fn a_tool_that_does_not_exist_is_told_from_one_that_is_not_granted() {
    let sandbox = Sandbox::with(&[]);
    sandbox.write("plugins/p/distri.toml", &manifest("p", "", ""));
    sandbox.write("plugins/p/index.ts", &tool("t", "return callTool(\"nope/greet\");"));
    sandbox.build();
    sandbox.distri(&["call", "p/t"]).fails(1, &["there is no plugin `nope`"]);
    sandbox.write("plugins/p/distri.toml", &manifest("p", "", "tools = [\"nope/*\"]\n"));
    sandbox.build();
    sandbox.distri(&["call", "p/t"]).fails(1, &["there is no plugin `nope`"]);
}
