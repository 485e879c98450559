//! What a module's top level sees of time and chance: one fixed moment, and the
//! same numbers for every build, so that two builds of the same script are the
//! same bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use distri_call::embedder::Embedder;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// The host's clocks, or, while frozen, one fixed moment, so that two builds of
/// the same script are the same bytes.
pub(crate) struct Clock {
    frozen: Arc<AtomicBool>,
    /// The embedder, for its clock.
    services: Option<Arc<Embedder>>,
    wall: wasmtime_wasi::clocks::WallClock,
    monotonic: wasmtime_wasi::clocks::MonotonicClock,
}

impl Clock {
    pub(crate) fn new(frozen: &Arc<AtomicBool>, services: Option<Arc<Embedder>>) -> Self {
        Self {
            frozen: Arc::clone(frozen),
            services,
            wall: wasmtime_wasi::clocks::WallClock,
            monotonic: wasmtime_wasi::clocks::MonotonicClock::default(),
        }
    }
}

/// 2026-01-01T00:00:00Z: what a module's top level sees as "now".
const FROZEN_NOW: Duration = Duration::from_hours(490_896);

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        self.wall.resolution()
    }

    fn now(&self) -> Duration {
        match &self.services {
            _ if self.frozen.load(Ordering::Relaxed) => FROZEN_NOW,
            Some(services) => {
                services.now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
            }
            None => self.wall.now(),
        }
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        self.monotonic.resolution()
    }

    fn now(&self) -> u64 {
        if self.frozen.load(Ordering::Relaxed) { 0 } else { self.monotonic.now() }
    }
}

/// The randomness of a build: the same for every build. The engine takes its
/// hash seeds from it; plugins cannot reach it (the prelude refuses).
pub(crate) struct FixedRandom(pub(crate) u64);

impl FixedRandom {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl rand_core::TryRng for FixedRandom {
    type Error = std::convert::Infallible;

    #[expect(clippy::cast_possible_truncation, reason = "the low half is as good as the high one")]
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.next() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
        Ok(())
    }
}
