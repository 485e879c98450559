//! A call on a fresh instance through the whole host, against the same call on
//! bare wasmtime with the host's own engine.

use distri_host::ToolCall;
use wasmtime::component::Component;

use crate::Report;
use crate::bare::Bare;
use crate::measure::{median, micros, time};
use crate::plugins::{INPUT, Plugins, TOOL};

/// Turns of each, and calls in a turn.
const TURNS: usize = 100;
const CALLS: usize = 100;

pub(crate) async fn run(plugins: &Plugins, report: &mut Report) -> anyhow::Result<()> {
    report.line("A call on a fresh instance, its drop included (medians):");
    for (plugin, at_most) in plugins.both().into_iter().zip([1.3, 1.25]) {
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
        // Of each turn and the one beside it: what slows the machine down slows both.
        let beside = through_host.chunks_mut(CALLS).zip(on_wasmtime.chunks_mut(CALLS));
        let ratio = |(host, wasmtime)| median(host).div_duration_f64(median(wasmtime));
        let mut ratios: Vec<f64> = beside.map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[TURNS / 2];
        let (host, wasmtime) = (median(&mut through_host), median(&mut on_wasmtime));
        report.line(format!(
            "  {:<11} host {:>9}   bare wasmtime {:>9}",
            plugin.language,
            micros(host),
            micros(wasmtime)
        ));
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
