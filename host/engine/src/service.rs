//! The child that compiles: what a [`CompilerProcess`](crate::CompilerProcess) runs.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;

use distri_abi::refusal;
use distri_artifact::key::CacheFolder;
use distri_call::Result;
use distri_call::error::internal;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::cache::Cache;
use crate::compiler::Compiler;
use crate::engine::engine;
use crate::functions::FunctionCache;
use crate::process::{Refusal, Request};

/// Reads a request from standard input, compiles into the cache it names, and returns
/// the exit code. It ends by itself when the host that started it is gone and its time
/// is over.
pub fn serve() -> u8 {
    match compile_standard_input() {
        Ok(()) => 0,
        Err(error) => {
            let _ = serde_json::to_writer(io::stdout(), &Refusal::from(&error));
            1
        }
    }
}

fn compile_standard_input() -> Result<()> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).map_err(internal)?;
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (head, wasm) = input.split_at(end);
    let Request { cache, mut limits } = serde_json::from_slice(head).map_err(internal)?;
    let time = limits.compile_time;
    std::thread::spawn(move || {
        std::thread::sleep(time + Duration::from_secs(1));
        std::process::exit(1);
    });
    let memory = Some(limits.compile_memory);
    // What a process may write to, its threads' stacks included; not what it reserves.
    setrlimit(Resource::Data, Rlimit { current: memory, maximum: memory }).map_err(internal)?;
    let wasm = wasm.get(1..).unwrap_or_default();
    let Some((folder, size)) = cache else {
        return refusal::explain(wasm).map_or(Ok(()), Err);
    };
    // Nothing runs here: a pool for one call is the smallest there is.
    limits.concurrent_calls = 1;
    let cache = Arc::new(Cache::open(&CacheFolder::At(folder), Some(size))?);
    let functions = Some(Arc::new(FunctionCache::new(Arc::clone(&cache))));
    let engine = engine(&limits, functions.clone())?;
    let compiler = Compiler {
        engine,
        cache: Some(cache),
        functions,
        process: None,
        limits,
        skeletons: <_>::default(),
    };
    compiler.compile_into_cache(wasm)
}
