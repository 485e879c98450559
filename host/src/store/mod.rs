//! The one place that makes a store: bounded, and looked at while its guest runs.

mod clock;
mod frozen;
pub(crate) mod limiter;
pub(crate) mod output;
pub(crate) mod state;

use std::time::Instant;

use distri_call::Limits;
use distri_engine::code::Loader;
use distri_engine::engine::TICK;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use crate::store::limiter::LimitHit;
use crate::store::state::State;

/// Times the payload limit that may cross in one host call: a call has several
/// parts, and names and context travel with the payload.
const HOST_CALL_FUEL: usize = 4;

/// What the store keeps of one stream: it, and its ends.
const ENDS: usize = 3;

/// A bounded, ticking store.
pub(crate) fn store(loader: &Loader<State>, state: State, limits: &Limits) -> Store<State> {
    let mut store = Store::new(&loader.compiler.engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.payload.saturating_mul(HOST_CALL_FUEL));
    store.set_max_component_handles(limits.handles);
    // Streams and futures: one whose ends the guest has both given away is no handle.
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(limits.handles.saturating_mul(ENDS));
    }
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(at_tick);
    store
}

/// What a running guest does at every tick: stop when its time is over, else
/// let others run. One that only just began goes on until the next: a call that is
/// shorter than a tick is never interrupted, and nobody waits for more than two.
fn at_tick(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    state.limiter.tick();
    if Instant::now() >= state.deadline {
        return Err(LimitHit::Deadline.into());
    }
    let ran = state.meter.look().map_err(LimitHit::Cpu)?;
    Ok(if ran < TICK / 2 { UpdateDeadline::Continue(1) } else { UpdateDeadline::Yield(1) })
}
