//! Limits as an operator sets them, in a policy or on a command line: any of the
//! host's, by its name, higher or lower.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::diagnose::in_plain_words;
use crate::{ByteSize, LimitRequest, Span, suggestion};

/// Limits that are the whole host's: no package has its own.
const OF_THE_HOST: [&str; 12] = [
    "instances",
    "connections",
    "concurrent_calls",
    "kept_instances",
    "kept_memory",
    "loaded_images",
    "component_size",
    "compile_time",
    "compile_memory",
    "session_values",
    "session_bytes",
    "sessions_bytes",
];

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// What an operator sets of the host's limits. The names are those of
        /// `distri_host::Limits`; what is not set stays as it is.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct LimitSettings {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)*
        }

        impl LimitSettings {
            /// The names, in order.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Sets what another sets, too, in place of what was set before.
            pub fn extend(&mut self, other: &Self) {
                $(if other.$name.is_some() {
                    self.$name = other.$name;
                })*
            }

            /// The names of those that are set.
            pub fn names(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$name.is_some() {
                    names.push(stringify!($name));
                })*
                names
            }
        }
    };
}

settings! {
    /// Wall time of a call, nested calls included.
    timeout: Span,
    /// Time that a call and all that it calls keep processors busy.
    cpu: Span,
    /// Bytes of all linear memories of an instance together.
    memory: ByteSize,
    /// How many times `memory` a call and all that it calls may have.
    chain_memory: usize,
    /// Elements of all tables of an instance together.
    table_elements: usize,
    /// Core instances in one component instance.
    instances: usize,
    /// Handles of an instance.
    handles: usize,
    /// Files and folders that an instance may hold open.
    open_files: u32,
    /// Bytes that one call may write to files, holes in them included.
    file_bytes: ByteSize,
    /// Files, folders and links that one call may make.
    files: u64,
    /// Bytes by which all calls of a plugin may make its folders larger.
    package_file_bytes: ByteSize,
    /// Files, folders and links that all calls of a plugin may make.
    package_files: u64,
    /// Bytes of one JSON value that crosses the boundary.
    payload: ByteSize,
    /// Levels of nesting in such a value.
    json_depth: usize,
    /// Rows that one query may give.
    rows: usize,
    /// Statements of databases under way at once in one call.
    statements: u32,
    /// Database transactions open at once in one call.
    transactions: u32,
    /// Connections of a plugin to one database.
    connections: u32,
    /// Lines that one call may log.
    log_lines: u32,
    /// Bytes that one call may log.
    log_bytes: ByteSize,
    /// Calls within calls.
    depth: u32,
    /// Calls that one root call may make in all.
    nested_calls: u32,
    /// Root calls of one plugin at once.
    plugin_calls: usize,
    /// Root calls of the host at once.
    concurrent_calls: usize,
    /// Instances that are kept for later calls.
    kept_instances: usize,
    /// How many times `memory` the instances that are kept and idle may have.
    kept_memory: usize,
    /// Plugins whose code stays in memory between calls.
    loaded_images: usize,
    /// Requests over the network under way at once in one call.
    http_requests: u32,
    /// Bytes of one request's body, and of one response's.
    http_body: ByteSize,
    /// Connections of one plugin over the network.
    http_connections: usize,
    /// Bytes of a component that is compiled.
    component_size: ByteSize,
    /// Time to compile a component.
    compile_time: Span,
    /// Bytes of memory that a compiler in a process of its own may take.
    compile_memory: ByteSize,
    /// Values that the plugins of one package may keep in a session.
    session_values: usize,
    /// Bytes of all values and their keys in a session.
    session_bytes: ByteSize,
    /// Bytes of the values of all sessions together.
    sessions_bytes: ByteSize,
}

impl LimitSettings {
    /// The first one that is set and that no package has for itself.
    pub(crate) fn of_the_host(&self) -> Option<&'static str> {
        self.names().into_iter().find(|name| OF_THE_HOST.contains(name))
    }
}

