//! Guests that hoard. M is the memory limit; RSS is this process's, at its highest.

use distri_host::ErrorKind;

use crate::guest;
use crate::support::{Bench, growth};

const M: usize = 64 << 20;

/// What the host itself may take beside a guest: engine, images, threads.
const SLACK: usize = 16 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_grown_for_ever_stops_at_its_limit() {
    let bench = Bench::new(|limits| limits.memory = M).await;
    // Touches every page that it gets.
    let wasm = guest::tool(
        "(loop $for_ever
           (local.set $i (memory.grow (i32.const 16)))
           (memory.fill (i32.mul (local.get $i) (i32.const 65536)) (i32.const 1) (i32.const 1048576))
           (br $for_ever))",
    );
    let ((error, _), grown) = growth(bench.fails(wasm)).await;
    assert_eq!(error.kind(), ErrorKind::MemoryLimit);
    assert_eq!(error.detail(), Some(r#"{"limit":"memory","max":67108864}"#));
    assert!(grown <= M.strict_mul(13) / 10 + SLACK, "{} MiB", grown >> 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_memories_are_refused() {
    let bench = Bench::new(|limits| limits.memory = M).await;
    let pages = M / 65536 * 9 / 10;
    let many = format!("(component {})", module_instances(&format!("(memory {pages})"), 100));
    let wasm = wat::parse_str(many).unwrap();
    let (error, grown) = growth(bench.load("bad", wasm)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error}");
    assert!(grown <= SLACK, "{} MiB", grown >> 20);
    bench.still_good().await;
}

/// Few enough for the pool, too much together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memories_are_bounded_together() {
    let bench = Bench::new(|limits| limits.memory = M).await;
    let pages = M / 65536 * 9 / 10;
    let wasm = guest::with_memory(
        &format!("(memory (export \"memory\") 1) (memory $a {pages}) (memory $b {pages})"),
        "",
        "",
    );
    let (error, grown) = growth(bench.load("bad", wasm)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MemoryLimit, "{error}");
    assert!(grown <= M.strict_mul(13) / 10 + SLACK, "{} MiB", grown >> 20);
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_grown_for_ever_stops_at_its_limit() {
    let bench = Bench::new(|_| {}).await;
    let wasm = guest::with_items(
        "(table $t 1 funcref)",
        "(loop $for_ever
           (drop (table.grow $t (ref.null func) (i32.const 1000)))
           (br $for_ever))",
    );
    let ((error, _), grown) = growth(bench.fails(wasm)).await;
    assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error}");
    assert_eq!(error.detail(), Some(r#"{"limit":"table_elements","max":100000}"#));
    assert!(grown <= 64 << 20, "{} MiB", grown >> 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_of_too_many_instances_is_refused() {
    let bench = Bench::new(|_| {}).await;
    let wasm = wat::parse_str(format!("(component {})", module_instances("", 900))).unwrap();
    let (error, grown) = growth(bench.load("bad", wasm)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error}");
    assert!(grown <= 64 << 20, "{} MiB", grown >> 20);
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_of_the_component_model_are_bounded() {
    let bench = Bench::new(|_| {}).await;
    let wasm = guest::with_items(
        "(import \"$root\" \"[waitable-set-new]\" (func $new (result i32)))",
        "(loop $for_ever (drop (call $new)) (br $for_ever))",
    );
    let ((error, _), grown) = growth(bench.fails(wasm)).await;
    assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error}");
    assert_eq!(error.detail(), Some(r#"{"limit":"handles","max":2000}"#));
    assert!(grown <= 64 << 20, "{} MiB", grown >> 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_of_the_host_are_bounded() {
    let bench = Bench::new(|_| {}).await;
    let wasm = guest::with_items(
        "(import \"wasi:http/types@0.3.0\" \"[constructor]fields\" (func $new (result i32)))",
        "(loop $for_ever (drop (call $new)) (br $for_ever))",
    );
    let ((error, _), grown) = growth(bench.fails(wasm)).await;
    assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error}");
    assert!(grown <= 64 << 20, "{} MiB", grown >> 20);
}

/// So many instances of a core module with these items.
fn module_instances(items: &str, number: usize) -> String {
    let instances = "(core instance (instantiate $m))".repeat(number);
    format!("(core module $m {items}) {instances}")
}
