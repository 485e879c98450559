//! Connections: kept for the next request, never for another package, and closed
//! when there is no next one.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use distri_host::{Limits, Resolver, ToolCall};
use distri_testing::Server;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::{GUESTS, Net, Setup, code, within};

/// A body that no system buffers whole.
const LARGE: usize = 50_000_000;

fn all_hello(outcomes: &[Value]) -> bool {
    outcomes.iter().all(|outcome| outcome["text"] == "hello")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_one_after_another_use_one_connection() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::reaching(guest, &[&server.origin()]).await;
        // In one call, and in the next one's fresh instance.
        for _ in 0..2 {
            let outcomes = net.outcomes(json!({ "url": server.url(""), "count": 50 })).await;
            assert!(outcomes.len() == 50 && all_hello(&outcomes), "{outcomes:?}");
        }
        assert_eq!(server.seen.requests().len(), 100);
        assert_eq!(server.seen.accepted(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_at_once_overlap_and_leave_their_connections_to_the_next() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::reaching(guest, &[&server.origin()]).await;
        let input = json!({ "url": server.url("wait/300"), "count": 100, "at_once": true });
        let began = Instant::now();
        for _ in 0..2 {
            let outcomes = net.outcomes(input.clone()).await;
            assert!(outcomes.len() == 100 && all_hello(&outcomes), "{outcomes:?}");
        }
        let elapsed = began.elapsed();
        assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
        assert!(server.seen.accepted() <= 110, "{}", server.seen.accepted());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_once_have_a_limit() {
    for guest in GUESTS {
        let server = Server::start().await;
        let mut limits = Limits::default();
        limits.http_requests = 10;
        let origin = server.origin();
        let hosts = [origin.as_str()];
        let setup = Setup { hosts: &hosts, limits, ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        let input = json!({ "url": server.url("wait/300"), "count": 15, "at_once": true });
        let outcomes = net.outcomes(input).await;
        let (good, bad): (Vec<_>, Vec<_>) =
            outcomes.iter().partition(|outcome| outcome["text"] == "hello");
        assert_eq!((good.len(), bad.len()), (10, 5), "{outcomes:?}");
        assert!(bad.iter().all(|outcome| code(outcome) == "connection-limit-reached"));
        // The next ones have their turn.
        let outcomes = net.outcomes(json!({ "url": server.url(""), "count": 15 })).await;
        assert!(all_hello(&outcomes), "{outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_share_no_connections() {
    for guest in GUESTS {
        let server = Server::start().await;
        let setup = Setup { hosts: &[&server.origin()], ..Setup::default() };
        let policy = format!("[all.network]\nhosts = [\"{}\"]", server.origin());
        let policy = policy.parse().unwrap();
        let net = Net::with(guest, setup, |builder| builder.policy(policy)).await;
        net.load("other", guest, &[&server.origin()], "").await;
        for package in ["net", "other", "net", "other"] {
            let answer = net.call(package, json!({ "url": server.url("") })).await.unwrap();
            assert_eq!(answer["outcomes"][0]["text"], "hello");
        }
        assert_eq!(server.seen.accepted(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unloaded_or_replaced_plugin_leaves_no_connection() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::reaching(guest, &[&server.origin()]).await;
        net.get(&server.url("")).await;
        assert_eq!(server.seen.open(), 1);
        net.load("net", guest, &[&server.origin()], "").await;
        server.seen.until("the old one's is closed", |seen| seen.open() == 0).await;
        net.get(&server.url("")).await;
        net.host.unload_plugin("net").unwrap();
        server.seen.until("this one's too", |seen| seen.open() == 0).await;
    }
}

/// The bounds of its package go on: there are as many connections as if it were loaded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_outlives_its_package_has_its_connections_until_it_ends() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::reaching(guest, &[&server.origin()]).await;
        let calls = async |count: usize| {
            let outcomes = net.outcomes(json!({ "url": server.url(""), "count": count })).await;
            assert!(outcomes.len() == count && all_hello(&outcomes), "{outcomes:?}");
        };
        let unloaded = async { net.host.unload_plugin("net").unwrap() };
        tokio::join!(calls(20), calls(20), unloaded);
        assert!(server.seen.accepted() <= 2, "{}", server.seen.accepted());
        server.seen.until("all are closed", |seen| seen.open() == 0).await;
    }
}

/// Connections that only wait for a next request make room for others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_have_a_limit_that_idle_ones_do_not_fill() {
    for guest in GUESTS {
        let mut servers = Vec::new();
        for _ in 0..5 {
            servers.push(Server::start().await);
        }
        let origins: Vec<String> = servers.iter().map(Server::origin).collect();
        let hosts: Vec<&str> = origins.iter().map(String::as_str).collect();
        let mut limits = Limits::default();
        limits.http_connections = 2;
        let setup = Setup { hosts: &hosts, limits, ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        for server in servers.iter().chain(&servers) {
            let outcome = net.get(&server.url("")).await;
            assert_eq!(outcome["text"], "hello", "{outcome}");
            let open: usize = servers.iter().map(|server| server.seen.open()).sum();
            // One of them may be closing.
            assert!(open <= 3, "{open}");
        }
        let input = json!({ "url": servers[0].url("wait/300"), "count": 5, "at_once": true });
        let outcomes = net.outcomes(input).await;
        assert!(all_hello(&outcomes), "{outcomes:?}");
        assert!(servers[0].seen.open() <= 2, "{}", servers[0].seen.open());
    }
}

/// Whoever waits for a connection has it when one of those before is done, whomever that
/// one was to: none is kept for later meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_done_make_room_for_requests_that_wait() {
    for guest in GUESTS {
        let servers = [Server::start().await, Server::start().await, Server::start().await];
        let origins = servers.each_ref().map(Server::origin);
        let hosts = origins.each_ref().map(String::as_str);
        let mut limits = Limits::default();
        limits.http_connections = 2;
        let setup = Setup { hosts: &hosts, limits, ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        let began = Instant::now();
        for round in 0..40 {
            let calls = servers.iter().map(|server| {
                net.outcomes(json!({ "url": server.url("wait/2"), "count": 3, "at_once": true }))
            });
            for outcomes in futures_util::future::join_all(calls).await {
                assert!(all_hello(&outcomes), "round {round}: {outcomes:?}");
            }
        }
        // One that waits for another's connection to be given up waits for seconds.
        let elapsed = began.elapsed();
        assert!(elapsed < Duration::from_secs(9), "{elapsed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_with_a_response_still_open_is_not_kept() {
    for guest in GUESTS {
        let server = Server::start().await;
        let more = "[instances]\nmode = \"shared\"";
        let setup = Setup { hosts: &[&server.origin()], more, ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        let calls = async |page: &str, leave: bool| {
            let input = json!({ "url": server.url(page), "leave": leave });
            net.call("net", input).await.unwrap()["calls"].as_u64().unwrap()
        };
        assert_eq!(calls("", false).await, 1);
        assert_eq!(calls("", false).await, 2);
        assert_eq!(calls("slow", true).await, 3);
        server.seen.until("the slow one's is closed", |seen| seen.open() <= 1).await;
        assert_eq!(calls("", false).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_with_a_request_under_way_is_not_kept() {
    for guest in GUESTS {
        let server = Server::start().await;
        let more = "[instances]\nmode = \"shared\"";
        let setup = Setup { hosts: &[&server.origin()], more, ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        for _ in 0..3 {
            let input = json!({ "url": server.url("stall"), "abandon": true });
            assert_eq!(net.call("net", input).await.unwrap()["calls"], 1, "{guest}");
        }
        server.seen.until("all are closed", |seen| seen.open() == 0).await;
    }
}

/// Waits until a peer has closed its connection. The system says it, and not a read:
/// that would make room for what the peer has to send.
async fn until_closed(stream: &TcpStream) {
    let SocketAddr::V4(peer) = stream.peer_addr().unwrap() else { panic!("not on 127.0.0.1") };
    let address = u32::from_le_bytes(peer.ip().octets());
    let peer = format!("{address:08X}:{:04X}", peer.port());
    let began = Instant::now();
    while std::fs::read_to_string("/proc/net/tcp").unwrap().lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next(), words.nth(1));
        local == Some(peer.as_str()) && state == Some("01")
    }) {
        assert!(began.elapsed() < Duration::from_secs(5), "it is still open after 5 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A server that answers, and then neither reads nor closes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_nobody_reads_from_is_given_up() {
    for guest in GUESTS {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let limits = within(Duration::from_secs(2));
        let setup = Setup { hosts: &[&url], limits, ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        let call = net.call("net", json!({ "url": url, "method": "post", "upload": LARGE }));
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            stream
        };
        let (_, stream) = tokio::join!(call, answer);
        until_closed(&stream).await;
    }
}

/// A server that does not even answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_nobody_reads_ends_with_its_call() {
    for guest in GUESTS {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let net = Net::reaching(guest, &[&url]).await;
        let host = net.host.clone();
        let input = json!({ "url": url, "method": "post", "upload": LARGE }).to_string();
        let call = tokio::spawn(async move {
            host.execute_tool("net", "exchange", ToolCall::new(input)).await
        });
        let (stream, _) = listener.accept().await.unwrap();
        // Until the system has no more room for what is sent.
        tokio::time::sleep(Duration::from_millis(500)).await;
        call.abort();
        until_closed(&stream).await;
    }
}

/// hyper lends a connection again before a guest has read a short answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_dropped_is_no_end_of_anothers_upload() {
    for guest in GUESTS {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let net = Net::reaching(guest, &[&url]).await;
        let ask = |input: Value| {
            let host = net.host.clone();
            let call = ToolCall::new(input.to_string());
            tokio::spawn(async move { host.execute_tool("net", "exchange", call).await })
        };
        let leaving = ask(json!({ "url": url, "leave": true, "linger_ms": 1000 }));
        let (mut stream, _) = listener.accept().await.unwrap();
        read_to(&mut stream, b"\r\n\r\n").await;
        let short = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        stream.write_all(short).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let uploading = ask(json!({ "url": url, "method": "post", "upload": 20_000_000 }));
        // Nothing is read of the upload before the first call is over.
        leaving.await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        read_to(&mut stream, b"\r\n0\r\n\r\n").await;
        stream.write_all(short).await.unwrap();
        let answer = uploading.await.unwrap().unwrap();
        let answer: Value = serde_json::from_str(&answer.result).unwrap();
        assert_eq!(answer["outcomes"][0]["text"], "hello", "{guest}: {answer}");
    }
}

/// Reads until what was read ends like this.
async fn read_to(stream: &mut TcpStream, end: &[u8]) {
    let mut last = Vec::new();
    let mut piece = vec![0; 64 << 10];
    while !last.ends_with(end) {
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "the connection ended");
        last.extend_from_slice(&piece[..read]);
        last.drain(..last.len().saturating_sub(end.len()));
    }
}

/// Names that are found after a while.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<(usize, usize)>>);

#[async_trait]
impl Resolver for Slow {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        {
            let mut counts = self.0.lock().unwrap();
            counts.0 += 1;
            counts.1 = counts.1.max(counts.0);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.0.lock().unwrap().0 -= 1;
        Ok(Vec::new())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_has_few_lookups_at_once() {
    for guest in GUESTS {
        let slow = Slow::default();
        let resolver = slow.clone();
        let setup = Setup { hosts: &["http://slow.example"], ..Setup::default() };
        let net = Net::with(guest, setup, |it| it.resolver(resolver)).await;
        let input = json!({ "url": "http://slow.example/", "count": 50, "at_once": true });
        assert!(
            net.outcomes(input)
                .await
                .iter()
                .all(|outcome| code(outcome) == "DNS-error" || code(outcome) == "dns-error")
        );
        assert_eq!(*slow.0.lock().unwrap(), (0, 8));
    }
}

/// A certificate for `localhost` and `127.0.0.1`, and the one that certifies it,
/// in DER.
fn certificate() -> (TlsAcceptor, Vec<u8>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let own = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), issuer.der().to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_needs_a_certificate_that_somebody_is_believed_for() {
    for guest in GUESTS {
        let (tls, root) = certificate();
        let server = Server::secure(tls).await;
        let port = server.address.port();
        let hosts = [
            format!("https://localhost:{port}"),
            format!("https://127.0.0.1:{port}"),
            format!("https://wrong.example:{port}"),
        ];
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let here = |_: &str| Ok(vec![[127, 0, 0, 1].into()]);
        let setup = || Setup { hosts: &hosts, addresses: &["127.0.0.1"], ..Setup::default() };
        let net = Net::with(guest, setup(), |it| it.resolver(here)).await;
        for host in &hosts {
            assert_eq!(code(&net.get(&format!("{host}/")).await), "tls-certificate-error");
        }
        assert_eq!(server.seen.requests().len(), 0);
        drop(net);
        let believing = |it: distri_host::HostBuilder| it.resolver(here).root_certificate(root);
        let net = Net::with(guest, setup(), believing).await;
        for host in &hosts[..2] {
            assert_eq!(net.get(&format!("{host}/")).await["text"], "hello", "{host}");
        }
        assert_eq!(code(&net.get(&format!("{}/", hosts[2])).await), "tls-certificate-error");
    }
}
