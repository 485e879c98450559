//! The interface that older embedders know. [`Host`] is its one implementation;
//! its own methods need no `&mut`.

use std::path::Path;

use async_trait::async_trait;
use distri_artifact::PluginInfo;
use distri_call::{
    Error, ErrorKind, ExecutionContext, Result, ToolCall, ToolResult, WorkflowCall, WorkflowResult,
};
use serde_json::Value;

use crate::Host;

/// Loads plugins and runs what they offer.
#[async_trait]
pub trait PluginExecutor: Send + Sync {
    /// Loads a package and returns its name.
    async fn load_plugin(&mut self, package_path: &Path) -> Result<String>;

    /// What a loaded package offers.
    async fn get_plugin_info(&self, package: &str) -> Result<PluginInfo>;

    /// Runs a tool.
    async fn execute_tool(&self, package: &str, tool: &str, call: ToolCall) -> Result<ToolResult>;

    /// Runs a workflow.
    async fn execute_workflow(
        &self,
        package: &str,
        workflow: &str,
        call: WorkflowCall,
    ) -> Result<WorkflowResult>;

    /// Runs a tool or workflow, as `item_type` says, with the context's `params`
    /// as its input. For older callers.
    async fn execute_plugin(
        &self,
        package: &str,
        item: &str,
        item_type: &str,
        context: ExecutionContext,
    ) -> Result<Value> {
        let input =
            if context.params.is_empty() { "{}".to_owned() } else { context.params.clone() };
        let call = ToolCall { input, context, ..ToolCall::default() };
        let answer = match item_type {
            "tool" => self.execute_tool(package, item, call).await?,
            "workflow" => self.execute_workflow(package, item, call).await?,
            other => {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("`{other}` is not a type of item"),
                )
                .with_hint("use `tool` or `workflow`"));
            }
        };
        match answer.error {
            None => serde_json::from_str(&answer.result).map_err(distri_call::error::internal),
            Some(message) => {
                Err(Error::new(ErrorKind::GuestError, message).with_detail(answer.result))
            }
        }
    }

    /// The names of all loaded packages.
    fn get_loaded_plugins(&self) -> Vec<String>;
}

#[async_trait]
impl PluginExecutor for Host {
    async fn load_plugin(&mut self, package_path: &Path) -> Result<String> {
        Host::load_plugin(self, package_path).await
    }

    async fn get_plugin_info(&self, package: &str) -> Result<PluginInfo> {
        self.plugin_info(package)
    }

    async fn execute_tool(&self, package: &str, tool: &str, call: ToolCall) -> Result<ToolResult> {
        Host::execute_tool(self, package, tool, call).await
    }

    async fn execute_workflow(
        &self,
        package: &str,
        workflow: &str,
        call: WorkflowCall,
    ) -> Result<WorkflowResult> {
        Host::execute_workflow(self, package, workflow, call).await
    }

    fn get_loaded_plugins(&self) -> Vec<String> {
        self.loaded_plugins()
    }
}
