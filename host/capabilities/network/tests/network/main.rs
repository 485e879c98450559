//! What a plugin may not do over the network, over both versions of wasi:http.
//! T is the call's timeout.

#![allow(clippy::unwrap_used, reason = "tests")]

mod addresses;
mod bodies;
mod connections;
mod interim;
mod requests;
mod secrets;
mod stale;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use distri_host::{Error, Host, HostBuilder, HostServices, Limits, Result, ToolCall};
use distri_testing::{Turn, alone, beside_others, built, manifest};
use serde_json::{Value, json};

/// The guests, which do the same: over wasi:http 0.3 and over 0.2.
const GUESTS: [&str; 2] = ["net-ts", "net-rust"];

/// Secrets of the operator's, by name.
struct Store(&'static [(&'static str, &'static str)]);

#[async_trait]
impl HostServices for Store {
    async fn get_secret(&self, _: &str, name: &str) -> Result<Option<String>> {
        let found = self.0.iter().find(|(own, _)| *own == name);
        Ok(found.map(|(_, value)| (*value).to_owned()))
    }
}

/// What a test's package asks for and gets.
#[derive(Default)]
struct Setup<'a> {
    /// The hosts that it asks for.
    hosts: &'a [&'a str],
    /// The hosts that it is granted; the same when there are none.
    granted: &'a [&'a str],
    /// Special addresses that it is granted.
    addresses: &'a [&'a str],
    /// Lines of its manifest.
    more: &'a str,
    /// Lines of the policy under the package's name.
    policy: &'a str,
    limits: Limits,
}

/// A host of a test's own, with one guest as the package `net`.
struct Net {
    host: Host,
    _turn: Turn,
}

impl Net {
    /// A guest that may reach these hosts, which are named in full.
    async fn reaching(guest: &str, hosts: &[&str]) -> Self {
        Self::with(guest, Setup { hosts, ..Setup::default() }, |builder| builder).await
    }

    /// The same, and no other test runs.
    async fn alone(guest: &str, hosts: &[&str]) -> Self {
        let setup = Setup { hosts, ..Setup::default() };
        Self::in_turn(alone().await, guest, setup, |builder| builder).await
    }

    async fn with(
        name: &str,
        setup: Setup<'_>,
        change: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Self {
        Self::in_turn(beside_others().await, name, setup, change).await
    }

    async fn in_turn(
        turn: Turn,
        name: &str,
        setup: Setup<'_>,
        change: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Self {
        let granted = if setup.granted.is_empty() { setup.hosts } else { setup.granted };
        let policy = format!(
            "[packages.net]\n{}\n[packages.net.network]\nhosts = {granted:?}\naddresses = {:?}\n",
            setup.policy, setup.addresses
        );
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("network");
        let builder = Host::builder()
            .limits(setup.limits)
            .policy(policy.parse().unwrap())
            .cache_folder(cache);
        let net = Self { host: change(builder).build().unwrap(), _turn: turn };
        net.load("net", name, setup.hosts, setup.more).await;
        net
    }

    /// Loads a guest under this name.
    async fn load(&self, package: &str, name: &str, hosts: &[&str], more: &str) {
        let asks = format!("[capabilities.network]\nhosts = {hosts:?}\n{more}");
        self.host.load_component(&manifest(package, &asks), built(name)).await.unwrap();
    }

    /// Calls the guest, and gives what came of each request.
    async fn outcomes(&self, input: Value) -> Vec<Value> {
        self.call("net", input).await.unwrap()["outcomes"].as_array().unwrap().clone()
    }

    /// The same for a single request.
    async fn outcome(&self, input: Value) -> Value {
        self.outcomes(input).await.remove(0)
    }

    /// What came of getting a page.
    async fn get(&self, url: &str) -> Value {
        self.outcome(json!({ "url": url })).await
    }

    async fn call(&self, package: &str, input: Value) -> Result<Value> {
        let call = ToolCall::new(input.to_string());
        let answer = self.host.execute_tool(package, "exchange", call).await?;
        assert_eq!(answer.error, None, "{}", answer.result);
        Ok(serde_json::from_str(&answer.result).unwrap())
    }

    /// Calls the guest, which must fail.
    async fn fails(&self, input: Value) -> Error {
        self.call("net", input).await.unwrap_err()
    }
}

/// Limits with this timeout.
fn within(timeout: Duration) -> Limits {
    let mut limits = Limits::default();
    limits.timeout = timeout;
    limits
}

/// What a refused request was told: `kind: message; hint`.
#[track_caller]
fn refusal(outcome: &Value) -> Value {
    assert_eq!(outcome["error"]["code"], "internal-error", "{outcome}");
    let text = outcome["error"]["text"].as_str().unwrap();
    let (kind, rest) = text.split_once(": ").unwrap_or_else(|| panic!("{text}"));
    let (message, hint) = rest.split_once("; ").unwrap_or((rest, ""));
    json!({ "kind": kind, "message": message, "hint": hint })
}

/// The same, which says that it is denied.
#[track_caller]
fn denied(outcome: &Value) -> Value {
    let refusal = refusal(outcome);
    assert_eq!(refusal["kind"], "denied", "{outcome}");
    refusal
}

/// The error code of a request that failed.
#[track_caller]
fn code(outcome: &Value) -> String {
    outcome["error"]["code"].as_str().unwrap_or_else(|| panic!("{outcome}")).to_lowercase()
}
