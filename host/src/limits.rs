//! What a call may use at most. Everything here is on by default.

use std::time::Duration;

/// Bounds on one call and everything it calls. A host has one set; a package's
/// manifest may lower it for its own calls, never raise it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Wall time of a call, nested calls included. 30 s by default.
    pub timeout: Duration,
    /// Bytes of all linear memories of an instance together. 128 MiB by default.
    pub memory: usize,
    /// Elements of all tables of an instance together. 100,000 by default.
    pub table_elements: usize,
    /// Bytes of one JSON value that crosses the boundary. 1 MiB by default.
    pub payload: usize,
    /// Levels of nesting in a JSON value that crosses the boundary. 128 by default.
    pub json_depth: usize,
    /// Calls within calls. 16 by default.
    pub depth: u32,
    /// Calls that one root call may make in all. 1,000 by default.
    pub nested_calls: u32,
    /// Root calls that run at once; further ones wait for their turn until
    /// their time is over. 64 by default.
    pub concurrent_calls: usize,
    /// Bytes of a component that the host is willing to compile. 64 MiB by default.
    pub component_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            memory: 128 << 20,
            table_elements: 100_000,
            payload: 1 << 20,
            json_depth: 128,
            depth: 16,
            nested_calls: 1_000,
            concurrent_calls: 64,
            component_size: 64 << 20,
        }
    }
}

impl Limits {
    /// These limits, lowered to what a manifest asks for.
    #[must_use]
    pub(crate) fn lowered_by(&self, request: &distri_manifest::LimitRequest) -> Self {
        let mut limits = self.clone();
        if let Some(memory) = request.memory {
            limits.memory = limits.memory.min(usize::try_from(memory.0).unwrap_or(usize::MAX));
        }
        if let Some(timeout) = request.timeout {
            limits.timeout = limits.timeout.min(timeout.0);
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use distri_manifest::{ByteSize, LimitRequest, Span};

    #[test]
    fn a_manifest_lowers_but_never_raises() {
        let host = Limits::default();
        let lower = host.lowered_by(&LimitRequest {
            memory: Some(ByteSize(1 << 20)),
            timeout: Some(Span(Duration::from_secs(1))),
        });
        assert_eq!((lower.memory, lower.timeout), (1 << 20, Duration::from_secs(1)));
        let higher = host.lowered_by(&LimitRequest {
            memory: Some(ByteSize(u64::MAX)),
            timeout: Some(Span(Duration::from_hours(1))),
        });
        assert_eq!(higher, host);
    }
}
