//! Code that can be instantiated: a component, linked; or, while a script's own
//! image is not there yet, the script engine's image plus the script.

use std::sync::{Arc, OnceLock};

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::abi::Exports;
use crate::compilation::Compilation;
use crate::engine::internal;
use crate::state::State;
use crate::text::{REASON, cut};
use crate::{Error, ErrorKind, Result};

/// The function that script engines are initialised with. A finished plugin
/// still exports it; nothing calls it then.
const INIT: &str = "init";

/// Everything that compiles and links code.
pub(crate) struct Loader {
    pub(crate) compilation: Compilation,
    pub(crate) linker: Linker<State>,
    /// The same, with what only an engine that is being initialised imports.
    pub(crate) initialising: Linker<State>,
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
    /// The plugin that a component is, compiled and linked.
    ///
    /// # Errors
    ///
    /// `invalid-component` with everything that keeps it from being one.
    pub(crate) fn load(&self, wasm: &[u8], digest: &str) -> Result<Linked> {
        self.link(&self.compilation.component(wasm, digest)?)
            .map_err(|error| self.compilation.explain(wasm).unwrap_or(error))
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
    crate::tools::add_to_linker(&mut linker).map_err(internal)?;
    crate::databases::add_to_linker(&mut linker).map_err(internal)?;
    crate::web::add_to_linker(&mut linker).map_err(internal)?;
    crate::waiting::add_to_linker(&mut linker).map_err(internal)?;
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
