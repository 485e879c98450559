//! Every door, in both tracks: it opens when manifest and policy say so, and stays
//! shut when one of them does not. The network's are in `network`, the databases'
//! in `host/capabilities/databases/tests`.

use std::path::PathBuf;

use async_trait::async_trait;
use distri_host::{
    AgentCall, Caller, Capability, Error, ErrorKind, Host, HostServices, Policy, Result, ToolCall,
};
use distri_manifest::Manifest;
use distri_testing::{alone, built, repository};
use serde_json::{Value, json};

/// The components of the reference plugin, by track.
const TRACKS: [&str; 2] = ["rust-0.2.wasm", "rust-0.3.wasm"];

struct Services;

#[async_trait]
impl HostServices for Services {
    async fn call_agent(&self, call: AgentCall) -> Result<String> {
        Ok(format!("{} did it", call.name))
    }

    async fn get_secret(&self, _: &str, name: &str) -> Result<Option<String>> {
        Ok(Some(format!("value of {name}")))
    }

    fn get_variable(&self, name: &str) -> Option<String> {
        Some(format!("value of {name}"))
    }
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(repository().join("tests/conformance/golden").join(name)).unwrap()
}

/// A host with a guest as `p` that asks for this, and a plugin `q` that it might call.
async fn host(asked: &str, allowed: &str, wasm: Vec<u8>) -> Host {
    two((asked, allowed), ("", ""), wasm).await
}

/// What `p` asks for and is allowed, and what `q` does.
async fn two(p: (&str, &str), q: (&str, &str), wasm: Vec<u8>) -> Host {
    let manifest = |name: &str, asked: &str| -> Manifest {
        let text = format!(
            "package = \"{name}\"\nversion = \"1.0.0\"\n[entrypoints]\nwasm = \"x.wasm\"\n[capabilities]\n{asked}\n"
        );
        text.parse().unwrap()
    };
    let policy = format!("[packages.p]\n{}\n[packages.q]\n{}\n", p.1, q.1);
    let policy: Policy = policy.parse().unwrap();
    let host = Host::builder()
        .policy(policy)
        .services(Services)
        .workspace(repository())
        .cache_folder(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("doors"))
        .build()
        .unwrap();
    host.load_component(&manifest("p", p.0), wasm).await.unwrap();
    host.load_component(&manifest("q", q.0), golden("rust-0.3.wasm")).await.unwrap();
    host
}

async fn call(host: &Host, tool: &str, input: Value) -> Value {
    let answer = host.execute_tool("p", tool, ToolCall::new(input.to_string())).await.unwrap();
    assert_eq!(answer.error, None, "{}", answer.result);
    serde_json::from_str(&answer.result).unwrap()
}

/// A door: what asks for it, what allows it, how it is tried, and what comes of it
/// when it opens.
struct Door {
    asked: &'static str,
    allowed: &'static str,
    tool: &'static str,
    input: Value,
    open: Value,
}

