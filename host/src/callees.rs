//! What a call may call.

use std::pin::Pin;
use std::sync::Arc;

use crate::Result;
use crate::frame::Frame;

/// The answer to a nested call, still to come.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<String>> + Send + 'a>>;

/// The plugins as they were when a root call began, for all that it calls.
pub(crate) trait Callees: Send + Sync {
    /// Calls a tool for `caller`, within its budget and what it may.
    fn call_tool<'a>(&'a self, caller: &'a Arc<Frame>, name: &'a str, input: String) -> Answer<'a>;
}
