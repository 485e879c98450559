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

/// Closes what was opened for a package, when it is dropped.
pub(crate) struct Opened {
    resources: Arc<Resources>,
    package: u64,
}

impl Resources {
    /// What was or will be opened for a package that is no longer loaded.
    pub(crate) fn opened(self: &Arc<Self>, package: u64) -> Opened {
        Opened { resources: Arc::clone(self), package }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.resources.network.forget(self.package);
        self.resources.databases.forget(self.package);
    }
}
