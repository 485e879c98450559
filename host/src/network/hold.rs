//! A request's hold on its connection: one that is given up takes it along. hyper
//! lets go by itself, unless it has bytes to send that the server does not read.

use http::Extensions;
use hyper_util::client::legacy::connect::CaptureConnection;
use tokio_util::sync::CancellationToken;

/// A connection's end, as it tells hyper's client with what else it is.
#[derive(Clone, Default)]
pub(super) struct Ending(pub(super) CancellationToken);

/// Ends the connection when it is dropped, unless the request is done with it.
pub(super) struct Hold {
    connection: CaptureConnection,
    done: bool,
}

impl Hold {
    pub(super) fn new(connection: CaptureConnection) -> Self {
        Self { connection, done: false }
    }

    /// Waits for the connection.
    pub(super) async fn connected(&mut self) {
        self.connection.wait_for_connection_metadata().await;
    }

    /// Leaves the connection to other requests.
    pub(super) fn release(mut self) {
        self.done = true;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.done {
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
