//! What a server says before it answers, and after: interim answers and trailers
//! without end.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::{GUESTS, Net, refusal};

/// A server that sends this, then `again` for as long as it is listened to, with a pause.
async fn saying(first: &'static str, again: String, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let again = again.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(first.as_bytes()).await;
                while !again.is_empty() && stream.write_all(again.as_bytes()).await.is_ok() {
                    tokio::time::sleep(pause).await;
                }
                let _ = stream.read(&mut head).await;
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_answers_without_end_are_cut_off() {
    let header = "x".repeat(8_000);
    for (again, pause) in [
        ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), Duration::ZERO),
        ("HTTP/1.1 102 Processing\r\n\r\n".to_owned(), Duration::from_millis(5)),
        (format!("HTTP/1.1 103 Early Hints\r\nlink: {header}\r\n\r\n"), Duration::ZERO),
    ] {
        for guest in GUESTS {
            let url = saying("", again.clone(), pause).await;
            let net = Net::reaching(guest, &[&url]).await;
            let outcomes = net.outcomes(json!({ "url": url, "count": 3, "at_once": true })).await;
            for outcome in &outcomes {
                let told = refusal(outcome);
                assert_eq!(told["kind"], "limit", "{guest}: {told}");
                assert!(told["message"].as_str().unwrap().contains("interim"), "{told}");
            }
            // They left their places: as many as a call may have go on.
            let outcomes = net.outcomes(json!({ "url": url, "count": 128, "at_once": true })).await;
            assert!(outcomes.iter().all(|outcome| refusal(outcome)["kind"] == "limit"), "{guest}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_interim_answers_are_passed_over() {
    let first = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
                 HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    for guest in GUESTS {
        let url = saying(first, String::new(), Duration::ZERO).await;
        let net = Net::reaching(guest, &[&url]).await;
        assert_eq!(net.get(&url).await["text"], "hello", "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_and_trailers_without_end_are_cut_off() {
    for first in [
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        for guest in GUESTS {
            let url = saying(first, "x-more: 1234567890\r\n".to_owned(), Duration::ZERO).await;
            let net = Net::reaching(guest, &[&url]).await;
            let outcome = net.get(&url).await;
            assert!(outcome["error"].is_object(), "{guest}: {outcome}");
        }
    }
}
