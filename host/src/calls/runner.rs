//! Running calls: their turn, their account, and the instance that each gets.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use distri_call::account::Account;
use distri_call::deadline::within;
use distri_call::embedder::Embedder;
use distri_call::error::internal;
use distri_call::frame::Frame;
use distri_call::overrun::timed_out;
use distri_call::places::Open;
use distri_call::{Capability, Error, ErrorKind, Limits, Result, ToolResult, door, json};
use distri_engine::code::{Linked, Loader};
use distri_engine::images::Images;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::Instrument as _;

use crate::calls::fitting;
use crate::calls::instance::Live;
use crate::calls::kept::Kept;
use crate::calls::outcome::unpanicking;
use crate::plugins::plugin::Plugin;
use crate::resources::Resources;
use crate::store::state::State;

/// What runs the calls of a host.
pub(crate) struct Runner {
    pub(crate) loader: Arc<Loader<State>>,
    pub(crate) embedder: Arc<Embedder>,
    pub(crate) resources: Arc<Resources>,
    pub(crate) limits: Limits,
    pub(crate) check_inputs: bool,
    /// Root calls that may begin now.
    pub(crate) permits: Semaphore,
    pub(crate) kept: Arc<Kept>,
    pub(crate) images: Images<State>,
    /// Calls under way.
    pub(crate) active: Open,
}

impl Runner {
    /// Runs a root call within its caller's task: the guest's memory stays in the
    /// caches of the processor that last ran it. A panic in it is its own.
    pub(crate) async fn root(
        &self,
        frame: &Arc<Frame>,
        plugin: &Arc<Plugin>,
        input: String,
    ) -> Result<ToolResult> {
        json::check(&input, format_args!("the input of `{}`", frame.shown()), &frame.limits)?;
        if !frame.context.params.is_empty() {
            json::check(&frame.context.params, "the context's `params`", &frame.limits)?;
        }
        // Boxed at once: a caller's own future need not hold all of this.
        let work = Box::pin(async {
            let _permits = self.permits(frame, plugin).await?;
            self.execute(frame, plugin, input).await
        });
        unpanicking(work).await.unwrap_or_else(|panic| Err(internal(panic)))
    }

    /// Waits for the call's turn: its plugin's first, so that a plugin's waiting
    /// calls hold nothing that others need.
    async fn permits<'a>(
        &'a self,
        frame: &'a Frame,
        plugin: &'a Plugin,
    ) -> Result<[SemaphorePermit<'a>; 2]> {
        let turn = async |permits: &'a Semaphore, limit: &str, max: usize| {
            // Whoever waits already is first: there is none free for others then.
            if let Ok(turn) = permits.try_acquire() {
                return Ok(turn);
            }
            let turn = within(frame.deadline, permits.acquire()).await;
            let busy = |_| {
                Error::over(
                    ErrorKind::Limit,
                    limit,
                    max,
                    format!("`{}` waited in vain: {max} calls are running already", frame.name()),
                )
                .with_hint("call again later, or raise the host's limit")
            };
            turn.map_err(busy)?.map_err(internal)
        };
        // A task that calls and calls yields now and then, for its other timers and tasks.
        tokio::task::coop::consume_budget().await;
        Ok([
            turn(&plugin.permits, "plugin_calls", plugin.package.limits.plugin_calls).await?,
            turn(&self.permits, "concurrent_calls", self.limits.concurrent_calls).await?,
        ])
    }

    /// Runs a call whose turn it is, and keeps its account.
    pub(super) async fn execute(
        &self,
        frame: &Arc<Frame>,
        plugin: &Arc<Plugin>,
        input: String,
    ) -> Result<ToolResult> {
        let _active = self.active.enter();
        plugin.calls.fetch_add(1, Ordering::Relaxed);
        let account = Account::open(frame);
        // Pinned where it is made: what takes a future by its value copies all of it.
        let work = pin!(self.run(frame, plugin, input));
        let result = work
            .instrument(frame.span.clone())
            .await
            .map_err(|error| {
                error.with_chain(|| frame.chain()).map_texts(|text| frame.redact(text).into_owned())
            })
            .map(|answer| without_secrets(frame, answer));
        account.close(&result);
        result
    }

    /// Runs a call on the instance that its package's manifest asks for.
    async fn run(
        &self,
        frame: &Arc<Frame>,
        plugin: &Arc<Plugin>,
        input: String,
    ) -> Result<ToolResult> {
        if frame.deadline <= Instant::now() {
            return Err(timed_out(&frame.name(), &frame.limits));
        }
        frame.package.grant.check_code(&frame.package.digest)?;
        // The embedder's code, and the compiler: neither may outlast the call.
        let code = within(frame.deadline, pin!(self.prepare(frame, plugin, &input)))
            .await
            .unwrap_or_else(|_| Err(timed_out(&frame.name(), &frame.limits)))?;
        let (lease, live) = self.kept.lease(frame, &plugin.instances)?;
        let live = match live {
            Some(live) if live.suits(frame) => *live,
            _ => Live::fresh(&self.loader, &self.resources, frame)?,
        };
        let (result, live) = live.run(frame, code, input).await;
        if let (Some(lease), Some(live)) = (lease, live)
            && let Some(live) = live.settle(plugin.instances.max_calls).await
        {
            lease.give_back(live);
        }
        let answer = result?;
        if self.check_inputs {
            fitting::answer(frame, plugin, &answer).await?;
        }
        Ok(answer)
    }

    /// What a call needs before its guest runs: its secrets, an input that fits, and the
    /// plugin's code.
    async fn prepare(
        &self,
        frame: &Frame,
        plugin: &Arc<Plugin>,
        input: &str,
    ) -> Result<Arc<Linked<State>>> {
        // First, for no error may show one of them.
        self.bring_secrets(frame).await?;
        if self.check_inputs {
            fitting::input(frame, plugin, input).await?;
        }
        plugin.code(&self.loader, &self.images).await
    }

    /// Asks the embedder for the secrets that the package was granted, to see.
    async fn bring_secrets(&self, frame: &Frame) -> Result<()> {
        let package = &frame.package;
        let visible = package.grant.asked().secrets.iter().filter(|secret| secret.bound.is_none());
        let mut secrets = Vec::new();
        for secret in visible {
            let name = secret.name.as_str();
            // What is denied is recorded, and missing.
            if door::authorise(frame, Capability::Secret(name)).is_err() {
                continue;
            }
            let value = frame.embedder().get_secret(package.name.as_str(), name).await?;
            if let Some(value) = value {
                frame.hidden().add(name, &value);
                secrets.push((name.to_owned(), value));
            }
        }
        let _ = frame.secrets.set(secrets);
        Ok(())
    }
}

/// Bytes of what a guest says of a failure: what is longer nobody reads.
const MAX_ERROR: usize = 16 << 10;

/// An answer whose error gives no secret away, and is not endless.
fn without_secrets(frame: &Frame, answer: ToolResult) -> ToolResult {
    match &answer.error {
        None => answer,
        Some(error) => {
            let mut result = frame.redact(&answer.result).into_owned();
            if serde_json::from_str::<serde::de::IgnoredAny>(&result).is_err() {
                "null".clone_into(&mut result);
            }
            let mut error = frame.redact(error).into_owned();
            if error.len() > MAX_ERROR {
                error.truncate(error.floor_char_boundary(MAX_ERROR));
                error.push('…');
            }
            ToolResult { error: Some(error), result }
        }
    }
}
