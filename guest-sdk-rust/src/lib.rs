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
//! call's context. `async` functions may call tools and agents, several at once,
//! as with [`join_all`], and use [databases](sql).
//!
//! What JSON cannot say is an error that names its place: NaN and the infinities, which
//! `serde_json` alone would make `null` of. Integers are exact, up to 128 bits.
//!
//! A plugin conforms to the async track of `distri:plugin`, 0.3. With the feature
//! `sync` the same source conforms to 0.2: host calls then wait one after another.

#![deny(unsafe_code)]

mod context;
mod host;
mod item;
mod json;
#[cfg(feature = "log")]
mod logger;
mod schema;
pub mod sql;

pub use context::Context;
pub use distri_guest_macros::{tool, workflow};
/// Waits for several host calls at once; any other combinator for futures does too.
pub use futures_util::future::{join, join_all, try_join, try_join_all};
pub use host::{
    CallError, LogLevel, call_agent, call_agent_with, call_tool, get_session_value, log,
    set_session_value,
};
pub use item::Item;
#[cfg(feature = "log")]
pub use logger::init_log;

// What the macros' code needs, so that a plugin need not depend on it.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings;
    pub use crate::item::{Answer, Call, describe, execute, fail, finish, outcome, succeed};
    pub use crate::schema::parameters;
    pub use schemars;
    pub use serde;
    pub use serde_json;
}

/// The ABI, generated from its WIT by `scripts/bindings`: a macro would compile a hundred
/// crates in every author's first build.
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
    #[cfg(feature = "sync")]
    include!("bindings/v0.2.rs");
    #[cfg(not(feature = "sync"))]
    include!("bindings/v0.3.rs");
}

/// An export that waits: async on the async track. On the sync track its host
/// calls are over when they return, and so is the future around them.
#[doc(hidden)]
#[cfg(not(feature = "sync"))]
#[macro_export]
macro_rules! __export {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block)*) => {
        $(async fn $name($($argument: $type),*) -> $result $body)*
    };
}

#[doc(hidden)]
#[cfg(feature = "sync")]
#[macro_export]
macro_rules! __export {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block)*) => {
        $(fn $name($($argument: $type),*) -> $result {
            $crate::__private::finish(async move $body)
        })*
    };
}

/// Exports functions marked [`tool`] and [`workflow`] as this crate's plugin, as
/// in `export_plugin! { tools: [sha256, crc32], workflows: [report] }`. One of
/// the two lists may be left out.
#[macro_export]
macro_rules! export_plugin {
    ($(tools: [$($($tool:ident)::+),* $(,)?])? $(,)? $(workflows: [$($($workflow:ident)::+),* $(,)?])? $(,)?) => {
        #[doc(hidden)]
        struct __DistriPlugin;

        const _: () = {
            use $crate::__private::bindings::exports::distri::plugin::{tool, workflow};

            fn tools() -> ::std::vec::Vec<$crate::Item> {
                ::std::vec![$($($($tool)::+::item()),*)?]
            }

            fn workflows() -> ::std::vec::Vec<$crate::Item> {
                ::std::vec![$($($($workflow)::+::item()),*)?]
            }

            impl tool::Guest for __DistriPlugin {
                fn get_tool_info() -> ::std::string::String {
                    $crate::__private::describe(&tools())
                }

                $crate::__export! {
                    fn execute_tool(
                        call: tool::ToolCall,
                        context: tool::ExecutionContext
                    ) -> tool::ToolResult {
                        let (result, error) =
                            $crate::__private::execute(tools(), call.name, call.input, context)
                                .await;
                        tool::ToolResult { result, error }
                    }
                }
            }

            impl workflow::Guest for __DistriPlugin {
                fn get_workflow_info() -> ::std::string::String {
                    $crate::__private::describe(&workflows())
                }

                $crate::__export! {
                    fn execute_workflow(
                        call: workflow::WorkflowCall,
                        context: workflow::ExecutionContext
                    ) -> workflow::WorkflowResult {
                        let (result, error) =
                            $crate::__private::execute(workflows(), call.name, call.input, context)
                                .await;
                        workflow::WorkflowResult { result, error }
                    }
                }
            }
        };

        $crate::__private::bindings::export!(__DistriPlugin with_types_in $crate::__private::bindings);
    };
}
