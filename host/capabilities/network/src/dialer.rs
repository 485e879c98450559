//! How servers are found, and who is believed.

use std::sync::Arc;

use distri_call::{Error, ErrorKind, Result};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::resolver;
use crate::resolver::Resolver;
use crate::room::Room;

/// Connections of all plugins: the process has so many files to open.
const CONNECTIONS: usize = 4096;

/// What connections of all packages are made with.
pub(super) struct Dialer {
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) tls: Arc<ClientConfig>,
    /// Room for the connections of all packages.
    pub(super) room: Arc<Room>,
}

impl Dialer {
    /// `roots` are certificates in DER that are believed besides Mozilla's.
    pub(super) fn new(resolver: Option<Arc<dyn Resolver>>, roots: Vec<Vec<u8>>) -> Result<Self> {
        let mut believed = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in roots {
            believed.add(CertificateDer::from(root)).map_err(|error| {
                Error::new(ErrorKind::InvalidInput, format!("not a root certificate: {error}"))
            })?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(distri_call::error::internal)?
            .with_root_certificates(believed)
            .with_no_client_auth();
        let resolver = resolver.unwrap_or_else(|| Arc::new(resolver::OfMachine::default()));
        let room = Arc::new(Room::new(CONNECTIONS));
        Ok(Self { resolver, tls: Arc::new(tls), room })
    }
}
