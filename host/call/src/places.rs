//! How many of something are open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Error, ErrorKind, Result};

/// Those that are open.
#[derive(Debug, Default)]
pub struct Open(Arc<AtomicU32>);

/// The place of one of them, given back when it is dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicU32>);

impl Open {
    /// How many there are.
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether any is.
    pub fn any(&self) -> bool {
        self.count() > 0
    }

    /// A place for one more.
    pub fn enter(&self) -> Place {
        self.0.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(&self.0))
    }

    /// The same, unless there are so many.
    pub fn try_place(&self, max: u32) -> Option<Place> {
        let more = |open: u32| (open < max).then_some(open + 1);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Place(Arc::clone(&self.0)))
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
