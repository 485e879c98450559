//! Bundling in a process of its own: what parses and prints strangers' sources may
//! overflow a stack, take all memory or never end, and nothing in a process can stop
//! that.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bundle::{Bundle, bundle};
use crate::fault::{self, Fault, Place};
use crate::modules::{BEGUN, ENDED};
use crate::request::Request;
use crate::{BuildError, Result};

/// How long bundling may take. Thousands of modules take some seconds.
const TIME: Duration = Duration::from_mins(1);

/// The memory of a bundling process besides its stacks, in bytes: enough for the
/// modules that a plugin may have.
const MEMORY: u64 = 1 << 30;

/// Threads of each of the two pools that a bundler has. Packages are bundled at once.
const THREADS: usize = 2;

/// The stack of each thread: enough for a syntax tree from a source whose brackets are
/// nested as deep as they may be.
const STACK: usize = 128 << 20;

/// What this process says before it ends for a panic.
const PANICKED: &str = "panicked: ";

/// A program that bundles: the builder starts it with `arguments`, and it does
/// nothing but call [`serve_bundling`].
#[derive(Debug, Clone)]
pub struct BundlerProcess {
    /// The program.
    pub program: PathBuf,
    /// What makes it bundle.
    pub arguments: Vec<String>,
}

/// What a child answers.
#[derive(Serialize, Deserialize)]
enum Answer {
    Bundled(Box<Bundle>),
    Refused(Vec<Fault>),
}

/// How a child ended without an answer.
enum Ending {
    TooLong,
    Died { status: ExitStatus, said: String },
}

/// Bundles: in a process where there is a program for it; in a thread with a large
/// stack otherwise, which is bounded by what is checked of the sources, and not in
/// time and memory.
pub(crate) async fn run(process: Option<BundlerProcess>, request: Request) -> Result<Bundle> {
    let work = move || match process {
        Some(process) => process.bundle(request),
        None => here(request, 0).map_err(fault::all),
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| BuildError::other(format!("the bundler failed: {error}")))?
}

impl BundlerProcess {
    fn bundle(&self, mut request: Request) -> Result<Bundle> {
        let died = match self.ask(&request)? {
            Ok(answer) => return answer.map_err(fault::all),
            Err(Ending::TooLong) => {
                return Err(BuildError::other(format!(
                    "bundling took longer than {} seconds",
                    TIME.as_secs()
                ))
                .with_help("a plugin with fewer or smaller modules takes less"));
            }
            Err(Ending::Died { status, said }) => (status, said),
        };
        if ran_out(&died.1, died.0) {
            // Whatever it was would take as much again.
            return Err(ended(&request, died.0, &died.1).into());
        }
        // Once more, one module after the other, to see which one it is.
        request.careful = true;
        let (status, said) = match self.ask(&request)? {
            Ok(answer) => return answer.map_err(fault::all),
            Err(Ending::Died { status, said }) => (status, said),
            Err(Ending::TooLong) => died,
        };
        Err(ended(&request, status, &said).into())
    }

    /// Runs the child; its answer, or how it ended without one.
    fn ask(&self, request: &Request) -> Result<Result<Result<Bundle, Vec<Fault>>, Ending>> {
        let mut input = temporary()?;
        serde_json::to_writer(&input, request).map_err(io::Error::from)?;
        input.flush()?;
        input.rewind()?;
        let (mut output, mut said) = (temporary()?, temporary()?);
        let status = self
            .run(input.into(), output.try_clone()?.into(), said.try_clone()?.into())
            .map_err(|error| {
            BuildError::other(format!(
                "cannot run the bundler `{}`: {error}",
                self.program.display()
            ))
        })?;
        let Some(status) = status else { return Ok(Err(Ending::TooLong)) };
        let mut text = Vec::new();
        output.rewind()?;
        output.read_to_end(&mut text)?;
        if status.success()
            && let Ok(answer) = serde_json::from_slice(&text)
        {
            return Ok(Ok(match answer {
                Answer::Bundled(bundle) => Ok(*bundle),
                Answer::Refused(faults) => Err(faults),
            }));
        }
        let mut text = Vec::new();
        said.rewind()?;
        said.read_to_end(&mut text)?;
        let said = String::from_utf8_lossy(&text).into_owned();
        Ok(Err(Ending::Died { status, said }))
    }

    /// Runs the child for so long at most; none when it was killed.
    fn run(&self, input: Stdio, output: Stdio, said: Stdio) -> io::Result<Option<ExitStatus>> {
        let mut command = Command::new(&self.program);
        let child = command
            .args(&self.arguments)
            // The bundler's threads are not ours to make.
            .env("RUST_MIN_STACK", STACK.to_string())
            .env("RAYON_NUM_THREADS", THREADS.to_string())
            .stdin(input)
            .stdout(output)
            .stderr(said);
        distri_host::run_for(child, TIME)
    }
}

