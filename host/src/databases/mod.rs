//! Databases that the operator names and plugins use by these names: `sqlx` pools
//! behind `distri:plugin/sql`. Nothing of a session is ever shared: not by
//! packages, not by what they may do, and not by the calls of one.

mod errors;
mod interface;
mod lease;
mod postgres;
mod postgres_numeric;
mod postgres_times;
mod postgres_values;
mod relay;
mod rows;
mod sqlite;
mod sqlite_file;
mod sqlite_functions;
mod sqlite_guard;
mod sqlite_vfs;
mod statement;
mod transaction;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use distri_manifest::{Access, Policy};

use self::errors::{Fault, misconfigured, undefined};
use self::lease::Lease;
use self::rows::Collector;
use self::statement::{Dialect, Statement};
use crate::bindings::{Rows, Value};
use crate::door::authorise;
use crate::frame::Frame;
use crate::package::Package;
use crate::{Capability, Limits, Result};

pub(crate) use self::interface::add_to_linker;
pub use self::sqlite_file::{ExposedDatabase, exposed_databases};
#[expect(unreachable_pub, reason = "the generated code exports it again")]
pub use self::transaction::Transaction;

/// The databases of a host.
pub(crate) struct Databases {
    urls: BTreeMap<String, String>,
    /// Where the operator names them, in words.
    policy: String,
    pools: Mutex<BTreeMap<Key, Pool>>,
    connections: u32,
}

/// A loaded plugin, a database, and how far the plugin gets.
type Key = (u64, String, Access);

#[derive(Clone)]
enum Pool {
    Sqlite(sqlite::Pool),
    Postgres(postgres::Pool),
}

/// What a connection is lent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Statement,
    Transaction,
}

/// A connection that is lent.
enum Session {
    Sqlite(sqlite::Session),
    Postgres(postgres::Session),
}

impl Databases {
    pub(crate) fn new(policy: &Policy, limits: &Limits) -> Self {
        let configs = policy.databases.iter();
        let urls = configs.map(|(name, config)| (name.clone(), config.url.clone()));
        Self {
            urls: urls.collect(),
            policy: policy.place(),
            pools: Mutex::default(),
            connections: limits.connections,
        }
    }

    /// The databases that lie where a package may write.
    pub(crate) fn exposed(&self, packages: &[Arc<Package>]) -> Vec<ExposedDatabase> {
        let exposed = self.urls.iter().filter_map(|(name, url)| {
            sqlite_file::exposed(packages, name, &sqlite_file::path_of(url)?)
        });
        exposed.collect()
    }

    /// Closes the connections of a plugin that is no longer loaded, as they
    /// become idle.
    pub(crate) fn forget(&self, package: u64) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten: Vec<Pool> =
            pools.extract_if(.., |key, _| key.0 == package).map(|(_, pool)| pool).collect();
        drop(pools);
        drop(forgotten);
    }

    fn url(&self, name: &str) -> Result<(&str, Dialect)> {
        let url = self.urls.get(name).ok_or_else(|| undefined(name, &self.policy))?;
        let scheme = url.split_once(':').map(|(scheme, _)| scheme);
        match scheme {
            Some("sqlite") => Ok((url, Dialect::Sqlite)),
            Some("postgres" | "postgresql") => Ok((url, Dialect::Postgres)),
            _ => Err(misconfigured(name, "its URL begins with neither `sqlite:` nor `postgres:`")),
        }
    }

    /// The pool for a call, made when it is first asked for.
    fn pool(&self, frame: &Frame, name: &str, access: Access) -> Result<Pool> {
        let package = &frame.package;
        let key = (package.id, name.to_owned(), access);
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&key) {
            return Ok(pool.clone());
        }
        let (url, dialect) = self.url(name)?;
        let connections = self.connections.max(1);
        let pool = match dialect {
            Dialect::Sqlite => {
                let limits = &package.limits;
                let bounds = (connections, limits.payload, limits.package_file_bytes);
                Pool::Sqlite(sqlite::pool(name, url, access, bounds)?)
            }
            Dialect::Postgres => {
                let bounds = (connections, &package.limits);
                Pool::Postgres(postgres::pool(name, url, access, package.name.as_str(), bounds)?)
            }
        };
        // Nobody would close that of a plugin that is gone: it ends with its use.
        if !package.is_retired() {
            pools.insert(key, pool.clone());
        }
        Ok(pool)
    }

    async fn begin(
        &self,
        frame: &Frame,
        name: &str,
        access: Access,
        scope: Scope,
    ) -> Result<Session> {
        let connections = self.connections.max(1);
        let begun = async {
            Ok(match self.pool(frame, name, access)? {
                Pool::Sqlite(pool) => {
                    pool.check(name, frame.packages())?;
                    let thread = pool.thread(name, connections).await?;
                    let lease = Lease::from(&pool.inner, name, connections).await?;
                    let lent = (lease, thread);
                    Session::Sqlite(sqlite::Session::begin(lent, access, scope, frame).await?)
                }
                Pool::Postgres(pool) => {
                    let lease = Lease::from(&pool.inner, name, connections).await?;
                    Session::Postgres(postgres::Session::begin(&pool, lease, access, frame).await?)
                }
            })
        };
        begun.await.map_err(|fault: Fault| fault.told(frame, name))
    }
}

impl Session {
    async fn run(
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

    async fn commit(self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(session) => session.commit().await,
            Self::Postgres(session) => session.commit().await,
        }
    }

    async fn rollback(self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(session) => session.rollback().await,
            Self::Postgres(session) => session.rollback().await,
        }
    }
}

/// The call that asks, and what it asks.
type Asking = (Arc<Frame>, Arc<Databases>);

/// A guest's `query`: it reads, unless its words say that it writes.
async fn query(
    (frame, databases): Asking,
    name: String,
    statement: String,
    parameters: Vec<Value>,
) -> Result<Rows> {
    let access = Access::Read;
    authorise(&frame, Capability::Database { name: &name, access })?;
    let (_, rows) = alone((&frame, &databases), &name, access, (statement, parameters)).await?;
    Ok(rows)
}

/// A guest's `execute`.
async fn execute(
    (frame, databases): Asking,
    name: String,
    statement: String,
    parameters: Vec<Value>,
) -> Result<u64> {
    let access = Access::ReadWrite;
    authorise(&frame, Capability::Database { name: &name, access })?;
    let (changed, _) = alone((&frame, &databases), &name, access, (statement, parameters)).await?;
    Ok(changed)
}

/// Runs a statement by itself: wholly or not at all.
async fn alone(
    (frame, databases): (&Frame, &Databases),
    name: &str,
    access: Access,
    (statement, parameters): (String, Vec<Value>),
) -> Result<(u64, Rows)> {
    let statement = Statement::parse(statement, parameters.len(), databases.url(name)?.1)?;
    if statement.access > access {
        authorise(frame, Capability::Database { name, access: statement.access })?;
    }
    let access = access.max(statement.access);
    let parameters = rows::parameters(parameters)?;
    let mut session = databases.begin(frame, name, access, Scope::Statement).await?;
    let mut rows = Collector::new(&frame.limits);
    let changed = match session.run(&statement, &parameters, &mut rows).await {
        Ok(changed) => session.commit().await.map(|()| changed),
        Err(fault) => {
            if fault.is_statements()
                && let Err(fault) = session.rollback().await
            {
                tracing::debug!(database = name, ?fault, "a connection is closed");
            }
            Err(fault)
        }
    };
    let changed = changed.map_err(|fault| fault.told(frame, name))?;
    Ok((changed, rows.finish()))
}
