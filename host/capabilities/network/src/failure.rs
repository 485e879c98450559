//! Why a request failed, and how a guest is told: by wasi:http's error codes, and
//! a refusal of the host's own with all that it has to say.

use distri_call::Error;
use distri_call::error::Told;
use wasmtime_wasi_http::Error as Code;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The host does not let the plugin make it.
    #[error(transparent)]
    Refused(Error),
    /// What wasi:http has a code for.
    #[error(transparent)]
    Code(Code),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::Code(code)
    }
}

impl Failure {
    /// The word for it in a span and in `distri_host_calls_total`.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.kind().as_str(),
            Self::Code(Code::ConnectionLimitReached) => "limit",
            Self::Code(
                Code::ConnectionTimeout | Code::ConnectionReadTimeout | Code::HttpResponseTimeout,
            ) => "timeout",
            Self::Code(Code::HttpRequestBodySize(_)) => "payload-too-large",
            Self::Code(_) => "failed",
        }
    }
}

/// A refusal as a guest is told it.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// In plain words, for whoever prints them: `kind: message; hint`.
    pub(super) words: String,
    /// `distri:plugin/types.call-error` as JSON: what any other host call would have told.
    pub(super) record: String,
}

impl Refusal {
    /// Its error code: `internal-error`, the one that carries text.
    pub(super) fn code(&self) -> Code {
        Code::InternalError(Some(self.words.clone()))
    }
}

/// A refusal in both forms.
pub(super) fn refusal(error: Error) -> Refusal {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    let words = format!("{}: {}{hint}", error.kind(), error.message());
    let Told { kind, message, hint, detail } = error.told();
    let mut record = serde_json::Map::new();
    let fields = [
        ("kind", Some(kind.to_string())),
        ("message", Some(message)),
        ("hint", hint),
        ("detail", detail),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            record.insert(name.to_owned(), value.into());
        }
    }
    Refusal { words, record: serde_json::Value::Object(record).to_string() }
}
