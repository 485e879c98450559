//! `fetch` in TypeScript plugins, against servers on loopback.

use std::time::{Duration, Instant};

use distri_host::{Host, ToolCall};
use distri_testing::{Sandbox, Server, repository};
use serde_json::{Value, json};

/// More than any of it may be held: a plugin here has 24 MiB of memory.
const LARGE: usize = 50_000_000;

/// A host with the fixture, granted these hosts.
fn fetching(hosts: &[&str]) -> Host {
    with_manifest(hosts, "")
}

/// One that keeps its instance.
fn shared(hosts: &[&str]) -> Host {
    with_manifest(hosts, "[instances]\nmode = \"shared\"\n")
}

fn with_manifest(hosts: &[&str], more: &str) -> Host {
    let sandbox = Sandbox::with(&[]);
    let source = repository().join("cli/tests/e2e/platform/fetch.ts");
    sandbox.write("plugins/p/index.ts", &std::fs::read_to_string(source).unwrap());
    sandbox.write(
        "plugins/p/distri.toml",
        &format!(
            "package = \"p\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n\
             [limits]\nmemory = \"24MiB\"\n[capabilities.network]\nhosts = {hosts:?}\n{more}"
        ),
    );
    let policy = format!("[packages.p.network]\nhosts = {hosts:?}\n");
    sandbox.host_with(policy.parse().unwrap(), ())
}

