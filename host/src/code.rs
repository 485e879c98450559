//! Code that can be instantiated: a component, linked; or, while a script's own
//! image is not there yet, the script engine's image plus the script.

use std::sync::{Arc, OnceLock};

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::abi::Exports;
use crate::cache::Cache;
use crate::engine::internal;
use crate::functions::FunctionCache;
use crate::outcome::not_compiled;
use crate::state::State;
use crate::text::cut;
use crate::{CompilerProcess, Error, ErrorKind, Limits, Result, refusal, shape};

/// The function that script engines are initialised with. A finished plugin
/// still exports it; nothing calls it then.
const INIT: &str = "init";

/// Longest reason for not taking a component, in bytes: it may quote a name of a
/// hundred thousand.
pub(crate) const REASON: usize = 2 << 10;

/// Everything that compiles, links and caches code.
pub(crate) struct Loader {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    /// The same, with what only an engine that is being initialised imports.
    pub(crate) initialising: Linker<State>,
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) functions: Option<Arc<FunctionCache>>,
    /// Compiles in a process of its own; needs the cache.
    pub(crate) compiler: Option<CompilerProcess>,
    pub(crate) limits: Limits,
}

/// A linked component and where its functions are.
pub(crate) struct Linked {
    pub(crate) pre: InstancePre<State>,
    pub(crate) exports: Exports,
    pub(crate) init: Option<ComponentExportIndex>,
}

/// How a plugin is instantiated.
pub(crate) struct Code {
    /// What serves until the component's own image is there.
    first: Start,
    /// The component's own image, when it came later.
    image: OnceLock<Arc<Linked>>,
}

/// What to instantiate for one call.
#[derive(Clone)]
pub(crate) enum Start {
    /// The component.
    Image(Arc<Linked>),
    /// The script engine, and the script to initialise it with.
    Script(Arc<Linked>, Arc<str>),
}

impl Code {
    pub(crate) fn new(first: Start) -> Self {
        Self { first, image: OnceLock::new() }
    }

    /// Serves later calls from this image.
    pub(crate) fn upgrade(&self, image: Linked) {
        let _ = self.image.set(Arc::new(image));
    }

    pub(crate) fn start(&self) -> Start {
        self.image.get().map_or_else(|| self.first.clone(), |image| Start::Image(Arc::clone(image)))
    }
}

impl Loader {
    /// The component, compiled: from the cache, or compiled now and kept there.
    pub(crate) fn component(&self, wasm: &[u8], digest: &str) -> Result<Component> {
        if let Some(component) = self.cached(digest) {
            return Ok(component);
        }
        self.check_bytes(wasm)?;
        metrics::counter!("distri_compilations_total").increment(1);
        if let (Some(compiler), Some(cache)) = (&self.compiler, &self.cache) {
            compiler.compile(cache, &self.limits, wasm)?;
            return self.cached(digest).ok_or_else(|| {
                cache.not_kept(&std::io::Error::other("what the compiler left there is gone"))
            });
        }
        let component = self.compile(wasm)?;
        if let Err(error) = self.keep(&component, digest) {
            tracing::warn!(%error, "a compiled image is not kept");
        }
        Ok(component)
    }

    /// Compiles in this process, whatever is in the cache.
    fn compile(&self, wasm: &[u8]) -> Result<Component> {
        let compile = || Component::from_binary(&self.engine, wasm);
        let compile = || shape::within_bounds(wasm, compile);
        match &self.functions {
            Some(functions) => functions.during(compile),
            None => compile(),
        }?
        .map_err(not_compiled)
    }

    /// Keeps compiled code, where there is a cache.
    fn keep(&self, component: &Component, digest: &str) -> Result<()> {
        let Some(cache) = &self.cache else { return Ok(()) };
        cache.put_image(component, digest).map_err(|error| cache.not_kept(&error))
    }

