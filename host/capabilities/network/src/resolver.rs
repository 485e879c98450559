//! Names to addresses, the machine's way or an embedder's.

use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// How hosts' names are found. The host asks once for each connection it makes,
/// checks every address it gets, and dials those very addresses.
///
/// A closure is one, for names that are not the machine's.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of a name, the preferred one first. The name is in lower
    /// case, without a dot at its end, and never an address itself.
    ///
    /// # Errors
    ///
    /// Any, when there is none. Plugins are told that much and no more.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

#[async_trait]
impl<F> Resolver for F
where
    F: Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
{
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self(name)
    }
}

/// Lookups at once. Each takes a thread, and goes on when nobody waits for it any
/// more: without a bound, slow names would take all the threads that there are.
const LOOKUPS: usize = 64;

/// The machine's own way: `getaddrinfo`.
pub(super) struct OfMachine {
    lookups: Arc<Semaphore>,
}

impl Default for OfMachine {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

#[async_trait]
impl Resolver for OfMachine {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let lookup = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            let found =
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|at| at.ip()).collect());
            drop(lookup);
            found
        });
        found.await.map_err(io::Error::other)?
    }
}
