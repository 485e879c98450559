//! What plugins reach through the host, where they may: one field for each capability.

use std::sync::Arc;

use distri_databases::Databases;
use distri_filesystem::Protected;
use distri_network::Network;

/// What all stores of a host share.
pub(crate) struct Resources {
    pub(crate) protected: Protected,
    pub(crate) network: Arc<Network>,
    pub(crate) databases: Arc<Databases>,
}

impl Resources {
    /// A package is no longer loaded: nothing is kept for it.
    pub(crate) fn forget(&self, package: u64) {
        self.network.forget(package);
        self.databases.forget(package);
    }
}
