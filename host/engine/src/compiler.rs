//! Components to machine code, from the cache or compiled now.

use std::sync::Arc;

use distri_abi::{refusal, shape};
use distri_call::text::{REASON, cut};
use distri_call::{Error, ErrorKind, Limits, Result};
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use crate::CompilerProcess;
use crate::cache::Cache;
use crate::functions::FunctionCache;
use crate::skeletons::Skeletons;
use crate::split::{Parts, split};

/// What the pool's own bounds say. wasmtime keeps the types of these errors to itself
/// (48.0), so that their texts are all there is.
const POOL: &str = "in the pooling allocator";

/// What compiles and caches code.
pub struct Compiler {
    /// The engine that the code is for.
    pub engine: Engine,
    /// Where compiled code is kept, if it is.
    pub cache: Option<Arc<Cache>>,
    /// Compiled functions to use again, if they are kept.
    pub functions: Option<Arc<FunctionCache>>,
    /// Compiles in a process of its own; needs the cache.
    pub process: Option<CompilerProcess>,
    /// What components may need at most.
    pub limits: Limits,
    /// The skeletons that are in memory.
    pub skeletons: Skeletons,
}

/// A component's compiled code.
pub struct Image {
    /// The component, or the skeleton that it shares with others.
    pub component: Component,
    /// What is its own, of one that was taken apart.
    pub state: Option<Module>,
}

/// A component that was taken apart, compiled.
struct Apart {
    skeleton: Component,
    /// The skeleton's digest.
    digest: String,
    /// Whether the skeleton was compiled now, and not found.
    is_new: bool,
    state: Module,
}

/// What compiling makes.
enum Compiled {
    Whole(Component),
    Apart(Apart),
}

impl Compiler {
    /// The component, compiled: from the cache, or compiled now and kept there.
    pub fn component(&self, wasm: &[u8], digest: &str) -> Result<Image> {
        if let Some(image) = self.cached(digest) {
            return Ok(image);
        }
        self.check_bytes(wasm)?;
        metrics::counter!("distri_compilations_total").increment(1);
        let compiled = match (&self.process, &self.cache) {
            (Some(process), Some(cache)) => {
                let Some(apart) = self.compile_state(wasm) else {
                    process.compile(cache, &self.limits, wasm)?;
                    return self.cached(digest).ok_or_else(|| {
                        cache.not_kept(&std::io::Error::other("what the compiler left is gone"))
                    });
                };
                Compiled::Apart(apart)
            }
            _ => self.compile(wasm)?,
        };
        if let Err(error) = self.keep(&compiled, digest) {
            tracing::warn!(%error, "a compiled image is not kept");
        }
        Ok(match compiled {
            Compiled::Whole(component) => Image { component, state: None },
            Compiled::Apart(Apart { skeleton, state, digest, .. }) => {
                let component = self.skeletons.shared(&digest, || Some(skeleton.clone()));
                Image { component: component.unwrap_or(skeleton), state: Some(state) }
            }
        })
    }

    /// Compiles in this process, whatever is in the cache of this very component.
    fn compile(&self, wasm: &[u8]) -> Result<Compiled> {
        let compile = || {
            // What the parts are refused for has other words than what the whole is.
            if let Some(parts) = split(wasm)
                && let Ok(apart) = self.compile_apart(&parts)
            {
                return Ok(Compiled::Apart(apart));
            }
            Component::from_binary(&self.engine, wasm).map(Compiled::Whole)
        };
        let compile = || shape::within_bounds(wasm, compile);
        match &self.functions {
            Some(functions) => functions.during(compile),
            None => compile(),
        }?
        .map_err(not_compiled)
    }

    /// The parts of a component whose skeleton is there. Its state is nothing but data, which
    /// takes no more memory than a few times its bytes: that needs no process of its own.
    fn compile_state(&self, wasm: &[u8]) -> Option<Apart> {
        let compile = || {
            let parts = split(wasm)?;
            let digest = distri_call::digest::digest(&parts.skeleton);
            let skeleton = self.skeleton(&digest)?;
            let state = Module::from_binary(&self.engine, &parts.state).ok()?;
            Some(Apart { skeleton, digest, is_new: false, state })
        };
        // Why it is not compiled here, if that is so, its own process says better.
        shape::within_bounds(wasm, compile).ok()?
    }

    /// A skeleton that is in memory or in the cache.
    fn skeleton(&self, digest: &str) -> Option<Component> {
        self.skeletons.shared(digest, || self.whole(digest))
    }

