//! What an embedder passes to a call and gets back from it.

use std::time::Duration;

use distri_manifest::{ItemName, PackageName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{SchemaFault, check_schema};

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

/// A tool or workflow, as its plugin describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemInfo {
    /// The name, unique in its package.
    pub name: ItemName,
    /// What it does, for people and models.
    #[serde(default)]
    pub description: String,
    /// Its own version, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The JSON Schema of its input.
    #[serde(default = "any_object")]
    pub parameters: Value,
    /// The JSON Schema of what it gives, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Value>,
    /// Other names that it answers to: `integration.tool` and `integration_tool`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

impl ItemInfo {
    /// What is wrong with its JSON Schemas: with `parameters` or `returns`, and what.
    pub fn schema_faults(&self) -> Vec<(&'static str, SchemaFault)> {
        let schemas = [("parameters", Some(&self.parameters)), ("returns", self.returns.as_ref())];
        let check =
            |(name, schema): (_, Option<&Value>)| Some((name, check_schema(schema?).err()?));
        schemas.into_iter().filter_map(check).collect()
    }
}

/// The schema of a tool that gives none: any object.
fn any_object() -> Value {
    serde_json::json!({ "type": "object" })
}

/// A loaded plugin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PluginInfo {
    /// The package's name.
    pub package: PackageName,
    /// The package's version.
    pub version: String,
    /// What it is for.
    pub description: Option<String>,
    /// The version of `distri:plugin` that it conforms to, like `0.3.0`.
    pub abi: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Its tools.
    pub tools: Vec<ItemInfo>,
    /// Its workflows.
    pub workflows: Vec<ItemInfo>,
}

impl PluginInfo {
    /// The items of one kind.
    pub fn items(&self, kind: ItemKind) -> &[ItemInfo] {
        match kind {
            ItemKind::Tool => &self.tools,
            ItemKind::Workflow => &self.workflows,
        }
    }
}
