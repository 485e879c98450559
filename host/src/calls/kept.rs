//! Instances that are kept between calls, for packages whose manifest asks for
//! it. Each serves one call at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use distri_call::frame::Frame;
use distri_call::{Error, ErrorKind, Result};
use distri_manifest::{InstanceMode, Instances};

use crate::calls::instance::Live;

/// A host's kept instances.
pub(crate) struct Kept {
    slots: Mutex<HashMap<Key, Slot>>,
    max: usize,
    /// Bytes of memory of idle ones.
    max_bytes: usize,
    plugins: AtomicU64,
}

/// A loaded plugin, and, for one that keeps an instance per session, the session.
type Key = (u64, Option<String>);

enum Slot {
    Busy,
    Idle(Box<Live>, Instant),
}

/// The right to an instance's place, for one call. The place is given up when
/// this is dropped: then whatever kept the call from ending well retires the
/// instance.
pub(crate) struct Lease {
    kept: Arc<Kept>,
    key: Key,
}

impl Kept {
    pub(crate) fn new(max: usize, max_bytes: usize) -> Arc<Self> {
        Arc::new(Self { slots: Mutex::default(), max, max_bytes, plugins: AtomicU64::new(0) })
    }

    /// A number for one more plugin that is loaded.
    pub(crate) fn next_plugin(&self) -> u64 {
        self.plugins.fetch_add(1, Ordering::Relaxed)
    }

    /// The place for this call's instance, and the instance if one is there.
    /// None when the call gets a fresh one that nobody keeps.
    ///
    /// # Errors
    ///
    /// `limit` when the session's instance is serving another call.
    pub(crate) fn lease(
        self: &Arc<Self>,
        frame: &Frame,
        instances: &Instances,
    ) -> Result<(Option<Lease>, Option<Box<Live>>)> {
        let nobody = Ok((None, None));
        let session = match instances.mode {
            InstanceMode::PerCall => return nobody,
            InstanceMode::PerSession if frame.context.session_id.is_none() => return nobody,
            InstanceMode::PerSession => frame.context.session_id.clone(),
            InstanceMode::Shared => None,
        };
        if frame.package.is_retired() {
            return nobody;
        }
        let key = (frame.package.id, session);
        let mut slots = self.lock();
        let live = match slots.get_mut(&key) {
            Some(slot @ Slot::Idle(..)) => match std::mem::replace(slot, Slot::Busy) {
                Slot::Idle(live, _) => Some(live),
                Slot::Busy => None,
            },
            Some(Slot::Busy) if key.1.is_none() => return nobody,
            Some(Slot::Busy) => {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("`{}` is serving another call of this session", frame.package.name),
                )
                .with_hint(
                    "its manifest keeps one instance per session, which serves one call at a time",
                ));
            }
            None => {
                // Dropped after the lock: freeing an instance takes a while.
                let evicted = if slots.len() >= self.max {
                    let Some(oldest) = oldest(&slots) else { return nobody };
                    slots.remove(&oldest)
                } else {
                    None
                };
                slots.insert(key.clone(), Slot::Busy);
                drop(slots);
                drop(evicted);
                None
            }
        };
        Ok((Some(Lease { kept: Arc::clone(self), key }), live))
    }

    /// Frees the instances of a plugin that is no longer loaded.
    pub(crate) fn forget(&self, plugin: u64) {
        let mut slots = self.lock();
        let keys: Vec<Key> = slots.keys().filter(|key| key.0 == plugin).cloned().collect();
        let forgotten: Vec<Slot> = keys.iter().filter_map(|key| slots.remove(key)).collect();
        drop(slots);
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The idle instance that was used longest ago.
fn oldest(slots: &HashMap<Key, Slot>) -> Option<Key> {
    let idle = slots.iter().filter_map(|(key, slot)| match slot {
        Slot::Idle(_, since) => Some((since, key)),
        Slot::Busy => None,
    });
    idle.min_by_key(|(since, _)| **since).map(|(_, key)| key.clone())
}

/// Bytes of memory of the idle instances.
fn idle_bytes(slots: &HashMap<Key, Slot>) -> usize {
    let bytes = slots.values().map(|slot| match slot {
        Slot::Idle(live, _) => live.memory(),
        Slot::Busy => 0,
    });
    bytes.sum()
}

impl Lease {
    /// Keeps the instance for the next call, unless its plugin was unloaded.
    pub(crate) fn give_back(self, live: Live) {
        let mut slots = self.kept.lock();
        let Some(slot) = slots.get_mut(&self.key) else {
            drop(slots);
            drop(live);
            return;
        };
        *slot = Slot::Idle(Box::new(live), Instant::now());
        // Dropped after the lock, like the ones that make room.
        let mut evicted = Vec::new();
        while idle_bytes(&slots) > self.kept.max_bytes {
            let Some(oldest) = oldest(&slots) else { break };
            evicted.extend(slots.remove(&oldest));
        }
        drop(slots);
        drop(evicted);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut slots = self.kept.lock();
        if matches!(slots.get(&self.key), Some(Slot::Busy)) {
            slots.remove(&self.key);
        }
    }
}
