//! Values that plugins keep in sessions: how many, how large, and whose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use distri_host::{
    ErrorKind, ExecutionContext, Host, HostServices, InMemorySessions, Limits, Result, Sessions,
    ToolCall, ToolResult,
};
use distri_testing::{alone, growth, guest, manifest};

use crate::bench::Bench;

/// Writes values of so many bytes under 100,000 names; fails with the kind of the
/// first error.
pub(crate) fn hoarder(bytes: usize) -> Vec<u8> {
    let pages = 2 + bytes / 65536;
    guest::with_memory(
        &format!("(memory (export \"memory\") {pages})"),
        "(import \"distri:plugin/host@0.3.0\" \"set-session-value\" (func $set (param i32 i32 i32 i32 i32)))",
        &format!(
            "(memory.fill (i32.const 65536) (i32.const 49) (i32.const {bytes}))
             (loop $again
               (i32.store (i32.const 64) (i32.const 0x61616161))
               (i32.store8 (i32.const 64) (i32.add (i32.const 65) (i32.rem_u (local.get $i) (i32.const 26))))
               (i32.store8 (i32.const 65) (i32.add (i32.const 65) (i32.rem_u (i32.div_u (local.get $i) (i32.const 26)) (i32.const 26))))
               (i32.store8 (i32.const 66) (i32.add (i32.const 65) (i32.rem_u (i32.div_u (local.get $i) (i32.const 676)) (i32.const 26))))
               (call $set (i32.const 64) (i32.const 4) (i32.const 65536) (i32.const {bytes}) (i32.const 128))
               (if (i32.load8_u (i32.const 128)) (then
                 (i32.store8 (i32.const 1032) (i32.const 1))
                 (i32.store (i32.const 1036) (i32.load (i32.const 132)))
                 (i32.store (i32.const 1040) (i32.load (i32.const 136))))
               (else
                 (local.set $i (i32.add (local.get $i) (i32.const 1)))
                 (br_if $again (i32.lt_u (local.get $i) (i32.const 17576))))))"
        ),
    )
}

