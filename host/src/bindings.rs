//! The types and functions of `wit/`, generated, one module per version. Nothing
//! outside `abi` and `imports` names a version: both have the same shape, and
//! share the types of one of them. Nothing outside this crate sees them at all.

/// The async track.
pub(crate) mod v03 {
    wasmtime::component::bindgen!({
        path: "wit/v0.3",
        world: "plugin",
        exports: { default: async },
    });
}

/// The sync track. A host function suspends the guest that waits for it, on a
/// stack of its own, and never a thread.
pub(crate) mod v02 {
    wasmtime::component::bindgen!({
        path: "wit/v0.2",
        world: "plugin",
        imports: { default: async },
        exports: { default: async },
        with: {
            "distri:plugin/types@0.2.0": super::v03::distri::plugin::types,
        },
    });
}

pub(crate) use v03::distri::plugin::types::{
    CallError, ExecutionContext, LogLevel, ToolCall, ToolResult, WorkflowCall, WorkflowResult,
};
