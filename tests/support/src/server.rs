//! Servers on loopback that remember who came and what they asked for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_ENCODING, HeaderValue, LOCATION};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// A server that runs until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

/// What a server saw.
#[derive(Default)]
pub struct Seen {
    accepted: AtomicUsize,
    closed: AtomicUsize,
    requests: Mutex<Vec<HeaderMap>>,
    /// Bytes of each request body that ended, and whether it was whole.
    uploads: Mutex<Vec<(usize, bool)>>,
}

impl Server {
    /// On `127.0.0.1`, at a port that is free.
    pub async fn start() -> Self {
        Self::at("127.0.0.1:0").await
    }

    pub async fn at(address: &str) -> Self {
        Self::listen(address, None).await
    }

    /// One that speaks TLS.
    pub async fn secure(tls: TlsAcceptor) -> Self {
        Self::listen("127.0.0.1:0", Some(tls)).await
    }

    async fn listen(address: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let everything = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                everything.accepted.fetch_add(1, Ordering::SeqCst);
                let (seen, tls) = (Arc::clone(&everything), tls.clone());
                tokio::spawn(async move {
                    connection(stream, tls, &seen).await;
                    seen.closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen, task }
    }

    /// The address of a page of this server: `http://127.0.0.1:PORT/PATH`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// The same as the pattern that grants it.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The headers of each request, in order.
    pub fn requests(&self) -> Vec<HeaderMap> {
        self.requests.lock().unwrap().clone()
    }

    pub fn uploads(&self) -> Vec<(usize, bool)> {
        self.uploads.lock().unwrap().clone()
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.accepted() - self.closed.load(Ordering::SeqCst)
    }

    /// Waits until something is so, and gives how long that took; five seconds at most.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Duration {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < Duration::from_secs(5), "not so after 5 s: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, seen: &Arc<Seen>) {
    match tls {
        None => serve(stream, seen).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, seen).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, seen: &Arc<Seen>) {
    let answer = service_fn(|request| answer(request, Arc::clone(seen)));
    // How it ended is the client's affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .max_buf_size(1 << 20)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Result<Response<Body>, Infallible> {
    seen.requests.lock().unwrap().push(request.headers().clone());
    let path = request.uri().path().to_owned();
    let (page, argument) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let mut response = Response::new(text("hello"));
    match page {
        // So many bytes.
        "bytes" => *response.body_mut() = stream(argument.parse().unwrap(), None),
        // One byte a second, for ever.
        "slow" => *response.body_mut() = stream(usize::MAX, Some(Duration::from_secs(1))),
        // Nothing, ever.
        "stall" => std::future::pending().await,
        // The response's head, and nothing more.
        "silent" => *response.body_mut() = stream(usize::MAX, Some(Duration::from_hours(1))),
        "wait" => tokio::time::sleep(Duration::from_millis(argument.parse().unwrap())).await,
        "close" => drop(response.headers_mut().insert(CONNECTION, "close".parse().unwrap())),
        "head" => {
            let long = "x".repeat(argument.parse().unwrap()).parse().unwrap();
            response.headers_mut().insert("x-long", long);
        }
        // A server that answered first would close the connection on the rest.
        "to" => {
            let _ = request.into_body().collect().await;
            *response.status_mut() = hyper::StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, argument.parse().unwrap());
        }
        // To an address in bytes of UTF-8.
        "abroad" => {
            *response.status_mut() = hyper::StatusCode::FOUND;
            let address = HeaderValue::from_bytes("/\u{fc}?\u{fc}".as_bytes()).unwrap();
            response.headers_mut().insert(LOCATION, address);
        }
        "gzip" => {
            response.headers_mut().insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        }
        "upload" => {
            let count = received(request.into_body(), &seen).await;
            *response.body_mut() = text(&count.to_string());
        }
        // Answers before the request's body is there.
        "early" => {
            *response.status_mut() = hyper::StatusCode::PAYLOAD_TOO_LARGE;
            tokio::spawn(async move { received(request.into_body(), &seen).await });
        }
        // Goes on answering while the request's body comes.
        "duplex" => {
            *response.body_mut() = stream(usize::MAX, Some(Duration::from_hours(1)));
            tokio::spawn(async move { received(request.into_body(), &seen).await });
        }
        _ => {}
    }
    Ok(response)
}

async fn received(mut body: Incoming, seen: &Seen) -> usize {
    let mut count = 0;
    let whole = loop {
        match body.frame().await {
            None => break true,
            Some(Err(_)) => break false,
            Some(Ok(frame)) => count += frame.data_ref().map_or(0, Bytes::len),
        }
    };
    seen.uploads.lock().unwrap().push((count, whole));
    count
}

fn text(text: &str) -> Body {
    Full::from(text.to_owned()).boxed_unsync()
}

/// So many bytes, in large pieces or one at a time with a pause before each.
fn stream(size: usize, pause: Option<Duration>) -> Body {
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![b'a'; if pause.is_some() { 1 } else { 64 << 10 }]);
        let mut left = size;
        while left > 0 {
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            let piece = chunk.slice(..left.min(chunk.len()));
            left -= piece.len();
            if sender.send(Ok(Frame::data(piece))).await.is_err() {
                return;
            }
        }
    });
    let frames = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    StreamBody::new(frames).boxed_unsync()
}
