//! The embedder's side: the examples of `host/examples`, spans, metrics, reports,
//! secrets and the clock.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use distri_host::{CallReport, Host, HostServices, Limits, Policy, Result, ToolCall};
use distri_testing::{MANIFEST, Sandbox, Transcript, cargo_build, profile, tool};
use distri_workspace::Workspace;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

/// Runs one of the host's examples in a built copy of the example workspace.
fn example(sandbox: &Sandbox, name: &str, args: &[&str]) -> (String, String) {
    let program = profile().join("examples").join(name);
    let output = Command::new(program).args(args).current_dir(sandbox.path()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn the_hosts_examples_run() {
    // As they are now: for tests, cargo builds only what tests them.
    cargo_build(&["--examples"]);
    let sandbox = Sandbox::examples();
    sandbox.build();
    let plugins = ["plugins/text-tools", "plugins/checksum", "plugins/text-report"];
    let (out, _) = example(
        &sandbox,
        "minimal",
        &["plugins/text-tools", "slugify", "{\"text\": \"Hello, World!\"}"],
    );
    assert_eq!(out, "{\"slug\":\"hello-world\"}\n");

    let (out, err) = example(&sandbox, "agents", &plugins);
    assert!(out.contains("characters are enough."), "{out}{err}");
    for call in ["checksum/sha256 ok", "text-tools/word_count ok", "text-report/report ok"] {
        assert!(err.contains(call), "{err}");
    }

    let (out, err) = example(&sandbox, "policy", &plugins);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("ba7816bf"), "{out}{err}");
    assert!(lines[1].contains("`text-report` may not have Tool(\"checksum/sha256\")"), "{out}");
}

/// Keeps what the host reports, and has a secret and a clock of its own.
#[derive(Clone, Default)]
struct Watching {
    reports: Arc<Mutex<Vec<CallReport>>>,
}

const SECRET: &str = "a-canary-that-nobody-may-see";

#[async_trait]
impl HostServices for Watching {
    async fn get_secret(&self, package: &str, name: &str) -> Result<Option<String>> {
        Ok((package == "p" && name == "TOKEN").then(|| SECRET.to_owned()))
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(24)
    }

    fn observe(&self, report: &CallReport) {
        self.reports.lock().unwrap().push(report.clone());
    }
}

/// A policy that grants the secret.
fn granted() -> distri_host::Policy {
    Sandbox::policy("[packages.p]\nsecrets = [\"TOKEN\"]\n")
}

/// Two plugins: `p` has a secret and calls `q`.
fn two() -> Sandbox {
    let sandbox = Sandbox::with(&[]);
    let secrets = "secrets = [\"TOKEN\", \"OTHER\"]\n";
    sandbox.write("plugins/p/distri.toml", &format!("{MANIFEST}{secrets}"));
    sandbox.write(
        "plugins/p/index.ts",
        &tool("outer", "return [context.secrets, await callTool(\"q/inner\"), Date.now()];"),
    );
    sandbox.write("plugins/q/distri.toml", &MANIFEST.replace("\"p\"", "\"q\""));
    sandbox.write("plugins/q/index.ts", &tool("inner", "return context.secrets;"));
    sandbox
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_sees_the_secrets_it_declares_and_the_embedders_clock() {
    let host = two().host_with(granted(), Watching::default());
    let answer = host.execute_tool("p", "outer", ToolCall::new("{}")).await.unwrap();
    let value: serde_json::Value = serde_json::from_str(&answer.result).unwrap();
    assert_eq!(value, serde_json::json!([{ "TOKEN": SECRET }, {}, 86_400_000]));
}

/// On one thread, so that recorder and subscriber see every task of the host.
#[tokio::test(flavor = "current_thread")]
async fn calls_are_reported_measured_and_traced_with_nothing_secret_in_it() {
    let watching = Watching::default();
    let host = two().host_with(granted(), watching.clone());
    // Compiles what is not compiled yet, before anything is watched.
    host.execute_tool("p", "outer", ToolCall::new("{}")).await.unwrap();
    watching.reports.lock().unwrap().clear();

    let recorder = DebuggingRecorder::new();
    let (transcript, traced) = Transcript::begin();
    {
        let _traced = traced;
        let _measured = metrics::set_default_local_recorder(&recorder);
        let mut call = ToolCall::new("{}");
        call.id = "root".to_owned();
        host.execute_tool("p", "outer", call).await.unwrap();
        let failed = host.execute_tool("p", "outer", ToolCall::new("{}").within(Duration::ZERO));
        failed.await.unwrap_err();
    }

    let reports = watching.reports.lock().unwrap().clone();
    let told: Vec<(String, &str, Option<&str>)> = reports
        .iter()
        .map(|report| {
            let name = format!("{}/{}", report.package, report.item);
            (name, report.outcome, report.caller_id.as_deref())
        })
        .collect();
    assert_eq!(told[0], ("q/inner".to_owned(), "ok", Some("root")));
    assert_eq!(told[1], ("p/outer".to_owned(), "ok", None));
    let (inner, outer) = (&reports[0], &reports[1]);
    assert!(outer.elapsed >= inner.elapsed && outer.cpu >= inner.cpu, "{reports:#?}");
    assert!(outer.peak_memory > 1 << 19 && outer.digest.len() == 64, "{outer:#?}");

    let mut counted = BTreeMap::new();
    for (key, _, _, value) in recorder.snapshotter().snapshot().into_vec() {
        let labels: Vec<String> =
            key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        if let DebugValue::Counter(count) = value {
            counted.insert(format!("{} {}", key.key().name(), labels.join(" ")), count);
        } else if let DebugValue::Histogram(samples) = value {
            counted.insert(key.key().name().to_owned(), samples.len() as u64);
        }
    }
    assert_eq!(counted.get("distri_calls_total plugin=p item=outer outcome=ok"), Some(&1));
    assert_eq!(counted.get("distri_calls_total plugin=q item=inner outcome=ok"), Some(&1));
    assert_eq!(
        counted.get("distri_host_calls_total function=call-tool outcome=ok"),
        Some(&1),
        "{counted:#?}"
    );
    assert!(counted.contains_key("distri_call_seconds"), "{counted:#?}");

    let text = transcript.text();
    let inner =
        text.lines().find(|line| line.contains("call ended") && line.contains('q')).unwrap();
    // The nested call's span lies in the host call's, and that in the root call's.
    let at = |part: &str| inner.find(part).unwrap_or_else(|| panic!("no {part} in {inner}"));
    let (root, asked, nested) =
        (at("call{plugin=p"), at("host_call{function=\"call-tool\""), at("call{plugin=q"));
    assert!(root < asked && asked < nested, "{inner}");
    assert!(inner.contains("call_id=\"root\"") && inner.contains("outcome=\"ok\""), "{inner}");
    for secret in [SECRET, "86400000"] {
        assert!(!text.contains(secret), "{secret} is in the trace");
        assert!(!format!("{counted:?}{reports:?}").contains(secret));
    }
}

/// Agents and log lines are told once; two hosts share nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_in_one_process_are_strangers() {
    let sandbox = two();
    let (one, two) = (sandbox.host(Watching::default()), sandbox.host(Watching::default()));
    one.unload_plugin("p").unwrap();
    assert_eq!(one.loaded_plugins(), ["q"]);
    assert_eq!(two.loaded_plugins(), ["p", "q"]);
    assert!(two.execute_tool("p", "outer", ToolCall::new("{}")).await.is_ok());
}

/// Three plugins, each of which says its name.
fn three() -> Sandbox {
    let sandbox = Sandbox::with(&[]);
    for name in ["a", "b", "c"] {
        let manifest = MANIFEST.replace("\"p\"", &format!("\"{name}\""));
        sandbox.write(&format!("plugins/{name}/distri.toml"), &manifest);
        let source = tool("who", &format!("return \"{name}\";"));
        sandbox.write(&format!("plugins/{name}/index.ts"), &source);
    }
    sandbox.build();
    sandbox
}

/// What was called most before, and what the policy names, is in memory before its first
/// call; and nothing goes for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_preloads_what_the_policy_names_and_what_was_called_most() {
    let sandbox = three();
    let cache = tempfile::tempdir().unwrap();
    let host = |images: usize, preload: &str| {
        let mut limits = Limits::default();
        limits.loaded_images = images;
        let policy: Policy = format!("preload = [{preload}]").parse().unwrap();
        let host = Host::builder()
            .limits(limits)
            .policy(Policy { open_workspace: true, ..policy })
            .cache_folder(cache.path().join("compiled"))
            .build()
            .unwrap();
        Workspace::at(sandbox.path().to_owned()).load(&host).unwrap();
        host
    };
    let first = host(8, "");
    assert_eq!(first.preload().await, 0, "nothing is known yet");
    for name in ["b", "a", "a"] {
        first.execute_tool(name, "who", ToolCall::new("{}")).await.unwrap();
    }
    drop(first);

    // A name that is not there is no fault of the others'.
    let second = host(2, "\"gone\", \"c\"");
    assert_eq!(second.preload().await, 2);
    assert_eq!(second.activity().images, 2);
    assert_eq!(second.preload().await, 0, "no more than there is room for");
    for (name, left) in [("b", 2), ("a", 1), ("c", 0)] {
        second.unload_plugin(name).unwrap();
        assert_eq!(second.activity().images, left, "after {name}");
    }
    drop(second);

    let third = host(8, "");
    assert_eq!(third.preload().await, 2, "the one that was only named was never called");
    third.execute_tool("c", "who", ToolCall::new("{}")).await.unwrap();
    drop(third);
    assert_eq!(host(8, "").preload().await, 3);
}

