//! What goes into statements and comes out of them, generated.

wasmtime::component::bindgen!({
    path: "wit/v0.3",
    inline: "
        package distri:values;
        world values {
            import distri:plugin/sql-types@0.3.0;
        }
    ",
    world: "distri:values/values",
});

#[expect(unreachable_pub, reason = "the generated code exports it again")]
pub use distri::plugin::sql_types;
pub(super) use distri::plugin::sql_types::{Rows, Value};
