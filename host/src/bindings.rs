//! The types and functions of `wit/`, generated, one module per version. Nothing
//! outside `abi` and `imports` names a version: both have the same shape, and
//! share the types of one of them. Nothing outside this crate sees them at all.

/// The async track.
pub(crate) mod v03 {
    wasmtime::component::bindgen!({
        path: "wit/v0.3",
        world: "plugin",
        exports: { default: async },
        with: {
            "distri:plugin/sql.transaction": crate::databases::Transaction,
        },
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
            "distri:plugin/sql.transaction": crate::databases::Transaction,
            "distri:plugin/sql-types@0.2.0": super::v03::distri::plugin::sql_types,
            "distri:plugin/types@0.2.0": super::v03::distri::plugin::types,
        },
    });
}

/// What script engines import besides, on the async track.
pub(crate) mod web {
    wasmtime::component::bindgen!({
        path: "wit/v0.3",
        inline: "
            package distri:engine;
            world engine {
                import distri:plugin/url@0.3.0;
                import distri:plugin/text-codec@0.3.0;
                import distri:plugin/waiting@0.3.0;
            }
        ",
        world: "distri:engine/engine",
        imports: {
            "distri:plugin/waiting.sleep": store | trappable,
            "distri:plugin/waiting.send": store | trappable,
            default: trappable,
        },
        with: {
            "distri:plugin/text-codec.decoder": crate::web::Decoder,
            "wasi:http": wasmtime_wasi_http::p3::bindings::http,
            "wasi:clocks": wasmtime_wasi::p3::bindings::clocks,
        },
    });
}

pub(crate) use v03::distri::plugin::sql_types::{Rows, Value};
pub(crate) use v03::distri::plugin::types::{
    CallError, ExecutionContext, LogLevel, ToolCall, ToolResult, WorkflowCall, WorkflowResult,
};