/// One setting as a command line has it: `payload=10MiB`.
impl FromStr for LimitSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once('=') else {
            return Err(format!("`{text}` sets nothing; write it like `payload=10MiB`"));
        };
        let (name, value) = (name.trim(), value.trim());
        if !Self::NAMES.contains(&name) {
            let hint = suggestion(name, Self::NAMES.iter().copied());
            let hint = hint.unwrap_or_else(|| format!("there are {}", Self::NAMES.join(", ")));
            return Err(format!("there is no limit `{name}`: {hint}"));
        }
        let read = |value: toml::Value| {
            toml::Table::from_iter([(name.to_owned(), value)]).try_into::<Self>()
        };
        // Which of the two it is, the limit knows.
        if let Ok(number) = value.parse::<i64>()
            && let Ok(settings) = read(toml::Value::Integer(number))
        {
            return Ok(settings);
        }
        read(toml::Value::String(value.to_owned()))
            .map_err(|error| in_plain_words(error.message().trim_end(), name))
    }
}

/// What a manifest's `[limits]` lower, by the host's names.
impl From<&LimitRequest> for LimitSettings {
    fn from(request: &LimitRequest) -> Self {
        Self {
            timeout: request.timeout,
            cpu: request.cpu,
            memory: request.memory,
            table_elements: request.table_elements,
            handles: request.handles,
            payload: request.payload,
            json_depth: request.json_depth,
            log_lines: request.log_lines,
            log_bytes: request.log_bytes,
            depth: request.depth,
            nested_calls: request.nested_calls,
            plugin_calls: request.concurrent_calls,
            ..Self::default()
        }
    }
}

/// What `[limits]` of a manifest calls one of the host's limits; none for one that
/// it cannot lower.
pub fn manifest_key(limit: &str) -> Option<&str> {
    match limit {
        "plugin_calls" => Some("concurrent_calls"),
        "timeout" | "cpu" | "memory" | "table_elements" | "handles" | "payload" | "json_depth"
        | "log_lines" | "log_bytes" | "depth" | "nested_calls" => Some(limit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_reads_as_its_limit_does() {
        let set = |text: &str| text.parse::<LimitSettings>();
        assert_eq!(set("payload=10MiB").unwrap().payload, Some(ByteSize(10 << 20)));
        assert_eq!(set("payload = 1000").unwrap().payload, Some(ByteSize(1000)));
        assert_eq!(set("depth=3").unwrap().depth, Some(3));
        assert_eq!(
            set("timeout=2m").unwrap().timeout,
            Some(Span(std::time::Duration::from_mins(2)))
        );
        for (wrong, words) in [
            ("payload", "write it like `payload=10MiB`"),
            ("paylod=1", "did you mean `payload`?"),
            ("payload=much", "`much` is not a size"),
            ("depth=10MiB", "`depth` must be a whole number"),
            ("depth=-1", "`depth` must be a whole number"),
            ("timeout=5", "`5` is not a time"),
        ] {
            let error = set(wrong).unwrap_err();
            assert!(error.contains(words), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_is_set_last_stands() {
        let mut settings: LimitSettings = "depth=3".parse().unwrap();
        settings.extend(&"handles=4".parse().unwrap());
        settings.extend(&"depth=5".parse().unwrap());
        assert_eq!((settings.depth, settings.handles), (Some(5), Some(4)));
        assert_eq!(settings.names(), ["handles", "depth"]);
    }

    #[test]
    fn every_key_of_a_manifest_names_a_limit() {
        let text = "timeout = \"1s\"\ncpu = \"1s\"\nmemory = \"1MiB\"\ntable_elements = 1\nhandles = 1\npayload = \"1kB\"\njson_depth = 1\nlog_lines = 1\nlog_bytes = \"1kB\"\ndepth = 1\nnested_calls = 1\nconcurrent_calls = 1\n";
        let request: LimitRequest = toml::from_str(text).unwrap();
        let keys: Vec<&str> = LimitSettings::from(&request)
            .names()
            .into_iter()
            .map(|name| manifest_key(name).unwrap())
            .collect();
        let table: toml::Table = toml::from_str(text).unwrap();
        let mut expected: Vec<&str> = table.keys().map(String::as_str).collect();
        let mut found = keys;
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
        let all = LimitSettings::NAMES.iter().filter(|name| manifest_key(name).is_some()).count();
        assert_eq!(all, expected.len());
    }
}
