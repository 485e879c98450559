//! Compiling: in this process, or in a child process that is killed when it
//! takes too long.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use distri_manifest::Span;
use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::engine::internal;
use crate::{Error, ErrorKind, Host, Limits, Result};

/// A program that compiles components into the cache: the host starts it with
/// `arguments`, and it does nothing but call [`Host::serve_compilation`].
#[derive(Debug, Clone)]
pub struct CompilerProcess {
    /// The program.
    pub program: PathBuf,
    /// What makes it compile.
    pub arguments: Vec<String>,
}

/// What a child is asked, in front of the component's bytes.
#[derive(Serialize, Deserialize)]
struct Request {
    cache: PathBuf,
    cache_size: u64,
    limits: Limits,
}

/// What a child says of a failure.
#[derive(Serialize, Deserialize)]
struct Refusal {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

impl CompilerProcess {
    /// Compiles a component into the cache folder.
    pub(crate) fn compile(&self, cache: &Cache, limits: &Limits, wasm: &[u8]) -> Result<()> {
        let request = Request {
            cache: cache.folder().to_owned(),
            cache_size: cache.size(),
            limits: limits.clone(),
        };
        let mut input = tempfile::tempfile().map_err(internal)?;
        let written = serde_json::to_writer(&input, &request)
            .map_err(io::Error::from)
            .and_then(|()| input.write_all(b"\n"))
            .and_then(|()| input.write_all(wasm))
            .and_then(|()| input.rewind());
        written.map_err(internal)?;
        let mut output = tempfile::tempfile().map_err(internal)?;
        let status = self
            .run(input.into(), output.try_clone().map_err(internal)?.into(), limits.compile_time)
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
        if status.success() {
            return Ok(());
        }
        let mut text = Vec::new();
        let said = output.rewind().and_then(|()| output.read_to_end(&mut text));
        said.map_err(internal)?;
        Err(match serde_json::from_slice::<Refusal>(&text) {
            Ok(Refusal { kind, message, hint: None }) => Error::new(kind, message),
            // Of the cache, which was named to the child and perhaps to nobody else.
            Ok(Refusal { kind: kind @ ErrorKind::Internal, message, hint: Some(_) }) => {
                Error::new(kind, message).with_hint(cache.hint())
            }
            Ok(Refusal { kind, message, hint: Some(hint) }) => {
                Error::new(kind, message).with_hint(hint)
            }
            // Killed from outside, for the memory it took perhaps, or a fault in it.
            Err(_) => Error::new(
                ErrorKind::InvalidComponent,
                format!("the compiler ended without an answer: {status}"),
            ),
        })
    }

    /// Runs the child for so long at most; none when it was killed.
    fn run(&self, input: Stdio, output: Stdio, time: Duration) -> io::Result<Option<ExitStatus>> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()?;
        let end = Instant::now() + time;
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }
}

impl Host {
    /// The whole work of a [`CompilerProcess`]: reads a request from standard
    /// input, compiles into the cache it names, and returns the exit code. It
    /// ends by itself when the host that started it is gone and its time is over.
    pub fn serve_compilation() -> u8 {
        let refuse = |error: &Error| {
            let refusal = Refusal {
                kind: error.kind(),
                message: error.message().to_owned(),
                hint: error.hint().map(str::to_owned),
            };
            let _ = serde_json::to_writer(io::stdout(), &refusal);
            1
        };
        match compile_standard_input() {
            Ok(()) => 0,
            Err(error) => refuse(&error),
        }
    }
}

fn compile_standard_input() -> Result<()> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).map_err(internal)?;
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (head, wasm) = input.split_at(end);
    let Request { cache, cache_size, limits } = serde_json::from_slice(head).map_err(internal)?;
    let time = limits.compile_time;
    std::thread::spawn(move || {
        std::thread::sleep(time + Duration::from_secs(1));
        std::process::exit(1);
    });
    let host = Host::builder().limits(limits).cache_folder(cache).cache_size(cache_size).build()?;
    let wasm = wasm.get(1..).unwrap_or_default();
    host.loader().compile_into_cache(wasm)
}