/// Reads or writes the value of this name: `set` writes 1, `get` fails with the length
/// of the value that is there as its message, none when there is none.
fn keeper(key: &str) -> Vec<u8> {
    let length = key.len();
    guest::with_items(
        &format!(
            "(import \"distri:plugin/host@0.3.0\" \"set-session-value\" (func $set (param i32 i32 i32 i32 i32)))
             (import \"distri:plugin/host@0.3.0\" \"get-session-value\" (func $get (param i32 i32 i32)))
             (data (i32.const 4096) \"{key}\") (data (i32.const 4200) \"1\")"
        ),
        &format!(
            // `true` has four bytes, `false` five.
            "(if (i32.eq (i32.load offset=20 (local.get $call)) (i32.const 4))
               (then (call $set (i32.const 4096) (i32.const {length}) (i32.const 4200) (i32.const 1) (i32.const 128))
                     (if (i32.load8_u (i32.const 128)) (then unreachable)))
               (else (call $get (i32.const 4096) (i32.const {length}) (i32.const 128))
                     (if (i32.load8_u (i32.const 128)) (then unreachable))
                     (if (i32.load8_u (i32.const 132)) (then
                       (i32.store (i32.const 1024) (i32.load (i32.const 136)))
                       (i32.store (i32.const 1028) (i32.load (i32.const 140)))))))"
        ),
    )
}

async fn in_session(host: &Host, name: &str, session: &str, input: &str) -> Result<ToolResult> {
    let call = ToolCall { context: ExecutionContext::in_session(session), ..ToolCall::new(input) };
    host.execute_tool(name, "go", call).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_without_end_stop_at_their_limits() {
    let bench = Bench::new(|_| {}).await;
    for (bytes, limit) in [(1, "number"), (1 << 20, "bytes")] {
        bench.load("hoarder", hoarder(bytes)).await.unwrap();
        let (answer, grown) = growth(in_session(&bench.host, "hoarder", limit, "null")).await;
        assert_eq!(answer.unwrap().error.as_deref(), Some("limit"), "{limit}");
        assert!(grown < 64 << 20, "{limit}: {} MiB", grown >> 20);
        // It is that package's limit and that session's.
        bench.load("keeper", keeper("mine")).await.unwrap();
        assert_eq!(in_session(&bench.host, "keeper", limit, "true").await.unwrap().error, None);
        assert_eq!(in_session(&bench.host, "keeper", limit, "false").await.unwrap().result, "1");
    }
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sessions_have_a_bound_together() {
    let bench = Bench::new(|_| {}).await;
    bench.load("hoarder", hoarder(1 << 20)).await.unwrap();
    bench.load("keeper", keeper("mine")).await.unwrap();
    in_session(&bench.host, "keeper", "used", "true").await.unwrap();
    let ((), grown) = growth(async {
        for at in 0..200 {
            let session = format!("session {at}");
            in_session(&bench.host, "hoarder", &session, "null").await.unwrap();
            // A session that is in use is not the one used longest ago.
            let answer = in_session(&bench.host, "keeper", "used", "false").await.unwrap();
            assert_eq!(answer.result, "1", "after {at} sessions");
        }
    })
    .await;
    let bound = Limits::default().sessions_bytes;
    assert!(grown < bound + (96 << 20), "{} MiB", grown >> 20);
    bench.still_good().await;
}

/// Sessions of an embedder's own.
#[derive(Clone, Default)]
struct Own(Arc<Mutex<HashMap<(String, String), String>>>);

#[async_trait]
impl Sessions for Own {
    async fn get(&self, session: &str, key: &str) -> Result<Option<String>> {
        Ok(self.0.lock().unwrap().get(&(session.to_owned(), key.to_owned())).cloned())
    }

    async fn set(&self, session: &str, key: &str, value: String) -> Result<()> {
        self.0.lock().unwrap().insert((session.to_owned(), key.to_owned()), value);
        Ok(())
    }

    async fn forget(&self, session: &str) -> Result<()> {
        self.0.lock().unwrap().retain(|(of, _), _| of != session);
        Ok(())
    }
}

impl HostServices for Own {
    fn sessions(&self) -> Option<&dyn Sessions> {
        Some(self)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedders_sessions_are_given_no_more_than_the_hosts_own() {
    let _alone = alone().await;
    let own = Own::default();
    let mut limits = Limits::default();
    limits.session_values = 10;
    limits.sessions_bytes = 100_000;
    let host =
        Host::builder().limits(limits).services(own.clone()).without_cache().build().unwrap();
    host.load_component(&manifest("hoarder", ""), hoarder(1_000)).await.unwrap();
    for at in 0..50 {
        let answer = in_session(&host, "hoarder", &format!("{at}"), "null").await.unwrap();
        assert_eq!(answer.error.as_deref(), Some("limit"));
    }
    let kept = own.0.lock().unwrap();
    let bytes: usize = kept.values().map(String::len).sum();
    assert!((10_000..=100_000).contains(&bytes), "{bytes}");
    assert!(kept.keys().all(|(_, key)| key.starts_with("hoarder/")));
    assert!(kept.keys().any(|(session, _)| session == "49"), "the last one is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packages_values_are_its_own_unless_both_ask_to_share_them() {
    let bench = Bench::new(|_| {}).await;
    let share = "[capabilities]\nsession = [\"cart\"]\n";
    let read_in = async |name: &str, session: &str| {
        let answer = in_session(&bench.host, name, session, "false").await.unwrap();
        (answer.result == "1").then_some(())
    };
    let read = async |name: &str| read_in(name, "s").await;
    for key in ["cart", "cart/items"] {
        for (writer, reader, shared) in
            [("", "", false), (share, "", false), ("", share, false), (share, share, true)]
        {
            bench.load_with("writer", writer, keeper(key)).await.unwrap();
            bench.load_with("reader", reader, keeper(key)).await.unwrap();
            let session = format!("{key} {writer} {reader}");
            in_session(&bench.host, "writer", &session, "true").await.unwrap();
            assert_eq!(read_in("writer", &session).await, Some(()), "{session}");
            assert_eq!(read_in("reader", &session).await.is_some(), shared, "{session}");
        }
        // What is asked for by name is that name, and not another that begins like it.
        bench.load_with("writer", share, keeper("cartoon")).await.unwrap();
        bench.load_with("reader", share, keeper("cartoon")).await.unwrap();
        in_session(&bench.host, "writer", "s", "true").await.unwrap();
        assert_eq!(read("reader").await, None);
        let host = &bench.host;
        for name in ["writer", "reader"] {
            host.unload_plugin(name).unwrap();
        }
    }
    // No package can write another's values by the name that they are kept under.
    bench.load("writer", keeper("reader/own")).await.unwrap();
    bench.load("reader", keeper("own")).await.unwrap();
    in_session(&bench.host, "writer", "s", "true").await.unwrap();
    assert_eq!(read("reader").await, None);
    bench.load("writer", keeper("*/cart")).await.unwrap();
    in_session(&bench.host, "writer", "t", "true").await.unwrap();
    bench.load_with("reader", share, keeper("cart")).await.unwrap();
    assert_eq!(in_session(&bench.host, "reader", "t", "false").await.unwrap().result, "null");
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_sessions_have_a_length() {
    let bench = Bench::new(|_| {}).await;
    bench.load("keeper", keeper("mine")).await.unwrap();
    let long = "s".repeat(4 << 20);
    // The guest traps where it is told an error.
    let error = in_session(&bench.host, "keeper", &long, "true").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Trap, "{error}");
    let own = InMemorySessions::default();
    own.set("s", "k", "1".to_owned()).await.unwrap();
    own.forget("s").await.unwrap();
    assert_eq!(own.get("s", "k").await.unwrap(), None);
    bench.still_good().await;
}