/// What a shut door answers: `denied`, by whose fault.
fn missing(answer: &Value) -> &str {
    assert_eq!(answer["err"]["kind"], "denied", "{answer}");
    answer["err"]["detail"]["missing"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_and_agents_are_reached_with_request_and_grant() {
    let _alone = alone().await;
    let doors = [
        Door {
            asked: "tools = [\"q/echo\"]",
            allowed: "tools = [\"q/*\"]",
            tool: "call_tool",
            input: json!({ "name": "q/echo", "input": 1 }),
            open: json!({ "ok": 1 }),
        },
        Door {
            asked: "agents = [\"poet\"]",
            allowed: "agents = [\"*\"]",
            tool: "call_agent",
            input: json!({ "name": "poet", "task": "write" }),
            open: json!({ "ok": "poet did it" }),
        },
    ];
    for track in TRACKS {
        for Door { asked, allowed, tool, input, open } in &doors {
            let with = async |asked: &str, allowed: &str| {
                call(&host(asked, allowed, golden(track)).await, tool, input.clone()).await
            };
            assert_eq!(with(asked, allowed).await, *open, "{track}");
            assert_eq!(missing(&with("", allowed).await), "request", "{track}");
            assert_eq!(missing(&with(asked, "").await), "grant", "{track}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_seen_with_request_and_grant() {
    let _alone = alone().await;
    let (asked, allowed) = ("secrets = [\"KEY\"]", "secrets = [\"KEY\"]");
    for track in TRACKS {
        let seen = async |asked: &str, allowed: &str| {
            let host = host(asked, allowed, golden(track)).await;
            call(&host, "context", json!({})).await["secrets"].clone()
        };
        assert_eq!(seen(asked, allowed).await, json!({ "KEY": "value of KEY" }), "{track}");
        assert_eq!(seen("", allowed).await, json!({}), "{track}");
        assert_eq!(seen(asked, "").await, json!({}), "{track}");
        // What may be sent may not be seen.
        let sent = r#"{ name = "KEY", host = "x.org" }"#;
        let (both, only) = (format!("secrets = [\"KEY\", {sent}]"), format!("secrets = [{sent}]"));
        assert_eq!(seen(&both, &only).await, json!({}), "{track}");
        assert_eq!(seen(&only, asked).await, json!({}), "{track}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_has_its_own_grants_and_not_its_callers() {
    let _alone = alone().await;
    let calls = "tools = [\"q/*\"]";
    let both = "tools = [\"q/*\"]\nagents = [\"poet\"]";
    let through = json!({ "name": "q/call_agent", "input": { "name": "poet", "task": "write" } });
    for track in TRACKS {
        // The caller has the agent, the callee does not.
        let mut host = host(both, both, golden(track)).await;
        let answer = call(&host, "call_tool", through.clone()).await;
        assert_eq!(missing(&answer["ok"]), "request", "{track}");
        assert_eq!(answer["ok"]["err"]["detail"]["package"], "q", "{track}");

        // The callee has it, the caller does not.
        host = two((calls, calls), ("agents = [\"poet\"]", "agents = [\"poet\"]"), golden(track))
            .await;
        let answer = call(&host, "call_tool", through.clone()).await;
        assert_eq!(answer, json!({ "ok": { "ok": "poet did it" } }), "{track}");
    }
}

/// The guests that see files and variables: WASI 0.2 and 0.3.
const FILES: [&str; 2] = ["files-rust", "files-ts"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_are_seen_with_request_and_grant() {
    let _alone = alone().await;
    for guest in FILES {
        let seen = async |asked: &str, allowed: &str| {
            call(&host(asked, allowed, built(guest)).await, "environment", json!({})).await
        };
        let (asked, allowed) = ("env = [\"LANG\"]", "env = [\"LANG\", \"HOME\"]");
        assert_eq!(seen(asked, allowed).await, json!([["LANG", "value of LANG"]]), "{guest}");
        assert_eq!(seen("", allowed).await, json!([]), "{guest}");
        assert_eq!(seen(asked, "").await, json!([]), "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_are_seen_with_request_and_grant() {
    let _alone = alone().await;
    let asked = "filesystem = [{ guest = \"/wit\", path = \"wit/v0.3\" }]";
    let allowed = "filesystem = [{ path = \"wit\" }]";
    for guest in FILES {
        let with = async |asked: &str, allowed: &str, tool: &str, input: Value| {
            let host = host(asked, allowed, built(guest)).await;
            let call = ToolCall::new(input.to_string());
            host.execute_tool("p", tool, call).await.unwrap()
        };
        let read = || json!({ "guest": "/wit", "path": "world.wit" });
        let open = with(asked, allowed, "read", read()).await;
        assert_eq!(open.error, None, "{guest}");
        assert!(open.result.contains("package distri:plugin@0.3.0;"), "{guest}");
        for (asked, allowed) in [("", allowed), (asked, "")] {
            let shut = with(asked, allowed, "read", read()).await;
            assert!(shut.error.is_some(), "{guest}: {}", shut.result);
            let none = with(asked, allowed, "folders", json!({})).await;
            assert_eq!(none.result, "[]", "{guest}");
        }
        // Asked for and allowed to be read: not to be written.
        let wider = asked.replace("\" }", "\", access = \"read-write\" }");
        let input = json!({ "guest": "/wit", "path": "new.wit", "text": "bad" });
        let shut = with(&wider, allowed, "write", input).await;
        assert!(shut.error.is_some(), "{guest}: {}", shut.result);
        assert!(!repository().join("wit/v0.3/new.wit").exists());
    }
}

/// Lets nobody but Ada have anything.
struct OnlyAda;

#[async_trait]
impl HostServices for OnlyAda {
    fn authorise(&self, caller: &Caller, _: Capability<'_>) -> Result<()> {
        match caller.context.user_id.as_deref() {
            Some("ada") => Ok(()),
            _ => Err(Error::new(ErrorKind::Denied, "only Ada may")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_instance_gives_nobody_what_another_caller_was_given() {
    let _alone = alone().await;
    let manifest: Manifest =
        "package = \"p\"\nversion = \"1.0.0\"\n[entrypoints]\nwasm = \"x.wasm\"\n\
         [instances]\nmode = \"shared\"\n\
         [[capabilities.filesystem]]\nguest = \"/wit\"\npath = \"wit\"\n"
            .parse()
            .unwrap();
    let host = Host::builder()
        .services(OnlyAda)
        .workspace(repository())
        .cache_folder(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("doors"))
        .build()
        .unwrap();
    host.load_component(&manifest, built("files-rust")).await.unwrap();
    let reads = async |user: &str| {
        let mut call = ToolCall::new(r#"{"guest": "/wit", "path": "README.md"}"#);
        call.context.user_id = Some(user.to_owned());
        host.execute_tool("p", "read", call).await.unwrap().error
    };
    for _ in 0..3 {
        assert_eq!(reads("ada").await, None);
        assert_eq!(reads("ben").await.as_deref(), Some("no-folder"));
    }
}

/// A plugin does what it may for whoever calls it: it says who that is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_says_who_may_call_it() {
    let _alone = alone().await;
    for track in TRACKS {
        for (callers, admitted) in [
            ("", true),
            ("callers = [\"p\"]", true),
            ("callers = [\"other\", \"p\"]", true),
            ("callers = [\"other\"]", false),
            ("callers = []", false),
        ] {
            let host = Host::builder()
                .policy("[all]\ntools = [\"*\"]".parse().unwrap())
                .services(Services)
                .cache_folder(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("doors"))
                .build()
                .unwrap();
            let manifest = |name: &str, top: &str, asked: &str| -> Manifest {
                let text = format!(
                    "package = \"{name}\"\nversion = \"1.0.0\"\n{top}\n[entrypoints]\nwasm = \"x.wasm\"\n[capabilities]\n{asked}\n"
                );
                text.parse().unwrap()
            };
            let p = manifest("p", "", "tools = [\"q/*\"]");
            host.load_component(&p, golden(track)).await.unwrap();
            let q = manifest("q", callers, "");
            host.load_component(&q, golden("rust-0.3.wasm")).await.unwrap();
            let input = json!({ "name": "q/echo", "input": 1 });
            let answer = call(&host, "call_tool", input).await;
            if admitted {
                assert_eq!(answer, json!({ "ok": 1 }), "{track} {callers}");
            } else {
                assert_eq!(missing(&answer), "caller", "{track} {callers}");
                let hint = answer["err"]["hint"].as_str().unwrap();
                assert!(hint.contains("\"p\"]`") && hint.contains("of `q`"), "{hint}");
            }
            // Whoever is no plugin calls it either way.
            let direct = host.execute_tool("q", "echo", ToolCall::new("1")).await.unwrap();
            assert_eq!(direct.result, "1");
        }
    }
}

/// What is not there and what may not be called look the same to who asks for neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_door_tells_which_packages_there_are() {
    let _alone = alone().await;
    for track in TRACKS {
        let host = host("tools = [\"mine/*\"]", "tools = [\"*\"]", golden(track)).await;
        let told = async |name: &str| {
            let answer = call(&host, "call_tool", json!({ "name": name, "input": 1 })).await;
            answer["err"].to_string().replace(name, "NAME")
        };
        assert_eq!(told("q/echo").await, told("nope/echo").await, "{track}");
        assert_eq!(told("q/echo").await, told("q/nope").await, "{track}");
        // Of what it asks for, it is told that it is not there, and nothing of the rest.
        let answer = call(&host, "call_tool", json!({ "name": "mine/x", "input": 1 })).await;
        assert_eq!(answer["err"]["kind"], "not-found", "{track}: {answer}");
        let hint = answer["err"]["hint"].as_str().unwrap();
        assert!(!hint.contains("`q`"), "{track}: {hint}");
    }
}
