//! `wasi:http`'s outgoing requests, of both versions: the hooks of one store.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use distri_call::frame::Frame;
use distri_call::{Error, ErrorKind};
use tokio_util::task::AbortOnDropHandle;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error as Code, RequestOptions, WasiBody, WasiHttpHooks};

use crate::exchanges::Exchanges;
use crate::failure::{Failure, Refusal};
use crate::pools::Network;
use crate::request;

/// Bytes that one write of a guest to a body puts into the host's memory at most.
const CHUNK: usize = 64 << 10;

/// The requests of one store.
#[derive(Default)]
pub struct Outgoing {
    exchanges: Arc<Exchanges>,
    /// The call within which the guest asks; none while it is being built.
    frame: Option<Arc<Frame>>,
    network: Option<Arc<Network>>,
}

type Exchange<T> = Result<T, Code>;
type Transmission = Box<dyn Future<Output = Exchange<()>> + Send>;
type Response = (http::Response<WasiBody>, Transmission);

impl Outgoing {
    /// Those of a store; none reach anything without a network.
    pub fn over(network: Option<&Arc<Network>>) -> Self {
        Self { network: network.cloned(), ..Self::default() }
    }

    /// None yet, of another call.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::over(self.network.as_ref())
    }

    /// Asks in this call from now on.
    pub fn within(&mut self, frame: Option<&Arc<Frame>>) {
        self.frame = frame.cloned();
    }

    /// Whether requests or their responses are still under way.
    pub fn is_busy(&self) -> bool {
        self.exchanges.open.any()
    }

    /// Says that the store is about to be dropped.
    pub fn end(&self) {
        self.exchanges.over.store(true, Ordering::Release);
    }

    /// Adds to a guest's trap what it was refused before, if anything.
    pub fn explain(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Trap || error.hint().is_some() {
            return error;
        }
        match self.exchanges.refused().pop_back() {
            Some(Refusal { words, .. }) => {
                let plain = words.split_once(": ").map_or(words.as_str(), |(_, plain)| plain);
                error.with_hint(plain)
            }
            None => error,
        }
    }

    /// The same code with all that a refusal has to say, as `call-error` in JSON.
    pub fn in_full(&self, code: ErrorCode) -> ErrorCode {
        let ErrorCode::InternalError(Some(words)) = code else { return code };
        let refused = self.exchanges.refused();
        let found = refused.iter().rev().find(|refused| refused.words == words);
        ErrorCode::InternalError(Some(found.map_or(words, |refused| refused.record.clone())))
    }
}

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Transmission,
    ) -> Box<dyn Future<Output = Exchange<Response>> + Send> {
        let Some(asking) = self.frame.clone().zip(self.network.clone()) else {
            let error = Error::new(
                ErrorKind::Denied,
                "nothing can be fetched while the plugin is being built",
            );
            let error =
                error.with_hint("fetch inside a tool or workflow, not at a module's top level");
            let code = self.exchanges.code(error.into());
            return Box::new(async { Err(code) });
        };
        let exchanges = Arc::clone(&self.exchanges);
        // Now, not when the future is polled: a guest may leave it and return, and its
        // instance must be known to be busy.
        let turn = exchanges.turn(asking.0.limits.http_requests);
        Box::new(async move {
            let span = tracing::info_span!(
                target: "distri_host", parent: &asking.0.span, "host_call", function = "http", target = Empty, outcome = Empty
            );
            let options = options.unwrap_or_default();
            let work = async move { request::send(asking, turn?, request, options).await };
            // In a task of its own, as all that embedders' code runs in. Whoever
            // drops this future ends it.
            let task = AbortOnDropHandle::new(tokio::spawn(work.instrument(span.clone())));
            let result = task.await.unwrap_or_else(|error| {
                tracing::error!(parent: &span, %error, "a request failed");
                Err(Error::new(ErrorKind::Internal, "a request failed").into())
            });
            record(&span, result.as_ref().err());
            let response = result.map_err(|failure| exchanges.code(failure))?;
            // How sending ended is known with the response.
            Ok((response, Box::new(async { Ok(()) }) as Transmission))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }
}

fn record(span: &Span, failure: Option<&Failure>) {
    let outcome = failure.map_or("ok", Failure::outcome);
    span.record("outcome", outcome);
    metrics::counter!("distri_host_calls_total", "function" => "http", "outcome" => outcome)
        .increment(1);
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Empty};

    use super::*;

    #[tokio::test]
    async fn nothing_is_fetched_while_a_plugin_is_built() {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = http::Request::get("http://example.com/").body(body).unwrap();
        let sent = Outgoing::default().send_request(request, None, Box::new(async { Ok(()) }));
        let Err(Code::InternalError(Some(text))) = Box::into_pin(sent).await else {
            panic!("it is not refused");
        };
        assert!(
            text.starts_with(
                "denied: nothing can be fetched while the plugin is being built; fetch"
            ),
            "{text}"
        );
    }
}
