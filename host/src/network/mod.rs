//! What plugins reach over the network: outgoing HTTP requests, each allowed by
//! scheme, host and port, over connections to addresses that were checked. See
//! `docs/decisions/0008-network.md`.

mod address;
mod body;
mod connect;
mod failure;
mod hold;
mod interim;
mod outgoing;
mod request;
mod resolver;
pub(crate) mod setters;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;

use self::connect::Connections;
pub(crate) use outgoing::Outgoing;
pub use resolver::Resolver;

use crate::package::Package;
use crate::{Error, ErrorKind, Result};

/// What all plugins of a host share: how names are found and who is believed.
pub(crate) struct Network {
    resolver: Arc<dyn Resolver>,
    tls: Arc<ClientConfig>,
    /// Connections that may still be made.
    room: Arc<Semaphore>,
    /// Each package's own, from its first request on.
    connections: Mutex<HashMap<u64, Arc<Connections>>>,
}

/// Connections of all plugins: the process has so many files to open.
const CONNECTIONS: usize = 4096;

impl Network {
    /// `roots` are certificates in DER that are believed besides Mozilla's.
    pub(crate) fn new(resolver: Option<Arc<dyn Resolver>>, roots: Vec<Vec<u8>>) -> Result<Self> {
        let mut believed = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in roots {
            believed.add(CertificateDer::from(root)).map_err(|error| {
                Error::new(ErrorKind::InvalidInput, format!("not a root certificate: {error}"))
            })?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(crate::engine::internal)?
            .with_root_certificates(believed)
            .with_no_client_auth();
        let resolver = resolver.unwrap_or_else(|| Arc::new(resolver::OfMachine::default()));
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        Ok(Self { resolver, tls: Arc::new(tls), room, connections: Mutex::default() })
    }

    /// A package's connections.
    fn connections(&self, package: &Arc<Package>) -> Arc<Connections> {
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = all.get(&package.id) {
            return Arc::clone(connections);
        }
        let connections = Arc::new(Connections::new(package, self));
        // Nobody would close those of a package that is gone: they end with their use.
        if !package.is_retired() {
            all.insert(package.id, Arc::clone(&connections));
        }
        connections
    }

    /// Closes the connections of a package that is no longer loaded, as they become idle.
    pub(crate) fn forget(&self, package: u64) {
        let gone = self.connections.lock().unwrap_or_else(PoisonError::into_inner).remove(&package);
        drop(gone);
    }
}
