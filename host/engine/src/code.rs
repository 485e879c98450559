//! Code that can be instantiated: a component, linked.

use distri_abi::exports::Exports;
use distri_call::text::{REASON, cut};
use distri_call::{Error, ErrorKind, Result};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{ComponentExportIndex, InstancePre, Linker};

use crate::compiler::{Compiler, Image};
use crate::split::STATE;

/// The function that script engines are initialised with. A finished plugin
/// still exports it; nothing calls it then.
const INIT: &str = "init";

/// Everything that compiles and links code.
pub struct Loader<T: 'static> {
    /// Where compiled code comes from.
    pub compiler: Compiler,
    /// What plugins may import.
    pub linker: Linker<T>,
}

/// A linked component and where its functions are.
pub struct Linked<T: 'static> {
    /// What is instantiated.
    pub pre: InstancePre<T>,
    /// What it exports.
    pub exports: Exports,
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
    pub fn link(&self, image: &Image) -> Result<Linked<T>> {
        let pre = link_with(&self.linker, image)?;
        let exports = Exports::find(&image.component, &pre).map_err(|error| {
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
        Ok(Linked { pre, exports })
    }

    /// Links an engine that a snapshot will be taken of.
    pub fn link_engine(
        &self,
        image: &Image,
    ) -> Result<(InstancePre<T>, Option<ComponentExportIndex>)> {
        let init = image.component.get_export(None, INIT).and_then(|(item, index)| {
            matches!(item, ComponentItem::ComponentFunc(_)).then_some(index)
        });
        Ok((link_with(&self.linker, image)?, init))
    }
}

/// Links any component whose imports the linker has.
fn link_with<T>(linker: &Linker<T>, image: &Image) -> Result<InstancePre<T>> {
    let component = &image.component;
    let pre = match &image.state {
        None => linker.instantiate_pre(component),
        // What a state is imported by is no name that anything else has: each has its own.
        Some(state) => {
            let mut own = linker.clone();
            own.root().module(STATE, state).and_then(|()| own.instantiate_pre(component))
        }
    };
    pre.map_err(|error| {
        Error::new(
            ErrorKind::InvalidComponent,
            cut(&format!("the component asks for what this host does not have: {error:#}"), REASON),
        )
    })
}
