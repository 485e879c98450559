//! Guests that never end. T is the call's timeout.

use std::time::{Duration, Instant};

use distri_host::{ErrorKind, Limits, ToolCall};
use distri_testing::{TICK, guest, p99};

use crate::bench::Bench;

const T: Duration = Duration::from_millis(500);

fn short(limits: &mut Limits) {
    limits.timeout = T;
}

const LOOP: &str = "(loop $for_ever (br $for_ever))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_ends_at_its_timeout() {
    let bench = Bench::new(short).await;
    let (error, elapsed) = bench.fails(guest::tool(LOOP)).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.detail(), Some(r#"{"limit":"timeout","max":500}"#));
    assert_eq!((error.plugin(), error.item()), (Some("bad"), Some("go")));
    assert!(elapsed >= T && elapsed < T.mul_f64(1.2) + 2 * TICK, "{elapsed:?}");
}

/// A call's time is over wherever it is spent, in the embedder's own code too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_never_comes_ends_the_call_at_its_timeout() {
    let bench = Bench::new(short).await;
    let asks = "[capabilities]\nsecrets = [\"NEVER\"]\n";
    bench.load_with("bad", asks, guest::good()).await.unwrap();
    let began = Instant::now();
    let error = bench.call("bad").await.unwrap_err();
    let elapsed = began.elapsed();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(elapsed >= T && elapsed < T.mul_f64(1.2) + 2 * TICK, "{elapsed:?}");
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_ends_when_its_time_on_a_processor_is_used_up() {
    let bench = Bench::new(|limits| limits.cpu = T).await;
    let (error, elapsed) = bench.fails(guest::tool(LOOP)).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.detail(), Some(r#"{"limit":"cpu","max":500}"#));
    assert!(elapsed < 2 * T, "{elapsed:?}");
}

/// Waiting is not computing, and what a callee computes counts for its caller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_pays_for_what_its_callees_compute() {
    let bench = Bench::new(|limits| limits.cpu = T).await;
    let some = "(loop $on
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (i32.store (i32.const 64) (local.get $i))
        (br_if $on (i32.lt_u (local.get $i) (i32.const 50000000))))";
    bench.load("busy", guest::tool(some)).await.unwrap();
    bench.call("busy").await.unwrap();
    let wasm = guest::with_items(
        &guest::calling("busy/go"),
        "(loop $again
           (call $ask)
           (br_if $again (i32.eqz (i32.load8_u (i32.const 128)))))
         (loop $for_ever (br $for_ever))",
    );
    let (error, elapsed) = bench.fails(wasm).await;
    assert_eq!(error.detail(), Some(r#"{"limit":"cpu","max":500}"#));
    assert!(elapsed < 3 * T, "{elapsed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_calls_go_on_beside_two_loopers_on_two_cores() {
    let bench = Bench::new(|limits| limits.timeout = Duration::from_secs(6)).await;
    bench.load("bad", guest::tool(LOOP)).await.unwrap();
    let measure = async || {
        let mut times = Vec::new();
        for _ in 0..300 {
            let began = Instant::now();
            bench.call("good").await.unwrap();
            times.push(began.elapsed());
        }
        p99(&mut times)
    };
    let idle = measure().await;
    let host = bench.host.clone();
    let looper = || {
        let host = host.clone();
        tokio::spawn(async move { host.execute_tool("bad", "go", ToolCall::new("null")).await })
    };
    let loopers = [looper(), looper()];
    tokio::time::sleep(Duration::from_millis(50)).await;
    let busy = measure().await;
    assert_eq!(bench.host.activity().calls, 2, "both loop all the while");
    assert!(busy <= idle + 4 * TICK, "idle {idle:?}, busy {busy:?}");
    for looper in loopers {
        assert_eq!(looper.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    }
    bench.still_good().await;
}

/// Short calls one after another, each of which is ready at once, are no reason for an
/// embedder's own timers and tasks to wait.
#[tokio::test(flavor = "current_thread")]
async fn an_embedders_timer_fires_while_it_calls_and_calls() {
    let bench = Bench::new(short).await;
    bench.load("good", guest::good()).await.unwrap();
    let began = Instant::now();
    let calls = async {
        // So that this fails, and does not hang.
        while began.elapsed() < 10 * T {
            bench.call("good").await.unwrap();
        }
    };
    assert!(tokio::time::timeout(T, calls).await.is_err(), "the timer never fired");
    assert!(began.elapsed() < 5 * T, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_in_a_start_function_ends_when_it_is_loaded() {
    let bench = Bench::new(short).await;
    let wasm = guest::with_items(&format!("(func $start (export \"_initialize\") {LOOP})"), "");
    let began = Instant::now();
    let error = bench.load("bad", wasm).await.unwrap_err();
    let elapsed = began.elapsed();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(elapsed < T.mul_f64(1.2) + 2 * TICK + Duration::from_millis(200), "{elapsed:?}");
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_of_copies_of_all_memory_ends() {
    let bench = Bench::new(short).await;
    let (error, elapsed) = bench
        .fails(guest::with_memory(
            "(memory (export \"memory\") 1600)",
            "",
            "(loop $for_ever
               (memory.copy (i32.const 50000000) (i32.const 4096) (i32.const 50000000))
               (br $for_ever))",
        ))
        .await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(elapsed < 2 * T, "{elapsed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_nested_calls_are_the_most() {
    let timeout = Duration::from_secs(20);
    let bench = Bench::new(|limits| limits.timeout = timeout).await;
    let wasm = guest::with_items(
        &guest::calling("good/go"),
        "(loop $again
           (global.set $top (i32.const 65536))
           (call $ask)
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.eqz (i32.load8_u (i32.const 128)))))
         (call $relay)
         (if (i32.ne (local.get $i) (i32.const 1001)) (then unreachable))",
    );
    bench.load("bad", wasm).await.unwrap();
    let began = Instant::now();
    let answer = bench.call("bad").await.unwrap();
    let elapsed = began.elapsed();
    assert!(elapsed < timeout.mul_f64(1.2), "{elapsed:?}");
    assert_eq!(answer.error.unwrap(), "more than 1000 nested calls in one call");
    bench.still_good().await;
}
