//! What the pool of instances should keep resident when an instance is dropped:
//! pages that are kept need not be faulted in again, but must be cleared.

use std::fmt::Write as _;
use std::time::Duration;

use wasmtime::component::Component;
use wasmtime::{Config, Engine, PoolingAllocationConfig};

use crate::Report;
use crate::bare::Bare;
use crate::measure::{median, micros, time};
use crate::plugins::Plugins;

/// Bytes of each memory that are kept.
const KEPT: [usize; 7] = [0, 64 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20];

/// Turns of each, and calls in a turn.
const TURNS: usize = 100;
const CALLS: usize = 20;

pub(crate) async fn run(plugins: &Plugins, report: &mut Report) -> anyhow::Result<()> {
    report.line("A call on a fresh instance, its drop included, by what the pool keeps resident:");
    let columns = KEPT.map(|kept| format!("{:>11}", format!("{} KiB", kept >> 10)));
    report.line(format!("  {:<26}{}", "", columns.concat()));
    for plugin in plugins.both() {
        for (cow, name) in [(true, "copy-on-write"), (false, "copied")] {
            let engines =
                KEPT.iter().map(|kept| engine(*kept, cow)).collect::<anyhow::Result<Vec<_>>>()?;
            let image = Component::from_binary(&engines[0], &plugin.wasm)?.serialize()?;
            let mut runs = Vec::new();
            for engine in &engines {
                // SAFETY: made two lines above, by an engine with the same settings.
                let component = unsafe { Component::deserialize(engine, &image) }?;
                runs.push((Bare::new(engine, &component)?, Vec::<Duration>::new()));
            }
            for _ in 0..TURNS {
                for (bare, times) in &mut runs {
                    time!(times, CALLS, bare.call());
                }
            }
            let mut line = format!("  {:<26}", format!("{} {name}", plugin.language));
            for (_, times) in &mut runs {
                let _ = write!(line, "{:>11}", micros(median(times)));
            }
            report.line(line);
        }
    }
    Ok(())
}

/// An engine like the host's, but for this.
fn engine(kept: usize, cow: bool) -> anyhow::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(16)
        .total_core_instances(1024)
        .max_core_instances_per_component(256)
        .total_memories(64)
        .max_memories_per_component(16)
        .max_memories_per_module(4)
        .max_memory_size(128 << 20)
        .total_tables(128)
        .max_tables_per_component(64)
        .max_tables_per_module(16)
        .table_elements(100_000)
        .total_stacks(32)
        .linear_memory_keep_resident(kept)
        .table_keep_resident(64 << 10);
    let mut config = Config::new();
    config
        .allocation_strategy(pool)
        .memory_init_cow(cow)
        .epoch_interruption(true)
        .wasm_component_model_async(true)
        .wasm_memory64(false);
    Ok(Engine::new(&config)?)
}
