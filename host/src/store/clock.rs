//! The clock that calls see: the embedder's, where it has one of its own.

use std::sync::Arc;
use std::time::Duration;

use distri_call::embedder::Embedder;
use wasmtime_wasi::HostWallClock;
use wasmtime_wasi::clocks::WallClock;

/// What time it is.
pub(crate) struct Clock {
    embedder: Option<Arc<Embedder>>,
    machine: WallClock,
}

impl Clock {
    /// The embedder's clock; the machine's where there is none.
    pub(crate) fn of(embedder: Option<Arc<Embedder>>) -> Self {
        Self { embedder, machine: WallClock }
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        self.machine.resolution()
    }

    fn now(&self) -> Duration {
        match &self.embedder {
            Some(embedder) => {
                embedder.now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
            }
            None => self.machine.now(),
        }
    }
}
