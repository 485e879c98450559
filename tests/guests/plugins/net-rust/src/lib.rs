//! The guest of the network's tests, over wasi:http 0.2. `net-ts` is the same
//! over 0.3.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use distri_guest::{export_plugin, tool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use wasip2::io::streams::StreamError;

static CALLS: AtomicU32 = AtomicU32::new(0);

/// What to send, and how often.
#[derive(Clone, Deserialize, JsonSchema)]
struct Input {
    url: String,
    /// `get` by default.
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Bytes of the request's body; none for no body.
    upload: Option<usize>,
    /// Never ends the request's body.
    #[serde(default)]
    unfinished: bool,
    /// One by default.
    count: Option<usize>,
    /// All of them at once, not one after another.
    #[serde(default)]
    at_once: bool,
    /// Follows redirects, five at most.
    #[serde(default)]
    follow: bool,
    /// Panics when a request fails.
    #[serde(default)]
    insist: bool,
    /// Does not wait for the response.
    #[serde(default)]
    abandon: bool,
    /// Keeps the response and does not read its body.
    #[serde(default)]
    leave: bool,
    /// How long it goes on after that, in milliseconds.
    #[serde(default)]
    linger_ms: u64,
    /// How long a connection may take, in milliseconds.
    connect_ms: Option<u64>,
    /// How long the first byte may take, and each one after it.
    byte_ms: Option<u64>,
}

fn begin(input: &Input) -> Result<FutureIncomingResponse, ErrorCode> {
    let (scheme, rest) = input.url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let fields = Fields::new();
    for (name, value) in &input.headers {
        fields.append(name, value.as_bytes()).unwrap();
    }
    let request = OutgoingRequest::new(fields);
    let method = match input.method.as_deref().unwrap_or("get") {
        "get" => Method::Get,
        "post" => Method::Post,
        "connect" => Method::Connect,
        "trace" => Method::Trace,
        other => Method::Other(other.to_owned()),
    };
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_method(&method).map_err(invalid)?;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(invalid)?;
    let body = request.body().unwrap();
    let options = RequestOptions::new();
    let nanos = |ms: Option<u64>| ms.map(|ms| ms * 1_000_000);
    let _ = options.set_connect_timeout(nanos(input.connect_ms));
    let _ = options.set_first_byte_timeout(nanos(input.byte_ms));
    let _ = options.set_between_bytes_timeout(nanos(input.byte_ms));
    let response = handle(request, Some(options))?;
    if let Some(size) = input.upload {
        let stream = body.write().unwrap();
        let chunk = [b'a'; 4096];
        let mut rest = size;
        while rest > 0 {
            let piece = &chunk[..rest.min(chunk.len())];
            // Whoever does not want the rest says why in the response.
            if stream.blocking_write_and_flush(piece).is_err() {
                break;
            }
            rest -= piece.len();
        }
    }
    if input.unfinished {
        subscribe_duration(u64::MAX).block();
    }
    let _ = OutgoingBody::finish(body, None);
    Ok(response)
}

fn end(input: &Input, pending: FutureIncomingResponse) -> Result<Value, ErrorCode> {
    if input.abandon {
        std::mem::forget(pending);
        return Ok(json!({}));
    }
    pending.subscribe().block();
    let response: IncomingResponse = pending.get().unwrap().unwrap()?;
    let status = response.status();
    if input.leave {
        std::mem::forget(response);
        subscribe_duration(input.linger_ms * 1_000_000).block();
        return Ok(json!({ "status": status }));
    }
    let fields = response.headers().entries().into_iter();
    let headers: BTreeMap<String, String> =
        fields.map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned())).collect();
    let body = response.consume().unwrap();
    let stream = body.stream().unwrap();
    let mut bytes = 0;
    let mut text = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(chunk) => {
                bytes += chunk.len();
                let room = 4096_usize.saturating_sub(text.len());
                text.extend_from_slice(&chunk[..room.min(chunk.len())]);
            }
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                // Hosts of wasmtime 48 know no code for what happens to a body.
                let text = || ErrorCode::InternalError(Some(error.to_debug_string()));
                return Err(http_error_code(&error).unwrap_or_else(text));
            }
        }
    }
    drop(stream);
    IncomingBody::finish(body);
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(json!({ "status": status, "headers": headers, "bytes": bytes, "text": text }))
}

/// The code by its name in WIT, and its text where it has one.
fn failed(code: ErrorCode) -> Value {
    let text = match &code {
        ErrorCode::InternalError(text) => text.clone(),
        _ => None,
    };
    let debug = format!("{code:?}");
    let name = debug.strip_prefix("ErrorCode::").unwrap_or(&debug);
    let name = name.split(['(', ' ']).next().unwrap_or_default();
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    json!({ "error": { "code": kebab, "text": text } })
}

fn outcome(input: &Input, pending: Result<FutureIncomingResponse, ErrorCode>) -> Value {
    let mut got = match pending.and_then(|pending| end(input, pending)) {
        Ok(got) => got,
        Err(code) if input.insist => panic!("{code:?}"),
        Err(code) => return failed(code),
    };
    for _ in 0..5 {
        let Some(url) = got["headers"]["location"].as_str().filter(|_| input.follow) else { break };
        let next = Input { url: url.to_owned(), ..input.clone() };
        got = match begin(&next).and_then(|pending| end(&next, pending)) {
            Ok(got) => got,
            Err(code) => return failed(code),
        };
    }
    got
}

/// Sends requests and answers what came of each: `status`, `headers`, `bytes` and
/// the `text` of the first 4 KiB, or an `error` with `code` and `text`. `calls`
/// counts the calls of this instance.
#[tool]
fn exchange(input: Input) -> Value {
    let count = input.count.unwrap_or(1);
    let outcomes: Vec<Value> = if input.at_once {
        let pending: Vec<_> = (0..count).map(|_| begin(&input)).collect();
        pending.into_iter().map(|pending| outcome(&input, pending)).collect()
    } else {
        (0..count).map(|_| outcome(&input, begin(&input))).collect()
    };
    json!({ "calls": CALLS.fetch_add(1, Ordering::Relaxed) + 1, "outcomes": outcomes })
}

export_plugin! { tools: [exchange] }
