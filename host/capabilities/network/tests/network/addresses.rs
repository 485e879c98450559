//! Names and addresses that mean this machine, its network or its cloud.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use distri_testing::Server;

use crate::{GUESTS, Net, Setup, code, denied};

/// Every way to write them, with a server that would answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_of_a_special_address_is_connected_to() {
    let server = Server::at("[::]:0").await;
    let port = server.address.port();
    let all = ["http://*:*", "https://*:*"];
    for guest in GUESTS {
        let net = Net::with(guest, Setup { hosts: &all, ..Setup::default() }, |it| it).await;
        let began = Instant::now();
        for host in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.8.8.8",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0.0.0.0",
            "0",
            "localhost",
            "LocalHost.",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "255.255.255.255",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::]",
            "[::127.0.0.1]",
            "[::ffff:127.0.0.1]",
            "[::FFFF:7F00:1]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b:1::127.0.0.1]",
            "[2002:7f00:1::]",
            "[fd00::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
        ] {
            let refusal = denied(&net.get(&format!("http://{host}:{port}/")).await);
            let hint = refusal["hint"].as_str().unwrap();
            assert!(hint.contains("addresses = [\""), "{host}: {hint}");
            let outcome = net.get(&format!("https://{host}:{port}/")).await;
            // Forms that no certificate could have come no further than that.
            if code(&outcome) != "http-request-uri-invalid" {
                denied(&outcome);
            }
        }
        assert_eq!(server.seen.accepted(), 0);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_in_an_address_is_refused() {
    let server = Server::start().await;
    let port = server.address.port();
    for guest in GUESTS {
        let net = Net::reaching(guest, &[&server.origin(), "https://good.example"]).await;
        for authority in [
            format!("good.example@127.0.0.1:{port}"),
            format!("user:pass@127.0.0.1:{port}"),
            format!("127.0.0.1:{port}@good.example"),
        ] {
            let outcome = net.get(&format!("http://{authority}/")).await;
            // In 0.3 not even the request can be made.
            if code(&outcome) != "http-request-uri-invalid" {
                assert_eq!(denied(&outcome)["message"], "the request's address has a user in it");
            }
        }
    }
    assert_eq!(server.seen.accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_special_address_that_the_policy_names_is_reached() {
    let server = Server::start().await;
    let port = server.address.port();
    let all = ["http://*:*"];
    for guest in GUESTS {
        let setup = Setup { hosts: &all, addresses: &["127.0.0.1"], ..Setup::default() };
        let net = Net::with(guest, setup, |it| it).await;
        for host in ["127.0.0.1", "127.1", "2130706433", "[::ffff:127.0.0.1]"] {
            let outcome = net.get(&format!("http://{host}:{port}/")).await;
            assert_eq!(outcome["status"], 200, "{host}: {outcome}");
        }
        denied(&net.get(&format!("http://127.0.0.2:{port}/")).await);
    }
}

/// One lookup for each connection; what it gave is checked, and dialled. The
/// first answer stands for a public address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_changes_its_address_is_checked_again_and_looked_up_once() {
    for guest in GUESTS {
        let public = Server::at("127.0.0.2:0").await;
        let port = public.address.port();
        let inner = Server::at(&format!("127.0.0.1:{port}")).await;
        let lookups = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&lookups);
        let rebinding = move |name: &str| {
            assert_eq!(name, "rebind.example");
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            Ok(vec![IpAddr::from(if first { [127, 0, 0, 2] } else { [127, 0, 0, 1] })])
        };
        let host = format!("http://rebind.example:{port}");
        let setup = Setup { hosts: &[&host], addresses: &["127.0.0.2"], ..Setup::default() };
        let net = Net::with(guest, setup, |builder| builder.resolver(rebinding)).await;
        // On one connection: one lookup.
        assert_eq!(net.get(&format!("{host}/")).await["text"], "hello");
        assert_eq!(net.get(&format!("{host}/close")).await["text"], "hello");
        assert_eq!(lookups.load(Ordering::SeqCst), 1);
        public.seen.until("the connection is closed", |seen| seen.open() == 0).await;
        // On the next one: another, which is refused.
        let refusal = denied(&net.get(&format!("{host}/")).await);
        assert_eq!(refusal["message"], "`rebind.example` is at `127.0.0.1`, a loopback address");
        assert_eq!(lookups.load(Ordering::SeqCst), 2);
        assert_eq!((public.seen.accepted(), inner.seen.accepted()), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_addresses_only_allowed_ones_are_dialled() {
    for guest in GUESTS {
        let allowed = Server::at("127.0.0.2:0").await;
        let port = allowed.address.port();
        let inner = Server::at(&format!("127.0.0.1:{port}")).await;
        let both = |_: &str| Ok([[127, 0, 0, 1], [127, 0, 0, 2]].map(IpAddr::from).to_vec());
        let host = format!("http://both.example:{port}");
        let setup = Setup { hosts: &[&host], addresses: &["127.0.0.2"], ..Setup::default() };
        let net = Net::with(guest, setup, |builder| builder.resolver(both)).await;
        assert_eq!(net.get(&format!("{host}/")).await["text"], "hello");
        assert_eq!((allowed.seen.accepted(), inner.seen.accepted()), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_without_an_address_is_an_error_of_names() {
    for guest in GUESTS {
        let setup = Setup { hosts: &["http://none.example"], ..Setup::default() };
        let nobody = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let net = Net::with(guest, setup, |builder| builder.resolver(nobody)).await;
        assert_eq!(code(&net.get("http://none.example/").await), "dns-error");
    }
}
