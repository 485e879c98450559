//! A connection that is lent, of either kind of database.

use crate::errors::Fault;
use crate::rows::Collector;
use crate::statement::Statement;
use crate::values::Value;
use crate::{postgres, sqlite};

/// A connection that is lent.
pub(super) enum Session {
    Sqlite(sqlite::Session),
    Postgres(postgres::Session),
}

impl Session {
    pub(super) async fn run(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
        rows: &mut Collector,
    ) -> Result<u64, Fault> {
        let changed = match self {
            Self::Sqlite(session) => session.run(statement, parameters, rows).await,
            Self::Postgres(session) => session.run(statement, parameters, rows).await,
        };
        // What else a database counts is the rows that it gave, or the last ones
        // that something else changed.
        changed.map(|changed| if statement.counts { changed } else { 0 })
    }

    pub(super) async fn commit(self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(session) => session.commit().await,
            Self::Postgres(session) => session.commit().await,
        }
    }

    pub(super) async fn rollback(self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(session) => session.rollback().await,
            Self::Postgres(session) => session.rollback().await,
        }
    }
}
