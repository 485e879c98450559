//! The one error type of the host, and the kinds that the Rust API, the CLI and
//! guests share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What sort of thing went wrong. The names are stable and the same everywhere:
/// in this API, on the command line and in a guest's `call-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such plugin, tool, workflow, agent or file.
    NotFound,
    /// The input is not what the callee takes: malformed JSON, too deep, not what its
    /// `parameters` say, a missing session.
    InvalidInput,
    /// The bytes are not a component that conforms to a world of ours.
    InvalidComponent,
    /// Not asked for in the manifest, or not granted by the operator.
    Denied,
    /// The call's wall time or its time on a processor is over.
    Timeout,
    /// The instance's linear memories together outgrew their limit.
    MemoryLimit,
    /// Tables, instances or handles outgrew their limit.
    ResourceLimit,
    /// One value crossing the boundary is larger than allowed.
    PayloadTooLarge,
    /// The guest recursed too deeply.
    StackOverflow,
    /// A budget is used up: nested depth, nested calls, concurrent calls.
    Limit,
    /// The guest trapped.
    Trap,
    /// The tool or workflow answered with an error of its own, or with what its `returns`
    /// do not allow.
    GuestError,
    /// The caller went away.
    Cancelled,
    /// A fault of the host's. Please report it.
    Internal,
}

impl ErrorKind {
    /// The stable name, as a guest sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::InvalidInput => "invalid-input",
            Self::InvalidComponent => "invalid-component",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::MemoryLimit => "memory-limit",
            Self::ResourceLimit => "resource-limit",
            Self::PayloadTooLarge => "payload-too-large",
            Self::StackOverflow => "stack-overflow",
            Self::Limit => "limit",
            Self::Trap => "trap",
            Self::GuestError => "guest-error",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What went wrong: its kind, the sentence for people, what to do about it and
/// where in the chain of calls it happened.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    detail: Option<String>,
    chain: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The host's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `message` starts in lower case and has no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            detail: None,
            chain: Vec::new(),
            source: None,
        }))
    }

    /// An error about a bound: `limit` is its name in [`Limits`](crate::Limits),
    /// `max` its value in bytes, milliseconds or pieces. Its hint says who sets it,
    /// unless there is a better one.
    pub fn over(
        kind: ErrorKind,
        limit: &str,
        max: impl TryInto<u64>,
        message: impl Into<String>,
    ) -> Self {
        let max = max.try_into().unwrap_or(u64::MAX);
        let hint = match distri_manifest::manifest_key(limit) {
            Some(key) => format!(
                "the host's limit `{limit}` bounds it, and `[limits] {key}` in the manifest where that is lower"
            ),
            None => format!("the host's limit `{limit}` bounds it"),
        };
        Self::new(kind, message)
            .with_hint(hint)
            .with_detail(format!(r#"{{"limit":"{limit}","max":{max}}}"#))
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds details for machines, as JSON.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same with every text of it gone through.
    #[must_use]
    #[doc(hidden)]
    pub fn map_texts(mut self, map: impl Fn(&str) -> String) -> Self {
        let Inner { message, hint, detail, .. } = &mut *self.0;
        *message = map(message);
        for text in [hint, detail] {
            *text = text.as_deref().map(&map);
        }
        self
    }

    /// Records the calls that led here, outermost first, unless an inner call
    /// already did.
    #[must_use]
    #[doc(hidden)]
    pub fn with_chain(mut self, chain: impl FnOnce() -> Vec<String>) -> Self {
        if self.0.chain.is_empty() {
            self.0.chain = chain();
        }
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence for people, without hint and chain.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Details for machines, as JSON. For a bound that was reached:
    /// `{"limit": NAME, "max": VALUE}`, as in [`Limits`](crate::Limits); for a value
    /// that does not fit its schema `{"mismatches": [{"path", "wanted", "got"}], "more"}`,
    /// with paths as JSON pointers; for another `guest-error`, what the guest gave.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The calls that led here as `package/item`, outermost first; empty when
    /// the error happened outside a call.
    pub fn chain(&self) -> &[String] {
        &self.0.chain
    }

    /// The plugin in whose call it happened.
    pub fn plugin(&self) -> Option<&str> {
        Some(self.0.chain.last()?.split_once('/')?.0)
    }

    /// The tool or workflow in whose call it happened.
    pub fn item(&self) -> Option<&str> {
        Some(self.0.chain.last()?.split_once('/')?.1)
    }

    /// What the guest that asked is told: never a path of the host, never a cause.
    #[doc(hidden)]
    pub fn told(self) -> Told {
        let Inner { kind, message, hint, detail, .. } = *self.0;
        let message = if kind == ErrorKind::Internal {
            "the host failed to make this call".to_owned()
        } else {
            message
        };
        Told { kind, message, hint, detail }
    }
}

/// What a guest is told of an error.
pub struct Told {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// JSON for machines.
    pub detail: Option<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

/// A fault that no caller can do anything about.
pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let source = source.into();
    Error::new(ErrorKind::Internal, format!("internal error: {source}")).with_source(source)
}
