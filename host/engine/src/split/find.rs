//! Where in a component the module lies whose memory was kept.

use std::ops::Range;

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentType, ComponentTypeDeclaration, ComponentTypeRef, CoreType, DataKind, Encoding,
    Global, Instance, InstanceTypeDeclaration, ModuleTypeDeclaration, Operator, Parser, Payload,
    Result, TypeRef, ValType,
};

/// Active data segments that a module has at least whose memory was kept: it is written
/// out as it lies, with gaps where nothing is. A compiler and its linker make two or three.
const KEPT: usize = 8;

/// Most variables of a module that are its state: an adapter has three. In a language's
/// runtime they are constants, or what code looks at all the time.
const FEW: u32 = 16;

/// Most modules beside the one whose memory was kept that have such.
const BESIDE: usize = 8;

/// The module, and where it is used.
#[derive(Debug)]
pub(super) struct Found {
    /// Its bytes.
    pub(super) module: Range<usize>,
    /// The component that it lies in, by its place among all: the outermost is 0.
    pub(super) component: usize,
    /// How many components lie around that one.
    pub(super) depth: u32,
    /// The index of its one instance.
    pub(super) instance: u32,
    /// Pages that other modules need its memory to have at least.
    pub(super) least: u64,
    /// Modules that use its memory and have variables of their own.
    pub(super) others: Vec<Other>,
}

/// A module beside the one whose memory was kept: an adapter, which has its stack in that
/// memory. Where that lies is another in each component.
#[derive(Debug)]
pub(super) struct Other {
    /// Its bytes.
    pub(super) module: Range<usize>,
    /// Its place among the modules of its component.
    pub(super) index: u32,
    /// The index of its one instance.
    pub(super) instance: u32,
}

/// A component that is being looked at.
struct Scope {
    component: usize,
    modules: u32,
    instances: u32,
}

/// A module that was looked at.
#[derive(Default)]
struct Module {
    bytes: Range<usize>,
    component: usize,
    depth: u32,
    index: u32,
    memories: u32,
    imported: u32,
    kept: usize,
    /// Global variables, and whether each begins with a number that is written there.
    globals: u32,
    plain: bool,
}

impl Module {
    /// Whether its memory was kept.
    fn is_kept(&self) -> bool {
        self.memories == 1 && self.imported == 0 && self.kept >= KEPT
    }

    /// Whether it has variables that belong to the memory of another.
    fn is_beside(&self) -> bool {
        self.imported > 0 && self.plain && (1..=FEW).contains(&self.globals)
    }
}

/// Finds the module; none when there is no such one, or several, or when components do
/// with modules what no toolchain does.
pub(super) fn find(wasm: &[u8]) -> Result<Option<Found>> {
    let mut scopes: Vec<Scope> = Vec::new();
    let mut components = 0;
    // The module that is open, and those that were.
    let mut module: Option<Module> = None;
    let mut kept: Vec<Module> = Vec::new();
    let mut beside: Vec<Module> = Vec::new();
    // Component and module of each instance, and the instance's index.
    let mut instances: Vec<(usize, u32, u32)> = Vec::new();
    let mut least = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if let Some(open) = &mut module {
            match payload {
                Payload::MemorySection(memories) => open.memories = memories.count(),
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        if let TypeRef::Memory(memory) = import?.ty {
                            open.imported += 1;
                            least = least.max(memory.initial);
                        }
                    }
                }
                Payload::DataSection(data) => {
                    for data in data {
                        open.kept += usize::from(matches!(data?.kind, DataKind::Active { .. }));
                    }
                }
                Payload::GlobalSection(globals) => {
                    open.globals = globals.count();
                    open.plain = !any(globals, |global| !is_plain(global))?;
                }
                Payload::End(_) => match module.take() {
                    Some(module) if module.is_kept() => kept.push(module),
                    Some(module) if module.is_beside() => beside.push(module),
                    _ => {}
                },
                _ => {}
            }
            continue;
        }
        if let Payload::Version { encoding, .. } = payload {
            if encoding == Encoding::Module {
                // Not in a component.
                return Ok(None);
            }
            scopes.push(Scope { component: components, modules: 0, instances: 0 });
            components += 1;
            continue;
        }
        let depth = u32::try_from(scopes.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let Some(scope) = scopes.last_mut() else { return Ok(None) };
        match payload {
            Payload::End(_) => {
                scopes.pop();
            }
            Payload::ModuleSection { unchecked_range: bytes, .. } => {
                let (component, index) = (scope.component, scope.modules);
                module = Some(Module { bytes, component, depth, index, ..Module::default() });
                scope.modules += 1;
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        instances.push((scope.component, module_index, scope.instances));
                    }
                    scope.instances += 1;
                }
            }
            // The skeleton has one of its own there, which nothing else may mean.
            Payload::CoreTypeSection(_) if depth == 0 => return Ok(None),
            other if hands_modules_on(&other)? || looks_for_core_types(&other)? => {
                return Ok(None);
            }
            _ => {}
        }
    }
    let [found] = kept.as_slice() else { return Ok(None) };
    let only = |module: &Module| {
        let mut uses = instances.iter().filter(|(component, index, _)| {
            (*component, *index) == (module.component, module.index)
        });
        match (uses.next(), uses.next()) {
            (Some((.., instance)), None) => Some(*instance),
            _ => None,
        }
    };
    let Some(instance) = only(found) else { return Ok(None) };
    let others = beside.iter().filter(|module| module.component == found.component);
    let others = others.filter_map(|module| {
        let (bytes, index) = (module.bytes.clone(), module.index);
        // What comes after the state can be given it.
        let instance = only(module).filter(|its| *its > instance)?;
        Some(Other { module: bytes, index, instance })
    });
    let others: Vec<Other> = others.collect();
    Ok((others.len() <= BESIDE).then(|| Found {
        module: found.bytes.clone(),
        component: found.component,
        depth: found.depth,
        instance,
        least,
        others,
    }))
}

