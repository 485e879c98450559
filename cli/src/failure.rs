//! Failures at the edge: one message on standard error, or one JSON object on
//! standard output, and the exit code.

use std::process::ExitCode;

use distri_host::Error;
use distri_manifest::LimitSettings;
use distri_workspace::{PackageAudit, WorkspaceError};
use miette::Diagnostic;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{output, stacks, terminal};

/// Frames of a stack, and causes, that are shown to people.
const MAX_FRAMES: usize = 8;

/// The limits of what is done once, before any call.
const COMPILING: [&str; 3] = ["compile_time", "compile_memory", "component_size"];

/// A chain of calls is at most so deep.
const MAX_CHAIN: usize = 64;

/// Why a command failed.
pub(crate) enum Failure {
    /// The command line asks for what cannot be: exit 2.
    Usage(Error),
    /// The host refused or the guest failed: exit 1.
    Host(Error),
    /// A tool or workflow answered with an error: exit 1.
    Guest {
        name: String,
        message: String,
        detail: Value,
        /// The message at the source line that threw it.
        located: Option<Box<dyn Diagnostic>>,
    },
    /// The workspace is wrong: exit 1.
    Workspace(WorkspaceError),
    /// A call failed that was audited, or of which there is more to say: exit as it does.
    Called(Box<Failure>, Told),
    /// Parts failed, and the result that is printed says so: exit 1.
    Reported,
}

/// What goes with a result or a failure in a JSON document.
#[derive(Serialize)]
pub(crate) struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audit: Option<Vec<PackageAudit>>,
    /// What the operator would be told on standard error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

#[derive(Serialize)]
struct With<'a> {
    error: Value,
    #[serde(flatten)]
    told: &'a Told,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Host(error) => Self::Host(error),
            WorkspaceError::NoRoot { .. } => {
                let mut usage = Error::new(distri_host::ErrorKind::NotFound, error.to_string());
                if let Some(help) = error.help() {
                    usage = usage.with_hint(help.to_string());
                }
                Self::Usage(usage)
            }
            error => Self::Workspace(error),
        }
    }
}

impl Failure {
    /// Prints the failure and gives the exit code.
    pub(crate) fn report(self, as_json: bool) -> ExitCode {
        match &self {
            Self::Reported => {}
            Self::Called(failure, told) if as_json => {
                output::json(&With { error: failure.to_json(), told });
            }
            failure if as_json => output::json(&json!({ "error": failure.to_json() })),
            failure => failure.print(),
        }
        self.exit_code()
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Called(failure, _) => failure.exit_code(),
            _ => ExitCode::FAILURE,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Usage(error) | Self::Host(error) => host_json(error),
            Self::Guest { name, message, detail, .. } => {
                let chain: Vec<&str> = std::iter::once(name.as_str())
                    .chain(called(detail).map(|(item, _)| item))
                    .collect();
                json!({ "kind": "guest-error", "message": message, "chain": chain, "detail": detail })
            }
            Self::Workspace(error) => diagnostic_json(error),
            Self::Called(failure, _) => failure.to_json(),
            Self::Reported => Value::Null,
        }
    }

    fn print(&self) {
        match self {
            Self::Usage(error) | Self::Host(error) => {
                terminal::error(error.message());
                if error.chain().len() > 1 {
                    terminal::note("in", &error.chain().join(" -> "));
                }
                if let Some(hint) = error.hint() {
                    terminal::note("hint", hint);
                }
                if let Some(raise) = limit(error) {
                    terminal::note("hint", &raise);
                }
            }
            Self::Guest { name, message, located, detail } => {
                match located {
                    Some(diagnostic) => {
                        terminal::error(&format!("`{name}` failed"));
                        terminal::diagnostic(&**diagnostic);
                    }
                    None => terminal::error(&format!("`{name}` failed: {message}")),
                }
                let frames = detail["stack"].as_str().unwrap_or_default().lines();
                for frame in frames.skip(1).take(MAX_FRAMES).filter(|_| located.is_some()) {
                    terminal::note("at", frame.trim().trim_start_matches("at "));
                }
                for (item, detail) in called(detail) {
                    let frame = detail["stack"].as_str().and_then(|stack| stack.lines().next());
                    let place = frame.map(|frame| format!(" {}", frame.trim())).unwrap_or_default();
                    terminal::note("in", &format!("`{item}`{place}"));
                }
                let mut cause = &detail["cause"];
                for _ in 0..MAX_FRAMES {
                    let Some(message) = cause["message"].as_str() else { break };
                    let frame = cause["stack"].as_str().and_then(|stack| stack.lines().next());
                    let place = frame.map(|frame| format!(" {}", frame.trim())).unwrap_or_default();
                    terminal::note("caused by", &format!("{message}{place}"));
                    cause = &cause["cause"];
                }
                if let Some(hint) = guest_hint(detail) {
                    terminal::note("hint", hint);
                }
            }
            Self::Workspace(error) => terminal::diagnostic(error),
            Self::Called(failure, _) => failure.print(),
            Self::Reported => {}
        }
    }
}

