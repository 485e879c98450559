//! What the operator decides, through the program: approvals, policies, secrets,
//! audits.

use std::path::Path;

use distri_testing::{Run, Sandbox, tool};
use serde_json::json;

/// A plugin that tells what it sees of secrets and the environment.
fn curious() -> Sandbox {
    let sandbox = Sandbox::with(&[]);
    sandbox.write("plugins/p/distri.toml", &manifest("secrets = [\"KEY\"]\n"));
    sandbox.write("plugins/p/index.ts", &tool("tell", "return context.secrets;"));
    sandbox
}

fn manifest(capabilities: &str) -> String {
    format!(
        "package = \"p\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n[capabilities]\n{capabilities}"
    )
}

fn tell(sandbox: &Sandbox, more: &[&str]) -> Run {
    sandbox.distri(&[&["call", "p/tell", "--json"], more].concat())
}

#[test]
fn a_secret_is_seen_once_it_is_approved_and_until_more_is_asked() {
    let sandbox = curious();
    let built = sandbox.build();
    assert!(built.stderr.contains("p: asks for the secret KEY\n"), "{built:#?}");
    assert!(built.stderr.contains("`distri approve p` grants it"), "{built:#?}");
    sandbox.distri(&["approve", "p", "--yes"]);
    let unset = sandbox.distri(&["call", "p/tell"]);
    assert!(unset.stderr.contains("run `distri secrets set KEY`"), "{unset:#?}");
    sandbox.distri(&["approve", "p", "--revoke"]);
    let set = sandbox.distri_with_input(&["secrets", "set", "KEY"], "the value\n");
    assert_eq!((set.code, set.stdout.as_str()), (0, ""), "{set:#?}");
    assert_eq!(sandbox.distri(&["secrets", "list"]).stdout, "KEY\n");

    assert_eq!(tell(&sandbox, &[]).json()["result"], json!({}));
    let warned = sandbox.distri(&["call", "p/tell"]);
    assert!(warned.stderr.contains("`p` was not granted the secret KEY"), "{warned:#?}");
    assert!(warned.stderr.contains("run `distri approve p`"), "{warned:#?}");

    sandbox.distri(&["approve", "p"]).fails(2, &["nobody is there to be asked", "--yes"]);
    let approved = sandbox.distri(&["approve", "p", "--yes"]);
    assert_eq!(approved.code, 0, "{approved:#?}");
    assert_eq!(tell(&sandbox, &[]).json()["result"], json!({ "KEY": "the value" }));

    // What is asked for later needs another approval; what was approved stays.
    sandbox.write("plugins/p/distri.toml", &manifest("secrets = [\"KEY\", \"OTHER\"]\n"));
    let widened = sandbox.build();
    assert!(widened.stderr.contains("p: now asks for the secret OTHER\n"), "{widened:#?}");
    assert!(!widened.stderr.contains("secret KEY"), "{widened:#?}");
    sandbox.distri_with_input(&["secrets", "set", "OTHER"], "x");
    assert_eq!(tell(&sandbox, &[]).json()["result"], json!({ "KEY": "the value" }));

    // Another package of the name would have what this one was approved.
    let elsewhere = sandbox.path().join("aside");
    std::fs::rename(sandbox.path().join("plugins/p"), &elsewhere).unwrap();
    sandbox.build();
    let grants = sandbox.distri(&["grants"]);
    assert!(grants.stderr.contains("`p` is approved, and not built here"), "{grants:#?}");
    std::fs::rename(&elsewhere, sandbox.path().join("plugins/p")).unwrap();
    sandbox.build();

    let revoked = sandbox.distri(&["approve", "p", "--revoke"]);
    assert_eq!(revoked.code, 0, "{revoked:#?}");
    assert_eq!(tell(&sandbox, &[]).json()["result"], json!({}));

    assert_eq!(sandbox.distri(&["secrets", "remove", "KEY"]).code, 0);
    sandbox.distri(&["secrets", "remove", "OTHR"]).fails(2, &["did you mean `OTHER`?"]);
}

