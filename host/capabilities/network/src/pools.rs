//! The connections of a host's packages: a pool for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

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
    /// Those of packages that are no longer loaded, for as long as calls under way use
    /// them.
    retired: Mutex<HashMap<u64, Weak<Connections>>>,
}

impl Network {
    /// `roots` are certificates in DER that are believed besides Mozilla's.
    ///
    /// # Errors
    ///
    /// `invalid-input` for one that is none.
    pub fn new(resolver: Option<Arc<dyn Resolver>>, roots: Vec<Vec<u8>>) -> Result<Self> {
        let dialer = Dialer::new(resolver, roots)?;
        Ok(Self { dialer, connections: Mutex::default(), retired: Mutex::default() })
    }

    /// A package's connections.
    pub(super) fn connections(&self, package: &Arc<Package>) -> Arc<Connections> {
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = all.get(&package.id) {
            return Arc::clone(connections);
        }
        // Nobody would close those of a package that is gone: they end with their use.
        if package.is_retired() {
            let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(connections) = retired.get(&package.id).and_then(Weak::upgrade) {
                return connections;
            }
            retired.retain(|_, connections| connections.strong_count() > 0);
            let connections = Arc::new(Connections::new(package, &self.dialer));
            retired.insert(package.id, Arc::downgrade(&connections));
            return connections;
        }
        let connections = Arc::new(Connections::new(package, &self.dialer));
        all.insert(package.id, Arc::clone(&connections));
        connections
    }

    /// Closes the connections of a package that is no longer loaded, as they become idle.
    pub fn forget(&self, package: u64) {
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connections) = all.remove(&package) else { return };
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.insert(package, Arc::downgrade(&connections));
        drop((retired, all));
        drop(connections);
    }
}

#[cfg(test)]
mod tests {
    use distri_call::Limits;
    use distri_call::grant::Grant;
    use distri_call::package::Places;
    use distri_manifest::{Capabilities, PackageName, Policy};

    use super::*;

    fn package(id: u64) -> Arc<Package> {
        let name = PackageName::new("p").unwrap();
        let grant = Grant::new(&name, &Capabilities::default(), &Policy::default());
        let identity = (name, String::new());
        Package::new(id, identity, Limits::default(), grant, Places::default())
    }

    /// Their bounds are those of all its calls together.
    #[test]
    fn calls_that_outlive_their_package_share_its_connections_until_the_last_ends() {
        let network = Network::new(None, Vec::new()).unwrap();
        let (used, unused) = (package(1), package(2));
        let before = network.connections(&used);
        for package in [&used, &unused] {
            package.retire();
            network.forget(package.id);
        }
        assert!(Arc::ptr_eq(&before, &network.connections(&used)));
        let first = network.connections(&unused);
        assert!(Arc::ptr_eq(&first, &network.connections(&unused)));
        drop((before, first));
        let _ = network.connections(&package(3));
        network.connections(&unused);
        let retired = network.retired.lock().unwrap();
        assert_eq!(retired.values().filter(|it| it.strong_count() > 0).count(), 0);
        assert!(retired.len() <= 2, "those that are gone are forgotten");
    }
}
