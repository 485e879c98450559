//! Connections that the server gave up: what is sent once more, and what is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::{GUESTS, Net, code};

/// How a server ends a connection when the second request on it has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// Without a word.
    Closed,
    /// With a reset.
    Reset,
    /// After some of an answer's head.
    PartOfHead,
    /// The first request gets none either.
    Never,
}

struct Impatient {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Impatient {
    /// A server that answers the first request of each connection.
    async fn start(end: End) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (connections, requests) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let server = Self { url, connections: connections.clone(), requests: requests.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, end, requests.clone()));
            }
        });
        server
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, end: End, requests: Arc<AtomicUsize>) {
    let mut stream = BufReader::new(stream);
    for at in 0.. {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        let _ = stream.read_exact(&mut body).await;
        requests.fetch_add(1, Ordering::SeqCst);
        if at > 0 || end == End::Never {
            if end == End::PartOfHead {
                let _ = stream.get_mut().write_all(b"HTTP/1.1 200 O").await;
            }
            if end == End::Reset {
                stream.get_ref().set_zero_linger().unwrap();
            }
            return;
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        stream.get_mut().write_all(answer).await.unwrap();
    }
}

fn texts(outcomes: &[Value]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["text"].as_str().unwrap_or("failed")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_done_twice_is_sent_again_on_a_new_connection() {
    for guest in GUESTS {
        for end in [End::Closed, End::Reset] {
            for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
                let server = Impatient::start(end).await;
                let net = Net::reaching(guest, &[&server.url]).await;
                let mut input = json!({ "url": server.url, "method": method, "count": 4 });
                if !matches!(method, "GET" | "HEAD") {
                    input["headers"] = json!({ "content-length": "0" });
                }
                let outcomes = net.outcomes(input).await;
                let good = outcomes.iter().all(|outcome| outcome["error"].is_null());
                assert!(good, "{guest} {method} {end:?}: {outcomes:?}");
                assert!(server.connections() <= 4, "{guest} {method} {end:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_done_twice_is_sent_once() {
    for guest in GUESTS {
        for (method, upload) in
            [("POST", Some(3)), ("POST", None), ("PATCH", None), ("PUT", Some(3))]
        {
            let server = Impatient::start(End::Closed).await;
            let net = Net::reaching(guest, &[&server.url]).await;
            let mut input = json!({ "url": server.url, "method": method, "count": 2 });
            let length = upload.unwrap_or(0).to_string();
            input["headers"] = json!({ "content-length": length });
            if let Some(upload) = upload {
                input["upload"] = json!(upload);
            }
            let outcomes = net.outcomes(input).await;
            assert_eq!(texts(&outcomes), ["hello", "failed"], "{guest} {method}");
            assert_eq!(code(&outcomes[1]), "connection-terminated", "{guest} {method}");
            assert_eq!(server.requests(), 2, "{guest} {method}");
        }
    }
}

/// Once an answer has begun, and on a connection that is new, nothing is repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_in_part_or_never_is_not_sent_again() {
    for guest in GUESTS {
        let server = Impatient::start(End::PartOfHead).await;
        let net = Net::reaching(guest, &[&server.url]).await;
        let outcomes = net.outcomes(json!({ "url": server.url, "count": 2 })).await;
        assert_eq!(texts(&outcomes), ["hello", "failed"], "{guest}");
        assert_eq!((server.connections(), server.requests()), (1, 2), "{guest}");
        drop(net);
        let server = Impatient::start(End::Never).await;
        let net = Net::reaching(guest, &[&server.url]).await;
        let outcomes = net.outcomes(json!({ "url": server.url })).await;
        assert_eq!(texts(&outcomes), ["failed"], "{guest}");
        assert_eq!((server.connections(), server.requests()), (1, 1), "{guest}");
    }
}
