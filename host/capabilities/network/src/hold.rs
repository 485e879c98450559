//! A request's hold on its connection: one that is given up with its body still to
//! be sent takes it along. hyper lets go by itself, unless it has bytes to send that
//! the server does not read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use http::Extensions;
use hyper_util::client::legacy::connect::CaptureConnection;
use tokio_util::sync::CancellationToken;

/// What is known of a connection beside hyper's client, told with what else it is.
#[derive(Clone, Default)]
pub(super) struct Watched {
    /// Cancelled to end it.
    pub(super) end: CancellationToken,
    course: Arc<Course>,
}

#[derive(Default)]
struct Course {
    /// An earlier request was answered on it.
    kept: AtomicBool,
    /// Something was received since the last request began.
    answered: AtomicBool,
}

impl Watched {
    /// Bytes of a request go out. What was received before belongs to an earlier one.
    pub(super) fn sent(&self) {
        if self.course.answered.swap(false, Ordering::Relaxed) {
            self.course.kept.store(true, Ordering::Relaxed);
        }
    }

    /// Bytes of an answer came in.
    pub(super) fn received(&self) {
        self.course.answered.store(true, Ordering::Relaxed);
    }

    /// Whether nothing came for the last request, on a connection that was kept: the
    /// server gave it up before, or while, the request was on its way.
    fn is_stale(&self) -> bool {
        self.course.kept.load(Ordering::Relaxed) && !self.course.answered.load(Ordering::Relaxed)
    }
}

/// Ends the connection when it is dropped before all of the request was sent. From
/// then on it may be another request's.
pub(super) struct Hold {
    connection: CaptureConnection,
    sending: Weak<()>,
}

impl Hold {
    /// `sending` lives as long as the request's body.
    pub(super) fn new(connection: CaptureConnection, sending: Weak<()>) -> Self {
        Self { connection, sending }
    }

    /// Waits for the connection.
    pub(super) async fn connected(&mut self) {
        self.connection.wait_for_connection_metadata().await;
    }

    /// Lets the rest of the request be sent, though the answer is whole.
    pub(super) fn release(mut self) {
        self.sending = Weak::new();
    }

    /// Whether the request met a connection that was kept too long.
    pub(super) fn is_stale(&self) -> bool {
        self.watched().is_some_and(|watched| watched.is_stale())
    }

    /// Ends the connection.
    pub(super) fn end(&self) {
        if let Some(connected) = &*self.connection.connection_metadata() {
            connected.poison();
        }
        if let Some(watched) = self.watched() {
            watched.end.cancel();
        }
    }

    fn watched(&self) -> Option<Watched> {
        let connected = self.connection.connection_metadata();
        let mut found = Extensions::new();
        (*connected).as_ref()?.get_extras(&mut found);
        found.remove()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.sending.strong_count() > 0 {
            self.end();
        }
    }
}
