//! One request: allowed or not, its bound secrets, and sent.

use std::sync::Arc;
use std::time::Duration;

use distri_call::frame::Frame;
use distri_call::{Capability, Error, ErrorKind, door};
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::connect::capture_connection;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error as Code, RequestOptions, WasiBody};

use crate::body::{Received, Sent};
use crate::causes;
use crate::connect::{Connections, Pool};
use crate::exchanges::Turn;
use crate::failure::Failure;
use crate::hold::Hold;
use crate::interim::Interim;
use crate::pools::Network;
use crate::room::Kept;
use crate::target::Target;

/// Makes a guest's request, and gives the response with its body still to come.
pub(super) async fn send(
    (frame, network): (Arc<Frame>, Arc<Network>),
    turn: Arc<Turn>,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Failure> {
    let target = Target::of(request.uri())?;
    let name = target.to_string();
    tracing::Span::current().record("target", &*frame.redact(&name));
    door::authorise(&frame, Capability::Network(&name))?;
    refuse_method(request.method())?;
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned();
    parts.uri = target.uri(path.unwrap_or_else(|| PathAndQuery::from_static("/")))?;
    let host = HeaderValue::try_from(target.authority());
    parts.headers.insert(HOST, host.map_err(|_| Code::HttpRequestUriInvalid)?);
    add_secrets(&frame, &target, &mut parts.headers).await?;
    let again = is_repeatable(&parts, &body).then(|| parts.clone());

    let connections = network.connections(&frame.package);
    let sending = Sending {
        frame: &frame,
        turn: &turn,
        options: &options,
        target: &name,
        network: &network,
        connections: &connections,
    };
    let pool = Connections::pool;
    match sending.attempt(pool, Request::from_parts(parts, body)).await {
        Err(Attempt::Stale) => match again {
            Some(parts) => {
                let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
                let request = Request::from_parts(parts, body);
                let sent = sending.attempt(Connections::fresh, request).await;
                sent.map_err(Attempt::into_failure)
            }
            None => Err(Attempt::Stale.into_failure()),
        },
        sent => sent.map_err(Attempt::into_failure),
    }
}

/// Whether a request may be sent once more when its connection turns out to be one that
/// the server gave up: doing it twice is doing it once (RFC 9110, 9.2.2), and it has no
/// body, which would have to be kept for that. Of `GET` and `HEAD`, hyper sends none
/// unless a header says so.
fn is_repeatable(parts: &Parts, body: &WasiBody) -> bool {
    let length = parts.headers.get(CONTENT_LENGTH);
    let unsaid = length.is_none() && !parts.headers.contains_key(TRANSFER_ENCODING);
    let empty = body.is_end_stream() || length.is_some_and(|length| length == "0");
    match parts.method {
        Method::GET | Method::HEAD => empty || unsaid,
        Method::PUT | Method::DELETE | Method::OPTIONS => empty,
        _ => false,
    }
}

/// How an attempt failed.
enum Attempt {
    /// On a connection that the server gave up without a word.
    Stale,
    Failed(Failure),
}

impl Attempt {
    fn into_failure(self) -> Failure {
        match self {
            Self::Stale => Code::ConnectionTerminated.into(),
            Self::Failed(failure) => failure,
        }
    }
}

impl From<Code> for Attempt {
    fn from(code: Code) -> Self {
        Self::Failed(code.into())
    }
}

/// What a request's attempts share.
struct Sending<'a> {
    frame: &'a Frame,
    turn: &'a Arc<Turn>,
    options: &'a RequestOptions,
    target: &'a str,
    network: &'a Network,
    connections: &'a Connections,
}

impl Sending<'_> {
    async fn attempt(
        &self,
        pool: impl FnOnce(&Connections) -> Pool,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, Attempt> {
        let Self { frame, turn, options, target, network, connections } = *self;
        let limit = frame.limits.http_body;
        let sending = Arc::new(());
        let sent = Arc::downgrade(&sending);
        let mut request = request.map(|body| Sent::new(body, limit, Arc::clone(turn), sending));
        let interim = Interim::of(&mut request);
        let mut hold = Hold::new(capture_connection(&mut request), sent);

        let patience = |time: Option<Duration>| time.map(|time| time.min(frame.limits.timeout));
        let begun = async {
            let kept = Kept::new(network.places(connections).await?);
            let request = pool(connections).request(request);
            let mut response = Box::pin(kept.clone().within(request));
            let early = tokio::select! {
                biased;
                response = &mut response => Some(response),
                () = hold.connected() => None,
            };
            kept.give_back();
            Ok::<_, Code>((response, early))
        };
        let (mut response, early) = match patience(options.connect_timeout) {
            Some(time) => timeout(time, begun).await.map_err(|_| Code::ConnectionTimeout)??,
            None => begun.await?,
        };
        let response = if let Some(response) = early {
            response
        } else {
            let answer = async {
                tokio::select! {
                    biased;
                    () = interim.too_many() => None,
                    response = &mut response => Some(response),
                }
            };
            let answer = match patience(options.first_byte_timeout) {
                Some(time) => {
                    timeout(time, answer).await.map_err(|_| Code::ConnectionReadTimeout)?
                }
                None => answer.await,
            };
            answer.ok_or_else(|| {
                hold.end();
                Attempt::Failed(Interim::error(target).into())
            })?
        };
        let response = response.map_err(|error| match causes::of_request(&error) {
            Failure::Code(Code::ConnectionTerminated | Code::HttpResponseIncomplete)
                if hold.is_stale() =>
            {
                Attempt::Stale
            }
            failure => Attempt::Failed(failure),
        })?;
        let patience = patience(options.between_bytes_timeout);
        let kept = (Arc::clone(turn), hold);
        Ok(response.map(|body| Received::new(body, limit, patience, kept).boxed_unsync()))
    }
}

/// Refuses what would make a tunnel, and what makes a server repeat a request
/// with the secrets that the guest must not see; `fetch` does not know them either.
fn refuse_method(method: &Method) -> Result<(), Failure> {
    let refused = ["CONNECT", "TRACE", "TRACK"];
    if refused.iter().any(|name| method.as_str().eq_ignore_ascii_case(name)) {
        return Err(Code::HttpRequestMethodInvalid.into());
    }
    Ok(())
}

/// Sets the headers that are made of secrets bound to this host, whatever the
/// guest has put there.
async fn add_secrets(
    frame: &Frame,
    target: &Target,
    headers: &mut HeaderMap,
) -> Result<(), Failure> {
    let package = frame.package.name.as_str();
    for secret in frame.package.grant.bound_secrets() {
        if !secret.host.matches(target.scheme(), &target.host, target.port) {
            continue;
        }
        let name = &secret.name;
        let host = &target.to_string();
        door::authorise(frame, Capability::BoundSecret { name, host })?;
        let value = frame.embedder().get_secret(package, name).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::Denied,
                format!("the secret `{name}`, which `{target}` is to get, has no value"),
            )
            .with_hint(format!("run `distri secrets set {name}`"))
        })?;
        frame.hidden().add(name, &value);
        headers.insert(secret.header.clone(), secret.value(&value)?);
    }
    Ok(())
}