#[test]
fn an_approval_is_for_one_workspace() {
    let [first, second] = [curious(), curious()];
    for sandbox in [&first, &second] {
        sandbox.build();
    }
    let config: &[(&str, &Path)] = &[("XDG_CONFIG_HOME", first.config())];
    assert_eq!(first.distri(&["approve", "p", "--yes"]).code, 0);
    first.distri_with_input(&["secrets", "set", "KEY"], "the value");
    let elsewhere = second.distri_with_env(&["call", "p/tell", "--json"], config);
    assert_eq!(elsewhere.json()["result"], json!({}));
}

#[test]
fn a_locked_run_has_what_the_policy_lists() {
    let sandbox = curious();
    sandbox.build();
    assert_eq!(sandbox.distri(&["approve", "p", "--yes"]).code, 0);
    let key: &[(&str, &Path)] = &[("DISTRI_SECRET_KEY", Path::new("from the environment"))];
    let seen = sandbox.distri_with_env(&["call", "p/tell", "--json"], key);
    assert_eq!(seen.json()["result"], json!({ "KEY": "from the environment" }));
    let locked = ["call", "p/tell", "--json", "--locked"];
    assert_eq!(sandbox.distri_with_env(&locked, key).json()["result"], json!({}));
    sandbox.write("operator.toml", "[packages.p]\nsecrets = [\"KEY\"]\n");
    let named = [locked.as_slice(), &["--policy", "operator.toml"]].concat();
    assert_eq!(
        sandbox.distri_with_env(&named, key).json()["result"],
        json!({ "KEY": "from the environment" })
    );

    sandbox.write("operator.toml", "[packages.p]\nsecret = [\"KEY\"]\n");
    sandbox
        .distri(&["call", "p/tell", "--policy", "operator.toml"])
        .fails(1, &["unknown key `secret`", "operator.toml:2", "did you mean `secrets`?"]);
}

#[test]
fn grants_say_what_is_asked_and_who_grants_it() {
    let sandbox = Sandbox::with(&[]);
    sandbox.write(
        "plugins/p/distri.toml",
        &manifest(
            "tools = [\"q/*\"]\nsecrets = [\"KEY\"]\nenv = [\"LANG\"]\nnetwork.hosts = [\"*.example.com\"]\n",
        ),
    );
    sandbox.write("plugins/p/index.ts", &tool("t", "return 1;"));
    sandbox.build();
    sandbox.write(
        "operator.toml",
        "[packages.p]\nenv = [\"LANG\"]\nnetwork.hosts = [\"api.example.com\"]\n",
    );
    let policy = ["--policy", "operator.toml"];
    let shown = sandbox.distri(&[&["grants", "p"], policy.as_slice()].concat());
    assert_eq!(
        shown.stdout,
        "p\n  \
         tools    q/*                    granted          by workspace\n  \
         secrets  KEY                    not granted\n  \
         env      LANG                   granted          by policy\n  \
         network  https://*.example.com  granted in part  by policy\n  \
         `distri approve p` grants what is asked for\n"
    );
    sandbox.distri(&["approve", "p", "--yes"]);
    let json = sandbox.distri(&[&["grants", "--json"], policy.as_slice()].concat()).json();
    assert_eq!(json[0]["package"], "p");
    let requests = json[0]["requests"].as_array().unwrap();
    assert!(requests.iter().all(|request| request["granted"] == "granted"), "{json:#}");
    assert_eq!(requests[3]["by"], json!(["policy", "approval"]));
    let locked = sandbox.distri(&["grants", "--json", "--locked"]).json();
    assert_eq!(locked[0]["requests"][0]["granted"], "not granted");
    sandbox.distri(&["grants", "q"]).fails(2, &["there is no built package `q`"]);
}

