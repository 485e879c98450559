//! Databases that the operator names and plugins use by these names: `sqlx` pools
//! behind `distri:plugin/sql`. Nothing of a session is ever shared: not by
//! packages, not by what they may do, and not by the calls of one.

mod bindings;
mod interface;
mod values;

#[cfg(not(feature = "engines"))]
mod absent;
#[cfg(feature = "engines")]
mod dialect;
#[cfg(feature = "engines")]
mod errors;
#[cfg(feature = "engines")]
mod lease;
#[cfg(feature = "engines")]
mod pools;
#[cfg(feature = "engines")]
mod postgres;
#[cfg(feature = "engines")]
mod query;
#[cfg(feature = "engines")]
mod rows;
#[cfg(feature = "engines")]
mod session;
#[cfg(feature = "engines")]
mod sqlite;
#[cfg(feature = "engines")]
mod statement;
#[cfg(feature = "engines")]
mod transaction;

#[cfg(not(feature = "engines"))]
use absent::{pools, query, rows, transaction};

pub use crate::interface::{SqlCtx, SqlView, add_to_linker};
pub use crate::pools::Databases;
#[cfg(feature = "engines")]
pub use crate::sqlite::file::{ExposedDatabase, exposed_databases};
