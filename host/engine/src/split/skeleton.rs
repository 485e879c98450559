//! A component that imports its state, written anew.

use wasm_encoder::{
    Alias, ComponentAliasSection, ComponentExportKind, ComponentImportSection,
    ComponentOuterAliasKind, ComponentSection as _, ComponentSectionId, ComponentTypeRef,
    CoreTypeSection, EntityType, ExportKind, InstanceSection, ModuleArg, ModuleType, RawSection,
    Section as _,
};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ExternalKind, Instance, Parser, Payload, Result,
};

use super::find::{Found, Other};
use super::module::{Code, FROM, MEMORY};

/// The name that a skeleton imports its state by.
pub const STATE: &str = "state";

/// The state's number, in the outermost component and in the one that has its code: it
/// comes first, and what was there before is one further.
const FIRST: u32 = 0;

/// A component around what is being written.
struct Level {
    component: usize,
    bytes: Vec<u8>,
    /// Core instances so far.
    instances: u32,
}

/// Writes the component with `code` in the place of the module that was found.
pub(super) fn skeleton(wasm: &[u8], found: &Found, code: &Code) -> Result<Vec<u8>> {
    let mut levels: Vec<Level> = Vec::new();
    let mut components = 0;
    let mut in_module = false;
    let mut done = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if in_module {
            in_module = !matches!(payload, Payload::End(_));
            continue;
        }
        if let Payload::Version { range, .. } = &payload {
            let mut bytes = wasm.get(range.clone()).unwrap_or_default().to_vec();
            begin(&mut bytes, components, found, code);
            levels.push(Level { component: components, bytes, instances: 0 });
            components += 1;
            continue;
        }
        let Some(level) = levels.last_mut() else { continue };
        let holds_code = level.component == found.component;
        match &payload {
            Payload::End(_) => {
                let whole = levels.pop().map(|level| level.bytes).unwrap_or_default();
                match levels.last_mut() {
                    None => done = whole,
                    Some(around) => {
                        let id = ComponentSectionId::Component.into();
                        RawSection { id, data: &whole }.append_to(&mut around.bytes);
                    }
                }
            }
            Payload::ModuleSection { unchecked_range, .. } => {
                in_module = true;
                let own = code.modules.iter().find(|(range, _)| range == unchecked_range);
                let data = wasm.get(unchecked_range.clone()).unwrap_or_default();
                let data = own.map_or(data, |(_, code)| code);
                let id = ComponentSectionId::CoreModule.into();
                RawSection { id, data }.append_to(&mut level.bytes);
            }
            Payload::InstanceSection(section) if holds_code || level.component == 0 => {
                let mut instances = InstanceSection::new();
                for instance in section.clone() {
                    let found = holds_code.then_some(found);
                    instantiate(&mut instances, &instance?, (level.instances, found));
                    level.instances += 1;
                }
                instances.append_to_component(&mut level.bytes);
            }
            Payload::ComponentAliasSection(section) if holds_code => {
                let mut aliases = ComponentAliasSection::new();
                for alias in section.clone() {
                    aliases.alias(moved(&alias?, found.instance));
                }
                aliases.append_to_component(&mut level.bytes);
            }
            // The one is written when it ends; the other is a name, or what its toolchain
            // says of itself: another in each, and nothing that is compiled.
            Payload::ComponentSection { .. } | Payload::CustomSection(_) => {}
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    let data = wasm.get(range).unwrap_or_default();
                    RawSection { id, data }.append_to(&mut level.bytes);
                }
            }
        }
    }
    Ok(done)
}

/// What stands first in a component: in the outermost, the state's import; in the one
/// that has its code, where that is another, another name of the same.
fn begin(bytes: &mut Vec<u8>, component: usize, found: &Found, code: &Code) {
    if component == 0 {
        let mut state = ModuleType::new();
        state.export(MEMORY, EntityType::Memory(code.memory));
        for (name, global) in &code.globals {
            state.export(name, EntityType::Global(*global));
        }
        let mut types = CoreTypeSection::new();
        types.ty().module(&state);
        types.append_to_component(bytes);
        let mut imports = ComponentImportSection::new();
        imports.import(STATE, ComponentTypeRef::Module(0));
        imports.append_to_component(bytes);
    } else if component == found.component {
        let mut aliases = ComponentAliasSection::new();
        let (kind, count) = (ComponentOuterAliasKind::CoreModule, found.depth);
        aliases.alias(Alias::Outer { kind, count, index: FIRST });
        aliases.append_to_component(bytes);
    }
}

/// Writes a core instance, the `number`th of its component. Where that is the one in which
/// the memory was `found`, the state's own instance comes before that of its code.
fn instantiate(
    instances: &mut InstanceSection,
    instance: &Instance<'_>,
    (number, found): (u32, Option<&Found>),
) {
    match instance {
        Instance::Instantiate { module_index, args } => {
            let given = args.iter().map(|arg| {
                let index = found.map_or(arg.index, |found| behind(arg.index, found.instance));
                (arg.name, ModuleArg::Instance(index))
            });
            let mut given: Vec<_> = given.collect();
            if let Some(found) = found {
                if number == found.instance {
                    instances.instantiate(FIRST, [] as [(&str, ModuleArg); 0]);
                }
                let uses = |other: &Other| other.instance == number;
                if number == found.instance || found.others.iter().any(uses) {
                    given.push((FROM, ModuleArg::Instance(found.instance)));
                }
            }
            instances.instantiate(module_index.saturating_add(1), given);
        }
        Instance::FromExports(exports) => {
            let items = exports.iter().map(|export| (export.name, kind(export.kind), export.index));
            instances.export_items(items.collect::<Vec<_>>());
        }
    }
}

/// The number of a core instance, with the state's before the one `at`.
fn behind(index: u32, at: u32) -> u32 {
    index.saturating_add(u32::from(index >= at))
}

/// An alias in the component that has the code.
fn moved<'a>(alias: &ComponentAlias<'a>, at: u32) -> Alias<'a> {
    match *alias {
        ComponentAlias::InstanceExport { kind, instance_index: instance, name } => {
            let kind = match kind {
                ComponentExternalKind::Module => ComponentExportKind::Module,
                ComponentExternalKind::Func => ComponentExportKind::Func,
                ComponentExternalKind::Value => ComponentExportKind::Value,
                ComponentExternalKind::Type => ComponentExportKind::Type,
                ComponentExternalKind::Instance => ComponentExportKind::Instance,
                ComponentExternalKind::Component => ComponentExportKind::Component,
            };
            Alias::InstanceExport { instance, kind, name }
        }
        ComponentAlias::CoreInstanceExport { kind: of, instance_index, name } => {
            let instance = behind(instance_index, at);
            Alias::CoreInstanceExport { instance, kind: kind(of), name }
        }
        ComponentAlias::Outer { kind, count, index } => {
            let kind = match kind {
                wasmparser::ComponentOuterAliasKind::CoreModule => {
                    ComponentOuterAliasKind::CoreModule
                }
                wasmparser::ComponentOuterAliasKind::CoreType => ComponentOuterAliasKind::CoreType,
                wasmparser::ComponentOuterAliasKind::Type => ComponentOuterAliasKind::Type,
                wasmparser::ComponentOuterAliasKind::Component => {
                    ComponentOuterAliasKind::Component
                }
            };
            Alias::Outer { kind, count, index }
        }
    }
}

fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}
