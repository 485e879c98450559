//! Bodies: how much of them, how slowly, and what is left of them afterwards.

use std::time::{Duration, Instant};

use distri_host::{ErrorKind, Limits, ToolCall};
use distri_testing::{Server, TICK, growth};
use serde_json::json;

use crate::{GUESTS, Net, Setup, code, within};

const T: Duration = Duration::from_millis(1500);

/// A body that takes both tracks' guests a while, in 64 KiB of the host's memory.
const LARGE: usize = 50_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_that_does_not_end_is_cut_off_at_the_timeout() {
    for guest in GUESTS {
        let server = Server::start().await;
        let setup = Setup { hosts: &[&server.origin()], limits: within(T), ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        // Mapped and ready: only the waiting is measured.
        net.get(&server.url("")).await;
        for page in ["slow", "stall", "silent"] {
            let began = Instant::now();
            let error = net.fails(json!({ "url": server.url(page) })).await;
            let elapsed = began.elapsed();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{page}");
            assert!(elapsed >= T && elapsed < T.mul_f64(1.2) + 2 * TICK, "{page}: {elapsed:?}");
            let closed = server.seen.until("the socket is closed", |seen| seen.open() == 0).await;
            assert!(closed < Duration::from_millis(500), "{page}: {closed:?}");
        }
        assert_eq!(net.get(&server.url("")).await["text"], "hello");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_closes_its_connections() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::reaching(guest, &[&server.origin()]).await;
        for page in ["slow", "stall", "silent"] {
            let (host, url) = (net.host.clone(), server.url(page));
            let input = json!({ "url": url, "count": 5, "at_once": true }).to_string();
            let call = tokio::spawn(async move {
                host.execute_tool("net", "exchange", ToolCall::new(input)).await
            });
            server.seen.until("all requests are there", |seen| seen.open() == 5).await;
            call.abort();
            server.seen.until("the sockets are closed", |seen| seen.open() == 0).await;
        }
        assert_eq!(net.host.activity().calls, 0);
    }
}

/// What a guest was cut off in must not pass for the whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_cut_off_does_not_look_complete() {
    for guest in GUESTS {
        let server = Server::start().await;
        let limits = within(Duration::from_millis(700));
        let origin = server.origin();
        let hosts = [origin.as_str()];
        let setup = Setup { hosts: &hosts, limits, ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        for page in ["upload", "duplex", "upload", "duplex"] {
            let url = server.url(page);
            let error = net
                .fails(json!({
                    "url": url, "method": "post", "upload": 100_000, "unfinished": true,
                }))
                .await;
            assert_eq!(error.kind(), ErrorKind::Timeout);
        }
        server.seen.until("all uploads ended", |seen| seen.uploads().len() == 4).await;
        assert_eq!(server.seen.uploads(), [(100_000, false); 4], "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_pass_in_both_directions_and_are_never_held() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::alone(guest, &[&server.origin()]).await;
        net.get(&server.url("bytes/1000000")).await;
        let page = server.url(&format!("bytes/{LARGE}"));
        let (got, grown) = growth(net.get(&page)).await;
        assert_eq!(got["bytes"], LARGE, "{got}");
        eprintln!("{guest} down {} KiB", grown >> 10);
        assert!(grown < 16 << 20, "{guest} receives: {} KiB more", grown >> 10);
        let upload = json!({ "url": server.url("upload"), "method": "post", "upload": LARGE });
        let (got, grown) = growth(net.outcome(upload)).await;
        assert_eq!(got["text"], LARGE.to_string(), "{got}");
        eprintln!("{guest} up {} KiB", grown >> 10);
        assert!(grown < 16 << 20, "{guest} sends: {} KiB more", grown >> 10);
        assert_eq!(server.seen.uploads(), [(LARGE, true)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_end_at_their_limit() {
    for guest in GUESTS {
        let server = Server::start().await;
        let mut limits = Limits::default();
        limits.http_body = 1 << 20;
        let origin = server.origin();
        let hosts = [origin.as_str()];
        let setup = Setup { hosts: &hosts, limits, ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        let most = 1 << 20;
        assert_eq!(net.get(&server.url(&format!("bytes/{most}"))).await["bytes"], most);
        let got = net.get(&server.url(&format!("bytes/{}", most + 1))).await;
        if guest == "net-ts" {
            assert_eq!(code(&got), "http-response-body-size");
        } else {
            let text = got["error"]["text"].as_str().unwrap();
            assert!(
                text.contains("HTTP response body size exceeds limit: 1048576 bytes"),
                "{text}"
            );
        }
        let upload = async |bytes: usize| {
            let url = server.url("upload");
            net.outcome(json!({ "url": url, "method": "post", "upload": bytes })).await
        };
        assert_eq!(upload(most).await["text"], most.to_string());
        assert_eq!(code(&upload(most + 1).await), "http-request-body-size");
        server.seen.until("both uploads ended", |seen| seen.uploads().len() == 2).await;
        assert!(!server.seen.uploads()[1].1, "{:?}", server.seen.uploads());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_with_a_huge_head_is_refused() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::reaching(guest, &[&server.origin()]).await;
        let got = net.get(&server.url("head/30000")).await;
        assert_eq!(got["headers"]["x-long"].as_str().unwrap().len(), 30_000);
        let got = net.get(&server.url("head/100000")).await;
        assert_eq!(code(&got), "http-response-header-section-size");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_upload_ended_is_an_answer() {
    for guest in GUESTS {
        let server = Server::start().await;
        let net = Net::reaching(guest, &[&server.origin()]).await;
        let url = server.url("early");
        let upload = json!({ "url": url, "method": "post", "upload": 300_000 });
        assert_eq!(net.outcome(upload).await["status"], 413);
    }
}
