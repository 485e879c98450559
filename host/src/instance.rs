//! Running one call, on a fresh instance or on a kept one. The one place that
//! makes a store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{Accessor, Instance};
use wasmtime::{AsContextMut, Store};

use crate::bindings::{self, tool, workflow};
use crate::code::{Linked, Loader, Start};
use crate::frame::Frame;
use crate::limiter::at_tick;
use crate::meter::{Cpu, Meter};
use crate::outcome::{classify, timed_out};
use crate::state::State;
use crate::{Error, ErrorKind, ItemKind, Limits, LogLevel, Result, ToolResult, imports, json};

/// Times the payload limit that may cross in one host call: a call has several
/// parts, and names and context travel with the payload.
const HOST_CALL_FUEL: usize = 4;

/// How long a kept instance may take, after its answer, to end what it was
/// doing. One that takes longer is not used again.
const SETTLE: Duration = Duration::from_millis(10);

/// An instance with its store.
pub(crate) struct Live {
    store: Store<State>,
    /// None until it was instantiated.
    ready: Option<(Arc<Linked>, Instance)>,
    /// Calls that it has served.
    calls: u32,
}

/// A bounded, ticking store with nothing granted.
pub(crate) fn store(loader: &Loader, state: State, limits: &Limits) -> Store<State> {
    let mut store = Store::new(&loader.engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.payload.saturating_mul(HOST_CALL_FUEL));
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(at_tick);
    store
}

impl Live {
    /// An instance to be.
    pub(crate) fn fresh(loader: &Loader, frame: &Arc<Frame>, start: &Start) -> Self {
        let frozen = matches!(start, Start::Script(..));
        let state = State::for_call(Arc::clone(frame), frozen);
        Self { store: store(loader, state, &frame.limits), ready: None, calls: 0 }
    }

    /// Runs a call within its deadline. Dropping the future drops the store, and
    /// with it all that the guest was doing.
    ///
    /// Gives the instance back when it may serve another call.
    pub(crate) async fn run(
        mut self,
        frame: &Arc<Frame>,
        start: Start,
        input: String,
    ) -> (Result<ToolResult>, Option<Self>) {
        if self.ready.is_some() {
            self.store.data_mut().enter(Arc::clone(frame));
        }
        self.calls += 1;
        let meter = Arc::clone(&self.store.data().meter);
        let work = meter.run(async {
            let (linked, instance) = match self.ready.take() {
                Some(ready) => ready,
                None => instantiate(&mut self.store, &start).await?,
            };
            let answer = self
                .store
                .run_concurrent(async |accessor| {
                    call(accessor, &linked, &instance, frame, input).await
                })
                .await??;
            wasmtime::Result::Ok((answer, (linked, instance)))
        });
        let result = tokio::time::timeout_at(frame.deadline.into(), work).await;
        let output = &self.store.data().output;
        for line in output.text().lines() {
            imports::log(frame, LogLevel::Info, line);
        }
        match result {
            Err(_) => (Err(timed_out(&frame.name(), &frame.limits)), None),
            Ok(Err(error)) => (Err(classify(error, &frame.name(), &frame.limits, output)), None),
            Ok(Ok((answer, ready))) => {
                self.ready = Some(ready);
                (checked(answer, frame), Some(self))
            }
        }
    }

    /// Makes the instance ready for somebody else's call; none when it has served
    /// its number of calls or is still doing something.
    pub(crate) async fn settle(mut self, max_calls: u32) -> Option<Self> {
        if self.calls >= max_calls {
            return None;
        }
        let settled = self.store.run_concurrent(async |accessor| {
            std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
        });
        tokio::time::timeout(SETTLE, settled).await.ok()?.ok()?;
        self.store.data_mut().leave();
        Some(self)
    }
}

/// A fresh instance; a script is initialised in it, as it was when it was built.
pub(crate) async fn instantiate(
    store: &mut Store<State>,
    start: &Start,
) -> wasmtime::Result<(Arc<Linked>, Instance)> {
    match start {
        Start::Image(linked) => {
            Ok((Arc::clone(linked), linked.pre.instantiate_async(store).await?))
        }
        Start::Script(linked, script) => {
            let frame = store.data_mut().frame.take();
            let instance = linked.pre.instantiate_async(&mut *store).await?;
            init(store, &instance, linked.init.as_ref(), script).await?;
            store.data_mut().thaw();
            store.data_mut().frame = frame;
            Ok((Arc::clone(linked), instance))
        }
    }
}

