//! The embedder, with what stands in for what it does not do itself.

use std::ops::Deref;
use std::sync::Arc;

use crate::sessions::Ledger;
use crate::{HostServices, InMemorySessions, Limits, Sessions};

/// The embedder's services.
pub struct Embedder {
    services: Arc<dyn HostServices>,
    /// For services that keep no sessions.
    sessions: InMemorySessions,
    /// What the values of all sessions come to.
    pub ledger: Ledger,
}

impl Embedder {
    /// The embedder with these services; without, none has anything to say.
    pub fn new(services: Option<Arc<dyn HostServices>>, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            services: services.unwrap_or_else(|| Arc::new(())),
            sessions: InMemorySessions::default(),
            ledger: Ledger::new(limits),
        })
    }

    /// Where sessions' values are.
    pub fn sessions(&self) -> &dyn Sessions {
        self.services.sessions().unwrap_or(&self.sessions)
    }
}

impl Deref for Embedder {
    type Target = dyn HostServices;

    fn deref(&self) -> &Self::Target {
        &*self.services
    }
}
