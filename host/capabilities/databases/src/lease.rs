//! A connection on loan from a pool: given back when it is as it was, else closed.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool};
use tokio::runtime::Handle;

use crate::errors::{Fault, exhausted};

/// How long a call waits for a connection. Long enough for others' statements,
/// short enough to be told.
pub(crate) const ACQUIRE: Duration = Duration::from_secs(5);

/// How long a connection is kept that nobody uses: it takes a thread here, or a
/// process of the server's.
pub(crate) const IDLE: Duration = Duration::from_mins(1);

/// What a connection is lent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Statement,
    Transaction,
}

pub(crate) struct Lease<DB: Database> {
    /// None only while it is dropped.
    connection: Option<PoolConnection<DB>>,
    as_it_was: bool,
    /// Where it is closed, wherever it is dropped.
    runtime: Handle,
}

impl<DB: Database> Lease<DB> {
    /// Waits for a connection to the database of this name.
    pub(crate) async fn from(pool: &Pool<DB>, name: &str, connections: u32) -> Result<Self, Fault> {
        let connection = pool.acquire().await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut if pool.size() >= connections => {
                Fault::Host(exhausted(name, connections))
            }
            error => error.into(),
        })?;
        Ok(Self { connection: Some(connection), as_it_was: false, runtime: Handle::current() })
    }

    pub(crate) fn connection(&mut self) -> &mut DB::Connection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("a connection is taken away when it is dropped"),
        }
    }

    /// Gives it to whoever comes next: nothing is left of what was done with it.
    pub(crate) fn give_back(&mut self) {
        self.as_it_was = true;
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        if let Some(mut connection) = self.connection.take()
            && !self.as_it_was
        {
            connection.close_on_drop();
        }
    }
}
