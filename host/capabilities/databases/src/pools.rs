//! The databases of a host, with a pool of connections for each package that uses one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use distri_call::frame::Frame;
use distri_call::package::Package;
use distri_call::{Limits, Result};
use distri_manifest::{Access, Policy};

use crate::dialect::Dialect;
use crate::errors::{Fault, misconfigured, undefined};
use crate::lease::{Lease, Scope};
use crate::session::Session;
use crate::sqlite::file as sqlite_file;
use crate::sqlite::file::ExposedDatabase;
use crate::{postgres, sqlite};

/// The databases of a host.
pub struct Databases {
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

impl Databases {
    /// The databases that a policy names; nothing is opened yet.
    pub fn new(policy: &Policy, limits: &Limits) -> Self {
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
    pub fn exposed(&self, packages: &[Arc<Package>]) -> Vec<ExposedDatabase> {
        let exposed = self.urls.iter().filter_map(|(name, url)| {
            sqlite_file::exposed(packages, name, &sqlite_file::path_of(url)?)
        });
        exposed.collect()
    }

    /// Closes the connections of a plugin that is no longer loaded, and that no call
    /// runs any more.
    pub fn forget(&self, package: u64) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten: Vec<Pool> =
            pools.extract_if(.., |key, _| key.0 == package).map(|(_, pool)| pool).collect();
        drop(pools);
        drop(forgotten);
    }

    pub(super) fn url(&self, name: &str) -> Result<(&str, Dialect)> {
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
        pools.insert(key, pool.clone());
        Ok(pool)
    }

    pub(super) async fn begin(
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
