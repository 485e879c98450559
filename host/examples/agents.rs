//! An embedder with agents of its own: what a plugin gets from `callAgent`, what
//! it logs, and what each call did.
//!
//! ```text
//! cargo run --release --workspace --example agents -- examples/plugins/text-tools examples/plugins/checksum examples/plugins/text-report
//! ```

use async_trait::async_trait;
use distri_host::{
    AgentCall, CallReport, Error, ErrorKind, ExecutionContext, Host, HostServices, LogRecord,
    Result, WorkflowCall,
};

/// One agent.
struct Embedder;

#[async_trait]
impl HostServices for Embedder {
    /// Here a real runtime would ask a model.
    async fn call_agent(&self, call: AgentCall) -> Result<String> {
        match call.name.as_str() {
            "editor" => Ok(format!("{} characters are enough.", call.task.len())),
            other => Err(Error::new(ErrorKind::NotFound, format!("there is no agent `{other}`"))
                .with_hint("there is `editor`")),
        }
    }

    fn log(&self, record: LogRecord) {
        eprintln!("[{}] {}", record.package, record.message);
    }

    fn observe(&self, report: &CallReport) {
        eprintln!(
            "{}/{} {} in {:?}, {} KiB",
            report.package,
            report.item,
            report.outcome,
            report.elapsed,
            report.peak_memory >> 10
        );
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::builder().services(Embedder).build()?;
    for path in std::env::args().skip(1) {
        host.load_plugin(path.as_ref()).await?;
    }
    let call = WorkflowCall {
        context: ExecutionContext::in_session("example"),
        ..WorkflowCall::new(r#"{"text": "Distri runs what strangers wrote."}"#)
    };
    let answer = host.execute_workflow("text-report", "report", call).await?;
    println!("{}", answer.result);
    Ok(())
}
