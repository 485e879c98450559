//! How often code was called, over all hosts that ran before: what is likely to be called
//! next. Counts fade, so that what was called often a month ago is not for ever the first.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use distri_call::digest::digest;
use serde::{Deserialize, Serialize};

use crate::cache::Cache;

/// The file of counts.
const FILE: &str = "called.json";

/// How long a count takes to fade to half.
const HALF_LIFE: f64 = 24.0 * 60.0 * 60.0;

/// What is less than this is forgotten.
const LEAST: f64 = 0.01;

/// Most counts that are kept: those of the least calls go first.
const MOST: usize = 10_000;

/// Counts of calls, as of a moment.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Uses {
    /// Seconds since 1970.
    at: f64,
    /// By what names a plugin here.
    counts: BTreeMap<String, f64>,
}

impl Uses {
    /// What is kept in a cache, as of now.
    pub fn read(cache: &Cache) -> Self {
        let kept = cache.read(FILE).and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        kept.unwrap_or_default().faded(now)
    }

    /// The same as of later.
    fn faded(mut self, now: f64) -> Self {
        // A clock that was set back takes nothing away.
        let left = 0.5_f64.powf((now - self.at).max(0.0) / HALF_LIFE);
        for count in self.counts.values_mut() {
            *count = if count.is_finite() { *count * left } else { 0.0 };
        }
        self.counts.retain(|_, count| *count >= LEAST);
        self.at = now;
        self
    }

    /// How often the plugin of this key was called.
    pub fn count(&self, key: &str) -> f64 {
        self.counts.get(key).copied().unwrap_or_default()
    }

    /// Adds calls to a plugin's.
    pub fn add(&mut self, key: String, calls: u64) {
        #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
        let calls = calls as f64;
        *self.counts.entry(key).or_default() += calls;
    }

    /// Keeps the counts. Another process that does so at this moment may lose its own.
    pub fn write(mut self, cache: &Cache) -> std::io::Result<()> {
        if self.counts.len() > MOST {
            let mut all: Vec<_> = std::mem::take(&mut self.counts).into_iter().collect();
            all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            self.counts = all.into_iter().take(MOST).collect();
        }
        cache.write(FILE, &serde_json::to_vec(&self).map_err(std::io::Error::from)?)
    }
}

/// What names a package of a workspace: nobody reads either in the cache.
pub fn key(workspace: &str, package: &str) -> String {
    let mut key = digest(format!("{workspace}\0{package}").as_bytes());
    key.truncate(16);
    key
}

#[cfg(test)]
mod tests {
    use distri_artifact::key::CacheFolder;

    use super::*;

    #[test]
    fn counts_fade_and_what_is_left_of_them_adds_up() {
        let mut uses = Uses::default();
        uses.add(key("/w", "often"), 100);
        uses.add(key("/w", "once"), 1);
        let later = uses.faded(HALF_LIFE);
        assert!((later.count(&key("/w", "often")) - 50.0).abs() < 1e-9);
        assert!(later.count(&key("/elsewhere", "often")) < LEAST);
        let much_later = later.clone().faded(HALF_LIFE * 8.0);
        assert!(much_later.count(&key("/w", "often")) > LEAST);
        assert!(!much_later.counts.contains_key(&key("/w", "once")), "it is forgotten");
        assert_eq!(later.clone().faded(0.0).counts, later.counts, "a clock that was set back");
    }

    #[test]
    fn counts_are_kept_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&CacheFolder::At(folder.path().join("cache")), None).unwrap();
        assert_eq!(Uses::read(&cache).counts.len(), 0);
        let mut uses = Uses::read(&cache);
        for number in 0..MOST + 10 {
            uses.add(number.to_string(), 1 + u64::from(number >= 10));
        }
        uses.write(&cache).unwrap();
        let read = Uses::read(&cache);
        assert_eq!(read.counts.len(), MOST);
        assert!(read.count("5") < LEAST && read.count("10") > 1.9);
    }
}
