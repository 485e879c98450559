//! The connections of a host's packages: a pool for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use distri_call::Result;
use distri_call::package::Package;
use tokio::time::Instant;
use wasmtime_wasi_http::Error as Code;

use crate::connect::Connections;
use crate::dialer::Dialer;
use crate::resolver::Resolver;
use crate::room::{self, Places};

/// How long a request waits for a place among the connections.
const PATIENCE: Duration = Duration::from_secs(10);

/// What all plugins of a host reach the network with.
pub struct Network {
    dialer: Dialer,
    /// Each package's own, from its first request on.
    connections: Mutex<HashMap<u64, Arc<Connections>>>,
}

impl Network {
    /// `roots` are certificates in DER that are believed besides Mozilla's.
    ///
    /// # Errors
    ///
    /// `invalid-input` for one that is none.
    pub fn new(resolver: Option<Arc<dyn Resolver>>, roots: Vec<Vec<u8>>) -> Result<Self> {
        let dialer = Dialer::new(resolver, roots)?;
        Ok(Self { dialer, connections: Mutex::default() })
    }

    /// A package's connections.
    pub(super) fn connections(&self, package: &Arc<Package>) -> Arc<Connections> {
        let connections = || Arc::new(Connections::new(package, &self.dialer));
        Arc::clone(self.all().entry(package.id).or_insert_with(connections))
    }

    /// Places for a request that may need a connection of its own. Who has to wait has
    /// connections closed that idle: the package's, or everybody's where there is no room
    /// for anybody.
    ///
    /// # Errors
    ///
    /// `connection-limit-reached` when there is none in good time.
    pub(super) async fn places(&self, connections: &Connections) -> Result<Places, Code> {
        let end = Instant::now() + PATIENCE;
        let close_own = || connections.close_idle();
        room::places(connections.room(), &self.dialer.room, end, close_own, || self.close_idle())
            .await
    }

    fn close_idle(&self) {
        self.all().values().for_each(|connections| connections.close_idle());
    }

    /// Closes the connections of a package that is no longer loaded, and whose calls are
    /// over.
    pub fn forget(&self, package: u64) {
        let forgotten = self.all().remove(&package);
        drop(forgotten);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connections>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
