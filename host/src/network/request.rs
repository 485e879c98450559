//! One request: allowed or not, its bound secrets, and sent.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::connect::capture_connection;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error as Code, RequestOptions, WasiBody};

use super::body::{Received, Sent};
use super::failure::{self, Failure};
use super::hold::Hold;
use super::outgoing::Turn;
use super::target::Target;
use crate::frame::Frame;
use crate::{Capability, Error, ErrorKind, imports};

/// Makes a guest's request, and gives the response with its body still to come.
pub(super) async fn send(
    frame: Arc<Frame>,
    turn: Arc<Turn>,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Failure> {
    let target = Target::of(request.uri())?;
    let name = target.to_string();
    tracing::Span::current().record("target", &*frame.redact(&name));
    imports::authorise(&frame, Capability::Network(&name))?;
    refuse_method(request.method())?;
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned();
    parts.uri = target.uri(path.unwrap_or_else(|| PathAndQuery::from_static("/")))?;
    let host = HeaderValue::try_from(target.authority());
    parts.headers.insert(HOST, host.map_err(|_| Code::HttpRequestUriInvalid)?);
    add_secrets(&frame, &target, &mut parts.headers).await?;
    let limit = frame.limits.http_body;
    let sending = Arc::new(());
    let sent = Arc::downgrade(&sending);
    let body = Sent::new(body, limit, Arc::clone(&turn), sending);
    let mut request = Request::from_parts(parts, body);

    let patience = |time: Option<Duration>| time.map(|time| time.min(frame.limits.timeout));
    let mut hold = Hold::new(capture_connection(&mut request), sent);
    let pool = frame.plugin.connections(frame.host.network()).pool();
    let mut response = pin!(pool.request(request));
    let connected = async {
        tokio::select! {
            biased;
            response = &mut response => Some(response),
            () = hold.connected() => None,
        }
    };
    let early = match patience(options.connect_timeout) {
        Some(time) => timeout(time, connected).await.map_err(|_| Code::ConnectionTimeout)?,
        None => connected.await,
    };
    let response = match (early, patience(options.first_byte_timeout)) {
        (Some(response), _) => response,
        (None, Some(time)) => {
            timeout(time, response).await.map_err(|_| Code::ConnectionReadTimeout)?
        }
        (None, None) => response.await,
    };
    let response = response.map_err(|error| failure::of_request(&error))?;
    let patience = patience(options.between_bytes_timeout);
    Ok(response.map(|body| Received::new(body, limit, patience, (turn, hold)).boxed_unsync()))
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
    let package = frame.plugin.info.package.as_str();
    for secret in frame.plugin.grant.bound_secrets() {
        if !secret.host.matches(target.scheme(), &target.host, target.port) {
            continue;
        }
        let name = &secret.name;
        let host = &target.to_string();
        imports::authorise(frame, Capability::BoundSecret { name, host })?;
        let value = frame.host.services().get_secret(package, name).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::Denied,
                format!("the secret `{name}`, which `{target}` is to get, has no value"),
            )
            .with_hint(format!("run `distri secrets set {name}`"))
        })?;
        frame.hidden.add(name, &value);
        headers.insert(secret.header.clone(), secret.value(&value)?);
    }
    Ok(())
}
