//! What a call may use at most. Everything here is on by default.

use std::time::Duration;

use distri_manifest::{ByteSize, LimitRequest, LimitSettings, Policy, Span};
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
    /// How many times `memory` the linear memories may have together, at one moment,
    /// of a call and of all that it calls. 4 by default. An error names the bytes.
    pub chain_memory: usize,
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
    /// How many times `memory` the linear memories may have together of the instances
    /// that are kept and idle; the one used longest ago goes first. 8 by default.
    pub kept_memory: usize,
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
    /// Bytes of memory that a compiler in a process of its own may take. 2 GiB by
    /// default: several times what the largest language runtimes need. As many of
    /// them run at once as the machine has processors and memory for; further ones
    /// wait. One in this process is not bounded by it.
    pub compile_memory: u64,
    /// Values that the plugins of one package may keep in a session. 1,000 by default.
    pub session_values: usize,
    /// Bytes of all values and their keys in a session together. 4 MiB by default.
    pub session_bytes: usize,
    /// Bytes of the values of all sessions together. When there are more, the session
    /// that was used longest ago is forgotten. 128 MiB by default.
    pub sessions_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            cpu: Duration::from_secs(10),
            memory: 128 << 20,
            chain_memory: 4,
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
            kept_memory: 8,
            loaded_images: 128,
            http_requests: 128,
            http_body: 256 << 20,
            http_connections: 256,
            component_size: 64 << 20,
            compile_time: Duration::from_mins(1),
            compile_memory: 2 << 30,
            session_values: 1_000,
            session_bytes: 4 << 20,
            sessions_bytes: 128 << 20,
        }
    }
}

/// Every limit by its name, and whether it is a time, bytes or a number.
macro_rules! every_limit {
    ($do:ident($($with:tt)*)) => {
        $do! {
            ($($with)*)
            timeout: time, cpu: time, memory: bytes, chain_memory: number, table_elements: number, instances: number,
            handles: number, open_files: number,
            file_bytes: bytes, files: number, package_file_bytes: bytes, package_files: number, payload: bytes, json_depth: number,
            rows: number, statements: number, transactions: number, connections: number,
            log_lines: number, log_bytes: bytes, depth: number, nested_calls: number,
            plugin_calls: number, concurrent_calls: number, kept_instances: number, kept_memory: number,
            loaded_images: number, http_requests: number, http_body: bytes,
            http_connections: number, component_size: bytes, compile_time: time,
            compile_memory: bytes, session_values: number, session_bytes: bytes,
            sessions_bytes: bytes,
        }
    };
}

/// A limit's value from what a setting has, and back.
macro_rules! convert {
    (time from $value:expr) => {
        $value.0
    };
    (bytes from $value:expr) => {
        $value.0.try_into().unwrap_or(usize::MAX as _)
    };
    (number from $value:expr) => {
        $value
    };
    (time to $value:expr) => {
        Span($value)
    };
    (bytes to $value:expr) => {
        ByteSize($value as u64)
    };
    (number to $value:expr) => {
        $value
    };
}

macro_rules! set {
    (($limits:ident from $settings:ident) $($name:ident: $kind:ident,)*) => {
        $(if let Some(value) = $settings.$name {
            $limits.$name = convert!($kind from value);
        })*
    };
}

macro_rules! lower {
    (($limits:ident by $settings:ident) $($name:ident: $kind:ident,)*) => {
        $(if let Some(value) = $settings.$name {
            $limits.$name = $limits.$name.min(convert!($kind from value));
        })*
    };
}

macro_rules! settings {
    (($limits:ident) $($name:ident: $kind:ident,)*) => {
        LimitSettings { $($name: Some(convert!($kind to $limits.$name)),)* }
    };
}

macro_rules! above {
    (($above:ident: $asked:ident, $limits:ident) $($name:ident: $kind:ident,)*) => {
        $(if let Some(value) = $asked.$name {
            let allowed = $limits.$name;
            if allowed.max(convert!($kind from value)) != allowed {
                $above.push(Ineffective {
                    limit: stringify!($name),
                    asked: value.to_string(),
                    allowed: convert!($kind to allowed).to_string(),
                });
            }
        })*
    };
}

/// A limit that a manifest asks for and does not get, since the host's is lower.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ineffective {
    /// Its name in [`Limits`].
    pub limit: &'static str,
    /// What the manifest asks for, as one writes it.
    pub asked: String,
    /// What the host allows.
    pub allowed: String,
}

impl Limits {
    /// Bytes of linear memory of a call and of all that it calls, together.
    #[doc(hidden)]
    pub fn chain_bytes(&self) -> usize {
        self.memory.saturating_mul(self.chain_memory.max(1))
    }