    /// Compiles a state, and its skeleton where that is not in the cache.
    fn compile_apart(&self, parts: &Parts) -> wasmtime::Result<Apart> {
        let state = Module::from_binary(&self.engine, &parts.state)?;
        let digest = distri_call::digest::digest(&parts.skeleton);
        let skeleton = self.skeleton(&digest);
        let is_new = skeleton.is_none();
        let skeleton = match skeleton {
            Some(skeleton) => skeleton,
            None => Component::from_binary(&self.engine, &parts.skeleton)?,
        };
        Ok(Apart { skeleton, digest, is_new, state })
    }

    /// Keeps compiled code, where there is a cache.
    fn keep(&self, compiled: &Compiled, digest: &str) -> Result<()> {
        let Some(cache) = &self.cache else { return Ok(()) };
        let kept = match compiled {
            Compiled::Whole(component) => cache.put_image(component, digest),
            Compiled::Apart(Apart { skeleton, digest: of, is_new, state }) => {
                // First what the other needs: whoever finds that finds both. A file that
                // is there and was not found is damaged, or made with a key that is gone.
                let there = !is_new && cache.has_image(&self.engine, of);
                let kept = if there { Ok(()) } else { cache.put_image(skeleton, of) };
                kept.and_then(|()| cache.put_state(state, digest, of))
            }
        };
        kept.map_err(|error| cache.not_kept(&error))
    }

    /// Compiles a component for whoever finds it in the cache.
    ///
    /// # Errors
    ///
    /// As [`Compiler::component`], and `internal` where the cache does not take it.
    pub fn compile_into_cache(&self, wasm: &[u8]) -> Result<()> {
        self.check_bytes(wasm)?;
        self.keep(&self.compile(wasm)?, &distri_call::digest::digest(wasm))
    }

    /// The component's image from the cache.
    pub fn cached(&self, digest: &str) -> Option<Image> {
        let cache = self.cache.as_ref()?;
        if let Some((state, skeleton)) = cache.state(&self.engine, digest)
            && let Some(component) = self.skeleton(&skeleton)
        {
            // One that is held is used, too: it stays for the next process.
            cache.has_image(&self.engine, &skeleton);
            return Some(Image { component, state: Some(state) });
        }
        Some(Image { component: self.whole(digest)?, state: None })
    }

    /// An image of one part from the cache.
    fn whole(&self, digest: &str) -> Option<Component> {
        self.cache.as_ref()?.image(&self.engine, digest)
    }

    /// Whether it is there.
    pub fn has_image(&self, digest: &str) -> bool {
        self.cache.as_ref().is_some_and(|cache| cache.has_code(&self.engine, digest))
    }

    /// Refuses what is not even the beginning of a component, by name.
    fn check_bytes(&self, wasm: &[u8]) -> Result<()> {
        let refuse = |message: String, hint: &str| {
            Err(Error::new(ErrorKind::InvalidComponent, message).with_hint(hint))
        };
        if wasm.len() > self.limits.component_size {
            return refuse(
                format!(
                    "the component has {} bytes, {} are allowed",
                    wasm.len(),
                    self.limits.component_size
                ),
                "the host's limit on component size bounds it",
            );
        }
        match wasm {
            [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
            [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => refuse(
                "this is a core module, not a component".to_owned(),
                "build it with `distri build`, or make a component of it with `wasm-tools component new`",
            ),
            [0x7f, b'E', b'L', b'F', ..] => refuse(
                "this is compiled code, not a component".to_owned(),
                "the host compiles components itself and takes compiled code from nobody",
            ),
            _ => refuse(
                "this is not WebAssembly".to_owned(),
                "a plugin is a component: a `.wasm` file that `distri build` makes",
            ),
        }
    }

    /// Why a component is not a plugin, in words for its author.
    pub fn explain(&self, wasm: &[u8]) -> Option<Error> {
        match &self.process {
            Some(process) => process.explain(&self.limits, wasm),
            None => refusal::explain(wasm),
        }
    }
}

/// Why bytes did not compile.
fn not_compiled(error: wasmtime::Error) -> Error {
    let root = error.root_cause().to_string();
    let root = cut(&root, REASON);
    let (kind, message) = if root.contains(POOL) {
        (ErrorKind::ResourceLimit, format!("the component needs more than the host has: {root}"))
    } else {
        (ErrorKind::InvalidComponent, format!("not a valid component: {root}"))
    };
    Error::new(kind, message).with_source(error.into_boxed_dyn_error())
}
