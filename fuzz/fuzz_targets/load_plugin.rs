//! Any bytes loaded as a plugin, and every tool and workflow that they then
//! offer called: whatever happens is an error with a kind, and the host serves a
//! good plugin afterwards.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use distri_host::{ErrorKind, Host, Limits, ToolCall};
use distri_manifest::Manifest;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

/// A plugin whose tool `go` answers `null`.
const GOOD: &[u8] = include_bytes!("../seeds/load_plugin/good.wasm");

static HOST: LazyLock<(Runtime, Host)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut limits = Limits::default();
    limits.timeout = Duration::from_millis(200);
    limits.memory = 16 << 20;
    limits.concurrent_calls = 4;
    let host = Host::builder().limits(limits).without_cache().build().expect("a host");
    runtime.block_on(host.load_component(&manifest("good"), GOOD.to_vec())).expect("a plugin");
    (runtime, host)
});

fn manifest(name: &str) -> Manifest {
    format!("package = \"{name}\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n")
        .parse()
        .expect("a manifest")
}

fuzz_target!(|bytes: &[u8]| {
    let (runtime, host) = &*HOST;
    runtime.block_on(async {
        if let Err(error) = host.load_component(&manifest("bad"), bytes.to_vec()).await {
            assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
            return;
        }
        let info = host.plugin_info("bad").expect("it was loaded");
        for tool in &info.tools {
            let _ = host.execute_tool("bad", tool.name.as_str(), ToolCall::new("null")).await;
        }
        for workflow in &info.workflows {
            let name = workflow.name.as_str();
            let _ = host.execute_workflow("bad", name, ToolCall::new("null")).await;
        }
        host.unload_plugin("bad").expect("it was loaded");
        let answer = host.execute_tool("good", "go", ToolCall::new("null")).await;
        assert_eq!(answer.expect("a good call").result, "null");
    });
});