    /// Compiles a component for whoever finds it in the cache.
    ///
    /// # Errors
    ///
    /// As [`Loader::component`], and `internal` where the cache does not take it.
    pub(crate) fn compile_into_cache(&self, wasm: &[u8]) -> Result<()> {
        self.check_bytes(wasm)?;
        self.keep(&self.compile(wasm)?, &crate::cache::digest(wasm))
    }

    /// The component's image from the cache.
    pub(crate) fn cached(&self, digest: &str) -> Option<Component> {
        self.cache.as_ref()?.image(&self.engine, digest)
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

    /// The plugin that a component is, compiled and linked.
    ///
    /// # Errors
    ///
    /// `invalid-component` with everything that keeps it from being one.
    pub(crate) fn load(&self, wasm: &[u8], digest: &str) -> Result<Linked> {
        self.link(&self.component(wasm, digest)?)
            .map_err(|error| self.explain(wasm).unwrap_or(error))
    }

    /// Why a component is not a plugin, in words for its author.
    fn explain(&self, wasm: &[u8]) -> Option<Error> {
        match &self.compiler {
            Some(compiler) => compiler.explain(&self.limits, wasm),
            None => refusal::explain(wasm),
        }
    }

    /// Links a component whose exports make it a plugin.
    pub(crate) fn link(&self, component: &Component) -> Result<Linked> {
        let (pre, init) = link_with(&self.linker, component)?;
        let exports = Exports::find(component, &pre).map_err(|error| {
            Error::new(
                ErrorKind::InvalidComponent,
                cut(
                    &format!("the component does not conform to `distri:plugin`: {error:#}"),
                    REASON,
                ),
            )
        })?;
        let exports = exports.ok_or_else(|| {
            Error::new(ErrorKind::InvalidComponent, "the component is not a plugin")
        })?;
        Ok(Linked { pre, exports, init })
    }

    /// Links an engine that a snapshot will be taken of.
    pub(crate) fn link_engine(
        &self,
        component: &Component,
    ) -> Result<(InstancePre<State>, Option<ComponentExportIndex>)> {
        link_with(&self.initialising, component)
    }
}

/// Links any component whose imports the linker has, and finds its `init`.
fn link_with(
    linker: &Linker<State>,
    component: &Component,
) -> Result<(InstancePre<State>, Option<ComponentExportIndex>)> {
    let pre = linker.instantiate_pre(component).map_err(|error| {
        Error::new(
            ErrorKind::InvalidComponent,
            cut(&format!("the component asks for what this host does not have: {error:#}"), REASON),
        )
    })?;
    let init = component
        .get_export(None, INIT)
        .and_then(|(item, index)| matches!(item, ComponentItem::ComponentFunc(_)).then_some(index));
    Ok((pre, init))
}

/// Links WASI and `distri:plugin`. Linked is not granted: what a store's data
/// allows decides.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    crate::wasi::add_to_linker(&mut linker).map_err(internal)?;
    crate::imports::add_to_linker(&mut linker).map_err(internal)?;
    crate::web::add_to_linker(&mut linker).map_err(internal)?;
    Ok(linker)
}

/// The linker for engines that are being initialised. A script is one module
/// then: whatever it asks its loader for is not there.
pub(crate) fn initialising(linker: &Linker<State>) -> Result<Linker<State>> {
    type Answer = (Result<String, String>,);
    let refuse = |name: &str| Err(format!("there is no module `{name}` in the script"));
    let mut linker = linker.clone();
    let mut loader = linker.instance("local:init/module-loader").map_err(internal)?;
    loader
        .func_wrap("resolve", move |_, (_, name): (String, String)| -> wasmtime::Result<Answer> {
            Ok((refuse(&name),))
        })
        .map_err(internal)?;
    loader
        .func_wrap("load", move |_, (name,): (String,)| -> wasmtime::Result<Answer> {
            Ok((refuse(&name),))
        })
        .map_err(internal)?;
    Ok(linker)
}