#[test]
fn a_call_that_is_not_asked_for_is_denied_with_the_line_to_add() {
    let sandbox = Sandbox::with(&[]);
    sandbox.write("plugins/p/distri.toml", &manifest(""));
    sandbox.write("plugins/p/index.ts", &tool("reach", "return callTool(\"q/t\");"));
    sandbox.write("plugins/q/distri.toml", &manifest("").replace("\"p\"", "\"q\""));
    sandbox.write("plugins/q/index.ts", &tool("t", "return 1;"));
    sandbox.build();
    sandbox
        .distri(&["call", "p/reach"])
        .fails(1, &["`p` may not call the tool `q/t`: its manifest does not ask for it"]);
    let told = sandbox.distri(&["call", "p/reach", "--json"]);
    assert!(told.stdout.contains("may not call the tool"), "{told:#?}");

    // A dependency is a grant to call it.
    let depends =
        manifest("").replace("[capabilities]", "[dependencies]\nq = { path = \"../q\" }\n");
    sandbox.write("plugins/p/distri.toml", &depends);
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/reach", "--json"]).json()["result"], 1);
    sandbox
        .distri(&["call", "p/reach", "--locked"])
        .fails(1, &["`p` may not call the tool `q/t`: it asks, and nothing grants it"]);
}

#[test]
fn an_audit_of_the_examples_prints_what_their_manifests_ask_for() {
    let sandbox = Sandbox::examples();
    sandbox.build();
    let capabilities = |text: &str| {
        let table: toml::Table = toml::from_str(text).unwrap();
        let asked = table["capabilities"].clone().try_into();
        let mut asked: distri_manifest::Capabilities = asked.unwrap();
        asked.tools.sort();
        asked
    };
    let text = "{\"text\": \"Hello, World!\"}";
    for (how, name, input, uses) in [
        ("run", "text-report/report", text, Some("text-report")),
        ("call", "notes/search", text, Some("notes")),
        ("call", "notes/add", "{\"name\": \"a\", \"text\": \"b\"}", Some("notes")),
        ("call", "text-tools/slugify", text, None),
        ("call", "text-tools/word_count", text, None),
        ("call", "checksum/sha256", text, None),
        ("call", "checksum/crc32", text, None),
        ("call", "workspace/today", "{}", None),
    ] {
        let audited = sandbox.distri(&[how, name, "--audit", "--json", "--input", input]);
        assert_eq!(audited.code, 0, "{name}: {audited:#?}");
        let json = audited.json();
        let reports = json["audit"].as_array().unwrap();
        let Some(package) = uses else {
            assert_eq!(json["audit"], json!([]), "{name}");
            continue;
        };
        assert_eq!(reports.len(), 1, "only {package} uses anything: {json:#}");
        assert_eq!(reports[0]["package"], package);
        assert_eq!(reports[0]["refused"], json!([]));
        let least = reports[0]["manifest"].as_str().unwrap();
        let manifest = sandbox.path().join(format!("plugins/{package}/distri.toml"));
        let manifest = std::fs::read_to_string(manifest).unwrap();
        assert_eq!(capabilities(least), capabilities(&manifest), "{name}");
    }
    let shown = sandbox.distri(&["call", "notes/search", "--audit", "--input", text]);
    assert!(
        shown.stderr.contains(
            "[[capabilities.filesystem]]\nguest = \"/notes\"\npath = \"notes\"\naccess = \"read-write\"\n"
        ),
        "{shown:#?}"
    );
}

#[test]
fn an_audit_names_what_was_refused() {
    let sandbox = Sandbox::with(&[]);
    sandbox.write("plugins/p/distri.toml", &manifest("agents = [\"poet\"]\n"));
    sandbox.write(
        "plugins/p/index.ts",
        &tool("t", "return callTool(\"q/t\").catch((e: any) => e.kind);"),
    );
    sandbox.write("plugins/q/distri.toml", &manifest("").replace("\"p\"", "\"q\""));
    sandbox.write("plugins/q/index.ts", &tool("t", "return 1;"));
    sandbox.build();
    let run = sandbox.distri(&["call", "p/t", "--audit"]);
    assert_eq!(run.stdout, "\"denied\"\n");
    assert!(run.stderr.contains("# refused in this run: tool q/t\n"), "{run:#?}");
    assert!(run.stderr.contains("[capabilities]\ntools = [\"q/t\"]\n"), "{run:#?}");
    assert!(!run.stderr.contains("poet"), "what was not used is not in the least manifest");
}

