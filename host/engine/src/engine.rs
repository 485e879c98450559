//! The wasmtime engine: its settings, and the thread that ticks its epoch.

use std::sync::Arc;
use std::time::Duration;

use distri_call::error::internal;
use distri_call::{Limits, Result};
use wasmtime::{Config, Engine, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::functions::FunctionCache;

/// How often a running guest yields to others and looks at its deadline. Two
/// ticks bound how late a call ends; below a millisecond the ticks cost more
/// than they give.
pub const TICK: Duration = Duration::from_millis(1);

/// Nested calls that may be alive for each root call, on average, before
/// instantiation answers `resource-limit`.
const NESTED_ROOM: u32 = 8;

/// The core instances of a component. One that a language's runtime was linked into as
/// libraries has some forty; room for other toolchains' too.
const CORE_INSTANCES_PER_COMPONENT: u32 = 64;

/// Memories of one component. The pool counts those of modules that are part of it; one
/// that was taken apart has one more, so that a store's own limit is the same.
pub const MEMORIES: u32 = 16;

/// Bytes of a memory that stay resident in its slot when its instance is dropped,
/// cleared. Measured, the drop included: with all that a TypeScript plugin touches
/// a call takes half the time; with less than that both are paid for, clearing and
/// faulting in.
const MEMORY_KEPT: usize = 2 << 20;

/// Slots that stay prepared for the plugin that used them last, while others are
/// called. Each may keep as much memory as above.
const WARM_SLOTS: u32 = 16;

/// The pool that instances are made in. It clears what they leave as far as it was kept in
/// memory, and asks the system for the rest: never by `pagemap_scan`, which in wasmtime 48
/// takes pages that were swapped out for untouched, so that a later instance reads them.
fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let calls = u32::try_from(limits.concurrent_calls).unwrap_or(u32::MAX);
    let instances = calls.saturating_mul(NESTED_ROOM);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .max_core_instances_per_component(u32::try_from(limits.instances).unwrap_or(u32::MAX))
        .total_memories(instances.saturating_mul(2))
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(4)
        .max_memory_size(limits.memory)
        .total_tables(instances.saturating_mul(8))
        .max_tables_per_component(64)
        .max_tables_per_module(16)
        .table_elements(limits.table_elements)
        .total_stacks(instances.saturating_mul(2))
        .linear_memory_keep_resident(MEMORY_KEPT)
        .max_unused_warm_slots(WARM_SLOTS)
        .table_keep_resident(64 << 10);
    pool
}

/// The engine, with pooled instances and copy-on-write memory images.
pub fn engine(limits: &Limits, functions: Option<Arc<FunctionCache>>) -> Result<Engine> {
    let mut config = Config::new();
    config
        .allocation_strategy(pool(limits))
        .memory_init_cow(true)
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        // A 64-bit memory has no bound that the pool could reserve for.
        .wasm_memory64(false)
        // Nothing we build needs it, and an image that may hold it is larger.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    if let Some(functions) = functions {
        config.enable_incremental_compilation(functions).map_err(internal)?;
    }
    let engine = Engine::new(&config).map_err(|error| {
        // What is wrong with the settings is a fault of ours; room is the machine's.
        internal(error).with_hint(
            "the host reserves address space for all calls at once, and not memory: let the \
             process have more (`ulimit -v`), or run fewer `concurrent_calls`",
        )
    })?;
    tick(&engine)?;
    Ok(engine)
}

/// Starts the thread that ticks the engine's epoch for as long as the engine
/// lives. It is a thread of its own, so that busy guests on every worker of an
/// async runtime cannot hold it up.
fn tick(engine: &Engine) -> Result<()> {
    let weak = engine.weak();
    std::thread::Builder::new()
        .name("distri-epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map_err(internal)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use wasmtime::Enabled;

    use super::*;

    #[test]
    fn the_pool_does_not_scan_for_pages_that_were_touched() {
        // See `pool`. A wasmtime that is mended needs `scripts/swap.sh` to say so.
        let scan = pool(&Limits::default()).get_pagemap_scan();
        assert!(matches!(scan, Enabled::No), "{scan:?}");
    }
}
