//! What an embedder passes to a call and gets back from it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a call knows about its caller. Everything is optional; the default is a
/// call on nobody's behalf.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecutionContext {
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
    /// Parameters of the embedder's own, as a JSON object; empty for none.
    pub params: String,
    /// The same for every attempt at the same piece of work.
    pub idempotency_key: Option<String>,
    /// Everything else, by name.
    pub metadata: Vec<(String, String)>,
}

impl ExecutionContext {
    /// A context in the session `id`.
    pub fn in_session(id: impl Into<String>) -> Self {
        Self { session_id: Some(id.into()), ..Self::default() }
    }
}

/// A call of a tool.
#[derive(Debug, Clone, Default)]
pub struct ToolCall {
    /// Names the call in logs and to the guest; made up when empty.
    pub id: String,
    /// The input, as JSON.
    pub input: String,
    /// On whose behalf.
    pub context: ExecutionContext,
    /// Wall time for this call; the plugin's limit holds when it is lower.
    pub deadline: Option<Duration>,
}

impl ToolCall {
    /// A call with this JSON as its input.
    pub fn new(input: impl Into<String>) -> Self {
        Self { input: input.into(), ..Self::default() }
    }

    /// The same with so much wall time at most.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.deadline = Some(time);
        self
    }
}

/// A call of a workflow. It has the same parts as a tool's.
pub type WorkflowCall = ToolCall;

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// The value, as JSON. When `error` is set: details about it as JSON, for a
    /// TypeScript plugin `{name, message, stack, cause}`.
    pub result: String,
    /// Why the tool failed; none when it succeeded.
    pub error: Option<String>,
}

/// What a workflow answered. It has the same parts as a tool's.
pub type WorkflowResult = ToolResult;

/// Whether something is a tool or a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemKind {
    /// A tool.
    Tool,
    /// A workflow.
    Workflow,
}

impl ItemKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Workflow => "workflow",
        }
    }
}
