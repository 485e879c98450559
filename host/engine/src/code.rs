//! Code that can be instantiated: a component, linked; or, while a script's own
//! image is not there yet, the script engine's image plus the script.

use std::sync::{Arc, OnceLock};

use distri_abi::exports::Exports;
use distri_call::text::{REASON, cut};
use distri_call::{Error, ErrorKind, Result};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::compiler::Compiler;

/// The function that script engines are initialised with. A finished plugin
/// still exports it; nothing calls it then.
const INIT: &str = "init";

/// Everything that compiles and links code.
pub struct Loader<T: 'static> {
    /// Where compiled code comes from.
    pub compiler: Compiler,
    /// What plugins may import.
    pub linker: Linker<T>,
    /// The same, with what only an engine that is being initialised imports.
    pub initialising: Linker<T>,
}

/// A linked component and where its functions are.
pub struct Linked<T: 'static> {
    /// What is instantiated.
    pub pre: InstancePre<T>,
    /// What it exports.
    pub exports: Exports,
    /// What takes a script, if it is an engine.
    pub init: Option<ComponentExportIndex>,
}

/// How a plugin is instantiated.
pub struct Code<T: 'static> {
    /// What serves until the component's own image is there.
    first: Start<T>,
    /// The component's own image, when it came later.
    image: OnceLock<Arc<Linked<T>>>,
}

/// What to instantiate for one call.
pub enum Start<T: 'static> {
    /// The component.
    Image(Arc<Linked<T>>),
    /// The script engine, and the script to initialise it with.
    Script(Arc<Linked<T>>, Arc<str>),
}

impl<T> Clone for Start<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Image(linked) => Self::Image(Arc::clone(linked)),
            Self::Script(linked, script) => Self::Script(Arc::clone(linked), Arc::clone(script)),
        }
    }
}

impl<T> Code<T> {
    /// Code that begins so.
    pub fn new(first: Start<T>) -> Self {
        Self { first, image: OnceLock::new() }
    }

    /// Serves later calls from this image.
    pub fn upgrade(&self, image: Linked<T>) {
        let _ = self.image.set(Arc::new(image));
    }

    /// What to instantiate now.
    pub fn start(&self) -> Start<T> {
        self.image.get().map_or_else(|| self.first.clone(), |image| Start::Image(Arc::clone(image)))
    }
}

impl<T> Loader<T> {
    /// The plugin that a component is, compiled and linked.
    ///
    /// # Errors
    ///
    /// `invalid-component` with everything that keeps it from being one.
    pub fn load(&self, wasm: &[u8], digest: &str) -> Result<Linked<T>> {
        self.link(&self.compiler.component(wasm, digest)?)
            .map_err(|error| self.compiler.explain(wasm).unwrap_or(error))
    }

    /// Links a component whose exports make it a plugin.
    pub fn link(&self, component: &Component) -> Result<Linked<T>> {
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
    pub fn link_engine(
        &self,
        component: &Component,
    ) -> Result<(InstancePre<T>, Option<ComponentExportIndex>)> {
        link_with(&self.initialising, component)
    }
}

/// Links any component whose imports the linker has, and finds its `init`.
fn link_with<T>(
    linker: &Linker<T>,
    component: &Component,
) -> Result<(InstancePre<T>, Option<ComponentExportIndex>)> {
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
