//! What a call may use at most. Everything here is on by default.

use std::time::Duration;

use distri_manifest::{ByteSize, LimitRequest, Span};
use serde::{Deserialize, Serialize};

/// Bounds on one call and everything it calls. A host has one set; a package's
/// manifest may lower it for its own calls, never raise it.
///
/// An error that names a bound carries it as its detail:
/// `{"limit": "memory", "max": 134217728}`, with this type's field names, bytes
/// and milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Wall time of a call, nested calls included. 30 s by default.
    pub timeout: Duration,
    /// Time that a call and all that it calls keep processors busy. 10 s by default.
    pub cpu: Duration,
    /// Bytes of all linear memories of an instance together. 128 MiB by default.
    pub memory: usize,
    /// Elements of all tables of an instance together. 100,000 by default.
    pub table_elements: usize,
    /// Core instances in one component instance. 256 by default; a TypeScript
    /// plugin has 43. A component with more is not loaded, so that a manifest
    /// has nothing to lower.
    pub instances: usize,
    /// Handles (resources, streams, futures, tasks) of an instance. 2,000 by default;
    /// one can hold up to a hundred kilobytes of the host's memory, as a request with
    /// all its headers does.
    pub handles: usize,
    /// Files and folders that an instance may hold open; a folder whose entries are
    /// being read counts twice more. 256 by default.
    pub open_files: u32,
    /// Bytes that one call may write to files, holes in them included. 256 MiB by default.
    pub file_bytes: u64,
    /// Files, folders and links that one call may make. 10,000 by default.
    pub files: u64,
    /// Bytes by which all calls of a plugin may make its folders larger while it is
    /// loaded; what they remove comes off again. 1 GiB by default.
    pub package_file_bytes: u64,
    /// Files, folders and links that all calls of a plugin may make while it is loaded,
    /// less those that they remove. 100,000 by default.
    pub package_files: u64,
    /// Bytes of one JSON value that crosses the boundary. 1 MiB by default.
    pub payload: usize,
    /// Levels of nesting in a JSON value that crosses the boundary. 128 by default.
    pub json_depth: usize,
    /// Rows that one query may give. 10,000 by default. Their bytes are bounded by
    /// `payload`.
    pub rows: usize,
    /// Statements of databases that one call may have under way at once; one more
    /// fails. 64 by default. The bytes of each are bounded by `payload`.
    pub statements: u32,
    /// Database transactions that one call may have open at once. 8 by default.
    pub transactions: u32,
    /// Connections that a plugin may have to one database: so many for reading
    /// and as many for writing. 8 by default.
    pub connections: u32,
    /// Lines that one call may log; further ones are dropped. 1,000 by default.
    pub log_lines: u32,
    /// Bytes that one call may log; further ones are dropped. 256 KiB by default.
    pub log_bytes: usize,
    /// Calls within calls. 16 by default.
    pub depth: u32,
    /// Calls that one root call may make in all. 1,000 by default.
    pub nested_calls: u32,
    /// Root calls of one plugin that run at once; further ones wait for their
    /// turn until their time is over. 64 by default.
    pub plugin_calls: usize,
    /// Root calls of the host that run at once; further ones wait likewise. Sizes
    /// the pool of instances. 64 by default.
    pub concurrent_calls: usize,
    /// Instances that are kept for later calls, idle ones and busy ones, of all
    /// plugins whose manifest asks for that; the one used longest ago goes
    /// first. 64 by default.
    pub kept_instances: usize,
    /// Plugins whose compiled code stays in memory between calls, of those that a
    /// build recorded; the one used longest ago goes first, and is mapped again
    /// when it is called, in a few milliseconds. 128 by default; each takes up to
    /// half a megabyte.
    pub loaded_images: usize,
    /// Requests over the network that one call may have under way at once; one
    /// more fails. 128 by default.
    pub http_requests: u32,
    /// Bytes of one request's body, and of one response's. 256 MiB by default.
    pub http_body: u64,
    /// Connections of one plugin, those that are kept for later requests
    /// included. 256 by default.
    pub http_connections: usize,
    /// Bytes of a component that the host is willing to compile. 64 MiB by default.
    pub component_size: usize,
    /// Time to compile a component. 60 s by default. A compiler in a process of
    /// its own is killed then; one in this process ends on its own time.
    pub compile_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            cpu: Duration::from_secs(10),
            memory: 128 << 20,
            table_elements: 100_000,
            instances: 256,
            handles: 2_000,
            open_files: 256,
            file_bytes: 256 << 20,
            files: 10_000,
            package_file_bytes: 1 << 30,
            package_files: 100_000,
            payload: 1 << 20,
            json_depth: 128,
            rows: 10_000,
            statements: 64,
            transactions: 8,
            connections: 8,
            log_lines: 1_000,
            log_bytes: 256 << 10,
            depth: 16,
            nested_calls: 1_000,
            plugin_calls: 64,
            concurrent_calls: 64,
            kept_instances: 64,
            loaded_images: 128,
            http_requests: 128,
            http_body: 256 << 20,
            http_connections: 256,
            component_size: 64 << 20,
            compile_time: Duration::from_mins(1),
        }
    }
}

impl Limits {
    /// These limits, lowered to what a manifest asks for.
    #[must_use]
    pub(crate) fn lowered_by(&self, request: &LimitRequest) -> Self {
        fn lower<T: Ord + Copy>(limit: &mut T, request: Option<T>) {
            *limit = request.map_or(*limit, |request| request.min(*limit));
        }
        let bytes = |size: ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
        let time = |span: Span| span.0;
        let mut limits = self.clone();
        lower(&mut limits.timeout, request.timeout.map(time));
        lower(&mut limits.cpu, request.cpu.map(time));
        lower(&mut limits.memory, request.memory.map(bytes));
        lower(&mut limits.table_elements, request.table_elements);
        lower(&mut limits.handles, request.handles);
        lower(&mut limits.payload, request.payload.map(bytes));
        lower(&mut limits.json_depth, request.json_depth);
        lower(&mut limits.log_lines, request.log_lines);
        lower(&mut limits.log_bytes, request.log_bytes.map(bytes));
        lower(&mut limits.depth, request.depth);
        lower(&mut limits.nested_calls, request.nested_calls);
        lower(&mut limits.plugin_calls, request.concurrent_calls);
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_lowers_but_never_raises() {
        let host = Limits::default();
        let lower = host.lowered_by(&LimitRequest {
            memory: Some(ByteSize(1 << 20)),
            timeout: Some(Span(Duration::from_secs(1))),
            concurrent_calls: Some(2),
            ..LimitRequest::default()
        });
        let expected = Limits {
            memory: 1 << 20,
            timeout: Duration::from_secs(1),
            plugin_calls: 2,
            ..host.clone()
        };
        assert_eq!(lower, expected);
        let higher = host.lowered_by(&LimitRequest {
            memory: Some(ByteSize(u64::MAX)),
            timeout: Some(Span(Duration::from_hours(1))),
            cpu: Some(Span(Duration::from_hours(1))),
            table_elements: Some(usize::MAX),
            handles: Some(usize::MAX),
            payload: Some(ByteSize(u64::MAX)),
            json_depth: Some(usize::MAX),
            log_lines: Some(u32::MAX),
            log_bytes: Some(ByteSize(u64::MAX)),
            depth: Some(u32::MAX),
            nested_calls: Some(u32::MAX),
            concurrent_calls: Some(usize::MAX),
        });
        assert_eq!(higher, host);
    }
}
