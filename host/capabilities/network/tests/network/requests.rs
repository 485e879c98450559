//! Which requests are made at all.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use distri_host::{Caller, Capability, Error, ErrorKind, HostServices, Resolver, Result};
use distri_testing::Server;
use serde_json::json;

use crate::{GUESTS, Net, Setup, code, denied};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn granted_hosts_answer_and_others_are_never_connected_to() {
    for guest in GUESTS {
        let (granted, other) = (Server::start().await, Server::start().await);
        let net = Net::reaching(guest, &[&granted.origin()]).await;
        let got = net.get(&granted.url("")).await;
        assert_eq!((&got["status"], &got["text"]), (&json!(200), &json!("hello")), "{got}");
        let port = granted.address.port();
        for url in [
            other.url(""),
            format!("https://127.0.0.1:{port}/"),
            "http://127.0.0.1/".to_owned(),
            format!("http://127.0.0.1.evil.example:{port}/"),
            format!("http://localhost:{port}/"),
        ] {
            let refusal = denied(&net.get(&url).await);
            let message = refusal["message"].as_str().unwrap();
            assert!(message.ends_with("its manifest does not ask for it"), "{url}: {message}");
        }
        assert_eq!((granted.seen.accepted(), other.seen.accepted()), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_says_which_line_grants_it() {
    for guest in GUESTS {
        let net = Net::with(
            guest,
            Setup {
                hosts: &["https://api.example.com"],
                granted: &["https://other.example.com"],
                ..Setup::default()
            },
            |builder| builder,
        )
        .await;
        let refusal = denied(&net.get("https://api.example.com/v1?key=k").await);
        assert_eq!(
            refusal["message"],
            "`net` may not reach `https://api.example.com`: it asks, and nothing grants it"
        );
        assert_eq!(
            refusal["hint"],
            "add `hosts = [\"https://api.example.com\"]` to `[packages.net.network]` in the policy"
        );
        let refusal = denied(&net.get("http://new.example.com:81/").await);
        assert_eq!(
            refusal["hint"],
            "add `hosts = [\"http://new.example.com:81\"]` to `[capabilities.network]` in its `distri.toml`"
        );
    }
}

/// A guest that does not look at errors at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_after_a_denial_says_which_line_grants_it() {
    let net = Net::reaching("net-rust", &["https://api.example.com"]).await;
    let error = net.fails(json!({ "url": "http://new.example.com/", "insist": true })).await;
    assert_eq!(error.kind(), ErrorKind::Trap);
    assert_eq!(
        error.hint(),
        Some(
            "`net` may not reach `http://new.example.com`: its manifest does not ask for it; \
             add `hosts = [\"http://new.example.com\"]` to `[capabilities.network]` in its `distri.toml`"
        )
    );
}

/// An embedder that changes its mind.
#[derive(Clone, Default)]
struct Moody(Arc<AtomicBool>);

#[async_trait]
impl HostServices for Moody {
    fn authorise(&self, _: &Caller, capability: Capability<'_>) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Denied, format!("not {}", capability.target())));
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedder_is_asked_for_every_request_on_a_pooled_connection_too() {
    for guest in GUESTS {
        let server = Server::start().await;
        let moody = Moody::default();
        let services = moody.clone();
        let setup = Setup { hosts: &[&server.origin()], ..Setup::default() };
        let net = Net::with(guest, setup, |builder| builder.services(services)).await;
        assert_eq!(net.get(&server.url("")).await["status"], 200);
        moody.0.store(true, Ordering::Relaxed);
        let refusal = denied(&net.get(&server.url("")).await);
        assert_eq!(refusal["message"], format!("not {}", server.origin()));
        assert_eq!(server.seen.requests().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_a_request_of_its_own() {
    for guest in GUESTS {
        let (granted, other) = (Server::start().await, Server::start().await);
        let net = Net::reaching(guest, &[&granted.origin()]).await;
        let follow = async |to: &str| {
            net.outcome(json!({ "url": granted.url(&format!("to/{to}")), "follow": true })).await
        };
        assert_eq!(follow(&granted.url("")).await["text"], "hello");
        let secure = granted.url("").replace("http:", "https:");
        for to in [other.url(""), secure, "http://127.0.0.1:1/".to_owned()] {
            denied(&follow(&to).await);
        }
        assert_eq!(other.seen.accepted(), 0);
    }
}

/// They lie in the host's memory, as many as a guest has handles.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_requests_are_made_of_is_short() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::reaching(guest, &[&server.origin()]).await;
        let long = |bytes: usize| "A".repeat(bytes);
        for input in [
            json!({ "url": server.url(""), "method": long(65) }),
            json!({ "url": format!("http://{}/", long(301)) }),
            json!({ "url": server.url(&long(16 << 10)) }),
        ] {
            let outcome = net.outcome(input).await;
            assert_eq!(code(&outcome), "http-request-uri-invalid", "{outcome}");
        }
        let input = json!({ "url": server.url(&long(8 << 10)), "method": long(64) });
        assert_eq!(net.outcome(input).await["text"], "hello");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_hosts_and_ports_are_no_address() {
    for guest in GUESTS {
        let net = Net::reaching(guest, &["http://*.localhost:*", "http://localhost:*"]).await;
        for url in ["http://localhost../", "http://a..localhost/", "http://localhost:99999/"] {
            assert_eq!(code(&net.get(url).await), "http-request-uri-invalid", "{url}");
        }
    }
}

/// The first makes a tunnel; the others make a server repeat the request, with
/// secrets that the guest must not see.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_that_tunnel_or_repeat_requests_are_refused() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::reaching(guest, &[&server.origin()]).await;
        for method in ["connect", "Connect", "trace", "Trace", "TRACK", "track"] {
            let outcome = net.outcome(json!({ "url": server.url(""), "method": method })).await;
            assert_eq!(code(&outcome), "http-request-method-invalid", "{method}");
        }
        assert_eq!(server.seen.accepted(), 0);
        let outcome = net.outcome(json!({ "url": server.url(""), "method": "PURGE" })).await;
        assert_eq!(outcome["status"], 200, "{outcome}");
    }
}

/// Names that nobody finds, and nobody says so.
struct Lost;

#[async_trait]
impl Resolver for Lost {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_need_not_wait_as_long_as_its_call_may() {
    for guest in GUESTS {
        let server = Server::start().await;
        let hosts = [server.origin(), "http://lost.example".to_owned()];
        let setup = Setup { hosts: &[&hosts[0], &hosts[1]], ..Setup::default() };
        let net = Net::with(guest, setup, |builder| builder.resolver(Lost)).await;
        let lost = json!({ "url": "http://lost.example/", "connect_ms": 100 });
        assert_eq!(code(&net.outcome(lost).await), "connection-timeout");
        let stalled = json!({ "url": server.url("stall"), "byte_ms": 100 });
        assert_eq!(code(&net.outcome(stalled).await), "connection-read-timeout");
        let silent = json!({ "url": server.url("silent"), "byte_ms": 100 });
        let outcome = net.outcome(silent).await;
        match guest {
            "net-ts" => assert_eq!(code(&outcome), "connection-read-timeout"),
            _ => assert_eq!(outcome["error"]["text"], "connection read timeout"),
        }
        let good = json!({ "url": server.url("wait/50"), "connect_ms": 2000, "byte_ms": 2000 });
        assert_eq!(net.outcome(good).await["text"], "hello");
    }
}
