//! The one door that everything a plugin asks for goes through: whether it may, and
//! what is done for it apart from its store.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::frame::Frame;
use crate::log::one_line;
use crate::{Capability, Error, ErrorKind, Result};

/// Longest name of what a host call was for, in a span, in bytes.
const TARGET: usize = 100;

/// Longest name that a guest may ask for, of a tool, an agent, a session's value, in
/// bytes. Ten times what anybody needs, and little enough for everything that is done
/// with a name before it is known to be none.
pub const LONGEST_NAME: usize = 1 << 10;

/// The call within which a guest asks.
///
/// # Errors
///
/// `denied` while the plugin is being built or described.
pub fn asking(frame: Option<&Arc<Frame>>) -> Result<Arc<Frame>> {
    frame.cloned().ok_or_else(|| {
        Error::new(ErrorKind::Denied, "the host cannot be asked while the plugin is being built")
            .with_hint("ask inside a tool or workflow, not at a module's top level")
    })
}

/// Runs what a guest asked for in a task of its own. Within the guest's store
/// nothing else may run a store; and when the guest goes away, so does the task.
pub async fn apart<T: Send + 'static>(
    frame: &Frame,
    function: &'static str,
    target: Option<&str>,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let _under_way = frame.host_calls.enter();
    let target =
        target.map(|target| one_line(&frame.hidden().redact_start(target, TARGET), TARGET));
    let outcome = tracing::field::Empty;
    let span = tracing::info_span!(target: "distri_host", parent: &frame.span, "host_call", function, target, outcome);
    let task = tokio::spawn(work.instrument(span.clone()));
    let result = match AbortOnDropHandle::new(task).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(parent: &span, %error, "a host call failed");
            Err(Error::new(ErrorKind::Internal, "a host call failed"))
        }
    };
    let outcome = result.as_ref().map_or_else(|error| error.kind().as_str(), |_| "ok");
    span.record("outcome", outcome);
    metrics::counter!("distri_host_calls_total", "function" => function, "outcome" => outcome)
        .increment(1);
    result
}

/// Whether the call's package may have something: manifest, policy and then the
/// embedder have a say.
pub fn permitted(frame: &Frame, capability: Capability<'_>) -> Result<()> {
    frame.package.grant.check(capability)?;
    frame.embedder().authorise(&frame.caller(), capability)
}

/// The door that everything a plugin reaches lies behind: lets it pass or not, and
/// has it recorded.
pub fn authorise(frame: &Frame, capability: Capability<'_>) -> Result<()> {
    authorise_if(frame, capability, || Ok(()))
}

/// The same, where whom it is about has a say, too.
pub fn authorise_if(
    frame: &Frame,
    capability: Capability<'_>,
    admitted: impl FnOnce() -> Result<()>,
) -> Result<()> {
    named(capability.target(), "the name of what is asked for")?;
    let answer = permitted(frame, capability).and_then(|()| admitted());
    frame.embedder().observe_use(&frame.caller(), capability, answer.is_ok());
    answer
}

/// Checks that a name is not longer than any is, before anything is done with it.
pub fn named(name: &str, what: &str) -> Result<()> {
    if name.len() <= LONGEST_NAME {
        return Ok(());
    }
    let message = format!("{what} has {} bytes, {LONGEST_NAME} are allowed", name.len());
    Err(Error::new(ErrorKind::PayloadTooLarge, message))
}
