//! What a server says before it answers: `1xx`, which hyper passes over. A server may
//! say it for ever, and neither a body's limit nor a header's is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use distri_call::{Error, ErrorKind};
use http::Request;
use tokio_util::sync::CancellationToken;

use crate::connect::BUFFER;

/// As many for one request. A server that says every twenty seconds that it is still
/// at work (`102`) says so for as long as any call lasts.
const MAX: u32 = 64;

/// Bytes of a status line, about.
const LINE: usize = 20;

/// Counts them for one request.
#[derive(Clone, Default)]
pub(super) struct Interim(Arc<Count>);

#[derive(Default)]
struct Count {
    number: AtomicU32,
    bytes: AtomicUsize,
    full: CancellationToken,
}

impl Interim {
    /// Those of this request.
    pub(super) fn of<B>(request: &mut Request<B>) -> Self {
        let count = Self::default();
        let counting = count.clone();
        hyper::ext::on_informational(request, move |said| {
            let headers = said.headers().iter();
            counting.add(headers.map(|(name, value)| name.as_str().len() + value.len() + 4).sum());
        });
        count
    }

    fn add(&self, headers: usize) {
        let number = self.0.number.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.0.bytes.fetch_add(headers + LINE, Ordering::Relaxed) + headers + LINE;
        if number > MAX || bytes > BUFFER {
            self.0.full.cancel();
        }
    }

    /// Waits until there are too many.
    pub(super) async fn too_many(&self) {
        self.0.full.cancelled().await;
    }

    /// The error then.
    pub(super) fn error(target: &str) -> Error {
        let message = format!(
            "`{target}` sent more than {MAX} interim answers, or {BUFFER} bytes of them, and no answer"
        );
        Error::over(ErrorKind::Limit, "interim_answers", MAX, message)
            .with_hint("a server says `1xx` a few times at most before it answers")
    }
}