    /// Bytes of linear memory of all instances that are kept and idle.
    #[doc(hidden)]
    pub fn kept_bytes(&self) -> usize {
        self.memory.saturating_mul(self.kept_memory)
    }

    /// These limits with what an operator sets in their place.
    #[must_use]
    pub fn with(&self, settings: &LimitSettings) -> Self {
        let mut limits = self.clone();
        every_limit!(set(limits from settings));
        limits
    }

    /// These limits for one package, with what the policy sets for it.
    #[must_use]
    pub fn of_package(&self, package: &str, policy: &Policy) -> Self {
        match policy.packages.get(package) {
            Some(own) => self.with(&own.limits),
            None => self.clone(),
        }
    }

    /// All of them as an operator would set them.
    pub fn settings(&self) -> LimitSettings {
        every_limit!(settings(self))
    }

    /// What a manifest asks for above these limits: it may lower them only.
    pub fn ineffective(&self, request: &LimitRequest) -> Vec<Ineffective> {
        let asked = LimitSettings::from(request);
        let mut above = Vec::new();
        every_limit!(above(above: asked, self));
        above
    }

    /// These limits, lowered to what a manifest asks for.
    #[must_use]
    #[doc(hidden)]
    pub fn lowered_by(&self, request: &LimitRequest) -> Self {
        let request = LimitSettings::from(request);
        let mut limits = self.clone();
        every_limit!(lower(limits by request));
        limits
    }

    /// What the pool of instances must have room for: the largest that any package has.
    #[must_use]
    #[doc(hidden)]
    pub fn with_room_for(&self, policy: &Policy) -> Self {
        let mut limits = self.clone();
        for own in policy.packages.values().map(|allowed| self.with(&allowed.limits)) {
            limits.memory = limits.memory.max(own.memory);
            limits.table_elements = limits.table_elements.max(own.table_elements);
        }
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

    #[test]
    fn every_limit_can_be_set_by_its_name() {
        let limits = Limits::default();
        let fields = serde_json::to_value(&limits).unwrap();
        let fields: Vec<&str> = fields.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, LimitSettings::NAMES);
        assert_eq!(limits.with(&limits.settings()), limits);
        for name in LimitSettings::NAMES {
            let value = serde_json::to_value(limits.settings()).unwrap()[name].clone();
            let value = value.as_str().map_or(value.to_string(), str::to_owned);
            let set: LimitSettings = format!("{name}={value}").parse().unwrap();
            assert_eq!(set.names(), [*name]);
        }
    }

    #[test]
    fn an_operator_raises_for_all_and_for_one_package() {
        let policy: Policy =
            "[limits]\npayload = \"10MiB\"\n[packages.p.limits]\npayload = \"20MiB\"\nmemory = \"256MiB\"\n"
                .parse()
                .unwrap();
        let host = Limits::default().with(&policy.limits);
        assert_eq!(host.payload, 10 << 20);
        assert_eq!(host.of_package("p", &policy).payload, 20 << 20);
        assert_eq!(host.of_package("q", &policy), host);
        assert_eq!(host.with_room_for(&policy).memory, 256 << 20);
        let request = LimitRequest {
            payload: Some(ByteSize(30 << 20)),
            depth: Some(3),
            concurrent_calls: Some(100),
            ..LimitRequest::default()
        };
        let above = host.of_package("p", &policy).ineffective(&request);
        let above: Vec<_> = above
            .iter()
            .map(|above| (above.limit, above.asked.as_str(), above.allowed.as_str()))
            .collect();
        assert_eq!(above, [("payload", "30MiB", "20MiB"), ("plugin_calls", "100", "64")]);
    }

    /// The page's table of limits: name, what it bounds, default, error, key in a
    /// manifest.
    #[test]
    fn the_page_on_limits_has_every_limit_as_it_is() {
        let page = include_str!("../../../docs/limits.md");
        let rows: Vec<Vec<&str>> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                line.trim_matches('|')
                    .split(" | ")
                    .map(|cell| cell.trim().trim_matches('`'))
                    .collect()
            })
            .collect();
        let names: Vec<&str> = rows.iter().map(|row| row[0]).collect();
        assert_eq!(names, LimitSettings::NAMES);
        let defaults = serde_json::to_value(Limits::default().settings()).unwrap();
        for row in rows {
            assert_eq!(row.len(), 5, "{row:?}");
            let default = &defaults[row[0]];
            let default = default.as_str().map_or(default.to_string(), str::to_owned);
            assert_eq!(row[2], default, "{row:?}");
            let kind = serde_json::from_value::<crate::ErrorKind>(row[3].into());
            assert!(kind.is_ok() || row[3] == "-", "{row:?}");
            assert_eq!(row[4], distri_manifest::manifest_key(row[0]).unwrap_or("-"), "{row:?}");
        }
    }
}