/// Runs a script's top level.
pub(crate) async fn init(
    store: &mut Store<State>,
    instance: &Instance,
    index: Option<&wasmtime::component::ComponentExportIndex>,
    script: &str,
) -> wasmtime::Result<()> {
    let index =
        index.ok_or_else(|| wasmtime::Error::msg("not a script engine: it has no `init`"))?;
    let init = instance.get_typed_func::<(&str, &str, Option<&str>, bool), (Result<(), String>,)>(
        &mut *store,
        index,
    )?;
    let (result,) = init.call_async(&mut *store, ("", script, None, false)).await?;
    Ok(result.map_err(ScriptError)?)
}

/// What a script's top level threw.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ScriptError(String);

async fn call(
    accessor: &Accessor<State>,
    linked: &Linked,
    instance: &Instance,
    frame: &Arc<Frame>,
    input: String,
) -> wasmtime::Result<ToolResult> {
    let missing = || wasmtime::Error::msg(format!("the component has no {}s", frame.kind.as_str()));
    let (id, name) = (frame.call_id.clone(), frame.item.clone());
    let context = frame.guest_context();
    match frame.kind {
        ItemKind::Tool => {
            let guest = tool_guest(accessor, linked, instance)?.ok_or_else(missing)?;
            let call = bindings::ToolCall { id, name, input };
            let bindings::ToolResult { result, error } =
                guest.call_execute_tool(accessor, call, context).await?;
            Ok(ToolResult { result, error })
        }
        ItemKind::Workflow => {
            let indices = linked.workflow.as_ref().ok_or_else(missing)?;
            let guest =
                accessor.with(|mut access| indices.load(access.as_context_mut(), instance))?;
            let call = bindings::WorkflowCall { id, name, input };
            let bindings::WorkflowResult { result, error } =
                guest.call_execute_workflow(accessor, call, context).await?;
            Ok(ToolResult { result, error })
        }
    }
}

fn tool_guest(
    accessor: &Accessor<State>,
    linked: &Linked,
    instance: &Instance,
) -> wasmtime::Result<Option<tool::Guest>> {
    let Some(indices) = &linked.tool else { return Ok(None) };
    accessor.with(|mut access| indices.load(access.as_context_mut(), instance)).map(Some)
}

/// What a plugin says of itself: the JSON of its tools and of its workflows.
pub(crate) async fn describe(
    loader: &Loader,
    start: &Start,
    what: &str,
    limits: &Limits,
) -> Result<(Option<String>, Option<String>)> {
    let deadline = Instant::now() + limits.timeout;
    let state = State::for_build(limits, deadline, matches!(start, Start::Script(..)));
    let mut store = store(loader, state, limits);
    let meter = Arc::clone(&store.data().meter);
    let work = meter.run(async {
        let (linked, instance) = instantiate(&mut store, start).await?;
        let tools = match &linked.tool {
            Some(indices) => {
                let guest: tool::Guest = indices.load(&mut store, &instance)?;
                Some(guest.call_get_tool_info(&mut store).await?)
            }
            None => None,
        };
        let workflows = match &linked.workflow {
            Some(indices) => {
                let guest: workflow::Guest = indices.load(&mut store, &instance)?;
                Some(guest.call_get_workflow_info(&mut store).await?)
            }
            None => None,
        };
        wasmtime::Result::Ok((tools, workflows))
    });
    let result = tokio::time::timeout_at(deadline.into(), work).await;
    let output = &store.data().output;
    match result {
        Err(_) => Err(timed_out(what, limits)),
        Ok(result) => result.map_err(|error| classify(error, what, limits, output)),
    }
}

/// The meter of a store that serves no call.
pub(crate) fn building_meter(limits: &Limits) -> Arc<Meter> {
    Meter::new(Cpu::new(limits.cpu, None))
}

/// A guest's answer must be JSON within the limits.
fn checked(answer: ToolResult, frame: &Frame) -> Result<ToolResult> {
    let name = frame.name();
    match answer.error {
        None => json::check(&answer.result, &format!("the result of `{name}`"), &frame.limits)
            .map_err(|error| match error.kind() {
                // The guest's fault, not the caller's.
                ErrorKind::InvalidInput => {
                    Error::new(ErrorKind::GuestError, error.message().to_owned())
                }
                _ => error,
            })?,
        Some(_) if json::check(&answer.result, "details", &frame.limits).is_err() => {
            return Ok(ToolResult { result: "null".to_owned(), ..answer });
        }
        Some(_) => {}
    }
    Ok(answer)
}
