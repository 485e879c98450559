//! A request's hold on its connection: one that is given up with its body still to
//! be sent takes it along. hyper lets go by itself, unless it has bytes to send that
//! the server does not read.

use std::sync::Weak;

use http::Extensions;
use hyper_util::client::legacy::connect::CaptureConnection;
use tokio_util::sync::CancellationToken;

/// A connection's end, as it tells hyper's client with what else it is.
#[derive(Clone, Default)]
pub(super) struct Ending(pub(super) CancellationToken);

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
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.sending.strong_count() == 0 {
            return;
        }
        if let Some(connected) = &*self.connection.connection_metadata() {
            connected.poison();
            let mut found = Extensions::new();
            connected.get_extras(&mut found);
            if let Some(Ending(end)) = found.get() {
                end.cancel();
            }
        }
    }
}
