//! What a call knows about its caller.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bindings::distri::plugin::types::ExecutionContext;

/// The context of a call, filled in by the host.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Context {
    /// Unique per call.
    pub call_id: String,
    /// The agent on whose behalf the call is made.
    pub agent_id: Option<String>,
    /// The session whose values the plugin reads and writes.
    pub session_id: Option<String>,
    /// The task within the session.
    pub task_id: Option<String>,
    /// The run within the task.
    pub run_id: Option<String>,
    /// The user behind the session.
    pub user_id: Option<String>,
    /// Parameters of the host program's own, a JSON object.
    pub params: serde_json::Value,
    /// The secrets that the manifest declares and the operator grants.
    pub secrets: BTreeMap<String, String>,
    /// The time that was left for the call when it started.
    pub deadline: Option<Duration>,
    /// The same for every attempt at the same piece of work.
    pub idempotency_key: Option<String>,
    /// Everything else, by name.
    pub metadata: BTreeMap<String, String>,
}

impl From<ExecutionContext> for Context {
    fn from(context: ExecutionContext) -> Self {
        Self {
            call_id: context.call_id,
            agent_id: context.agent_id,
            session_id: context.session_id,
            task_id: context.task_id,
            run_id: context.run_id,
            user_id: context.user_id,
            params: serde_json::from_str(&context.params).unwrap_or_default(),
            secrets: context.secrets.into_iter().collect(),
            deadline: context.deadline_ms.map(|ms| Duration::from_millis(ms.into())),
            idempotency_key: context.idempotency_key,
            metadata: context.metadata.into_iter().collect(),
        }
    }
}
