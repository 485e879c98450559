//! Code that is in memory before its first call: that of plugins which the policy names, and
//! of those that were called most while hosts before this one ran.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use distri_engine::uses::{Uses, key};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::host::{Host, Inner};
use crate::plugins::plugin::Plugin;

/// How many plugins' code is brought at once.
const AT_ONCE: usize = 2;

/// How often it is noted how often plugins were called.
const NOTED: Duration = Duration::from_mins(1);

impl Host {
    /// Brings plugins' code into memory before it is called, two at a time: first of those
    /// that the policy's `preload` names, in its order, then of those that were called most
    /// while hosts that preloaded ran before, with this cache folder. Nothing that is in
    /// memory goes for it: it ends when `loaded_images` are there.
    ///
    /// From then on, and until it is dropped, this host notes how often its plugins are
    /// called, for the next one; calls of a day ago count half.
    ///
    /// Load plugins first. What cannot be brought is logged, and its call says why. Returns
    /// how many plugins' code was brought.
    pub async fn preload(&self) -> usize {
        let inner = &self.inner;
        if !inner.noting.swap(true, Ordering::Relaxed) {
            tokio::spawn(note_now_and_then(Arc::downgrade(inner)));
        }
        let generation = self.generation();
        let named = inner.policy.preload.iter().filter_map(|name| {
            let found = generation.plugin(name.as_str());
            if found.is_err() {
                tracing::warn!(package = %name, "the policy preloads a package that is not loaded");
            }
            found.ok()
        });
        let mut wanted: Vec<Arc<Plugin>> = named.cloned().collect();
        let uses = inner.cache().map(Uses::read).unwrap_or_default();
        let count = |plugin: &Plugin| uses.count(&key_of(plugin));
        let mut called: Vec<&Arc<Plugin>> = generation.plugins().collect();
        called.retain(|plugin| {
            count(plugin) > 0.0 && !wanted.iter().any(|one| Arc::ptr_eq(one, plugin))
        });
        called.sort_by(|a, b| count(b).total_cmp(&count(a)));
        wanted.extend(called.into_iter().cloned());
        wanted.retain(|plugin| !plugin.is_brought());
        wanted.truncate(inner.runner.images.room());

        let mut running = JoinSet::new();
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut brought = 0;
        for plugin in wanted {
            let turn = Arc::clone(&turns).acquire_owned().await;
            let runner = Arc::clone(&inner.runner);
            running.spawn(async move {
                let _turn = turn;
                plugin.preload(&runner.loader, &runner.images).await.unwrap_or_else(|error| {
                    let package = &plugin.package.name;
                    tracing::warn!(%package, %error, "a plugin is not preloaded");
                    false
                })
            });
        }
        while let Some(done) = running.join_next().await {
            brought += usize::from(done.unwrap_or(false));
        }
        brought
    }
}

/// What a plugin is called in the counts.
fn key_of(plugin: &Plugin) -> String {
    let root = plugin.package.root().unwrap_or("".as_ref());
    key(&root.to_string_lossy(), plugin.package.name.as_str())
}

/// Notes calls for as long as the host lives.
async fn note_now_and_then(host: Weak<Inner>) {
    loop {
        tokio::time::sleep(NOTED).await;
        let Some(inner) = host.upgrade() else { return };
        let _ = tokio::task::spawn_blocking(move || inner.note()).await;
    }
}

impl Inner {
    /// Adds the calls since the last time to what is kept.
    fn note(&self) {
        let Some(cache) = self.cache() else { return };
        let mut uses = None;
        for plugin in self.generation().plugins() {
            let calls = plugin.calls.swap(0, Ordering::Relaxed);
            if calls > 0 {
                uses.get_or_insert_with(|| Uses::read(cache)).add(key_of(plugin), calls);
            }
        }
        if let Some(Err(error)) = uses.map(|uses| uses.write(cache)) {
            tracing::warn!(%error, "it is not noted how often plugins were called");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.noting.load(Ordering::Relaxed) {
            self.note();
        }
    }
}
