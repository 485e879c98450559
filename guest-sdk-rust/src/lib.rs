//! Write a Distri plugin in Rust: typed functions become tools and workflows.
//!
//! ```
//! use distri_guest::{export_plugin, tool};
//!
//! /// Greets somebody.
//! #[tool]
//! fn greet(
//!     /// Whom to greet.
//!     name: String,
//! ) -> String {
//!     format!("Hello, {name}!")
//! }
//!
//! export_plugin! { tools: [greet] }
//! # fn main() {}
//! ```
//!
//! The function's name, its doc comment and the types of its parameters become
//! what agents see: name, description and JSON Schema. Parameters are any types
//! that are [`Deserialize`](serde::Deserialize) and
//! [`JsonSchema`](schemars::JsonSchema), the result any type that is
//! [`Serialize`](serde::Serialize), or a `Result` of one whose error is
//! [`Display`](std::fmt::Display). A parameter of the type [`Context`] gets the
//! call's context. `async` functions may call tools and agents, several at once.

#![deny(unsafe_code)]

mod context;
mod host;
mod item;

pub use context::Context;
pub use distri_guest_macros::{tool, workflow};
pub use host::{
    CallError, LogLevel, call_agent, call_tool, get_session_value, log, set_session_value,
};
pub use item::Item;

// What the macros' code needs, so that a plugin need not depend on it.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings;
    pub use crate::item::{Answer, Call, describe, execute, fail, outcome, succeed};
    pub use schemars;
    pub use serde;
    pub use serde_json;
}

/// The ABI, generated from its WIT.
#[doc(hidden)]
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "generated: which of these it trips over depends on the target"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit/v0.3",
        world: "plugin",
        pub_export_macro: true,
        default_bindings_module: "distri_guest::__private::bindings",
    });
}

/// Exports functions marked [`tool`] and [`workflow`] as this crate's plugin, as
/// in `export_plugin! { tools: [sha256, crc32], workflows: [report] }`. One of
/// the two lists may be left out.
#[macro_export]
macro_rules! export_plugin {
    ($(tools: [$($tool:ident),* $(,)?])? $(,)? $(workflows: [$($workflow:ident),* $(,)?])? $(,)?) => {
        #[doc(hidden)]
        struct __DistriPlugin;

        const _: () = {
            use $crate::__private::bindings::exports::distri::plugin::{tool, workflow};

            fn tools() -> ::std::vec::Vec<$crate::Item> {
                ::std::vec![$($($tool::item()),*)?]
            }

            fn workflows() -> ::std::vec::Vec<$crate::Item> {
                ::std::vec![$($($workflow::item()),*)?]
            }

            impl tool::Guest for __DistriPlugin {
                fn get_tool_info() -> ::std::string::String {
                    $crate::__private::describe(&tools())
                }

                async fn execute_tool(
                    call: tool::ToolCall,
                    context: tool::ExecutionContext,
                ) -> tool::ToolResult {
                    let (result, error) =
                        $crate::__private::execute(tools(), call.name, call.input, context).await;
                    tool::ToolResult { result, error }
                }
            }

            impl workflow::Guest for __DistriPlugin {
                fn get_workflow_info() -> ::std::string::String {
                    $crate::__private::describe(&workflows())
                }

                async fn execute_workflow(
                    call: workflow::WorkflowCall,
                    context: workflow::ExecutionContext,
                ) -> workflow::WorkflowResult {
                    let (result, error) =
                        $crate::__private::execute(workflows(), call.name, call.input, context).await;
                    workflow::WorkflowResult { result, error }
                }
            }
        };

        $crate::__private::bindings::export!(__DistriPlugin with_types_in $crate::__private::bindings);
    };
}
