//! How many of something are open at once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::{Error, ErrorKind, Result};

/// Those that are open. Most calls open none of most kinds, and need no count for them.
#[derive(Debug, Default)]
pub struct Open(OnceLock<Arc<AtomicU32>>);

/// The place of one of them, given back when it is dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicU32>);

impl Open {
    /// How many there are.
    pub fn count(&self) -> u32 {
        self.0.get().map_or(0, |open| open.load(Ordering::Relaxed))
    }

    fn open(&self) -> &Arc<AtomicU32> {
        self.0.get_or_init(Arc::default)
    }

    /// Whether any is.
    pub fn any(&self) -> bool {
        self.count() > 0
    }

    /// A place for one more.
    pub fn enter(&self) -> Place {
        let open = self.open();
        open.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(open))
    }

    /// The same, unless there are so many.
    pub fn try_place(&self, max: u32) -> Option<Place> {
        let more = |open: u32| (open < max).then_some(open + 1);
        let open = self.open();
        let taken = open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Place(Arc::clone(open)))
    }

    /// The same, with an error for a guest: the limit's name is said.
    pub fn place(&self, limit: &str, max: u32, hint: &str) -> Result<Place> {
        self.try_place(max).ok_or_else(|| {
            let message = format!("more than {max} {limit} are open at once in this call");
            Error::over(ErrorKind::Limit, limit, max, message).with_hint(hint)
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let open = Open::default();
        let places = [open.try_place(2).unwrap(), open.try_place(2).unwrap()];
        let error = open.place("statements", 2, "wait").unwrap_err();
        assert_eq!(error.detail(), Some(r#"{"limit":"statements","max":2}"#));
        drop(places);
        assert!(!open.any());
        assert!(open.try_place(2).is_some());
    }
}
