//! Instances that are kept between calls, and guests that go on after their answer.

use std::time::{Duration, Instant};

use distri_host::{ErrorKind, ExecutionContext, ToolCall};
use distri_testing::guest;

use crate::bench::Bench;

/// Answers how often this instance was called, one digit; traps when its input
/// has five bytes, loops when it has six.
fn counter() -> Vec<u8> {
    guest::with_items(
        "(global $calls (mut i32) (i32.const 48))",
        "(if (i32.eq (i32.load offset=20 (local.get $call)) (i32.const 5)) (then unreachable))
         (if (i32.eq (i32.load offset=20 (local.get $call)) (i32.const 6))
           (then (loop $for_ever (br $for_ever))))
         (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
         (i32.store8 (i32.const 64) (global.get $calls))
         (i32.store (i32.const 1024) (i32.const 64))
         (i32.store (i32.const 1028) (i32.const 1))",
    )
}

async fn count(bench: &Bench, session: Option<&str>, input: &str) -> distri_host::Result<String> {
    let context = session.map(ExecutionContext::in_session).unwrap_or_default();
    let call = ToolCall { context, ..ToolCall::new(input) };
    bench.host.execute_tool("counter", "go", call).await.map(|answer| answer.result)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_instance_remembers_nothing() {
    let bench = Bench::new(|_| {}).await;
    bench.load("counter", counter()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(count(&bench, Some("a"), "null").await.unwrap(), "1");
    }
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_instance_serves_everybody_until_it_is_retired() {
    let bench = Bench::new(|limits| limits.timeout = Duration::from_millis(300)).await;
    let mode = "[instances]\nmode = \"shared\"\nmax_calls = 4\n";
    bench.load_with("counter", mode, counter()).await.unwrap();
    let mut answers = Vec::new();
    for session in [None, Some("a"), Some("b"), None, None] {
        answers.push(count(&bench, session, "null").await.unwrap());
    }
    assert_eq!(answers, ["1", "2", "3", "4", "1"], "four calls each");
    assert_eq!(count(&bench, None, "null").await.unwrap(), "2");
    // A trapped instance is never used again, nor one whose time was over.
    for (input, kind) in [("false", ErrorKind::Trap), ("[null]", ErrorKind::Timeout)] {
        assert_eq!(count(&bench, None, input).await.unwrap_err().kind(), kind);
        assert_eq!(count(&bench, None, "null").await.unwrap(), "1");
        assert_eq!(count(&bench, None, "null").await.unwrap(), "2");
    }
    // Nor one whose caller left.
    let mut call = Box::pin(count(&bench, None, "[null]"));
    let left = tokio::time::timeout(Duration::from_millis(50), call.as_mut()).await;
    assert!(left.is_err());
    // While it is busy, others get fresh ones.
    assert_eq!(count(&bench, None, "null").await.unwrap(), "1");
    drop(call);
    for _ in 0..500 {
        if bench.host.activity().calls == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(count(&bench, None, "null").await.unwrap(), "1");
    assert_eq!(bench.host.activity().instances, 1, "the one that is kept");
    bench.host.unload_plugin("counter").unwrap();
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sessions_instance_is_its_own() {
    let bench = Bench::new(|limits| limits.kept_instances = 2).await;
    let mode = "[instances]\nmode = \"per-session\"\n";
    bench.load_with("counter", mode, counter()).await.unwrap();
    let mut answers = Vec::new();
    for session in [Some("a"), Some("b"), Some("a"), None, None, Some("b"), Some("c"), Some("a")] {
        answers.push(count(&bench, session, "null").await.unwrap());
    }
    // Without a session there is nobody to keep one for; the third session took
    // the place of the one that was used longest ago.
    assert_eq!(answers, ["1", "1", "2", "1", "1", "2", "1", "1"]);
    assert_eq!(bench.host.activity().instances, 2);
    // A replaced plugin's instances go with it.
    bench.load_with("counter", mode, counter()).await.unwrap();
    assert_eq!(bench.host.activity().instances, 0);
    assert_eq!(count(&bench, Some("c"), "null").await.unwrap(), "1");
    bench.host.unload_plugin("counter").unwrap();
    bench.still_good().await;
}

/// Yields for ever after its answer.
pub(crate) fn lingering() -> Vec<u8> {
    guest::with_callback("", "(call $null) (i32.const 1)", "(i32.const 1)")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_outlives_its_answer_ends() {
    let bench = Bench::new(|_| {}).await;
    bench.load("bad", lingering()).await.unwrap();
    let began = Instant::now();
    assert_eq!(bench.call("bad").await.unwrap().result, "null");
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    bench.still_good().await;
    // A kept instance that does so is not kept.
    let mode = "[instances]\nmode = \"shared\"\n";
    bench.load_with("bad", mode, lingering()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(bench.call("bad").await.unwrap().result, "null");
        bench.settled().await;
    }
    bench.still_good().await;
}

/// One that its task does not even wait for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_call_that_outlives_its_answer_ends() {
    let bench = Bench::new(|limits| limits.timeout = Duration::from_secs(10)).await;
    let slow = guest::with_callback("", "(i32.const 1)", "(i32.const 1)");
    bench.load("slow", slow).await.unwrap();
    let leaving = guest::with_callback(
        "(import \"distri:plugin/host@0.3.0\" \"[async-lower]call-tool\"
           (func $call_tool (param i32 i32 i32 i32 i32) (result i32)))
         (data (i32.const 64) \"slow/go\")",
        "(drop (call $call_tool
           (i32.const 64) (i32.const 7) (i32.const 52) (i32.const 4) (i32.const 128)))
         (call $null) (i32.const 0)",
        "(i32.const 0)",
    );
    for mode in ["", "[instances]\nmode = \"shared\"\n"] {
        bench.load_with("bad", mode, leaving.clone()).await.unwrap();
        for _ in 0..3 {
            assert_eq!(bench.call("bad").await.unwrap().result, "null");
            bench.settled().await;
        }
    }
    bench.still_good().await;
}

/// Ends of streams are numbers that a guest may mix up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_the_wrong_end_of_a_stream_is_the_guests_own() {
    let bench = Bench::new(|_| {}).await;
    for cancel in ["read", "write"] {
        let wasm = guest::with_items(
            &format!(
                "(import \"wasi:cli/stdout@0.3.0\" \"[stream-new-0]write-via-stream\" (func $new (result i64)))
                 (import \"wasi:cli/stdout@0.3.0\" \"[async-lower][stream-read-0]write-via-stream\" (func $read (param i32 i32 i32) (result i32)))
                 (import \"wasi:cli/stdout@0.3.0\" \"[async-lower][stream-write-0]write-via-stream\" (func $write (param i32 i32 i32) (result i32)))
                 (import \"wasi:cli/stdout@0.3.0\" \"[stream-cancel-{cancel}-0]write-via-stream\" (func $cancel (param i32) (result i32)))
                 (global $ends (mut i64) (i64.const 0))"
            ),
            &format!(
                "(global.set $ends (call $new))
                 ;; The low half is the end to read from, the high half the one to write to.
                 (drop {})",
                match cancel {
                    "read" => "(call $write (i32.wrap_i64 (i64.shr_u (global.get $ends) (i64.const 32))) (i32.const 4096) (i32.const 4))
                       (drop (call $cancel (i32.wrap_i64 (i64.shr_u (global.get $ends) (i64.const 32)))))",
                    _ => "(call $read (i32.wrap_i64 (global.get $ends)) (i32.const 4096) (i32.const 4))
                       (drop (call $cancel (i32.wrap_i64 (global.get $ends))))",
                }
            ),
        );
        bench.load("bad", wasm).await.unwrap();
        let answer = bench.call("bad").await;
        // wasmtime 48.0.8 takes the wrong end for the right one, or panics; then
        // the call's task is what ends. Later ones trap.
        let kind = answer.err().map(|error| error.kind());
        assert!(
            matches!(kind, None | Some(ErrorKind::Trap | ErrorKind::Internal)),
            "{cancel}: {kind:?}"
        );
        bench.still_good().await;
    }
}
