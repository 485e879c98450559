//! Gets a page so many times, over wasi:http 0.2.

use distri_guest::{export_plugin, tool};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingBody, OutgoingRequest, Scheme,
};
use wasip2::io::streams::StreamError;

fn begin(url: &str) -> Result<FutureIncomingResponse, String> {
    let (scheme, rest) = url.split_once("://").ok_or("not a URL")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let request = OutgoingRequest::new(Fields::new());
    let refused = |()| "not a URL";
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request.set_path_with_query(Some(path)).map_err(refused)?;
    handle(request, None).map_err(|code| format!("{code:?}"))
}

fn end(pending: FutureIncomingResponse) -> Result<usize, String> {
    pending.subscribe().block();
    let response = pending.get().and_then(Result::ok).ok_or("no response")?;
    let response = response.map_err(|code| format!("{code:?}"))?;
    let body = response.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no body")?;
    let mut bytes = 0;
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(chunk) => bytes += chunk.len(),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    drop(stream);
    IncomingBody::finish(body);
    Ok(bytes)
}

/// Gets a page so many times, one after another or at once, and answers how many
/// bytes it got
#[tool]
fn fetch(url: String, count: usize, at_once: bool) -> Result<usize, String> {
    if at_once {
        let pending: Vec<_> = (0..count).map(|_| begin(&url)).collect();
        return pending.into_iter().map(|pending| end(pending?)).sum();
    }
    (0..count).map(|_| end(begin(&url)?)).sum()
}

export_plugin! { tools: [fetch] }
