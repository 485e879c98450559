//! A plugin's requests over the connections that the host keeps for it, against
//! the same requests over one connection each.

use distri_host::{Host, ToolCall};
use distri_manifest::{Manifest, Policy};
use serde_json::json;

use crate::Report;
use crate::measure::{median, micros, time};
use crate::plugins::{Plugin, Plugins, cache};
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
    for plugin in &plugins.fetching {
        let manifest: Manifest = format!(
            "package = \"{}\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n\
             [capabilities.network]\nhosts = {hosts:?}\n",
            plugin.artifact.package
        )
        .parse()?;
        host.load_component(&manifest, plugin.wasm.clone()).await?;
    }

    report.line(format!("{REQUESTS} requests in one call, to a server on loopback (medians):"));
    // An engine for scripts keeps a processor busy for longer than a connection to
    // loopback takes.
    for (plugin, bounds) in plugins.fetching.iter().zip([[0.9, 0.5], [1.1, 0.9]]) {
        for ((scheme, keeping, ending), at_most) in origins.iter().zip(bounds) {
            let pooled = format!("{scheme}://{keeping}/");
            let single = format!("{scheme}://{ending}/");
            for (at_once, how) in [(false, "one after another"), (true, "at once")] {
                let fetch = async |url: &str| fetch(&host, plugin, url, at_once).await;
                fetch(&pooled).await?;
                let (mut on_kept, mut on_own) = (Vec::new(), Vec::new());
                for _ in 0..TURNS {
                    time!(on_kept, 1, fetch(&pooled));
                    time!(on_own, 1, fetch(&single));
                }
                let (kept, own) = (median(&mut on_kept), median(&mut on_own));
                let what = format!("{} {scheme} {how}", plugin.language);
                report.line(format!(
                    "  {what:<35} kept connections {:>12}   one each {:>12}",
                    micros(kept),
                    micros(own)
                ));
                report.figure(
                    format!("{what}: kept ÷ one connection each"),
                    kept.as_secs_f64() / own.as_secs_f64(),
                    "",
                    at_most,
                );
            }
        }
    }
    Ok(())
}

async fn fetch(host: &Host, plugin: &Plugin, url: &str, at_once: bool) -> anyhow::Result<()> {
    let input = json!({ "url": url, "count": REQUESTS, "at_once": at_once });
    let package = plugin.artifact.package.as_str();
    let answer = host.execute_tool(package, "fetch", ToolCall::new(input.to_string())).await?;
    anyhow::ensure!(answer.result == (REQUESTS * ANSWER).to_string(), "got {answer:?}");
    Ok(())
}