fn temporary() -> io::Result<std::fs::File> {
    tempfile::tempfile()
}

/// What to say of a bundler that ended without an answer: the module that it was
/// parsing, and what it said of itself.
fn ended(request: &Request, status: ExitStatus, said: &str) -> Fault {
    let mut module = None;
    let mut panic = None;
    for line in said.lines() {
        if let Some(path) = line.strip_prefix(BEGUN) {
            module = Some(PathBuf::from(path));
        } else if line == ENDED {
            module = None;
        } else if let Some(text) = line.strip_prefix(PANICKED) {
            panic = Some(text.to_owned());
        }
    }
    let why = if said.contains("overflowed its stack") {
        "it is nested too deep".to_owned()
    } else if ran_out(said, status) {
        "it takes too much memory".to_owned()
    } else {
        panic.unwrap_or_else(|| format!("the bundler ended without an answer ({status})"))
    };
    match module {
        Some(file) => Fault::at(Place::top(&file), format!("this cannot be parsed: {why}"))
            .help("split what is nested or very long into parts, or keep it as data"),
        None => Fault::new(format!(
            "the modules of `{}` cannot be bundled: {why}",
            request.entry.display()
        ))
        .help("leave out what was added last, to find out which module it is"),
    }
}

/// Whether a process ended since it had no more memory.
fn ran_out(said: &str, status: ExitStatus) -> bool {
    said.contains("memory allocation of") || said.contains("out of memory") || out_of_memory(status)
}

/// Whether a process was ended by the system for its memory.
fn out_of_memory(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(9)
}

/// Bundles in a thread of its own. `threads` is how many the runtime has; 0 for as many
/// as there are processors.
fn here(request: Request, threads: usize) -> Result<Bundle, Vec<Fault>> {
    let failed = |what: &dyn std::fmt::Display| vec![Fault::new(format!("cannot bundle: {what}"))];
    let work = move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.thread_stack_size(STACK).max_blocking_threads(THREADS);
        if threads > 0 {
            runtime.worker_threads(threads);
        }
        let runtime = runtime.build().map_err(|error| failed(&error))?;
        runtime.block_on(bundle(request))
    };
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(work)
        .map_err(|error| failed(&error))?;
    thread.join().unwrap_or_else(|_| Err(failed(&"the bundler panicked")))
}

/// Bundles one module of this text in this process: what fuzzing does.
///
/// # Errors
///
/// What is wrong with the text.
#[doc(hidden)]
pub fn bundle_text(name: &str, text: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().canonicalize()?;
    let entry = root.join(name);
    std::fs::write(&entry, text)?;
    let imports = std::collections::BTreeMap::new();
    let request = Request { folder: root.clone(), root, entry, imports, careful: false };
    here(request, THREADS).map(drop).map_err(fault::all)
}

/// The whole work of a [`BundlerProcess`]: reads a request from standard input,
/// answers on standard output, and returns the exit code. It ends by itself when the
/// builder that started it is gone and its time is over.
pub fn serve_bundling() -> u8 {
    limit_memory();
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{PANICKED}{}", panic.to_string().replace('\n', " "));
        std::process::exit(1);
    }));
    std::thread::spawn(|| {
        std::thread::sleep(TIME + Duration::from_secs(1));
        std::process::exit(1);
    });
    let mut input = Vec::new();
    let request = io::stdin()
        .read_to_end(&mut input)
        .and_then(|_| serde_json::from_slice(&input).map_err(io::Error::from));
    let answer = match request.map(|request| here(request, THREADS)) {
        Ok(Ok(bundle)) => Answer::Bundled(Box::new(bundle)),
        Ok(Err(faults)) => Answer::Refused(faults),
        Err(error) => Answer::Refused(vec![Fault::new(format!("cannot bundle: {error}"))]),
    };
    let mut output = io::BufWriter::new(io::stdout());
    let written = serde_json::to_writer(&mut output, &answer).map_err(io::Error::from);
    u8::from(written.and_then(|()| output.flush()).is_err())
}

/// Bounds what this process can allocate, stacks of its threads included.
fn limit_memory() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // Both pools, what may block, the threads that wait, and some to spare.
    let stacks = (3 * THREADS + 6) as u64 * STACK as u64;
    let Rlimit { maximum, .. } = getrlimit(Resource::Data);
    let wanted = maximum.map_or(MEMORY + stacks, |maximum| maximum.min(MEMORY + stacks));
    // Without it time and the size of the sources are what bounds it.
    let _ = setrlimit(Resource::Data, Rlimit { current: Some(wanted), maximum });
}
