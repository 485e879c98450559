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
mod postgres_numeric;
mod postgres_times;
mod postgres_values;
mod query;
mod relay;
mod rows;
mod session;
mod sqlite;
mod sqlite_file;
mod sqlite_functions;
mod sqlite_guard;
mod sqlite_vfs;
mod statement;
mod transaction;
mod values;

pub(crate) use self::interface::{SqlCtx, SqlView, add_to_linker};
pub(crate) use self::pools::Databases;
pub use self::sqlite_file::{ExposedDatabase, exposed_databases};
