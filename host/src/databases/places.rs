//! How many of something a store may have open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Error, ErrorKind, Result};

/// Those of a store that are open.
#[derive(Debug, Default)]
pub(crate) struct Open(Arc<AtomicU32>);

/// The place of one of them.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicU32>);

impl Open {
    /// Whether any is.
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// A place for one more, unless the limit of this name is reached.
    pub(super) fn place(&self, limit: &str, max: u32, hint: &str) -> Result<Place> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
            (open < max).then_some(open + 1)
        });
        taken.map_err(|_| {
            Error::over(
                ErrorKind::Limit,
                limit,
                max,
                format!("more than {max} {limit} are open at once in this call"),
            )
            .with_hint(hint)
        })?;
        Ok(Place(Arc::clone(&self.0)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
