//! The connections of a host's packages: a pool for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use distri_call::Result;
use distri_call::package::Package;

use crate::connect::Connections;
use crate::dialer::Dialer;
use crate::resolver::Resolver;

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
        Ok(Self { dialer: Dialer::new(resolver, roots)?, connections: Mutex::default() })
    }

    /// A package's connections.
    pub(super) fn connections(&self, package: &Arc<Package>) -> Arc<Connections> {
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = all.get(&package.id) {
            return Arc::clone(connections);
        }
        let connections = Arc::new(Connections::new(package, &self.dialer));
        // Nobody would close those of a package that is gone: they end with their use.
        if !package.is_retired() {
            all.insert(package.id, Arc::clone(&connections));
        }
        connections
    }

    /// Closes the connections of a package that is no longer loaded, as they become idle.
    pub fn forget(&self, package: u64) {
        let gone = self.connections.lock().unwrap_or_else(PoisonError::into_inner).remove(&package);
        drop(gone);
    }
}