async fn call(host: &Host, tool: &str, input: Value) -> Value {
    let answer = host.execute_tool("p", tool, ToolCall::new(input.to_string())).await.unwrap();
    assert_eq!(answer.error, None, "{}", answer.result);
    serde_json::from_str(&answer.result).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_granted_server_is_asked_and_answers() {
    let server = Server::start().await;
    let host = fetching(&[&server.origin()]);
    let url = server.url("page?x=1");
    let input =
        json!({ "url": format!("{url}#part"), "headers": { "X-Mine": "1", "Host": "a.example" } });
    let got = call(&host, "get", input).await;
    let expected = json!({
        "status": 200, "ok": true, "redirected": false, "type": "basic", "url": url,
        "text": "hello", "used": true,
    });
    assert_eq!(got, expected);
    let seen = server.seen.requests().remove(0);
    assert_eq!(seen["x-mine"], "1");
    assert_eq!(seen["host"], server.address.to_string());
    assert_eq!(seen["accept"], "*/*");
    assert!(!seen.contains_key("content-length") && !seen.contains_key("transfer-encoding"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_granted_is_denied_with_what_would_grant_it() {
    let server = Server::start().await;
    let host = fetching(&["https://a.example"]);
    let got = call(&host, "get", json!({ "url": server.url("") })).await;
    assert_eq!((&got["name"], &got["kind"]), (&json!("CallError"), &json!("denied")), "{got}");
    assert!(got["message"].as_str().unwrap().contains(&server.origin()), "{got}");
    let hint = format!("add `hosts = [\"{}\"]`", server.origin());
    assert!(got["hint"].as_str().unwrap().contains(&hint), "{got}");
    assert_eq!(server.seen.accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_the_network_are_type_errors_with_a_cause() {
    let server = Server::start().await;
    let gone = Server::start().await.origin();
    let host = fetching(&[&server.origin(), &gone]);
    let got = call(&host, "get", json!({ "url": gone })).await;
    assert_eq!(got["name"], "TypeError", "{got}");
    assert_eq!((&got["message"], &got["code"]), (&json!("fetch failed"), &json!("ECONNREFUSED")));
    for (url, message) in [
        ("nowhere", "Invalid URL: \"nowhere\""),
        ("http://u:p@a.example/", "Request: a URL with a user or password"),
        ("ftp://a.example/", "fetch failed"),
    ] {
        let got = call(&host, "get", json!({ "url": url })).await;
        assert_eq!(got["name"], "TypeError", "{got}");
        assert!(got["message"].as_str().unwrap().starts_with(message), "{got}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_followed_checked_and_counted() {
    let [server, other] = [Server::start().await, Server::start().await];
    let host = fetching(&[&server.origin(), &other.origin()]);
    let get = async |url: String, more: Value| {
        let mut input = json!({ "url": url });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        call(&host, "get", input).await
    };
    // To another server: credentials stay behind, the rest goes along; a POST becomes a GET.
    let url = server.url(&format!("to/{}", other.url("page")));
    let headers = json!({ "Authorization": "Bearer x", "Cookie": "a=1", "X-Mine": "1" });
    let got = get(url, json!({ "method": "POST", "body": "text", "headers": headers })).await;
    assert_eq!((&got["redirected"], &got["url"]), (&json!(true), &json!(other.url("page"))));
    let [first, second] = [&server, &other].map(|server| server.seen.requests().remove(0));
    assert_eq!(
        (&first["authorization"], &first["content-length"]),
        (&"Bearer x".parse().unwrap(), &"4".parse().unwrap())
    );
    assert_eq!(second["x-mine"], "1");
    for dropped in ["authorization", "cookie", "content-type", "content-length"] {
        assert!(!second.contains_key(dropped), "{second:?}");
    }
    // Within the server they stay.
    let got = get(server.url("to//page"), json!({ "headers": headers })).await;
    assert_eq!(got["url"], server.url("page"));
    assert_eq!(server.seen.requests().last().unwrap()["authorization"], "Bearer x");

    let got = get(server.url("to//page"), json!({ "redirect": "manual" })).await;
    assert_eq!((&got["status"], &got["redirected"]), (&json!(302), &json!(false)), "{got}");
    let got = get(server.url("to//page"), json!({ "redirect": "error" })).await;
    assert_eq!(got["cause"], "the answer is a redirect", "{got}");
    let got = get(server.url("to/http://10.0.0.1/"), json!({})).await;
    assert_eq!(got["kind"], "denied", "{got}");
    let before = server.seen.requests().len();
    let got = get(server.url("to/?again"), json!({})).await;
    assert_eq!(got["cause"], "there are too many redirects", "{got}");
    assert_eq!(server.seen.requests().len() - before, 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_stream_down_and_up_through_little_memory() {
    let server = Server::start().await;
    let host = fetching(&[&server.origin()]);
    let page = server.url(&format!("bytes/{LARGE}"));
    let began = Instant::now();
    assert_eq!(call(&host, "count", json!({ "url": page })).await, LARGE);
    let down = began.elapsed();
    let began = Instant::now();
    let input = json!({ "url": server.url("upload"), "bytes": LARGE });
    assert_eq!(call(&host, "upload", input).await, LARGE);
    eprintln!("{LARGE} bytes: down in {down:?}, up in {:?}", began.elapsed());
    assert_eq!(server.seen.uploads(), [(LARGE, true)]);
    // What is asked for as a whole has to fit.
    let input = json!({ "url": page });
    let error =
        host.execute_tool("p", "whole", ToolCall::new(input.to_string())).await.unwrap_err();
    assert_eq!(error.kind(), distri_host::ErrorKind::MemoryLimit, "{error}");
    let whole = call(&host, "whole", json!({ "url": server.url("bytes/1000000") })).await;
    assert_eq!(whole, json!([1_000_000, 1_000_000]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_every_kind_arrive() {
    let server = Server::start().await;
    let host = fetching(&[&server.origin()]);
    let got = call(&host, "bodies", json!({ "url": server.url("upload") })).await;
    assert_eq!(got, json!([6, 5, 6, 8, 11, 0]));
    let lengths: Vec<Option<String>> = server
        .seen
        .requests()
        .iter()
        .map(|headers| Some(headers.get("content-length")?.to_str().unwrap().to_owned()))
        .collect();
    let known = |length: &str| Some(length.to_owned());
    assert_eq!(lengths, [known("6"), known("5"), known("6"), known("8"), None, known("0")]);
}

/// A body whose source breaks must not pass for a whole one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_is_not_taken_for_complete() {
    let server = Server::start().await;
    let host = fetching(&[&server.origin()]);
    let input = json!({ "url": server.url("upload"), "bytes": 100_000, "breaks": true });
    let got = call(&host, "upload", input).await;
    assert_eq!(
        (&got["message"], &got["cause"]),
        (&json!("fetch failed"), &json!("the source broke"))
    );
    server.seen.until("the upload ended", |seen| seen.uploads().len() == 1).await;
    assert!(!server.seen.uploads()[0].1, "{:?}", server.seen.uploads());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_are_under_way_at_once() {
    let server = Server::start().await;
    let host = fetching(&[&server.origin()]);
    let input = json!({ "url": server.url("wait/200"), "count": 100 });
    let got = call(&host, "together", input).await;
    assert_eq!(got[0], 100);
    // One after another they would take twenty seconds.
    assert!(got[1].as_f64().unwrap() < 4_000.0, "{got}");
    eprintln!("100 requests of 200 ms at once: {} ms", got[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_nobody_wants_closes_its_connection() {
    let server = Server::start().await;
    let host = fetching(&[&server.origin()]);
    for (how, name) in [("text", "AbortError"), ("stream", "AbortError"), ("cancel", "")] {
        let (asked, input) = (host.clone(), json!({ "url": server.url("slow"), "how": how }));
        let began = Instant::now();
        let call = tokio::spawn(async move { call(&asked, "leave", input).await });
        server.seen.until("the request is there", |seen| seen.open() == 1).await;
        server.seen.until("its connection is closed", |seen| seen.open() == 0).await;
        // While the call goes on.
        assert!(began.elapsed() < Duration::from_secs(3), "{how}: {:?}", began.elapsed());
        let got = call.await.unwrap();
        assert_eq!(got.get("name").and_then(Value::as_str).unwrap_or_default(), name, "{got}");
    }
    let began = Instant::now();
    let got = call(&host, "impatient", json!({ "url": server.url("stall") })).await;
    assert_eq!(got["name"], "TimeoutError", "{got}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    server.seen.until("the call's end closes it", |seen| seen.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_given_up_before_its_answer_closes_its_connection() {
    let server = Server::start().await;
    let host = fetching(&[&server.origin()]);
    let (asked, input) = (host.clone(), json!({ "url": server.url("stall"), "then": 3000 }));
    let call = tokio::spawn(async move { call(&asked, "withdraw", input).await });
    server.seen.until("the request is there", |seen| seen.open() == 1).await;
    let took = server.seen.until("its connection is closed", |seen| seen.open() == 0).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(call.await.unwrap(), json!([1, "AbortError"]));
}

/// One that nobody takes: nothing of it keeps the instance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_given_up_does_not_cost_an_instance() {
    let server = Server::start().await;
    let host = shared(&[&server.origin()]);
    let input = json!({ "url": server.url("stall"), "bytes": LARGE, "then": 200 });
    for calls in 1..3 {
        assert_eq!(call(&host, "withdraw", input.clone()).await, json!([calls, "AbortError"]));
    }
}

/// With a time limit that was not needed, the instance still serves the next call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_a_time_limit_does_not_cost_an_instance() {
    let server = Server::start().await;
    let host = shared(&[&server.origin()]);
    for calls in 1..4 {
        assert_eq!(call(&host, "timely", json!({ "url": server.url("") })).await, calls);
    }
}

/// More of them than there may be at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_are_let_go_of() {
    let server = Server::start().await;
    let host = fetching(&[&server.origin()]);
    for how in ["head", "body", "clone"] {
        let input = json!({ "url": server.url("bytes/200000"), "count": 300, "how": how });
        assert_eq!(call(&host, "unread", input).await, 300, "{how}");
    }
}

/// What servers do that nobody asked them to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_out_of_the_ordinary_are_understood_or_refused() {
    let server = Server::start().await;
    let host = fetching(&[&server.origin()]);
    let got = call(&host, "get", json!({ "url": server.url("abroad") })).await;
    assert_eq!(got["url"], server.url("%C3%BC?%C3%BC"), "{got}");
    let got = call(&host, "get", json!({ "url": server.url("gzip") })).await;
    assert_eq!(got["name"], "TypeError", "{got}");
    assert!(got["cause"].as_str().unwrap().contains("`gzip`"), "{got}");
    let got = call(&host, "get", json!({ "url": server.url("gzip"), "method": "HEAD" })).await;
    assert_eq!(got["status"], 200, "{got}");
    // A length of what is not there.
    let headers = json!({ "Content-Length": "5", "Transfer-Encoding": "chunked" });
    let got = call(&host, "get", json!({ "url": server.url("page"), "headers": headers })).await;
    assert_eq!(got["text"], "hello", "{got}");
    // A stream is sent but once, whatever the method becomes.
    let input = json!({ "url": server.url("to//page"), "bytes": 10 });
    let got = call(&host, "upload", input).await;
    assert!(got["cause"].as_str().unwrap().contains("cannot be sent again"), "{got}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_nobody_catches_says_what_it_was() {
    let server = Server::start().await;
    let host = fetching(&["https://a.example"]);
    let call = |url: String| ToolCall::new(json!({ "url": url }).to_string());
    let answer = host.execute_tool("p", "count", call(server.url(""))).await.unwrap();
    let error = answer.error.unwrap();
    assert!(error.starts_with("CallError: `p` may not reach"), "{error}");
    let answer =
        host.execute_tool("p", "count", call("ftp://a.example/".to_owned())).await.unwrap();
    assert_eq!(answer.error.unwrap(), "TypeError: fetch failed (the scheme ftp: is not supported)");
}
