//! A host for one test at a time, and what the machine says of this process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use distri_host::{
    AgentCall, Error, Host, HostServices, Limits, LogRecord, Policy, Result, ToolCall, ToolResult,
};
use distri_manifest::Manifest;
use tokio::sync::{MutexGuard, Notify};

use crate::guest;

/// A tick of the host's epoch may be as long as this.
pub(crate) const TICK: Duration = Duration::from_millis(2);

/// Memory is measured per process: one test at a time.
pub(crate) static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What plugins get here: agents that sleep, wait for ever or panic, by name.
#[derive(Clone, Default)]
pub(crate) struct Services {
    pub(crate) log: Arc<Mutex<Vec<LogRecord>>>,
    pub(crate) asked: Arc<Notify>,
}

#[async_trait]
impl HostServices for Services {
    async fn call_agent(&self, call: AgentCall) -> Result<String> {
        self.asked.notify_one();
        match call.name.as_str() {
            "panic" => panic!("an agent that panics"),
            "never" => std::future::pending().await,
            _ => tokio::time::sleep(Duration::from_millis(call.task.parse().unwrap_or(0))).await,
        }
        Ok("done".to_owned())
    }

    async fn get_secret(&self, _: &str, name: &str) -> Result<Option<String>> {
        match name {
            "NEVER" => std::future::pending().await,
            _ => Ok(None),
        }
    }

    fn log(&self, record: LogRecord) {
        assert_ne!(record.message, "panic", "a log that panics");
        self.log.lock().unwrap().push(record);
    }
}

/// A host that this test has to itself, with a well-behaved plugin `good`.
pub(crate) struct Bench {
    pub(crate) host: Host,
    pub(crate) services: Services,
    pub(crate) limits: Limits,
    pub(crate) cache: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    pub(crate) async fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let alone = ALONE.lock().await;
        let mut limits = Limits::default();
        change(&mut limits);
        let services = Services::default();
        let cache = tempfile::tempdir().unwrap();
        let granted: Policy = "[all]\nsecrets = [\"NEVER\"]".parse().unwrap();
        let policy = Policy { open_workspace: true, ..granted };
        let host = Host::builder()
            .limits(limits.clone())
            .services(services.clone())
            .policy(policy)
            .cache_folder(cache.path())
            .build()
            .unwrap();
        let bench = Self { host, services, limits, cache, _alone: alone };
        bench.load("good", guest::good()).await.unwrap();
        bench.still_good().await;
        bench
    }

    pub(crate) async fn load(&self, name: &str, wasm: Vec<u8>) -> Result<String> {
        self.load_with(name, "", wasm).await
    }

    /// Loads a guest under a manifest with these further lines.
    pub(crate) async fn load_with(&self, name: &str, more: &str, wasm: Vec<u8>) -> Result<String> {
        self.host.load_component(&manifest(name, more), wasm).await
    }

    /// Calls the tool `go` of a plugin.
    pub(crate) async fn call(&self, name: &str) -> Result<ToolResult> {
        self.host.execute_tool(name, "go", ToolCall::new("null")).await
    }

    /// Loads and calls a guest that must fail, and gives its error and how long it took.
    pub(crate) async fn fails(&self, wasm: Vec<u8>) -> (Error, Duration) {
        self.load("bad", wasm).await.unwrap();
        let began = Instant::now();
        let error = self.call("bad").await.unwrap_err();
        let elapsed = began.elapsed();
        self.still_good().await;
        (error, elapsed)
    }

    /// The next good call answers correctly, and nothing is left of earlier ones.
    pub(crate) async fn still_good(&self) {
        let answer = self.call("good").await.unwrap();
        assert_eq!(answer, ToolResult { result: "null".to_owned(), error: None });
        self.settled().await;
    }

    /// Waits until the host is doing nothing, or says what it is still doing.
    pub(crate) async fn settled(&self) {
        for _ in 0..500 {
            let activity = self.host.activity();
            if activity.calls == 0
                && activity.instances == 0
                && activity.free_permits == self.limits.concurrent_calls
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still busy after five seconds: {:?}", self.host.activity());
    }
}

pub(crate) fn manifest(name: &str, more: &str) -> Manifest {
    let text = format!(
        "package = \"{name}\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n{more}"
    );
    let mut manifest: Manifest = text.parse().unwrap();
    manifest.capabilities.tools.push("*".parse().unwrap());
    manifest.capabilities.agents.push("*".parse().unwrap());
    manifest
}

/// How much resident memory grew at its highest while `work` ran, in bytes.
pub(crate) async fn growth<T>(work: impl Future<Output = T>) -> (T, usize) {
    // Resets the highest value to the current one.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmHWM:");
    let result = work.await;
    (result, status("VmHWM:").saturating_sub(before))
}

/// A value in kilobytes of `/proc/self/status`, in bytes.
pub(crate) fn status(name: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// Open files of this process.
pub(crate) fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Threads of this process.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// The value that 99 of 100 do not exceed.
pub(crate) fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1]
}
