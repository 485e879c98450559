//! Secrets that the host sends and the guest never sees.

use distri_testing::{Server, Transcript};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::json;

use crate::{GUESTS, Net, Setup, Store, denied, refusal};

const CANARY: &str = "canary-7f3a9c";
const STORE: Store = Store(&[("TOKEN", CANARY), ("KEY", "key-51b2"), ("LINES", "a\r\nb: c")]);

/// The manifest's lines for a secret that is bound to a host, with the table that
/// they belong to.
fn bound(name: &str, host: &str, more: &str) -> String {
    format!("[[capabilities.secrets]]\nname = \"{name}\"\nhost = \"{host}\"\n{more}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_secret_reaches_its_host_and_never_the_guest() {
    for guest in GUESTS {
        let (own, other) = (Server::start().await, Server::start().await);
        let hosts = [own.origin(), other.origin()];
        let more =
            bound("TOKEN", &own.origin(), "") + &bound("KEY", &own.origin(), "header = \"X-Key\"");
        let setup = Setup {
            hosts: &[&hosts[0], &hosts[1]],
            more: &more,
            policy: "secrets = [\"TOKEN\", \"KEY\"]",
            ..Setup::default()
        };
        let net = Net::with(guest, setup, |builder| builder.services(STORE)).await;
        // Whatever the guest says itself.
        let forged = json!({ "authorization": "Bearer forged", "x-other": "kept" });
        let answer = net.call("net", json!({ "url": own.url(""), "headers": forged })).await;
        assert!(!answer.unwrap().to_string().contains(CANARY));
        let seen = &own.seen.requests()[0];
        let values: Vec<_> = seen.get_all("authorization").iter().collect();
        assert_eq!(values, [&format!("Bearer {CANARY}")]);
        assert_eq!(seen["x-key"], "key-51b2");
        assert_eq!(seen["x-other"], "kept");
        // Not to another host, and not by a redirect to it.
        let redirect = own.url(&format!("to/{}", other.url("")));
        let got = net.outcome(json!({ "url": redirect, "follow": true })).await;
        assert_eq!(got["text"], "hello", "{got}");
        let headers = &other.seen.requests()[0];
        assert!(!headers.contains_key("authorization") && !headers.contains_key("x-key"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_secret_that_was_not_granted_is_not_sent() {
    for guest in GUESTS {
        let server = Server::start().await;
        let more = bound("TOKEN", &server.origin(), "");
        let setup = Setup { hosts: &[&server.origin()], more: &more, ..Setup::default() };
        let net = Net::with(guest, setup, |builder| builder.services(STORE)).await;
        assert_eq!(net.get(&server.url("")).await["status"], 200);
        assert!(!server.seen.requests()[0].contains_key("authorization"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_secret_without_a_value_keeps_the_request_back() {
    for guest in GUESTS {
        let server = Server::start().await;
        let more = bound("ABSENT", &server.origin(), "");
        let setup = Setup {
            hosts: &[&server.origin()],
            more: &more,
            policy: "secrets = [\"ABSENT\"]",
            ..Setup::default()
        };
        let net = Net::with(guest, setup, |builder| builder.services(STORE)).await;
        let refusal = denied(&net.get(&server.url("")).await);
        assert_eq!(refusal["hint"], "run `distri secrets set ABSENT`");
        assert_eq!(server.seen.accepted(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_of_several_lines_makes_no_headers_of_its_own() {
    for guest in GUESTS {
        let server = Server::start().await;
        let more = bound("LINES", &server.origin(), "");
        let setup = Setup {
            hosts: &[&server.origin()],
            more: &more,
            policy: "secrets = [\"LINES\"]",
            ..Setup::default()
        };
        let net = Net::with(guest, setup, |builder| builder.services(STORE)).await;
        let refusal = refusal(&net.get(&server.url("")).await);
        let message = refusal["message"].as_str().unwrap();
        assert!(message.contains("`LINES`") && !message.contains("b: c"), "{message}");
        assert_eq!(server.seen.accepted(), 0);
    }
}

/// On one thread, so that recorder and subscriber see every task of the host.
#[tokio::test(flavor = "current_thread")]
async fn requests_are_traced_and_counted_with_nothing_secret_in_it() {
    for guest in GUESTS {
        let server = Server::start().await;
        let more = bound("TOKEN", &server.origin(), "");
        let setup = Setup {
            hosts: &[&server.origin()],
            more: &more,
            policy: "secrets = [\"TOKEN\"]",
            ..Setup::default()
        };
        let net = Net::with(guest, setup, |builder| builder.services(STORE)).await;
        let recorder = DebuggingRecorder::new();
        let (transcript, traced) = Transcript::begin();
        {
            let _traced = traced;
            let _measured = metrics::set_default_local_recorder(&recorder);
            let headers = json!({ "x-own": "header-5a1c" });
            let got = net.outcome(json!({ "url": server.url("path-8b2e"), "headers": headers }));
            assert_eq!(got.await["text"], "hello");
            denied(&net.get("http://other.example/path-8b2e").await);
        }
        let counted: Vec<(String, u64)> = recorder
            .snapshotter()
            .snapshot()
            .into_vec()
            .into_iter()
            .filter_map(|(key, _, _, value)| match value {
                DebugValue::Counter(count) if key.key().name() == "distri_host_calls_total" => {
                    let labels = key.key().labels().map(|label| label.value().to_owned());
                    Some((labels.collect::<Vec<_>>().join(" "), count))
                }
                _ => None,
            })
            .collect();
        assert!(counted.contains(&("http ok".to_owned(), 1)), "{counted:?}");
        assert!(counted.contains(&("http denied".to_owned(), 1)), "{counted:?}");
        let text = transcript.text();
        let origin = server.origin();
        for span in [
            format!("host_call{{function=\"http\" target=\"{origin}\" outcome=\"ok\"}}"),
            "target=\"http://other.example:80\" outcome=\"denied\"".to_owned(),
        ] {
            assert!(text.contains(&span), "{span} is not in {text}");
        }
        assert!(!text.contains(CANARY));
        // At this level, and no other, wasmtime tells what guests hand to it.
        let own = || text.lines().filter(|line| !line.contains("wasmtime_wasi_http::"));
        for private in ["path-8b2e", "header-5a1c"] {
            assert_eq!(own().find(|line| line.contains(private)), None);
        }
    }
}
