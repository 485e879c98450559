//! Room for connections: a plugin's own, and all plugins' together. A request has its
//! place before it looks for a connection, and gives it back where it meets one that is
//! there. While somebody waits for a place, none is kept by a connection that idles.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use wasmtime_wasi_http::Error as Code;

/// So many places.
pub(super) struct Room {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// One of them.
pub(super) type Place = OwnedSemaphorePermit;

/// A connection's place among the plugin's and among all.
pub(super) type Places = (Place, Place);

/// A place in a plugin's own room, then one in that of all. Who has to wait for one has
/// what idles there closed.
///
/// # Errors
///
/// `connection-limit-reached` at `end`.
pub(super) async fn places(
    own: &Room,
    all: &Room,
    end: Instant,
    close_own: impl FnOnce(),
    close_all: impl FnOnce(),
) -> Result<Places, Code> {
    let places =
        async { Ok::<_, AcquireError>((own.place(close_own).await?, all.place(close_all).await?)) };
    match timeout_at(end, places).await {
        Ok(Ok(places)) => Ok(places),
        _ => Err(Code::ConnectionLimitReached),
    }
}

/// A request's places, until the connection that is made for it takes them.
#[derive(Clone)]
pub(super) struct Kept(Arc<Mutex<Option<Places>>>);

tokio::task_local! {
    /// Those of the request for which a connection is asked. Between the two lies hyper's
    /// client, which tells a connector nothing but the address.
    static KEPT: Kept;
}

impl Kept {
    pub(super) fn new(places: Places) -> Self {
        Self(Arc::new(Mutex::new(Some(places))))
    }

    /// Does work within which a connection finds these places.
    pub(super) async fn within<F: Future>(self, work: F) -> F::Output {
        KEPT.scope(self, work).await
    }

    /// The places of the request that this is for, the first time.
    pub(super) fn taken() -> Option<Places> {
        KEPT.try_with(Self::take).ok().flatten()
    }

    /// Gives back what no connection took.
    pub(super) fn give_back(&self) {
        drop(self.take());
    }

    fn take(&self) -> Option<Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Room {
    pub(super) fn new(places: usize) -> Self {
        let free = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self { free, waiting: AtomicUsize::new(0) }
    }

    /// A place, at once or in turn. Who has to wait has what idles closed first.
    pub(super) async fn place(&self, close_idle: impl FnOnce()) -> Result<Place, AcquireError> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = Waiting::new(&self.waiting);
        close_idle();
        Arc::clone(&self.free).acquire_owned().await
    }

    /// Whether somebody waits for a place.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}

/// Counts for as long as somebody waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn who_waits_has_what_idles_closed_and_is_counted_until_its_turn() {
        let room = Room::new(1);
        let first = room.place(|| panic!("there is room")).await.unwrap();
        assert!(!room.is_crowded());
        let mut closed = false;
        {
            let mut second = pin!(room.place(|| closed = true));
            assert!(timeout(Duration::ZERO, &mut second).await.is_err());
            assert!(room.is_crowded());
            drop(first);
            drop(second.await.unwrap());
        }
        assert!(closed && !room.is_crowded());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_is_not_counted_any_more() {
        let room = Room::new(0);
        assert!(timeout(Duration::ZERO, room.place(|| {})).await.is_err());
        assert!(!room.is_crowded());
    }

    #[tokio::test]
    async fn a_connection_takes_the_places_of_its_own_request_once() {
        let room = Room::new(2);
        let places = async || (room.place(|| {}).await.unwrap(), room.place(|| {}).await.unwrap());
        assert!(Kept::taken().is_none());
        let kept = Kept::new(places().await);
        let (first, second) = kept.clone().within(async { (Kept::taken(), Kept::taken()) }).await;
        assert!(first.is_some() && second.is_none());
        drop(first);
        let kept = Kept::new(places().await);
        kept.give_back();
        assert!(kept.within(async { Kept::taken() }).await.is_none());
        assert_eq!(room.free.available_permits(), 2);
    }
}