/// How an operator raises the limit that an error is about, if there is a way.
fn limit(error: &Error) -> Option<String> {
    let detail: Value = serde_json::from_str(error.detail()?).ok()?;
    let name = detail.get("limit")?.as_str()?;
    let limit = LimitSettings::NAMES.iter().find(|known| **known == name)?;
    Some(if COMPILING.contains(limit) {
        format!("`{limit}` below `[limits]` in your `policy.toml` raises it")
    } else {
        format!(
            "`--limit {limit}=…` of `distri call` raises the host's for one call, `[limits]` in the policy for all"
        )
    })
}

/// The tools that failed behind an error, each in the one before it, with what they told.
fn called(detail: &Value) -> impl Iterator<Item = (&str, &Value)> {
    std::iter::successors(inner(detail), |(_, detail)| inner(detail)).take(MAX_CHAIN)
}

fn inner(detail: &Value) -> Option<(&str, &Value)> {
    let inner = detail.get("detail")?;
    Some((stacks::item(inner)?, inner))
}

/// What to do about an error that a guest told of, or was told: the innermost hint.
fn guest_hint(detail: &Value) -> Option<&str> {
    let chain = std::iter::successors(Some(detail), |detail| detail.get("detail"));
    chain.take(MAX_CHAIN).find_map(|detail| detail.get("hint")?.as_str())
}

fn host_json(error: &Error) -> Value {
    let detail = error.detail().and_then(|detail| serde_json::from_str::<Value>(detail).ok());
    let hints: Vec<String> =
        error.hint().map(str::to_owned).into_iter().chain(limit(error)).collect();
    let hint = if hints.is_empty() { None } else { Some(hints.join("; ")) };
    json!({
        "kind": error.kind(),
        "message": error.message(),
        "hint": hint,
        "chain": error.chain(),
        "detail": detail,
    })
}

/// A diagnostic with its place, for machines.
pub(crate) fn diagnostic_json(diagnostic: &dyn Diagnostic) -> Value {
    let place =
        diagnostic.source_code().zip(diagnostic.labels().and_then(|mut labels| labels.next()));
    let place = place.and_then(|(source, label)| source.read_span(label.inner(), 0, 0).ok());
    let mut message = diagnostic.to_string();
    let mut cause = diagnostic.source();
    while let Some(why) = cause {
        let why_text = why.to_string();
        if !message.contains(&why_text) {
            message = format!("{message}: {why_text}");
        }
        cause = why.source();
    }
    json!({
        "kind": "invalid-input",
        "message": message,
        "hint": diagnostic.help().map(|help| help.to_string()),
        "file": place.as_ref().and_then(|place| place.name().map(str::to_owned)),
        "line": place.as_ref().map(|place| place.line() + 1),
        "column": place.as_ref().map(|place| place.column() + 1),
    })
}