/// A canary in the host's environment and arguments, and among another package's
/// secrets, is nowhere.
#[test]
fn a_canary_of_somebody_else_is_never_seen() {
    const CANARY: &str = "canary-1f6c2b77";
    let sandbox = Sandbox::with(&[]);
    sandbox.write("plugins/p/distri.toml", &manifest("secrets = [\"MINE\"]\n"));
    let look = "const seen = JSON.stringify([context, Object.keys(globalThis)]);\n\
                console.log(seen);\n\
                try { await callTool(\"q/t\"); } catch (e: any) { console.error(e.message); }\n\
                throw new Error(seen);";
    sandbox.write("plugins/p/index.ts", &tool("look", look));
    sandbox.write(
        "plugins/q/distri.toml",
        &manifest("secrets = [\"CANARY\"]\n").replace("\"p\"", "\"q\""),
    );
    sandbox.write("plugins/q/index.ts", &tool("t", "throw new Error(context.secrets.CANARY);"));
    sandbox.write(
        "operator-1f6c2b.toml",
        "[packages.q]\nsecrets = [\"CANARY\"]\n[packages.p]\ntools = [\"*\"]\n",
    );
    sandbox.build();
    let env: &[(&str, &Path)] =
        &[("DISTRI_SECRET_CANARY", Path::new(CANARY)), ("SOME_CANARY", Path::new(CANARY))];
    for args in [["call", "p/look", "-vv", "--json"], ["call", "q/t", "-vv", "--json"]] {
        let policy = ["--policy", "operator-1f6c2b.toml"];
        let run = sandbox.distri_with_env(&[args.as_slice(), &policy].concat(), env);
        assert_eq!(run.code, 1, "{run:#?}");
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(CANARY), "{run:#?}");
    }
    // A caller that was told it says no more of it than its owner.
    sandbox.write("plugins/q/index.ts", &tool("t", "return context.secrets.CANARY;"));
    let told = "const told = await callTool(\"q/t\"); console.log(told); throw new Error(told);";
    sandbox
        .write("plugins/r/distri.toml", &manifest("tools = [\"q/t\"]\n").replace("\"p\"", "\"r\""));
    sandbox.write("plugins/r/index.ts", &tool("tell", told));
    sandbox.build();
    let args = ["call", "r/tell", "-vv", "--json", "--policy", "operator-1f6c2b.toml"];
    let told = sandbox.distri_with_env(&args, env);
    assert!(told.stdout.contains("[secret CANARY]"), "{told:#?}");
    assert!(!format!("{}{}", told.stdout, told.stderr).contains(CANARY), "{told:#?}");
    sandbox.write("plugins/q/index.ts", &tool("t", "throw new Error(context.secrets.CANARY);"));
    sandbox.build();
    // The plugin that has it can use it; what it says of it is redacted.
    let args = ["call", "q/t", "--json", "--policy", "operator-1f6c2b.toml"];
    let own = sandbox.distri_with_env(&args, env);
    assert!(own.stdout.contains("[secret CANARY]"), "{own:#?}");
}

#[test]
fn of_two_packages_of_one_name_neither_has_the_others_approval() {
    let sandbox = curious();
    sandbox.build();
    sandbox.distri(&["approve", "p", "--yes"]);
    sandbox.distri_with_input(&["secrets", "set", "KEY"], "the value");
    sandbox.write("plugins/a/distri.toml", &manifest("secrets = [\"KEY\"]\n"));
    sandbox.write("plugins/a/index.ts", &tool("tell", "return [\"stolen\", context.secrets];"));
    sandbox.distri(&["build"]).fails(1, &["two packages are named `p`"]);
    assert_eq!(tell(&sandbox, &[]).json()["result"], json!({ "KEY": "the value" }));
}

#[cfg(unix)]
#[test]
fn an_environment_that_is_not_text_harms_nothing() {
    use std::os::unix::ffi::OsStrExt as _;
    let sandbox = curious();
    sandbox.build();
    let odd = Path::new(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    let run = sandbox.distri_with_env(&["call", "p/tell", "--json"], &[("DISTRI_DATABASE_X", odd)]);
    assert_eq!(run.json()["result"], json!({}));
}
