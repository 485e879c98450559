//! The skeletons that are in memory: one for all components that share it.

use std::sync::{Mutex, PoisonError};

use wasmtime::component::Component;

/// How many are held, beside the images that a host may have in memory. A host has plugins
/// of a few toolchains, each in a version or two.
const HELD: usize = 16;

/// Skeletons, the one that was used last at the end.
#[derive(Default)]
pub struct Skeletons(Mutex<Vec<(String, Component)>>);

impl Skeletons {
    /// The skeleton with this digest; `bring` gets it when it is not here.
    pub fn shared(
        &self,
        digest: &str,
        bring: impl FnOnce() -> Option<Component>,
    ) -> Option<Component> {
        // Looked for twice: bringing it takes a while, and others have other skeletons.
        if let Some(held) = self.held(digest) {
            return Some(held);
        }
        let brought = bring()?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = used(&mut all, digest) {
            return Some(held);
        }
        if all.len() >= HELD {
            all.remove(0);
        }
        all.push((digest.to_owned(), brought.clone()));
        Some(brought)
    }

    fn held(&self, digest: &str) -> Option<Component> {
        used(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), digest)
    }
}

/// The one with this digest, which is the one used last from now on.
fn used(all: &mut Vec<(String, Component)>, digest: &str) -> Option<Component> {
    let at = all.iter().position(|(of, _)| of == digest)?;
    let found = all.remove(at);
    let component = found.1.clone();
    all.push(found);
    Some(component)
}
