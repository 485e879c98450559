//! A plugin's requests over the connections that the host keeps for it, against
//! the same requests over one connection each.

use distri_host::{Host, ToolCall};
use distri_manifest::{Manifest, Policy};
use serde_json::json;

use crate::Report;
use crate::measure::{median, micros, time};
use crate::plugins::{Plugins, cache};
use crate::server::{self, Certificate};

/// Turns of each, and requests in a turn, which is one call.
const TURNS: usize = 30;
const REQUESTS: usize = 100;

/// What the server answers.
const ANSWER: usize = "hello".len();

pub(crate) async fn run(plugins: &Plugins, report: &mut Report) -> anyhow::Result<()> {
    let certificate = Certificate::new()?;
    let tls = || Some(certificate.tls.clone());
    let origins = [
        ("http", server::start(None, true).await?, server::start(None, false).await?),
        ("https", server::start(tls(), true).await?, server::start(tls(), false).await?),
    ];
    let hosts: Vec<String> = origins
        .iter()
        .flat_map(|(scheme, keeping, ending)| {
            [format!("{scheme}://{keeping}"), format!("{scheme}://{ending}")]
        })
        .collect();
    let policy: Policy = format!("[all.network]\nhosts = {hosts:?}\n").parse()?;
    let host = Host::builder()
        .policy(policy)
        .root_certificate(certificate.root.clone())
        .cache_folder(cache()?)
        .build()?;
    let manifest: Manifest = format!(
        "package = \"fetch\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n\
         [capabilities.network]\nhosts = {hosts:?}\n"
    )
    .parse()?;
    host.load_component(&manifest, plugins.fetch.wasm.clone()).await?;

    report.line(format!("{REQUESTS} requests in one call, to a server on loopback (medians):"));
    for ((scheme, keeping, ending), at_most) in origins.iter().zip([0.9, 0.5]) {
        let pooled = format!("{scheme}://{keeping}/");
        let single = format!("{scheme}://{ending}/");
        for (at_once, how) in [(false, "one after another"), (true, "at once")] {
            fetch(&host, &pooled, at_once).await?;
            let (mut on_kept, mut on_own) = (Vec::new(), Vec::new());
            for _ in 0..TURNS {
                time!(on_kept, 1, fetch(&host, &pooled, at_once));
                time!(on_own, 1, fetch(&host, &single, at_once));
            }
            let (kept, own) = (median(&mut on_kept), median(&mut on_own));
            report.line(format!(
                "  {scheme:<6} {how:<18} kept connections {:>12}   one each {:>12}",
                micros(kept),
                micros(own)
            ));
            report.figure(
                format!("{scheme} {how}: kept ÷ one connection each"),
                kept.as_secs_f64() / own.as_secs_f64(),
                "",
                at_most,
            );
        }
    }
    Ok(())
}

async fn fetch(host: &Host, url: &str, at_once: bool) -> anyhow::Result<()> {
    let input = json!({ "url": url, "count": REQUESTS, "at_once": at_once });
    let answer = host.execute_tool("fetch", "fetch", ToolCall::new(input.to_string())).await?;
    anyhow::ensure!(answer.result == (REQUESTS * ANSWER).to_string(), "got {answer:?}");
    Ok(())
}
