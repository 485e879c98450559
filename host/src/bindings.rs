//! The types and functions of `wit/v0.3`, generated. Nothing outside this crate
//! sees them: each is converted where it enters or leaves.

wasmtime::component::bindgen!({
    path: "wit/v0.3",
    world: "plugin",
    exports: { default: async },
});

pub(crate) use distri::plugin::host::{Host, HostWithStore, add_to_linker};
pub(crate) use distri::plugin::types::{
    CallError, ExecutionContext, LogLevel, ToolCall, ToolResult, WorkflowCall, WorkflowResult,
};
pub(crate) use exports::distri::plugin::{tool, workflow};
