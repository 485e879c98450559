//! Names of megabytes to every function of the host that takes one, with many plugins
//! loaded that they could be compared with.

use std::time::{Duration, Instant};

use distri_host::{ErrorKind, ExecutionContext, ItemKind, ToolCall};
use distri_testing::{guest, manifest};

use crate::bench::Bench;

/// Bytes of a name: a guest passes no more in one call.
const LENGTH: usize = 3 << 20;

/// A function of the host, and how a guest calls it with a name of this length that
/// begins at 65536: the parameters after the name.
const FUNCTIONS: [(&str, &str, usize, &str); 7] = [
    ("distri:plugin/host@0.3.0", "call-tool", 5, "(i32.const 52) (i32.const 4)"),
    (
        "distri:plugin/host@0.3.0",
        "call-agent",
        7,
        "(i32.const 52) (i32.const 4) (i32.const 52) (i32.const 0)",
    ),
    ("distri:plugin/host@0.3.0", "get-session-value", 3, ""),
    ("distri:plugin/host@0.3.0", "set-session-value", 5, "(i32.const 52) (i32.const 4)"),
    (
        "distri:plugin/sql@0.3.0",
        "query",
        7,
        "(i32.const 52) (i32.const 4) (i32.const 0) (i32.const 0)",
    ),
    (
        "distri:plugin/sql@0.3.0",
        "execute",
        7,
        "(i32.const 52) (i32.const 4) (i32.const 0) (i32.const 0)",
    ),
    ("distri:plugin/sql@0.3.0", "begin", 3, ""),
];

/// Calls a function of the host twenty times with a name of megabytes.
pub(crate) fn naming(interface: &str, function: &str, parameters: usize, rest: &str) -> Vec<u8> {
    let types = "i32 ".repeat(parameters);
    guest::with_memory(
        "(memory (export \"memory\") 200)",
        &format!("(import \"{interface}\" \"{function}\" (func $ask (param {types})))"),
        &format!(
            "(global.set $top (i32.const 8000000))
             (memory.fill (i32.const 65536) (i32.const 97) (i32.const {LENGTH}))
             (loop $again
               (global.set $top (i32.const 8000000))
               (call $ask (i32.const 65536) (i32.const {LENGTH}) {rest} (i32.const 128))
               ;; What does not fail is no name that was refused.
               (if (i32.eqz (i32.load8_u (i32.const 128))) (then unreachable))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $again (i32.lt_u (local.get $i) (i32.const 20))))"
        ),
    )
}

/// Two hundred plugins of fifty tools each.
async fn crowd(bench: &Bench) {
    let tools: Vec<String> =
        (0..50).map(|at| format!("{{\\\"name\\\":\\\"{}{at}\\\"}}", "a".repeat(20))).collect();
    let json = format!("[{}]", tools.join(","));
    let length = json.replace('\\', "").len();
    let wasm = guest::module(&format!(
        "(module (memory (export \"memory\") 4)
           (global $top (mut i32) (i32.const 65536))
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (global.get $top))
           (data (i32.const 0) \"\\20\\00\\00\\00\\{:02x}\\{:02x}\\00\\00\")
           (data (i32.const 32) \"{json}\")
           (func (export \"distri:plugin/tool@0.3.0#get-tool-info\") (result i32) (i32.const 0))
           (func (export \"distri:plugin/tool@0.3.0#execute-tool\") (param i32) (result i32) unreachable))",
        length & 0xff,
        length >> 8,
    ));
    for at in 0..200 {
        bench.load(&format!("crowd{at}"), wasm.clone()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_megabytes_are_refused_at_once() {
    let bench = Bench::new(|limits| limits.timeout = Duration::from_secs(20)).await;
    crowd(&bench).await;
    for (interface, function, parameters, rest) in FUNCTIONS {
        bench.load("names", naming(interface, function, parameters, rest)).await.unwrap();
        let call = ToolCall { context: ExecutionContext::in_session("s"), ..ToolCall::new("null") };
        let began = Instant::now();
        let answer = bench.host.execute_tool("names", "go", call).await;
        let elapsed = began.elapsed();
        let answer = answer.unwrap_or_else(|error| panic!("{function}: {error}"));
        assert_eq!(answer.result, "null", "{function}");
        assert!(elapsed < Duration::from_secs(10), "{function}: {elapsed:?}");
        bench.still_good().await;
    }
}

/// Not only guests name things: an embedder's clients do too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_names_of_megabytes_are_refused_at_once() {
    let bench = Bench::new(|_| {}).await;
    crowd(&bench).await;
    let long = "a".repeat(4 << 20);
    let began = Instant::now();
    for _ in 0..20 {
        let errors = [
            bench.host.resolve(&long, ItemKind::Tool).unwrap_err(),
            bench.host.resolve(&format!("crowd1/{long}"), ItemKind::Tool).unwrap_err(),
            bench.host.resolve(&format!("{long}/go"), ItemKind::Tool).unwrap_err(),
            bench.host.plugin_info(&long).unwrap_err(),
            bench.host.unload_plugin(&long).unwrap_err(),
            bench.host.execute_tool(&long, "go", ToolCall::new("null")).await.unwrap_err(),
            bench.host.execute_tool("good", &long, ToolCall::new("null")).await.unwrap_err(),
            bench.host.execute_workflow("good", &long, ToolCall::new("null")).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let length = error.message().len() + error.hint().map_or(0, str::len);
            assert!(length < 4 << 10, "{length}");
        }
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    bench.still_good().await;
}

/// Short names that are none, among ten thousand: what they are like is looked for
/// among so many at most.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_names_among_many_plugins_leave_the_deadline_alone() {
    let bench = Bench::new(|limits| limits.timeout = Duration::from_secs(1)).await;
    crowd(&bench).await;
    let asks = guest::with_items(
        &guest::calling("aaaaaaaaaaaaaaaaaaaaaab"),
        "(loop $for_ever (call $ask) (br $for_ever))",
    );
    let (error, elapsed) = bench.fails(asks).await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_messages_of_megabytes_are_cut() {
    let bench = Bench::new(|limits| limits.timeout = Duration::from_secs(20)).await;
    let logs = guest::with_memory(
        "(memory (export \"memory\") 200)",
        "(import \"distri:plugin/host@0.3.0\" \"log\" (func $log (param i32 i32 i32)))",
        &format!(
            "(memory.fill (i32.const 65536) (i32.const 97) (i32.const {LENGTH}))
             (loop $again
               (call $log (i32.const 2) (i32.const 65536) (i32.const {LENGTH}))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $again (i32.lt_u (local.get $i) (i32.const 100))))"
        ),
    );
    bench.host.load_component(&manifest("logs", ""), logs).await.unwrap();
    let began = Instant::now();
    assert_eq!(bench.call("logs").await.unwrap().result, "null");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let log = bench.services.log.lock().unwrap();
    assert!(log.iter().all(|record| record.message.len() <= (8 << 10) + 3));
    let bytes: usize = log.iter().map(|record| record.message.len()).sum();
    assert!(bytes <= 300 << 10, "{bytes}");
}
