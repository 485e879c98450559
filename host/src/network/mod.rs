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

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;

pub(crate) use connect::Connections;
pub(crate) use outgoing::Outgoing;
pub use resolver::Resolver;

use crate::{Error, ErrorKind, Result};

/// What all plugins of a host share: how names are found and who is believed.
pub(crate) struct Network {
    resolver: Arc<dyn Resolver>,
    tls: Arc<ClientConfig>,
    /// Connections that may still be made.
    connections: Arc<Semaphore>,
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
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        Ok(Self { resolver, tls: Arc::new(tls), connections })
    }
}
