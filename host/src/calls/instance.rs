//! Running one call, on a fresh instance or on a kept one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use distri_abi::convert;
use distri_abi::exports::Call;
use distri_call::deadline::within;
use distri_call::frame::Frame;
use distri_call::overrun::{chain_out_of_memory, timed_out};
use distri_call::{Error, ErrorKind, Limits, LogLevel, Result, ToolResult, json, log};
use distri_engine::code::{Linked, Loader};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::calls::outcome::classify;
use crate::resources::Resources;
use crate::store::limiter::LimitHit;
use crate::store::output::Output;
use crate::store::state::State;
use crate::store::store;

/// How long a kept instance may take, after its answer, to end what it was
/// doing. One that takes longer is not used again.
const SETTLE: Duration = Duration::from_millis(10);

/// An instance with its store.
pub(crate) struct Live {
    store: Store<State>,
    /// None until it was instantiated.
    ready: Option<(Arc<Linked<State>>, Instance)>,
    /// Calls that it has served.
    calls: u32,
}

impl Live {
    /// An instance to be.
    ///
    /// # Errors
    ///
    /// When something that the call's package was granted is not there.
    pub(crate) fn fresh(
        loader: &Loader<State>,
        resources: &Arc<Resources>,
        frame: &Arc<Frame>,
    ) -> Result<Self> {
        let state = State::for_call(Arc::clone(frame), resources)?;
        Ok(Self { store: store(loader, state, &frame.limits), ready: None, calls: 0 })
    }

    /// Whether it may serve another call: it was given what that call is given.
    pub(crate) fn suits(&self, frame: &Frame) -> bool {
        self.store.data().suits(frame)
    }

    /// Runs a call within its deadline. Dropping the future drops the store, and
    /// with it all that the guest was doing.
    ///
    /// Gives the instance back when it may serve another call.
    pub(crate) async fn run(
        mut self,
        frame: &Arc<Frame>,
        linked: Arc<Linked<State>>,
        input: String,
    ) -> (Result<ToolResult>, Option<Self>) {
        if self.ready.is_some()
            && let Err(hit) = self.store.data_mut().enter(Arc::clone(frame))
        {
            return (Err(failed(hit.into(), frame, &self.store.data().output)), None);
        }
        self.calls += 1;
        let meter = Arc::clone(&self.store.data().meter);
        // Boxed: each future around it would else have room for it twice.
        let work = meter.run(Box::pin(async {
            let (linked, instance) = if let Some(ready) = self.ready.take() {
                ready
            } else {
                let instance = linked.pre.instantiate_async(&mut self.store).await?;
                (linked, instance)
            };
            let call = Call {
                kind: frame.kind,
                id: frame.call_id.clone(),
                name: frame.item.clone(),
                input,
                context: convert::context(frame),
            };
            let answer = linked.exports.call(&mut self.store, &instance, call).await?;
            wasmtime::Result::Ok((answer, (linked, instance)))
        }));
        let result = within(frame.deadline, work).await;
        let output = &self.store.data().output;
        // Before it is taken apart: a secret may have several lines.
        for line in frame.redact(&output.text()).lines() {
            log::log(frame, LogLevel::Info, line);
        }
        match result {
            Err(_) => (Err(timed_out(&frame.name(), &frame.limits)), None),
            Ok(Err(error)) => {
                let error = failed(error, frame, output);
                let state = self.store.data();
                (Err(state.refused.explain(state.outgoing.explain(error))), None)
            }
            Ok(Ok((answer, ready))) => {
                self.ready = Some(ready);
                let refused = &self.store.data().refused;
                let answer = checked(answer, frame).map(|answer| refused.explain_answer(answer));
                (answer, Some(self))
            }
        }
    }

    /// Bytes of its linear memories.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().limiter.memory()
    }

    /// Makes the instance ready for somebody else's call; none when it has served
    /// its number of calls or is still doing something.
    pub(crate) async fn settle(mut self, max_calls: u32) -> Option<Self> {
        if self.calls >= max_calls {
            return None;
        }
        let settled = self.store.run_concurrent(async |accessor| {
            std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
            // Those that are answered end when they are looked at.
            while accessor.with(|mut store| store.get().calls_the_host()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        tokio::time::timeout(SETTLE, settled).await.ok()?.ok()?;
        // Nothing of the guest's waits for these.
        if self.store.data().is_busy() {
            return None;
        }
        self.store.data_mut().leave();
        Some(self)
    }
}

/// What a call's failure really was.
fn failed(error: wasmtime::Error, frame: &Frame, output: &Output) -> Error {
    if let Some(LimitHit::ChainMemory(bytes)) = error.downcast_ref::<LimitHit>() {
        return chain_out_of_memory(&format!("`{}`", frame.chain().join("` -> `")), *bytes);
    }
    classify(error, &frame.name(), &frame.limits, output)
}

impl Drop for Live {
    fn drop(&mut self) {
        // Before the store drops what its guest was sending.
        self.store.data().outgoing.end();
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

/// What a plugin says of itself: the JSON of its tools and of its workflows.
pub(crate) async fn describe(
    loader: &Loader<State>,
    linked: &Linked<State>,
    what: &str,
    limits: &Limits,
) -> Result<(Option<String>, Option<String>)> {
    let deadline = Instant::now() + limits.timeout;
    let state = State::for_build(limits, deadline, false);
    let mut store = store(loader, state, limits);
    let meter = Arc::clone(&store.data().meter);
    let work = meter.run(Box::pin(async {
        let instance = linked.pre.instantiate_async(&mut store).await?;
        linked.exports.describe(&mut store, &instance).await
    }));
    let result = within(deadline, work).await;
    let output = &store.data().output;
    match result {
        Err(_) => Err(timed_out(what, limits)),
        Ok(result) => result.map_err(|error| classify(error, what, limits, output)),
    }
}

/// A guest's answer within the limits. A value that is not JSON is taken as text,
/// which many a first plugin answers with.
fn checked(mut answer: ToolResult, frame: &Frame) -> Result<ToolResult> {
    let checked = json::check(
        &answer.result,
        format_args!("the result of `{}`", frame.shown()),
        &frame.limits,
    );
    match checked {
        Ok(()) => Ok(answer),
        // The error is what matters; there are no details with it then.
        Err(_) if answer.error.is_some() => Ok(ToolResult { result: "null".to_owned(), ..answer }),
        Err(error) if error.kind() == ErrorKind::PayloadTooLarge => Err(error),
        // Too deep: the guest's fault, not the caller's.
        Err(error) if error.detail().is_some() => {
            Err(Error::new(ErrorKind::GuestError, error.message().to_owned()))
        }
        Err(_) => {
            answer.result = serde_json::Value::String(answer.result).to_string();
            Ok(answer)
        }
    }
}
