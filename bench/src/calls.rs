//! A call on a fresh instance through the whole host, against the same call on
//! bare wasmtime with the host's own engine.

use distri_host::ToolCall;
use wasmtime::component::Component;

use crate::Report;
use crate::bare::Bare;
use crate::measure::{median, micros, time};
use crate::plugins::{INPUT, Plugins, TOOL};

/// Turns of each, and calls in a turn.
const TURNS: usize = 200;
const CALLS: usize = 25;

pub(crate) async fn run(plugins: &Plugins, report: &mut Report) -> anyhow::Result<()> {
    report.line("A call on a fresh instance, its drop included (medians):");
    for (plugin, at_most) in plugins.both().into_iter().zip([1.3, 1.2]) {
        let engine = plugins.host.engine();
        let bare = Bare::new(engine, &Component::from_binary(engine, &plugin.wasm)?)?;
        bare.check().await?;
        let package = plugin.artifact.package.as_str();
        through_the_host(plugins, package).await?;
        let (mut through_host, mut on_wasmtime) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            time!(through_host, CALLS, through_the_host(plugins, package));
            time!(on_wasmtime, CALLS, bare.call());
        }
        let (host, wasmtime) = (median(&mut through_host), median(&mut on_wasmtime));
        report.line(format!(
            "  {:<11} host {:>9}   bare wasmtime {:>9}",
            plugin.language,
            micros(host),
            micros(wasmtime)
        ));
        let ratio = host.as_secs_f64() / wasmtime.as_secs_f64();
        report.figure(
            format!("{} call: host ÷ bare wasmtime", plugin.language),
            ratio,
            "",
            at_most,
        );
    }
    Ok(())
}

async fn through_the_host(plugins: &Plugins, package: &str) -> anyhow::Result<()> {
    let answer = plugins.host.execute_tool(package, TOOL, ToolCall::new(INPUT)).await?;
    anyhow::ensure!(answer.result == INPUT, "the host answers {answer:?}");
    Ok(())
}
