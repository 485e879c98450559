//! The types and functions of `wit/` that every plugin has, generated, one module per
//! version. Both have the same shape, and share the types of one of them. Each
//! capability generates its own, and may share these; embedders see none of them.

/// The async track.
pub mod v03 {
    wasmtime::component::bindgen!({
        path: "wit/v0.3",
        inline: "
            package distri:calls;
            world calls {
                import distri:plugin/host@0.3.0;
                export distri:plugin/tool@0.3.0;
                export distri:plugin/workflow@0.3.0;
            }
        ",
        world: "distri:calls/calls",
        exports: { default: async },
    });
}

/// The sync track. A host function suspends the guest that waits for it, on a
/// stack of its own, and never a thread.
pub mod v02 {
    wasmtime::component::bindgen!({
        path: "wit/v0.2",
        inline: "
            package distri:calls;
            world calls {
                import distri:plugin/host@0.2.0;
                export distri:plugin/tool@0.2.0;
                export distri:plugin/workflow@0.2.0;
            }
        ",
        world: "distri:calls/calls",
        imports: { default: async },
        exports: { default: async },
        with: {
            "distri:plugin/types@0.2.0": super::v03::distri::plugin::types,
        },
    });
}

pub use v03::distri::plugin::types::{
    CallError, ExecutionContext, LogLevel, ToolCall, ToolResult, WorkflowCall, WorkflowResult,
};
