//! Databases that the operator names and plugins use by these names: `sqlx` pools
//! behind `distri:plugin/sql`. Nothing of a session is ever shared: not by
//! packages, not by what they may do, and not by the calls of one.

mod bindings;
mod dialect;
mod errors;
mod interface;
mod lease;
mod pools;
mod postgres;
mod query;
mod rows;
mod session;
mod sqlite;
mod statement;
mod transaction;
mod values;

pub use crate::interface::{SqlCtx, SqlView, add_to_linker};
pub use crate::pools::Databases;
pub use crate::sqlite::file::{ExposedDatabase, exposed_databases};
