//! `distri:plugin/sql`, generated, one module per version. They share their types.

/// The async track.
pub(super) mod v03 {
    wasmtime::component::bindgen!({
        path: "wit/v0.3",
        inline: "
            package distri:databases;
            world databases {
                import distri:plugin/sql@0.3.0;
            }
        ",
        world: "distri:databases/databases",
        with: {
            "distri:plugin/sql.transaction": crate::transaction::Transaction,
            "distri:plugin/sql-types@0.3.0": crate::values::sql_types,
            "distri:plugin/types@0.3.0": distri_abi::bindings::v03::distri::plugin::types,
        },
    });
}

/// The sync track.
pub(super) mod v02 {
    wasmtime::component::bindgen!({
        path: "wit/v0.2",
        inline: "
            package distri:databases;
            world databases {
                import distri:plugin/sql@0.2.0;
            }
        ",
        world: "distri:databases/databases",
        imports: { default: async },
        with: {
            "distri:plugin/sql.transaction": crate::transaction::Transaction,
            "distri:plugin/sql-types@0.2.0": crate::values::sql_types,
            "distri:plugin/types@0.2.0": distri_abi::bindings::v03::distri::plugin::types,
        },
    });
}
