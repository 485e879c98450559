//! Guests that pass too much to the host, or too deep, or forged.

use std::time::{Duration, Instant};

use distri_host::{ErrorKind, ToolCall};
use distri_testing::{growth, guest};

use crate::bench::Bench;

/// What the host may copy of one call: its payload limit, four times, for a
/// call's several parts.
const BUDGET: usize = 4 << 20;

/// Guests here may have the memory that they pass on.
const ROOM: usize = 512 << 20;

const HUGE: usize = 200 << 20;

/// A memory of 210 MiB. Its pages are never touched and take nothing.
const BIG: &str = "(memory (export \"memory\") 3360)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_input_never_reaches_a_guest() {
    let bench = Bench::new(|_| {}).await;
    let input = format!("\"{}\"", "x".repeat(HUGE));
    let (error, grown) = growth(bench.host.execute_tool("good", "go", ToolCall::new(input))).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::PayloadTooLarge);
    assert!(grown <= 2 * BUDGET, "{} MiB", grown >> 20);
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_result_is_not_copied() {
    let bench = Bench::new(|limits| limits.memory = ROOM).await;
    let wasm = guest::with_memory(
        BIG,
        "",
        &format!(
            "(i32.store (i32.const 1024) (i32.const 4096)) (i32.store (i32.const 1028) (i32.const {HUGE}))"
        ),
    );
    let ((error, _), grown) = growth(bench.fails(wasm)).await;
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{error}");
    assert!(grown <= 2 * BUDGET, "{} MiB", grown >> 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_argument_of_a_host_call_is_not_copied() {
    let bench = Bench::new(|limits| limits.memory = ROOM).await;
    let wasm = guest::with_memory(
        BIG,
        "(import \"distri:plugin/host@0.3.0\" \"log\" (func $log (param i32 i32 i32)))",
        &format!("(call $log (i32.const 2) (i32.const 4096) (i32.const {HUGE}))"),
    );
    let ((error, _), grown) = growth(bench.fails(wasm)).await;
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{error}");
    assert!(grown <= 2 * BUDGET, "{} MiB", grown >> 20);
}

/// 3,000 times the same 100 KB, as the values of a list of headers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_nested_list_is_not_copied() {
    let bench = Bench::new(|limits| limits.memory = ROOM).await;
    let wasm = guest::with_memory(
        "(memory (export \"memory\") 16)",
        "(import \"wasi:http/types@0.3.0\" \"[static]fields.from-list\" (func $from (param i32 i32 i32)))",
        "(loop $fill
           (local.set $j (i32.add (i32.const 65536) (i32.mul (local.get $i) (i32.const 16))))
           (i32.store (local.get $j) (i32.const 52))
           (i32.store offset=4 (local.get $j) (i32.const 4))
           (i32.store offset=8 (local.get $j) (i32.const 4096))
           (i32.store offset=12 (local.get $j) (i32.const 100000))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $fill (i32.lt_u (local.get $i) (i32.const 3000))))
         (call $from (i32.const 65536) (i32.const 3000) (i32.const 128))",
    );
    let ((error, _), grown) = growth(bench.fails(wasm)).await;
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{error}");
    assert!(grown <= 2 * BUDGET + (4 << 20), "{} MiB", grown >> 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_json_is_refused_at_once() {
    let bench = Bench::new(|_| {}).await;
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let began = Instant::now();
    let answer = bench.host.execute_tool("good", "go", ToolCall::new(deep)).await;
    let elapsed = began.elapsed();
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(elapsed < Duration::from_millis(50), "{elapsed:?}");
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_recursion_is_the_guests_own() {
    let bench = Bench::new(|_| {}).await;
    let wasm = guest::with_items(
        "(func $f (result i32) (i32.add (call $f) (i32.const 1)))",
        "(drop (call $f))",
    );
    let (error, _) = bench.fails(wasm).await;
    assert_eq!(error.kind(), ErrorKind::StackOverflow);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugins_that_call_each_other_for_ever_are_told_their_chain() {
    let bench = Bench::new(|limits| limits.depth = 4).await;
    for (name, other) in [("ping", "pong/go"), ("pong", "ping/go")] {
        let wasm = guest::with_items(&guest::calling(other), "(call $ask) (call $relay)");
        bench.load(name, wasm).await.unwrap();
    }
    let answer = bench.call("ping").await.unwrap();
    assert_eq!(
        answer.error.unwrap(),
        "calls are nested more than 4 deep: ping/go -> pong/go -> ping/go -> pong/go -> ping/go"
    );
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_end_is_cut_with_a_marker() {
    let bench = Bench::new(|_| {}).await;
    // 20,000 lines of 60 KB: 1.2 GB.
    let wasm = guest::with_items(
        "(import \"distri:plugin/host@0.3.0\" \"log\" (func $log (param i32 i32 i32)))",
        "(memory.fill (i32.const 4096) (i32.const 120) (i32.const 60000))
         (loop $again
           (call $log (i32.const 2) (i32.const 4096) (i32.const 60000))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 20000))))",
    );
    bench.load("bad", wasm).await.unwrap();
    let (answer, grown) = growth(bench.call("bad")).await;
    answer.unwrap();
    let log = std::mem::take(&mut *bench.services.log.lock().unwrap());
    let bytes: usize = log.iter().map(|record| record.message.len()).sum();
    assert!(bytes <= bench.limits.log_bytes + (16 << 10), "{bytes}");
    let last = &log.last().unwrap().message;
    assert_eq!(last, "this call logged more than 1000 lines or 256KiB; the rest is dropped");
    assert!(grown <= 2 * bench.limits.log_bytes + (2 << 20), "{} KiB", grown >> 10);
    bench.still_good().await;
}

const STDOUT: &str = "
  (import \"wasi:cli/stdout@0.2.6\" \"get-stdout\" (func $stdout (result i32)))
  (import \"wasi:io/streams@0.2.6\" \"[method]output-stream.write\"
    (func $write (param i32 i32 i32 i32)))
  (import \"wasi:io/streams@0.2.6\" \"[method]output-stream.blocking-write-and-flush\"
    (func $print (param i32 i32 i32 i32)))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_without_end_is_cut_with_a_marker() {
    // Time enough for all of it, where the host is not optimised.
    let bench = Bench::new(|limits| {
        limits.cpu = Duration::from_mins(1);
        limits.timeout = limits.cpu;
    })
    .await;
    // 65,536 times 16 KiB: 1 GiB.
    let wasm = guest::with_items(
        STDOUT,
        "(memory.fill (i32.const 4096) (i32.const 120) (i32.const 16384))
         (local.set $j (call $stdout))
         (loop $again
           (call $write (local.get $j) (i32.const 4096) (i32.const 16384) (i32.const 128))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 65536))))",
    );
    bench.load("bad", wasm).await.unwrap();
    let (answer, grown) = growth(bench.call("bad")).await;
    answer.unwrap();
    let log = std::mem::take(&mut *bench.services.log.lock().unwrap());
    assert_eq!(log.last().unwrap().message, "… 1073725440 bytes cut");
    assert!(grown <= 2 << 20, "{} KiB", grown >> 10);
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_million_empty_writes_take_no_memory() {
    let bench = Bench::new(|limits| {
        limits.cpu = Duration::from_mins(1);
        limits.timeout = limits.cpu;
    })
    .await;
    let wasm = guest::with_items(
        STDOUT,
        "(local.set $j (call $stdout))
         (loop $again
           (call $write (local.get $j) (i32.const 4096) (i32.const 0) (i32.const 128))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 10000000))))",
    );
    bench.load("bad", wasm).await.unwrap();
    let (answer, grown) = growth(bench.call("bad")).await;
    answer.unwrap();
    assert!(grown <= 2 << 20, "{} KiB", grown >> 10);
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_log_line_is_one_escaped_record() {
    let bench = Bench::new(|_| {}).await;
    let wasm = guest::with_items(
        &format!(
            "{STDOUT} (import \"distri:plugin/host@0.3.0\" \"log\" (func $log (param i32 i32 i32)))
             (data (i32.const 4096) \"a\\r\\nERROR other/go forged\\1b[2J\\e2\\80\\ae\")"
        ),
        "(call $log (i32.const 2) (i32.const 4096) (i32.const 31))
         (call $print (call $stdout) (i32.const 4096) (i32.const 31) (i32.const 128))",
    );
    bench.load("bad", wasm).await.unwrap();
    bench.call("bad").await.unwrap();
    let log = std::mem::take(&mut *bench.services.log.lock().unwrap());
    let messages: Vec<&str> = log.iter().map(|record| record.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "a\\r\\nERROR other/go forged\\u{1b}[2J\\u{202e}",
            "a",
            "ERROR other/go forged\\u{1b}[2J\\u{202e}",
        ]
    );
    assert!(log.iter().all(|record| record.package == "bad"), "each says whose it is");
    bench.still_good().await;
}
