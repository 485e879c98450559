//! What crosses between the host's own types and those of `wit/`.

use std::time::Instant;

use distri_call::error::Told;
use distri_call::frame::Frame;
use distri_call::{Error, ExecutionContext};

use crate::bindings;

impl From<Error> for bindings::CallError {
    fn from(error: Error) -> Self {
        let Told { kind, message, hint, detail } = error.told();
        Self { kind: kind.as_str().to_owned(), message, hint, detail }
    }
}

/// The context as the guest sees it.
pub fn context(frame: &Frame) -> bindings::ExecutionContext {
    let ExecutionContext {
        agent_id,
        session_id,
        task_id,
        run_id,
        user_id,
        params,
        idempotency_key,
        metadata,
        ..
    } = frame.context.clone();
    let left = frame.deadline.saturating_duration_since(Instant::now()).as_millis();
    bindings::ExecutionContext {
        call_id: frame.call_id.clone(),
        agent_id,
        session_id,
        task_id,
        run_id,
        user_id,
        params: if params.is_empty() { "{}".to_owned() } else { params },
        secrets: frame.secrets.get().cloned().unwrap_or_default(),
        deadline_ms: Some(u32::try_from(left).unwrap_or(u32::MAX)),
        idempotency_key,
        metadata,
    }
}
