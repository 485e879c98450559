//! The reference plugin in every language, against every case of the kit; the
//! golden components of every track; and the WIT that may not change by accident.

#![expect(clippy::unwrap_used, reason = "tests")]

mod abi;
mod guests;

use std::path::{Path, PathBuf};

use distri_conformance::{Report, Status, check};
use distri_host::Host;

/// Cases that every language must pass at least.
const AT_LEAST: usize = 30;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

async fn run(wasm: Vec<u8>) -> Report {
    check(Host::builder(), wasm, |_| {}).await.unwrap()
}

/// Prints language by case, and fails when a case does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_language_passes_every_case() {
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for (language, built) in guests::all() {
        match built {
            Ok(wasm) => rows.push((language, run(wasm).await)),
            Err(why) => missing.push(format!("{language}: {why}")),
        }
    }
    let cases: Vec<&str> = rows[0].1.outcomes.iter().map(|outcome| outcome.case).collect();
    let languages: Vec<&str> = rows.iter().map(|(language, _)| *language).collect();
    println!("{:<32}{}", "", languages.join("  "));
    for (at, case) in cases.iter().enumerate() {
        print!("{case:<32}");
        for (language, report) in &rows {
            let mark = match report.outcomes[at].status {
                Status::Passed => "ok",
                Status::Failed(_) => "FAIL",
                Status::NotApplicable(_) => "-",
            };
            print!("{mark:<width$}", width = language.len() + 2);
        }
        println!();
    }
    let mut wrong = Vec::new();
    for (language, report) in &rows {
        let (passed, failed, skipped) = report.counts();
        println!("{language}: {passed} passed, {failed} failed, {skipped} do not apply");
        for outcome in &report.outcomes {
            if let Status::Failed(why) = &outcome.status {
                wrong.push(format!("{language}: {}: {why}", outcome.case));
            }
        }
        assert!(passed >= AT_LEAST, "{language} passes only {passed}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for missing in &missing {
        println!("not built here: {missing}");
    }
    // `make test` installs every toolchain, and says that it did.
    let required = std::env::var_os("DISTRI_REQUIRE_GUESTS").is_some();
    assert!(missing.is_empty() || !required, "{}", missing.join("\n"));
}

/// Components as they were built when their track was young: what ran once runs
/// on every later host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn golden_components_of_each_track_still_pass() {
    for (name, abi) in [("rust-0.2.wasm", "0.2.0"), ("rust-0.3.wasm", "0.3.0")] {
        let path = repository().join("tests/conformance/golden").join(name);
        let report = run(std::fs::read(path).unwrap()).await;
        assert_eq!(report.abi, abi);
        let failed: Vec<_> = report
            .outcomes
            .iter()
            .filter(|outcome| matches!(outcome.status, Status::Failed(_)))
            .collect();
        assert!(failed.is_empty(), "{name}: {failed:#?}");
        assert!(report.counts().0 >= AT_LEAST);
    }
}
