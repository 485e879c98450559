//! Many calls at once: some trap, some wait, some leave.

use std::time::{Duration, Instant};

use distri_host::{ErrorKind, ExecutionContext, ToolCall};
use distri_testing::{growth, guest, open_files, p99};
use tokio::task::JoinSet;

use crate::bench::Bench;

/// Asks an agent, whose name and task are these.
pub(crate) fn asking(agent: &str, task: &str) -> Vec<u8> {
    asking_with(0, agent, task)
}

/// The same with so many more pages of memory, each of them touched.
pub(crate) fn asking_with(pages: usize, agent: &str, task: &str) -> Vec<u8> {
    guest::with_items(
        &format!(
            "(import \"distri:plugin/host@0.3.0\" \"call-agent\" (func $ask (param i32 i32 i32 i32 i32 i32 i32)))
             (data (i32.const 4096) \"{agent}\") (data (i32.const 8192) \"{task}\")"
        ),
        &format!(
            "(local.set $i (memory.grow (i32.const {pages})))
             (memory.fill (i32.mul (local.get $i) (i32.const 65536)) (i32.const 1) (i32.mul (i32.const {pages}) (i32.const 65536)))
             (call $ask (i32.const 4096) (i32.const {}) (i32.const 8192) (i32.const {}) (i32.const 0) (i32.const 0) (i32.const 128))
             (if (i32.load8_u (i32.const 128)) (then
               (i32.store8 (i32.const 1032) (i32.const 1))
               (i32.store (i32.const 1036) (i32.load (i32.const 132)))
               (i32.store (i32.const 1040) (i32.load (i32.const 136)))))",
            agent.len(),
            task.len()
        ),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_is_one_calls_own() {
    let bench = Bench::new(|_| {}).await;
    // Traps when its input has five bytes, like `false`, and not four, like `null`.
    let wasm = guest::tool(
        "(if (i32.eq (i32.load offset=20 (local.get $call)) (i32.const 5)) (then unreachable))",
    );
    bench.load("bad", wasm).await.unwrap();
    let mut calls = JoinSet::new();
    for input in ["null", "null", "null", "null", "false", "null", "null", "null", "null"] {
        let host = bench.host.clone();
        calls.spawn(
            async move { (input, host.execute_tool("bad", "go", ToolCall::new(input)).await) },
        );
    }
    while let Some(call) = calls.join_next().await {
        match call.unwrap() {
            ("null", answer) => assert_eq!(answer.unwrap().result, "null"),
            (_, answer) => {
                let error = answer.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Trap);
                assert_eq!(error.chain(), ["bad/go"]);
            }
        }
    }
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_function_that_panics_is_one_internal_error() {
    let bench = Bench::new(|_| {}).await;
    bench.load("asks", asking("panic", "")).await.unwrap();
    let answer = bench.call("asks").await.unwrap();
    assert_eq!(answer.error.unwrap(), "internal");
    // One that does not wait panics within the guest's own task.
    let logs = guest::with_items(
        "(import \"distri:plugin/host@0.3.0\" \"log\" (func $log (param i32 i32 i32)))
         (data (i32.const 4096) \"panic\")",
        "(call $log (i32.const 2) (i32.const 4096) (i32.const 5))",
    );
    let (error, _) = bench.fails(logs).await;
    assert_eq!(error.kind(), ErrorKind::Internal);
    bench.load("asks", asking("good", "0")).await.unwrap();
    assert_eq!(bench.call("asks").await.unwrap().error, None);
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_calls_share_eight_permits() {
    let bench = Bench::new(|limits| limits.concurrent_calls = 8).await;
    bench.load("asks", asking("sleeper", "40")).await.unwrap();
    let mut calls = JoinSet::new();
    let began = Instant::now();
    for _ in 0..200 {
        let host = bench.host.clone();
        calls.spawn(async move {
            let answer = host.execute_tool("asks", "go", ToolCall::new("null")).await;
            (answer, began.elapsed())
        });
    }
    let mut times = Vec::new();
    while let Some(call) = calls.join_next().await {
        let (answer, elapsed) = call.unwrap();
        match answer {
            Ok(answer) => assert_eq!((answer.result.as_str(), answer.error), ("null", None)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Limit),
        }
        times.push(elapsed);
    }
    assert_eq!(times.len(), 200);
    let model = Duration::from_secs(1);
    let p99 = p99(&mut times);
    assert!(p99 <= model.mul_f64(1.5), "{p99:?}, the model says {model:?}");
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_wait_in_vain_are_told_the_limit() {
    let bench = Bench::new(|limits| {
        limits.plugin_calls = 1;
        limits.timeout = Duration::from_millis(300);
    })
    .await;
    bench.load("asks", asking("never", "")).await.unwrap();
    let first = tokio::spawn({
        let host = bench.host.clone();
        async move { host.execute_tool("asks", "go", ToolCall::new("null")).await }
    });
    bench.services.asked.notified().await;
    let mut late = ToolCall::new("null");
    late.deadline = Some(Duration::from_millis(50));
    let error = bench.host.execute_tool("asks", "go", late).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.detail(), Some(r#"{"limit":"plugin_calls","max":1}"#));
    // Another plugin's calls do not wait for this one's.
    assert_eq!(bench.call("good").await.unwrap().result, "null");
    let answer = first.await.unwrap();
    assert!(matches!(answer, Err(error) if error.kind() == ErrorKind::Timeout));
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_clients_that_leave_leave_nothing() {
    let bench = Bench::new(|_| {}).await;
    bench.load("asks", asking("never", "")).await.unwrap();
    let leave = async || {
        let host = bench.host.clone();
        let call =
            tokio::spawn(
                async move { host.execute_tool("asks", "go", ToolCall::new("null")).await },
            );
        bench.services.asked.notified().await;
        call.abort();
        let began = Instant::now();
        while bench.host.activity().instances > 0 || bench.host.activity().calls > 0 {
            tokio::task::yield_now().await;
        }
        began.elapsed()
    };
    leave().await;
    let files = open_files();
    let (mut times, grown) = growth(async {
        let mut times = Vec::new();
        for _ in 0..500 {
            times.push(leave().await);
        }
        times
    })
    .await;
    times.sort_unstable();
    // Two ticks at the median: the machine's own pauses are not the host's.
    assert!(times[250] <= 2 * distri_testing::TICK, "{:?}", times[250]);
    assert_eq!(open_files(), files);
    assert!(grown <= 4 << 20, "{} KiB", grown >> 10);
    bench.still_good().await;
}

/// A crowd in one session waits for nothing: an instance per session serves one
/// call at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_sessions_instance_answers_limit() {
    let bench = Bench::new(|_| {}).await;
    let mode = "[instances]\nmode = \"per-session\"\n";
    bench.load_with("asks", mode, asking("never", "")).await.unwrap();
    let call = |session: &str| {
        let context = ExecutionContext::in_session(session);
        let host = bench.host.clone();
        async move {
            let call = ToolCall { context, ..ToolCall::new("null") };
            host.execute_tool("asks", "go", call).await
        }
    };
    let first = tokio::spawn(call("one"));
    bench.services.asked.notified().await;
    assert_eq!(call("one").await.unwrap_err().kind(), ErrorKind::Limit);
    first.abort();
    bench.still_good().await;
}
