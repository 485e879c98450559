//! Side-by-side benchmarks of the host: what it adds to bare wasmtime, what a
//! thousand plugins cost, what the pool of instances should keep resident, and what
//! kept connections save.
//! Everything that is compared is measured in one run, in turns.

mod bare;
mod calls;
mod engine;
mod many;
mod measure;
mod network;
mod plugins;
mod pool;
mod python;
mod scale;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

use crate::plugins::Plugins;

/// Benchmarks of the host.
#[derive(Parser)]
struct Args {
    /// Runs only these; all of them otherwise
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
    /// Measures a thousand plugins of the workspace in this folder, in a process
    /// that did nothing before
    #[arg(long, hide = true)]
    measure_many: Option<PathBuf>,
    /// With the code that `distri` compiled
    #[arg(long, hide = true)]
    own_cache: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// A call on a fresh instance: the host and bare wasmtime
    Calls,
    /// The code of a plugin, by language: compiled, kept, mapped, called
    Engine,
    /// Workspaces of 200 and of 1,000 TypeScript plugins, built and called
    Scale,
    /// Registering plugins and calling each once: time and memory
    Many,
    /// What the pool keeps resident: time of a call, the instance's drop included
    Pool,
    /// Requests over kept connections and over one connection each
    Network,
}

/// One figure that has a bound.
#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    at_most: f64,
}

impl Figure {
    fn is_within(&self) -> bool {
        self.value <= self.at_most
    }
}

/// What a run found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Whether all of it is printed at the end, for machines.
    #[serde(skip)]
    json: bool,
    /// Lines to read: measured, without a bound.
    measured: Vec<String>,
    /// Figures with a bound.
    bounded: Vec<Figure>,
}

impl Report {
    fn line(&mut self, line: impl Into<String>) {
        let line = line.into();
        if !self.json {
            println!("{line}");
        }
        self.measured.push(line);
    }

    fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str, at_most: f64) {
        let figure = Figure { name: name.into(), value, unit, at_most };
        if !self.json {
            let verdict = if figure.is_within() { "ok" } else { "OVER" };
            println!("{:<58} {value:>9.2} {unit:<9} at most {at_most:>6} {verdict}", figure.name);
        }
        self.bounded.push(figure);
    }
}

/// Exits with 1 when a figure is over its bound.
fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(root) = args.measure_many {
        let own = PathBuf::from(std::env::var_os("XDG_CACHE_HOME").unwrap_or_default());
        let cache = if args.own_cache { own.join("distri/compiled") } else { plugins::cache()? };
        let costs = runtime.block_on(many::measure(&root, &cache))?;
        println!("{}", serde_json::to_string(&costs)?);
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = |part| args.parts.is_empty() || args.parts.contains(&part);
    // In a task, as an embedder's calls are.
    let (calls, many, pool) = (wanted(Part::Calls), wanted(Part::Many), wanted(Part::Pool));
    let (network, json) = (wanted(Part::Network), args.json);
    let (engine, scale) = (wanted(Part::Engine), wanted(Part::Scale));
    let report = runtime.block_on(runtime.spawn(async move {
        let plugins = Plugins::build().await?;
        let mut report = Report { json, ..Report::default() };
        if calls {
            calls::run(&plugins, &mut report).await?;
        }
        if engine {
            engine::run(&plugins, &mut report).await?;
        }
        if scale {
            tokio::task::block_in_place(|| scale::run(&mut report))?;
        }
        if many {
            many::run(&plugins, &mut report).await?;
        }
        if pool {
            pool::run(&plugins, &mut report).await?;
        }
        if network {
            network::run(&plugins, &mut report).await?;
        }
        anyhow::Ok(report)
    }))??;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(ExitCode::from(u8::from(!report.bounded.iter().all(Figure::is_within))))
}
