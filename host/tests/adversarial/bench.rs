//! A host for one test at a time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use distri_host::{
    AgentCall, Error, Host, HostServices, Limits, LogRecord, Policy, Result, ToolCall, ToolResult,
};
use distri_testing::{Turn, alone, guest, manifest};
use tokio::sync::Notify;

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
    _turn: Turn,
}

impl Bench {
    pub(crate) async fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let turn = alone().await;
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
        let bench = Self { host, services, limits, cache, _turn: turn };
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
