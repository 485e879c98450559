//! The embedder, with what stands in for what it does not do itself.

use std::ops::Deref;
use std::sync::Arc;

use crate::sessions::Ledger;
use crate::{CallReport, HostServices, InMemorySessions, Limits, Sessions};

/// The embedder's services.
pub struct Embedder {
    services: Arc<dyn HostServices>,
    /// Whether there is anybody to report calls to.
    present: bool,
    /// For services that keep no sessions.
    sessions: InMemorySessions,
    /// What the values of all sessions come to.
    pub ledger: Ledger,
}

impl Embedder {
    /// The embedder with these services; without, none has anything to say.
    pub fn new(services: Option<Arc<dyn HostServices>>, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            present: services.is_some(),
            services: services.unwrap_or_else(|| Arc::new(())),
            sessions: InMemorySessions::default(),
            ledger: Ledger::new(limits),
        })
    }

    /// Tells what a call did. No report is made where nobody is told.
    pub fn report(&self, report: impl FnOnce() -> CallReport) {
        if self.present {
            self.services.observe(&report());
        }
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