/// Whether a variable is a number, and begins with one that is written there.
fn is_plain(global: &Global<'_>) -> bool {
    let number =
        matches!(global.ty.content_type, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64);
    let mut value = global.init_expr.get_operators_reader();
    let written = matches!(
        value.read(),
        Ok(Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. })
    );
    number && !global.ty.shared && written && matches!(value.read(), Ok(Operator::End))
}

/// Whether a section names core modules as anything but the code of an instance. Then
/// their numbers are in more places than are rewritten.
fn hands_modules_on(payload: &Payload<'_>) -> Result<bool> {
    Ok(match payload {
        Payload::ComponentImportSection(section) => {
            any(section.clone(), |import| matches!(import.ty, ComponentTypeRef::Module(_)))?
        }
        Payload::ComponentExportSection(section) => {
            any(section.clone(), |export| export.kind == ComponentExternalKind::Module)?
        }
        Payload::ComponentAliasSection(section) => any(section.clone(), |alias| {
            matches!(
                alias,
                ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. }
                    | ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. }
            )
        })?,
        Payload::ComponentInstanceSection(section) => any(section.clone(), |instance| {
            let is_module = |kind: &ComponentExternalKind| *kind == ComponentExternalKind::Module;
            match instance {
                ComponentInstance::Instantiate { args, .. } => {
                    args.iter().any(|arg| is_module(&arg.kind))
                }
                ComponentInstance::FromExports(exports) => {
                    exports.iter().any(|export| is_module(&export.kind))
                }
            }
        })?,
        _ => false,
    })
}

/// Whether a section names core types of the components around it.
fn looks_for_core_types(payload: &Payload<'_>) -> Result<bool> {
    Ok(match payload {
        Payload::ComponentAliasSection(section) => any(section.clone(), is_outer_core_type)?,
        Payload::ComponentTypeSection(section) => any(section.clone(), type_looks)?,
        Payload::CoreTypeSection(section) => any(section.clone(), core_type_looks)?,
        _ => false,
    })
}

fn is_outer_core_type(alias: &ComponentAlias<'_>) -> bool {
    matches!(alias, ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreType, .. })
}

/// As deep as types lie in each other, which is looked at before.
fn type_looks(ty: &ComponentType<'_>) -> bool {
    match ty {
        ComponentType::Component(declared) => declared.iter().any(|declared| match declared {
            ComponentTypeDeclaration::Alias(alias) => is_outer_core_type(alias),
            ComponentTypeDeclaration::Type(ty) => type_looks(ty),
            ComponentTypeDeclaration::CoreType(ty) => core_type_looks(ty),
            _ => false,
        }),
        ComponentType::Instance(declared) => declared.iter().any(|declared| match declared {
            InstanceTypeDeclaration::Alias(alias) => is_outer_core_type(alias),
            InstanceTypeDeclaration::Type(ty) => type_looks(ty),
            InstanceTypeDeclaration::CoreType(ty) => core_type_looks(ty),
            InstanceTypeDeclaration::Export { .. } => false,
        }),
        _ => false,
    }
}

fn core_type_looks(ty: &CoreType<'_>) -> bool {
    let CoreType::Module(declared) = ty else { return false };
    declared.iter().any(|it| matches!(it, ModuleTypeDeclaration::OuterAlias { .. }))
}

fn any<T>(section: impl IntoIterator<Item = Result<T>>, is: impl Fn(&T) -> bool) -> Result<bool> {
    for item in section {
        if is(&item?) {
            return Ok(true);
        }
    }
    Ok(false)
}
