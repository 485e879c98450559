//! A thousand plugins: registered from the cache, then each called once.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use distri_host::{ArtifactStore, Catalog, Host, ToolCall};
use distri_manifest::Manifest;
use distri_workspace::Workspace;
use serde::{Deserialize, Serialize};

use crate::Report;
use crate::measure::resident;
use crate::plugins::{INPUT, Plugin, Plugins, TOOL, host_with};

/// Plugins that are registered.
const REGISTERED: usize = 1000;

/// Plugins that are called before anything is measured: twice as many as the pool keeps
/// slots warm for.
const FIRST: usize = 32;

/// Plugins that are called in a host that preloads.
const PRELOADED: usize = 20;

/// TypeScript plugins that are called.
const TYPESCRIPT_CALLED: usize = 400;

/// What the plugins of one workspace cost.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Costs {
    plugins: usize,
    /// Until all are registered, in milliseconds.
    registered_ms: f64,
    /// Resident memory that each takes then, in bytes.
    registered_bytes: f64,
    /// Resident memory that no file backs, once each was called, in bytes per plugin.
    pub(crate) called_anonymous_bytes: f64,
    /// All resident memory that each call added, in bytes per plugin.
    called_bytes: f64,
    /// A first call, which maps the plugin's image, in milliseconds.
    pub(crate) first_call_ms: f64,
    /// A later call, after each of the others was called, in milliseconds.
    later_call_ms: f64,
    /// A first call of a host that preloaded, in milliseconds.
    pub(crate) preloaded_call_ms: f64,
}

pub(crate) async fn run(plugins: &Plugins, report: &mut Report) -> anyhow::Result<()> {
    report.line("Many plugins, in a process of their own:");
    for (plugin, called) in [(&plugins.rust, REGISTERED), (&plugins.typescript, TYPESCRIPT_CALLED)]
    {
        let folder = tempfile::tempdir()?;
        prepare(plugin, called, &plugins.host, folder.path()).await?;
        let output = Command::new(std::env::current_exe()?)
            .arg("--measure-many")
            .arg(folder.path())
            .stderr(std::process::Stdio::inherit())
            .output()?;
        anyhow::ensure!(output.status.success(), "measuring failed: {}", output.status);
        let costs: Costs = serde_json::from_slice(&output.stdout)?;
        report.line(format!(
            "  {:<11} {} registered in {:.1} ms; first call {:.2} ms, later {:.2} ms, {:.0} KB resident each, {:.0} KB of it anonymous",
            plugin.language,
            costs.plugins,
            costs.registered_ms,
            costs.first_call_ms,
            costs.later_call_ms,
            costs.called_bytes / 1e3,
            costs.called_anonymous_bytes / 1e3,
        ));
        let language = plugin.language;
        if costs.plugins == REGISTERED {
            report.figure("registering 1,000 plugins", costs.registered_ms, "ms", 300.0);
            let each = costs.registered_bytes / 1e3;
            report.figure("memory of a registered plugin", each, "KB", 8.0);
        }
        let each = costs.called_anonymous_bytes / 1e3;
        let name = format!("anonymous memory of a {language} plugin that was called");
        report.figure(name, each, "KB", 200.0);
    }
    Ok(())
}

/// Makes a workspace of so many plugins that differ in a custom section, all of
/// them compiled.
async fn prepare(plugin: &Plugin, count: usize, host: &Host, root: &Path) -> anyhow::Result<()> {
    eprintln!("compiling {count} {} plugins, unless they are in the cache", plugin.language);
    let store = ArtifactStore::of_workspace(root);
    let mut catalog = Catalog::default();
    for n in 0..count {
        let mut wasm = plugin.wasm.clone();
        // Section 0, its size, its name with the name's size in front, its content.
        wasm.extend([0, 6, 1, b'n']);
        wasm.extend(u32::try_from(n)?.to_le_bytes());
        let mut artifact = plugin.artifact.clone();
        artifact.package = format!("p{n}").parse()?;
        artifact.component = store.put(&wasm)?;
        let manifest: Manifest = format!(
            "package = \"p{n}\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n"
        )
        .parse()?;
        host.load_component(&manifest, wasm).await?;
        host.unload_plugin(artifact.package.as_str())?;
        catalog.packages.insert(artifact.package.clone(), artifact);
    }
    store.commit(&catalog)?;
    Ok(())
}

/// Measures a workspace whose plugins are called `p0`, `p1` and so on, with the code that is
/// in this cache folder.
pub(crate) async fn measure(root: &Path, cache: &Path) -> anyhow::Result<Costs> {
    let host = host_with(cache)?;
    let workspace = Workspace::at(root.to_owned());
    let before = resident("VmRSS")?;
    let began = Instant::now();
    // Its packages have no folders: what is measured is the registering.
    let catalog = workspace.store().catalog()?;
    let plugins = catalog.packages.len();
    workspace.register(catalog.packages.into_values(), &host);
    let registered = began.elapsed();
    let after = resident("VmRSS")?;

    // The first calls of all start threads and take the pool's slots, which are the host's.
    for n in 0..FIRST {
        call(&host, n).await?;
    }
    let (anonymous, all) = (resident("RssAnon")?, resident("VmRSS")?);
    let began = Instant::now();
    for n in FIRST..plugins {
        call(&host, n).await?;
    }
    let called = began.elapsed();
    let count = u32::try_from(plugins)?;
    let rest = u32::try_from(plugins - FIRST)?;
    let (called_anonymous, called_all) = (resident("RssAnon")?, resident("VmRSS")?);
    let began = Instant::now();
    for n in 0..plugins {
        call(&host, n).await?;
    }
    let later_call_ms = began.elapsed().as_secs_f64() * 1e3 / f64::from(count);
    drop(host);
    let preloaded_call_ms = preloaded(&workspace, cache).await?;
    let each = |bytes: u64, count: u32| {
        #[expect(clippy::cast_precision_loss, reason = "far from 2^52 bytes")]
        let bytes = bytes as f64;
        bytes / f64::from(count)
    };
    Ok(Costs {
        plugins,
        registered_ms: registered.as_secs_f64() * 1e3,
        registered_bytes: each(after.saturating_sub(before), count),
        called_anonymous_bytes: each(called_anonymous.saturating_sub(anonymous), rest),
        called_bytes: each(called_all.saturating_sub(all), rest),
        first_call_ms: called.as_secs_f64() * 1e3 / f64::from(rest),
        later_call_ms,
        preloaded_call_ms,
    })
}

/// How long the first call of a plugin takes in a host that preloads those that are called
/// in the one before it.
async fn preloaded(workspace: &Workspace, cache: &Path) -> anyhow::Result<f64> {
    let mut calls = Duration::ZERO;
    for measured in [false, true] {
        let host = host_with(cache)?;
        workspace.register(workspace.store().catalog()?.packages.into_values(), &host);
        let brought = host.preload().await;
        anyhow::ensure!(!measured || brought >= PRELOADED, "{brought} are preloaded");
        // The first call of all is another matter.
        call(&host, 0).await?;
        let began = Instant::now();
        for n in 1..PRELOADED {
            call(&host, n).await?;
        }
        calls = began.elapsed();
    }
    Ok(calls.as_secs_f64() * 1e3 / f64::from(u32::try_from(PRELOADED - 1)?))
}

async fn call(host: &Host, n: usize) -> anyhow::Result<()> {
    let answer = host.execute_tool(&format!("p{n}"), TOOL, ToolCall::new(INPUT)).await?;
    anyhow::ensure!(answer.result == INPUT, "p{n} answers {answer:?}");
    Ok(())
}
