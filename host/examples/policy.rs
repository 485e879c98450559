//! An embedder with a policy, a say of its own beside it, and limits.
//!
//! ```text
//! cargo run --release --workspace --example policy -- examples/plugins/text-tools examples/plugins/checksum examples/plugins/text-report
//! ```

use std::time::Duration;

use distri_host::{
    Caller, Capability, Error, ErrorKind, Host, HostServices, Limits, Policy, Result, ToolCall,
    WorkflowCall,
};

/// What packages may have of what they ask for.
const POLICY: &str = r#"
    [packages.text-report]
    tools = ["text-tools/*", "checksum/*"]
"#;

/// Beside the policy: nobody may call `checksum` today.
struct Strict;

impl HostServices for Strict {
    fn authorise(&self, caller: &Caller, capability: Capability<'_>) -> Result<()> {
        match capability {
            Capability::Tool(tool) if !tool.starts_with("checksum/") => Ok(()),
            refused => Err(Error::new(
                ErrorKind::Denied,
                format!("`{}` may not have {refused:?}", caller.package),
            )
            .with_hint("the policy of this example allows tools other than `checksum`'s")),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut limits = Limits::default();
    limits.timeout = Duration::from_secs(5);
    limits.memory = 32 << 20;
    let policy: Policy = POLICY.parse()?;
    let host = Host::builder().limits(limits).policy(policy).services(Strict).build()?;
    for path in std::env::args().skip(1) {
        host.load_plugin(path.as_ref()).await?;
    }
    // Called from here it answers; the policy is about what plugins call.
    let call = ToolCall::new(r#"{"text": "abc"}"#);
    println!("{}", host.execute_tool("checksum", "sha256", call).await?.result);
    // The workflow calls it, and is refused.
    let call = WorkflowCall::new(r#"{"text": "abc"}"#);
    let answer = host.execute_workflow("text-report", "report", call).await?;
    println!("{}", answer.error.unwrap_or(answer.result));
    Ok(())
}
