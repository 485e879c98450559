//! Which plugins' compiled code is in memory. A host may have thousands of
//! plugins registered; what those that were called longest ago take is given back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use distri_call::Result;

use crate::code::Linked;

/// A plugin's code, when it is in memory.
pub struct Slot<T: 'static> {
    code: RwLock<Option<Arc<Linked<T>>>>,
    /// When it was used last, in uses of the host.
    used: AtomicU64,
    /// Held while the code is brought: once, however many calls wait for it.
    bringing: tokio::sync::Mutex<()>,
}

impl<T> Slot<T> {
    /// A slot with code in it, or with none yet.
    pub fn new(code: Option<Arc<Linked<T>>>) -> Self {
        Self { code: RwLock::new(code), used: AtomicU64::new(0), bringing: <_>::default() }
    }

    /// Whether its code is in memory.
    pub fn is_brought(&self) -> bool {
        self.get().is_some()
    }

    fn get(&self) -> Option<Arc<Linked<T>>> {
        self.code.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, code: Option<Arc<Linked<T>>>) {
        let old = {
            let mut slot = self.code.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *slot, code)
        };
        // Unmapping takes a while: after the lock.
        drop(old);
    }
}

/// A host's images that can be given up and brought again.
pub struct Images<T: 'static> {
    brought: Mutex<Vec<Weak<Slot<T>>>>,
    max: usize,
    uses: AtomicU64,
}

impl<T> Images<T> {
    /// So many images in memory at most.
    pub fn new(max: usize) -> Self {
        Self { brought: Mutex::default(), max, uses: AtomicU64::new(0) }
    }

    /// How many of them are in memory.
    pub fn count(&self) -> usize {
        let brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        brought.iter().filter(|slot| slot.strong_count() > 0).count()
    }

    /// How many more can be brought before one is given up.
    pub fn room(&self) -> usize {
        self.max.max(1).saturating_sub(self.count())
    }

    /// The code in a slot; `bring` gets it when it is not in memory.
    pub async fn code(
        &self,
        slot: &Arc<Slot<T>>,
        bring: impl AsyncFnOnce() -> Result<Arc<Linked<T>>>,
    ) -> Result<Arc<Linked<T>>> {
        slot.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        if let Some(code) = slot.get() {
            return Ok(code);
        }
        let _alone = slot.bringing.lock().await;
        if let Some(code) = slot.get() {
            return Ok(code);
        }
        let code = bring().await?;
        slot.set(Some(Arc::clone(&code)));
        self.make_room(slot);
        Ok(code)
    }

    /// Brings the code of a slot that has none, if there is room for it. It counts as used
    /// longest ago. Returns whether it was brought.
    pub async fn preload(
        &self,
        slot: &Arc<Slot<T>>,
        bring: impl AsyncFnOnce() -> Result<Arc<Linked<T>>>,
    ) -> Result<bool> {
        let _alone = slot.bringing.lock().await;
        if slot.get().is_some() || self.room() == 0 {
            return Ok(false);
        }
        let code = bring().await?;
        let mut brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        brought.retain(|slot| slot.strong_count() > 0);
        if brought.len() >= self.max.max(1) {
            return Ok(false);
        }
        brought.push(Arc::downgrade(slot));
        slot.set(Some(code));
        Ok(true)
    }

    /// Counts a plugin whose code was brought, and gives up the code of the one
    /// that was used longest ago when there are too many.
    fn make_room(&self, slot: &Arc<Slot<T>>) {
        let mut given_up = Vec::new();
        {
            let mut brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
            brought.retain(|slot| slot.strong_count() > 0);
            while brought.len() >= self.max.max(1) {
                let used =
                    |slot: &Weak<Slot<T>>| Some(slot.upgrade()?.used.load(Ordering::Relaxed));
                let Some(at) = (0..brought.len()).min_by_key(|at| used(&brought[*at])) else {
                    break;
                };
                given_up.extend(brought.swap_remove(at).upgrade());
            }
            brought.push(Arc::downgrade(slot));
        }
        for slot in given_up {
            slot.set(None);
        }
    }
}
