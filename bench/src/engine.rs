//! What the code of a plugin costs, by language: to compile, to keep, to map, to call. Of
//! two plugins of a language the second shares with the first what both bring along.

use std::path::Path;
use std::time::{Duration, Instant};

use distri_host::{Host, ToolCall};
use distri_manifest::Manifest;
use wasmtime::component::Component;

use crate::bare::Bare;
use crate::measure::{median, micros, time};
use crate::plugins::{INPUT, Plugins, TOOL};
use crate::{Report, python};

/// Calls of each kind, in turns.
const TURNS: usize = 50;
const CALLS: usize = 20;

/// Times that code is mapped.
const MAPPED: usize = 20;

pub(crate) async fn run(plugins: &Plugins, report: &mut Report) -> anyhow::Result<()> {
    report.line("The code of a plugin, alone and beside another of its language (medians):");
    report.line(format!(
        "  {:<11}{:>18}{:>20}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "", "compiled", "image", "mapped", "instance", "its drop", "cold call", "warm call"
    ));
    let both =
        plugins.both().map(|plugin| (plugin.language, [0, 1].map(|n| variant(&plugin.wasm, n))));
    let python = python::build()?.map(|both| ("Python", both));
    if python.is_none() {
        report.line("  no Python: componentize-py is not there (`scripts/toolchains.sh`)");
    }
    for (language, [first, second]) in both.into_iter().chain(python) {
        let costs = measure(plugins, &first, &second).await?;
        let [alone, beside] = costs.compiled.map(|time| format!("{:.0}", time.as_secs_f64() * 1e3));
        #[expect(clippy::cast_precision_loss, reason = "far from 2^52 bytes")]
        let [image, more] = costs.images.map(|bytes| format!("{:.2}", bytes as f64 / 1e6));
        report.line(format!(
            "  {language:<11}{:>18}{:>20}{:>12}{:>12}{:>12}{:>12}{:>12}",
            format!("{alone} + {beside} ms"),
            format!("{image} + {more} MB"),
            micros(costs.mapped),
            micros(costs.instance),
            micros(costs.dropped),
            micros(costs.cold),
            micros(costs.warm),
        ));
        if language == "Python" {
            let second = costs.compiled[1].as_secs_f64();
            report.figure("compiling a second Python plugin", second, "s", 2.0);
        }
    }
    Ok(())
}

/// A component that differs in a custom section.
fn variant(wasm: &[u8], number: u8) -> Vec<u8> {
    // Section 0, its size, its name with the name's size in front, its content.
    [wasm, &[0, 3, 1, b'n', number]].concat()
}

struct Costs {
    /// The first plugin, with nothing in the cache, and the second after it.
    compiled: [Duration; 2],
    /// Bytes in the cache for the first, and those that the second adds.
    images: [u64; 2],
    /// The second plugin's code, from the cache into memory, beside the first's.
    mapped: Duration,
    /// On bare wasmtime.
    instance: Duration,
    dropped: Duration,
    /// Through the host: on an instance of its own, and on one that was called before.
    cold: Duration,
    warm: Duration,
}

async fn measure(plugins: &Plugins, first: &[u8], second: &[u8]) -> anyhow::Result<Costs> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("compiled");
    let host = || Host::builder().cache_folder(&cache).build();
    let manifest = |name: &str, mode: &str| -> anyhow::Result<Manifest> {
        Ok(format!(
            "package = \"{name}\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"p.wasm\"\n\
             [instances]\nmode = \"{mode}\"\nmax_calls = 1000000\n"
        )
        .parse()?)
    };
    let load = async |host: &Host, name: &str, mode: &str, wasm: &[u8]| {
        let (manifest, wasm) = (manifest(name, mode)?, wasm.to_vec());
        let began = Instant::now();
        host.load_component(&manifest, wasm).await?;
        anyhow::Ok(began.elapsed())
    };
    let one = host()?;
    let alone = load(&one, "first", "per-call", first).await?;
    let image = images(&cache)?;
    let beside = load(&one, "second", "per-call", second).await?;
    let more = images(&cache)? - image;
    load(&one, "warm", "shared", second).await?;

    let other = host()?;
    load(&other, "first", "per-call", first).await?;
    let mut mapped = Vec::new();
    for _ in 0..MAPPED {
        mapped.push(load(&other, "second", "per-call", second).await?);
        other.unload_plugin("second")?;
    }

    let engine = plugins.host.engine();
    let bare = Bare::new(engine, &Component::from_binary(engine, second)?)?;
    let (mut instance, mut dropped) = (Vec::new(), Vec::new());
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    let call = async |package: &str| {
        let answer = one.execute_tool(package, TOOL, ToolCall::new(INPUT)).await?;
        let input: serde_json::Value = serde_json::from_str(INPUT)?;
        let answered: serde_json::Value = serde_json::from_str(&answer.result)?;
        anyhow::ensure!(answered == input, "the host answers {answer:?}");
        anyhow::Ok(())
    };
    for _ in 0..TURNS {
        for _ in 0..CALLS {
            let began = Instant::now();
            let made = bare.instantiate().await?;
            instance.push(began.elapsed());
            let began = Instant::now();
            drop(made);
            dropped.push(began.elapsed());
        }
        time!(cold, CALLS, call("second"));
        time!(warm, CALLS, call("warm"));
    }
    Ok(Costs {
        compiled: [alone, beside],
        images: [image, more],
        mapped: median(&mut mapped),
        instance: median(&mut instance),
        dropped: median(&mut dropped),
        cold: median(&mut cold),
        warm: median(&mut warm),
    })
}

/// Bytes of compiled code in a cache folder.
fn images(cache: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(cache)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "cwasm") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
