//! Hosts that live long: instances that are kept across calls, sessions that come and
//! go, clients that leave. What each took comes back.

use std::time::Duration;

use distri_host::{ErrorKind, ExecutionContext, Host, ToolCall, ToolResult};
use distri_testing::{growth, guest, open_files, threads};

use crate::bench::Bench;

/// Takes so many pages and some handles, and asks an agent.
fn busy(agent: &str) -> Vec<u8> {
    let length = agent.len();
    guest::with_items(
        &format!(
            "(import \"distri:plugin/host@0.3.0\" \"call-agent\" (func $ask (param i32 i32 i32 i32 i32 i32 i32)))
             (import \"distri:plugin/host@0.3.0\" \"set-session-value\" (func $set (param i32 i32 i32 i32 i32)))
             (import \"$root\" \"[waitable-set-new]\" (func $new (result i32)))
             (data (i32.const 4096) \"{agent}\") (data (i32.const 4200) \"1\")"
        ),
        &format!(
            "(if (i32.lt_u (memory.size) (i32.const 100)) (then (drop (memory.grow (i32.const 100)))))
             (memory.fill (i32.const 70000) (i32.const 1) (i32.const 4000000))
             (drop (call $new))
             (global.set $top (i32.const 65536))
             (call $set (i32.const 4096) (i32.const {length}) (i32.const 4200) (i32.const 1) (i32.const 128))
             (call $ask (i32.const 4096) (i32.const {length}) (i32.const 4200) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 128))"
        ),
    )
}

async fn call(host: &Host, name: &str, session: usize) -> distri_host::Result<ToolResult> {
    let context = ExecutionContext::in_session(format!("session {session}"));
    host.execute_tool(name, "go", ToolCall { context, ..ToolCall::new("null") }).await
}

/// A round of calls by ten clients: each in a session of its own, to a plugin that is
/// kept for everybody and to one that is kept per session; a third of them leave.
async fn round(bench: &Bench, number: usize) {
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..10 {
        let host = bench.host.clone();
        clients.spawn(async move {
            let session = number * 7 + client;
            for name in ["shared", "own"] {
                match call(&host, name, session).await {
                    Ok(answer) => assert_eq!(answer.result, "null"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Limit, "{error}"),
                }
            }
            if client % 3 == 0 {
                for name in ["leaves-shared", "leaves-own"] {
                    let left = call(&host, name, session);
                    let left = tokio::time::timeout(Duration::from_millis(5), left).await;
                    assert!(left.is_err(), "the agent never answers");
                }
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

/// Waits until no call is under way; kept instances stay.
async fn quiet(bench: &Bench) {
    for _ in 0..500 {
        let activity = bench.host.activity();
        if activity.calls == 0 && activity.free_permits == bench.limits.concurrent_calls {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still busy after five seconds: {:?}", bench.host.activity());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_instances_and_clients_that_leave_give_everything_back() {
    let bench = Bench::new(|limits| {
        limits.kept_instances = 6;
        limits.memory = 16 << 20;
        limits.sessions_bytes = 64 << 10;
    })
    .await;
    let (shared, own) =
        ("[instances]\nmode = \"shared\"\n", "[instances]\nmode = \"per-session\"\n");
    for (name, mode, agent) in [
        ("shared", shared, "sleeper"),
        ("own", own, "sleeper"),
        ("leaves-shared", shared, "never"),
        ("leaves-own", own, "never"),
    ] {
        bench.load_with(name, mode, busy(agent)).await.unwrap();
    }
    for number in 0..20 {
        round(&bench, number).await;
    }
    quiet(&bench).await;
    let (files, running) = (open_files(), threads());
    let ((), grown) = growth(async {
        for number in 20..200 {
            round(&bench, number).await;
        }
        quiet(&bench).await;
    })
    .await;
    // Calls at the same time may need more than the ones before: not 180 rounds more.
    assert!(grown < 48 << 20, "{} MiB", grown >> 20);
    assert!(open_files() <= files + 4, "{files} files, then {}", open_files());
    assert!(threads() <= running + 8, "{running} threads, then {}", threads());
    let kept = bench.host.activity().instances;
    assert!((1..=6).contains(&kept), "{kept} instances");
    // A chain's memory that was not given back would be held against later calls.
    for session in 0..40 {
        assert_eq!(call(&bench.host, "shared", session).await.unwrap().result, "null");
    }
    for name in ["shared", "own", "leaves-shared", "leaves-own"] {
        bench.host.unload_plugin(name).unwrap();
    }
    bench.still_good().await;
}

/// An instance that is kept is taken over by chains of calls, one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_instances_memory_counts_for_the_chain_that_uses_it() {
    let bench = Bench::new(|limits| {
        limits.memory = 16 << 20;
        limits.chain_memory = 1;
    })
    .await;
    let shared = "[instances]\nmode = \"shared\"\n";
    bench.load_with("shared", shared, busy("sleeper")).await.unwrap();
    let pages = 190;
    let calls = guest::with_items(
        &guest::calling("shared/go"),
        &format!("(drop (memory.grow (i32.const {pages}))) (call $ask) (call $relay)"),
    );
    bench.load("calls", calls).await.unwrap();
    // Six MiB by itself fit beside nothing, not beside twelve.
    assert_eq!(call(&bench.host, "shared", 1).await.unwrap().error, None);
    assert_eq!(bench.host.activity().instances, 1);
    let told = call(&bench.host, "calls", 1).await.unwrap().error.unwrap();
    assert!(told.contains("memory together"), "{told}");
    for _ in 0..5 {
        assert_eq!(call(&bench.host, "shared", 1).await.unwrap().error, None);
    }
    bench.host.unload_plugin("shared").unwrap();
    bench.still_good().await;
}
