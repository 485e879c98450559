//! Schemas and inputs that are made to keep the host busy, to fill it, or to show it
//! another value than the guest gets.

use std::time::{Duration, Instant};

use distri_host::{Error, ErrorKind, Host, HostServices, Policy, Result, ToolCall};
use distri_testing::{growth, guest, manifest};
use serde_json::{Value, json};

use crate::bench::Bench;

/// A plugin whose tool `go` has this schema, and answers with its input.
fn taking(schema: &Value) -> Vec<u8> {
    guest::describing(&json!([{ "name": "go", "parameters": schema }]).to_string(), guest::ECHO)
}

impl Bench {
    async fn takes(&self, name: &str, input: impl Into<String>) -> Result<String> {
        let answer = self.host.execute_tool(name, "go", ToolCall::new(input)).await?;
        Ok(answer.result)
    }

    async fn refuses(&self, name: &str, input: impl Into<String>) -> Error {
        self.takes(name, input).await.unwrap_err()
    }
}

/// Each refers to the next one twice.
fn doubled(keyword: &str, leaf: Value) -> Value {
    let both = |n: u32| {
        let next = json!({ "$ref": format!("#/$defs/{}", n + 1) });
        (n.to_string(), json!({ keyword: [next, next] }))
    };
    let mut parts: serde_json::Map<String, Value> = (0..30).map(both).collect();
    parts.insert("30".to_owned(), leaf);
    json!({ "$defs": parts, "$ref": "#/$defs/0" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_never_ends_is_a_limit_and_others_go_on() {
    let bench = Bench::new(|_| {}).await;
    let items = json!({ "items": { "$ref": "#/$defs/a" } });
    let trees = json!({ "$defs": { "a": { "allOf": [items, items] } }, "$ref": "#/$defs/a" });
    let tree = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let long = json!({ "a": "ab".repeat(500_000) }).to_string();
    for (name, schema, input) in [
        ("branches", doubled("anyOf", json!(false)), "1".to_owned()),
        ("silent", doubled("allOf", json!(true)), "1".to_owned()),
        ("trees", trees, tree),
        (
            "pattern",
            json!({ "properties": { "a": { "pattern": "(a|b)*a(a|b){300}$" } } }),
            long.clone(),
        ),
        (
            "back",
            json!({ "properties": { "a": { "pattern": "^(?=(a|ab|b)*$)(a*)*\\1c$" } } }),
            long,
        ),
    ] {
        bench.load(name, taking(&schema)).await.unwrap();
        let began = Instant::now();
        let (answer, good) = tokio::join!(bench.takes(name, input), async {
            let mut slowest = Duration::ZERO;
            for _ in 0..20 {
                let began = Instant::now();
                bench.call("good").await.unwrap();
                slowest = slowest.max(began.elapsed());
            }
            slowest
        });
        println!("{name}: {answer:.100?} after {:?}, others {good:?}", began.elapsed());
        // Nothing of it is waited for by others.
        assert!(good < Duration::from_secs(5), "{name}: {good:?}");
        // What a recursive schema said of a part is remembered: it fits, and ends.
        if name == "trees" && answer.is_ok() {
            continue;
        }
        let error = answer.unwrap_err();
        // A pattern without steps back may be gone through in time.
        let known = name == "pattern" && error.kind() == ErrorKind::InvalidInput;
        assert!(known || error.kind() == ErrorKind::Limit, "{name}: {error}");
        assert!(error.message().contains(&format!("`{name}/go`")), "{error}");
    }
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_holds_while_an_input_is_checked() {
    let bench = Bench::new(|_| {}).await;
    bench.load("bad", taking(&doubled("anyOf", json!(false)))).await.unwrap();
    // Compiled before, so that the deadline falls into the check.
    bench.refuses("bad", "1").await;
    let call = ToolCall::new("1").within(Duration::from_millis(20));
    let error = bench.host.execute_tool("bad", "go", call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_bounded_however_many_there_are() {
    let bench = Bench::new(|_| {}).await;
    let numbers: String =
        format!("[{}]", (0..150_000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    let names: serde_json::Map<String, Value> =
        (0..30_000).map(|n| (format!("name{n}"), json!(n))).collect();
    let names = Value::Object(names).to_string();
    let long = json!({ "x".repeat(400_000): (0..1_000).collect::<Vec<_>>() }).to_string();
    let description = "x".repeat(100_000);
    for (name, schema, input) in [
        ("fields", json!({ "additionalProperties": { "type": "string" } }), names.clone()),
        ("unknown", json!({ "additionalProperties": false }), names.clone()),
        ("closed", json!({ "anyOf": vec![json!({ "additionalProperties": false }); 500] }), names),
        (
            "forms",
            json!({ "items": { "anyOf": vec![json!({ "type": "string" }); 300] } }),
            numbers.clone(),
        ),
        (
            "large",
            json!({ "items": { "not": { "description": description, "type": "integer" } } }),
            numbers,
        ),
        ("places", json!({ "additionalProperties": { "items": { "type": "string" } } }), long),
    ] {
        bench.load(name, taking(&schema)).await.unwrap();
        let (error, grown) = growth(bench.refuses(name, input)).await;
        println!("{name}: {} bytes, {} MiB: {error:.200}", error.message().len(), grown >> 20);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}: {error}");
        let bytes = error.message().len() + error.detail().map_or(0, str::len);
        assert!(bytes <= 16 << 10, "{name}: {bytes}");
        assert!(grown <= 256 << 20, "{name}: {} MiB", grown >> 20);
    }
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_checked_is_what_the_guest_gets() {
    let bench = Bench::new(|_| {}).await;
    let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "additionalProperties": false });
    bench.load("exact", taking(&schema)).await.unwrap();
    for good in [
        "{}",
        " {\n\"a\" : 1.0 }\t",
        r#"{"a":"x","a":1}"#,
        r#"{"\u0061":18446744073709551615}"#,
        r#"{"a":-0}"#,
        r#"{"a":1e3}"#,
    ] {
        assert_eq!(bench.takes("exact", good).await.unwrap(), good);
    }
    for bad in [
        "null",
        "[1]",
        r#"{"a":1,"a":"x"}"#,
        r#"{"a":1.5}"#,
        r#"{"b":1}"#,
        r#"{"a":1e400}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"\udc00":1}"#,
        "\u{feff}{}",
        r#"{"$serde_json::private::RawValue":"{}"}"#,
        r#"{"a":{"$serde_json::private::Number":"5"}}"#,
        r#"{"a":{"\u0024serde_json::private::Number":"5"}}"#,
        &format!("{{\"a\":{}}}", "9".repeat(500_000)),
    ] {
        let error = bench.refuses("exact", bad).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:.80}: {error}");
        assert!(error.message().len() < 1_000);
    }
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_whose_schema_is_none_is_not_called_and_its_plugin_is() {
    let bench = Bench::new(|_| {}).await;
    let deep = format!("{}{}", r#"{"items":"#.repeat(110), "{}".to_owned() + &"}".repeat(110));
    let deep: Value = serde_json::from_str(&deep).unwrap();
    let many: serde_json::Map<String, Value> =
        (0..60_000).map(|n| (n.to_string(), json!({}))).collect();
    let items = json!([
        { "name": "good", "parameters": { "required": ["a"] } },
        { "name": "wrong-type", "parameters": { "type": "objekt" } },
        { "name": "itself", "parameters": { "allOf": [{ "$ref": "#" }] } },
        { "name": "elsewhere", "parameters": { "$ref": "http://127.0.0.1:1/schema.json" } },
        { "name": "file", "parameters": { "$ref": "file:///etc/passwd" } },
        { "name": "null", "parameters": null },
        { "name": "deep", "parameters": deep },
        { "name": "many", "parameters": { "properties": many } },
        { "name": "pattern", "parameters": { "properties": { "a": { "pattern": "(?:(?:a{99}){99}){99}" } } } },
    ]);
    bench.load("mixed", guest::describing(&items.to_string(), guest::ECHO)).await.unwrap();
    let call = async |item: &str| {
        bench.host.execute_tool("mixed", item, ToolCall::new(r#"{"a":1}"#)).await
    };
    assert_eq!(call("good").await.unwrap().result, r#"{"a":1}"#);
    for item in items.as_array().unwrap().iter().skip(1) {
        let name = item["name"].as_str().unwrap();
        let error = call(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{name}: {error}");
        assert!(error.message().contains(&format!("mixed/{name}")), "{error}");
        assert!(error.message().len() < 2_000, "{name}");
    }
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_told_what_its_callee_wants() {
    let bench = Bench::new(|_| {}).await;
    bench.load("strict", taking(&json!({ "type": "object", "required": ["a"] }))).await.unwrap();
    let wasm = guest::with_items(&guest::calling("strict/go"), "(call $ask) (call $relay)");
    bench.load("caller", wasm).await.unwrap();
    let answer = bench.call("caller").await.unwrap();
    // The guest makes what it was told its own error.
    let told = answer.error.unwrap();
    assert!(told.contains("the input of `strict/go` does not fit"), "{told}");
    assert!(told.contains("must be an object, and is null"), "{told}");
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_what_its_item_says_it_gives() {
    let bench = Bench::new(|_| {}).await;
    let returns = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    let items = json!([{ "name": "go", "returns": returns }]).to_string();
    bench.load("typed", guest::describing(&items, guest::ECHO)).await.unwrap();
    assert_eq!(bench.takes("typed", r#"{"n":1}"#).await.unwrap(), r#"{"n":1}"#);
    for bad in ["{}", r#"{"n":"1"}"#, "[]", r#"{"n":1e999}"#] {
        let error = bench.refuses("typed", bad).await;
        assert_eq!(error.kind(), ErrorKind::GuestError, "{bad}: {error}");
        assert!(error.message().contains("`typed/go`"), "{error}");
    }
    bench.still_good().await;
}

/// An embedder that gives a secret.
struct Secrets;

#[async_trait::async_trait]
impl HostServices for Secrets {
    async fn get_secret(&self, _: &str, _: &str) -> Result<Option<String>> {
        Ok(Some("hunter2-and-more".to_owned()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_in_an_input_is_not_quoted() {
    let cache = tempfile::tempdir().unwrap();
    let policy: Policy = "[all]\nsecrets = [\"TOKEN\"]".parse().unwrap();
    let host = Host::builder().services(Secrets).policy(policy).cache_folder(cache.path());
    let host = host.build().unwrap();
    let mut asks = manifest("keeper", "");
    asks.capabilities = "package = \"keeper\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"a.wasm\"\n[capabilities]\nsecrets = [\"TOKEN\"]"
        .parse::<distri_manifest::Manifest>()
        .unwrap()
        .capabilities;
    host.load_component(&asks, taking(&json!({ "properties": { "a": { "type": "integer" } } })))
        .await
        .unwrap();
    let call = ToolCall::new(r#"{"a":"hunter2-and-more"}"#);
    let error = host.execute_tool("keeper", "go", call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let said = format!("{error} {:?} {:?}", error.hint(), error.detail());
    assert!(!said.contains("hunter2") && said.contains("`a`"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedder_may_leave_inputs_unchecked() {
    let cache = tempfile::tempdir().unwrap();
    let host = Host::builder().check_inputs(false).cache_folder(cache.path()).build().unwrap();
    let items = json!([{ "name": "go", "parameters": { "type": "objekt" }, "returns": { "type": "null" } }]);
    let wasm = guest::describing(&items.to_string(), guest::ECHO);
    host.load_component(&manifest("free", ""), wasm).await.unwrap();
    let answer = host.execute_tool("free", "go", ToolCall::new("[1]")).await.unwrap();
    assert_eq!(answer.result, "[1]");
}