/// A host keeps the code of few plugins in memory, and brings it when it is needed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_was_used_longest_ago_is_given_up_and_brought_again() {
    let sandbox = three();
    let mut limits = Limits::default();
    limits.loaded_images = 2;
    let host = Host::builder().limits(limits).build().unwrap();
    Workspace::at(sandbox.path().to_owned()).load(&host).unwrap();
    assert_eq!(host.activity().images, 0);
    for (name, images) in [("a", 1), ("b", 2), ("a", 2), ("c", 2), ("b", 2), ("a", 2)] {
        let answer = host.execute_tool(name, "who", ToolCall::new("{}")).await.unwrap();
        assert_eq!(answer.result, format!("\"{name}\""));
        assert_eq!(host.activity().images, images, "after {name}");
    }
    for name in ["a", "b", "c"] {
        host.unload_plugin(name).unwrap();
    }
    assert_eq!(host.activity().images, 0);
}

/// Calls under way finish on the plugin that they began on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_is_replaced_and_unloaded_under_its_calls() {
    let sandbox = Sandbox::with(&[]);
    let slow = |n: u32| {
        tool(
            "slow",
            &format!("await callTool(\"q/spin\"); return [{n}, await callTool(\"q/spin\")];"),
        )
    };
    sandbox.write("plugins/p/distri.toml", MANIFEST);
    sandbox.write("plugins/p/index.ts", &slow(1));
    sandbox.write("plugins/q/distri.toml", &MANIFEST.replace("\"p\"", "\"q\""));
    sandbox.write(
        "plugins/q/index.ts",
        &tool("spin", "const end = performance.now() + 100; while (performance.now() < end) {} return \"old\";"),
    );
    let host = sandbox.host(());
    let call = |host: &distri_host::Host| {
        let host = host.clone();
        tokio::spawn(async move { host.execute_tool("p", "slow", ToolCall::new("{}")).await })
    };
    let first = call(&host);
    while host.activity().calls < 2 {
        tokio::task::yield_now().await;
    }
    // Both are replaced while the first call is in its first nested call.
    sandbox.write("plugins/p/index.ts", &slow(2));
    sandbox.write("plugins/q/index.ts", &tool("spin", "return \"new\";"));
    let second = sandbox.host(());
    for package in ["plugins/p", "plugins/q"] {
        host.load_plugin(&sandbox.path().join(package)).await.unwrap();
    }
    drop(second);
    let later = call(&host).await.unwrap().unwrap();
    host.unload_plugin("p").unwrap();
    assert_eq!(later.result, "[2,\"new\"]");
    assert_eq!(first.await.unwrap().unwrap().result, "[1,\"old\"]");
    assert!(host.execute_tool("p", "slow", ToolCall::new("{}")).await.is_err());
}
