//! Guests that hoard. M is the memory limit; RSS is this process's, at its highest.

use distri_host::ErrorKind;
use distri_testing::{growth, guest};

use crate::bench::Bench;

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

/// A guest that takes so many pages, touches all of them, and calls what it is told.
pub(crate) fn taking(pages: usize, calls: &str) -> Vec<u8> {
    guest::with_items(
        &guest::calling(calls),
        &format!(
            "(local.set $i (memory.grow (i32.const {pages})))
             (memory.fill (i32.mul (local.get $i) (i32.const 65536)) (i32.const 1) (i32.mul (i32.const {pages}) (i32.const 65536)))
             (call $ask)
             (call $relay)"
        ),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_calls_has_a_bound_on_its_memory_together() {
    let bench = Bench::new(|limits| limits.memory = M).await;
    // Each calls itself, sixteen deep, with nine tenths of what one may have.
    bench.load("deep", taking(M / 65536 * 9 / 10, "deep/go")).await.unwrap();
    let (answer, grown) = growth(bench.call("deep")).await;
    let told = answer.unwrap().error.unwrap();
    assert!(told.contains("memory together"), "{told}");
    assert!(told.contains("`deep/go` -> `deep/go`"), "{told}");
    assert!(grown <= 5 * M + SLACK, "{} MiB", grown >> 20);
    bench.still_good().await;
    // Nothing of it is held against the next call.
    bench.load("deep", taking(M / 65536 * 9 / 10, "good/go")).await.unwrap();
    for _ in 0..10 {
        assert_eq!(bench.call("deep").await.unwrap().error, None);
    }
    bench.still_good().await;
}

/// Sixty calls at once, each of a guest with nearly all that one may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nested_calls_at_once_have_a_bound_on_their_memory_together() {
    let bench = Bench::new(|limits| limits.memory = M).await;
    let wide = guest::with_callback(
        "(import \"distri:plugin/host@0.3.0\" \"[async-lower]call-tool\"
           (func $call_tool (param i32 i32 i32 i32 i32) (result i32)))
         (import \"$root\" \"[waitable-set-new]\" (func $set (result i32)))
         (import \"$root\" \"[waitable-join]\" (func $join (param i32 i32)))
         (global $waiting (mut i32) (i32.const 0))
         (global $left (mut i32) (i32.const 0))
         (data (i32.const 64) \"holds/go\")",
        "(local $i i32) (local $status i32)
         (global.set $waiting (call $set))
         (loop $again
           (local.set $status (call $call_tool
             (i32.const 64) (i32.const 8) (i32.const 52) (i32.const 4)
             (i32.add (i32.const 2048) (i32.mul (local.get $i) (i32.const 64)))))
           (if (i32.ne (i32.and (local.get $status) (i32.const 15)) (i32.const 2)) (then
             (call $join (i32.shr_u (local.get $status) (i32.const 4)) (global.get $waiting))
             (global.set $left (i32.add (global.get $left) (i32.const 1)))))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 60))))
         ;; Waits for the set.
         (i32.or (i32.shl (global.get $waiting) (i32.const 4)) (i32.const 2))",
        "(if (i32.and (i32.eq (local.get 0) (i32.const 1)) (i32.eq (i32.and (local.get 2) (i32.const 15)) (i32.const 2)))
           (then (global.set $left (i32.sub (global.get $left) (i32.const 1)))))
         (if (result i32) (i32.eqz (global.get $left))
           (then (call $null) (i32.const 0))
           (else (i32.or (i32.shl (global.get $waiting) (i32.const 4)) (i32.const 2))))",
    );
    bench.load("wide", wide).await.unwrap();
    let pages = M / 65536 * 9 / 10;
    let agent = crate::crowds::asking_with(pages, "sleeper", "300");
    bench.load("holds", agent).await.unwrap();
    let (answer, grown) = growth(bench.call("wide")).await;
    assert_eq!(answer.unwrap().result, "null");
    assert!(grown <= 5 * M + SLACK, "{} MiB", grown >> 20);
    // One by one there is room for each.
    assert_eq!(bench.call("holds").await.unwrap().error, None);
    bench.still_good().await;
}

/// Instances that are kept hold memory between calls: so much together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_instances_have_a_bound_on_their_memory_together() {
    let bench = Bench::new(|limits| {
        limits.memory = M;
        limits.kept_memory = 3;
    })
    .await;
    let mode = "[instances]\nmode = \"per-session\"\n";
    let pages = M / 65536 * 9 / 10;
    bench.load_with("kept", mode, taking(pages, "good/go")).await.unwrap();
    let ((), grown) = growth(async {
        for at in 0..20 {
            let context = distri_host::ExecutionContext::in_session(format!("{at}"));
            let call = distri_host::ToolCall { context, ..distri_host::ToolCall::new("null") };
            let answer = bench.host.execute_tool("kept", "go", call).await.unwrap();
            assert_eq!(answer.error, None);
        }
    })
    .await;
    assert!(grown <= 5 * M + SLACK, "{} MiB", grown >> 20);
    assert!((1..=3).contains(&bench.host.activity().instances), "{:?}", bench.host.activity());
    bench.host.unload_plugin("kept").unwrap();
    bench.still_good().await;
}
