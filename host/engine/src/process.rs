//! The child process that compiles, seen from the host: it is killed when it takes too
//! long, and has so much memory at most. What runs in it is `service`.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use distri_call::error::internal;
use distri_call::{Error, ErrorKind, Limits, Result};
use distri_manifest::{ByteSize, Span};
use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::child::run_for;
use crate::turns::turn;

/// Bytes of a child's standard error that are looked at: what a runtime says when it
/// gives up is one line.
const LAST_WORDS: u64 = 4 << 10;

/// What Rust's runtime says when memory is refused, and what the system does.
const OUT_OF_MEMORY: [&str; 3] =
    ["memory allocation of", "Cannot allocate memory", "Resource temporarily unavailable"];

/// What it says when a stack is full.
const OUT_OF_STACK: &str = "overflowed its stack";

/// The signal of a system that has no memory left for anybody.
const KILLED: i32 = 9;

/// A program that compiles components into the cache: the host starts it with
/// `arguments`, and it does nothing but call `Host::serve_compilation`.
#[derive(Debug, Clone)]
pub struct CompilerProcess {
    /// The program.
    pub program: PathBuf,
    /// What makes it compile.
    pub arguments: Vec<String>,
}

/// What a child is asked, in front of the component's bytes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    /// Where compiled code goes; none when only the reasons are asked for why the
    /// component is not a plugin.
    pub cache: Option<(PathBuf, u64)>,
    /// What the compiler is told of the host's limits.
    pub limits: Limits,
}

/// What a child says of a failure.
#[derive(Serialize, Deserialize)]
pub(crate) struct Refusal {
    kind: ErrorKind,
    message: String,
    #[serde(default)]
    hint: Option<String>,
    #[serde(default)]
    detail: Option<String>,
}

impl Refusal {
    fn into_error(self) -> Error {
        let mut error = Error::new(self.kind, self.message);
        if let Some(hint) = self.hint {
            error = error.with_hint(hint);
        }
        if let Some(detail) = self.detail {
            error = error.with_detail(detail);
        }
        error
    }
}

impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
            detail: error.detail().map(str::to_owned),
        }
    }
}

/// What a child left.
struct Ended {
    status: ExitStatus,
    output: Vec<u8>,
    last_words: String,
}

impl CompilerProcess {
    /// Compiles a component into the cache folder.
    pub(crate) fn compile(&self, cache: &Cache, limits: &Limits, wasm: &[u8]) -> Result<()> {
        let place = Some((cache.folder().to_owned(), cache.size()));
        let ended = self.ask(&Request { cache: place, limits: limits.clone() }, wasm)?;
        if ended.status.success() {
            return Ok(());
        }
        let error = ended.error(limits);
        // Of the cache, which was named to the child and perhaps to nobody else.
        let of_the_cache = error.kind() == ErrorKind::Internal && error.hint().is_some();
        Err(if of_the_cache { error.with_hint(cache.hint()) } else { error })
    }

    /// Why a component is not a plugin; none when the child finds no reason.
    pub(crate) fn explain(&self, limits: &Limits, wasm: &[u8]) -> Option<Error> {
        let ended = self.ask(&Request { cache: None, limits: limits.clone() }, wasm).ok()?;
        serde_json::from_slice::<Refusal>(&ended.output).ok().map(Refusal::into_error)
    }

    /// Starts a child when there is room for one, and waits for its end.
    fn ask(&self, request: &Request, wasm: &[u8]) -> Result<Ended> {
        let limits = &request.limits;
        let _turn = turn(limits.compile_memory);
        let mut input = tempfile::tempfile().map_err(internal)?;
        let written = serde_json::to_writer(&input, request)
            .map_err(io::Error::from)
            .and_then(|()| input.write_all(b"\n"))
            .and_then(|()| input.write_all(wasm))
            .and_then(|()| input.rewind());
        written.map_err(internal)?;
        let mut output = tempfile::tempfile().map_err(internal)?;
        let mut errors = tempfile::tempfile().map_err(internal)?;
        let streams = [
            input.into(),
            output.try_clone().map_err(internal)?.into(),
            errors.try_clone().map_err(internal)?.into(),
        ];
        let status = self
            .run(streams, limits.compile_time)
            .map_err(|error| {
                Error::new(
                    ErrorKind::Internal,
                    format!("cannot run the compiler `{}`: {error}", self.program.display()),
                )
            })?
            .ok_or_else(|| {
                Error::over(
                    ErrorKind::Limit,
                    "compile_time",
                    u64::try_from(limits.compile_time.as_millis()).unwrap_or(u64::MAX),
                    format!(
                        "compiling the component took longer than {}",
                        Span(limits.compile_time)
                    ),
                )
                .with_hint("the host's limit on compile time bounds it")
            })?;
        let (mut text, mut last_words) = (Vec::new(), Vec::new());
        let said = output
            .rewind()
            .and_then(|()| output.read_to_end(&mut text))
            .and_then(|_| errors.rewind())
            .and_then(|()| errors.take(LAST_WORDS).read_to_end(&mut last_words));
        said.map_err(internal)?;
        let last_words = String::from_utf8_lossy(&last_words).into_owned();
        Ok(Ended { status, output: text, last_words })
    }

    /// Runs the child for so long at most; none when it was killed.
    fn run(&self, streams: [Stdio; 3], time: Duration) -> io::Result<Option<ExitStatus>> {
        let [input, output, errors] = streams;
        let mut command = Command::new(&self.program);
        run_for(command.args(&self.arguments).stdin(input).stdout(output).stderr(errors), time)
    }
}

impl Ended {
    /// Why there is no compiled code.
    fn error(&self, limits: &Limits) -> Error {
        let out_of_memory = |text: &str| OUT_OF_MEMORY.iter().any(|words| text.contains(words));
        match serde_json::from_slice::<Refusal>(&self.output) {
            Ok(refusal) if !out_of_memory(&refusal.message) => refusal.into_error(),
            Err(_) if self.last_words.contains(OUT_OF_STACK) => Error::new(
                ErrorKind::InvalidComponent,
                "the component is nested too deeply for the compiler",
            ),
            Err(_) if !out_of_memory(&self.last_words) && self.status.signal() != Some(KILLED) => {
                Error::new(
                    ErrorKind::InvalidComponent,
                    format!("the compiler ended without an answer: {}", self.status),
                )
            }
            _ => Error::over(
                ErrorKind::Limit,
                "compile_memory",
                limits.compile_memory,
                format!(
                    "compiling the component took more than {} of memory",
                    ByteSize(limits.compile_memory)
                ),
            )
            .with_hint("the host's limit on memory to compile a component bounds it"),
        }
    }
}
