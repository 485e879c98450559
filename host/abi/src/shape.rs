//! The shape of a stranger's WebAssembly, looked at before anything else parses it:
//! how deep it nests, how much there is of everything, and how much it unfolds to.
//! Parsers recurse over types and keep more of each than its bytes.
//!
//! Looks, without recursion and in time linear to the bytes; whether they are valid
//! is for the parsers to say.

use std::ops::Range;

use distri_call::error::internal;
use distri_call::{Error, ErrorKind, Result};
use wasmparser::{
    BinaryReader, CanonicalFunction, ComponentAlias, ComponentDefinedType, ComponentExternalKind,
    ComponentFuncType, ComponentInstance, ComponentOuterAliasKind, ComponentType,
    ComponentTypeDeclaration, ComponentTypeRef, ComponentValType, CoreType, ElementItems,
    FromReader, InstanceTypeDeclaration, Name, NameSectionReader, Parser, Payload, RecGroup,
    SectionLimited, TypeBounds,
};

/// How deep components, and types of components and instances, may lie in each
/// other. Toolchains need four levels.
const NESTING: usize = 32;

/// The longest chain of definitions that need each other. Real ones are tens long;
/// parsers recurse over them, on a stack with room for many times as many.
const CHAIN: u32 = 500;

/// Types, imports, exports, fields and other things of which parsers keep up to a
/// kilobyte each. A large program written in C++ or Go has a tenth of them.
const ITEMS: usize = 200_000;

/// Functions, elements of tables and other things of which parsers keep little.
const ENTRIES: usize = 2_000_000;

/// Instances that the component unfolds to: one that instantiates another a
/// thousand times, which does so too, is a million of them in a few bytes.
const INSTANCES: u64 = 10_000;

/// Bytes of the stack that a stranger's WebAssembly is parsed on. Only what is used
/// is taken from the machine.
const STACK: usize = 32 << 20;

/// The custom section that holds the names of functions.
const NAMES: &str = "name";

/// The custom sections of a core module that hold components' types.
const COMPONENT_TYPE: &str = "component-type";

/// Checks the shape of a component or core module, and then has `work` parse it, on
/// a stack that has room for all that this lets pass.
///
/// # Errors
///
/// `invalid-component` for what is nested too deeply or has too much of something, and
/// when `work` panics, as parsers do.
pub fn within_bounds<T: Send>(wasm: &[u8], work: impl FnOnce() -> T + Send) -> Result<T> {
    check(wasm)?;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("distri-parse".to_owned()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, work).map_err(internal)?;
        thread.join().map_err(|_| {
            Error::new(
                ErrorKind::InvalidComponent,
                "not a valid component: it is too much for its parser",
            )
        })
    })
}

/// Checks the shape of a component or core module, and of the component types that
/// a core module carries.
///
/// # Errors
///
/// `invalid-component`, as for [`within_bounds`].
pub fn check(wasm: &[u8]) -> Result<()> {
    let mut shape = Shape::default();
    shape.look(wasm, true).map_err(|refused| {
        let message = match refused {
            Refused::Malformed(why) => format!("not a valid component: {why}"),
            Refused::Over(why) => format!("the component {why}"),
        };
        Error::new(ErrorKind::InvalidComponent, message)
    })
}

/// Why bytes are refused.
enum Refused {
    Malformed(String),
    Over(String),
}

impl From<wasmparser::BinaryReaderError> for Refused {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed(error.to_string())
    }
}

type Looked<T = ()> = Result<T, Refused>;

/// What was seen so far.
#[derive(Default)]
struct Shape {
    /// The components and types that what is looked at lies in, outermost first.
    scopes: Vec<Scope>,
    items: usize,
    entries: usize,
}

/// The numbered things of a component, or of the type of one: each with the length
/// of the longest chain of definitions that it begins.
#[derive(Default)]
struct Scope {
    types: Vec<u32>,
    functions: Vec<u32>,
    values: Vec<u32>,
    instances: Vec<u32>,
    components: Vec<Part>,
    longest: u32,
    /// Instances that one of it unfolds to.
    unfolded: u64,
}

/// A component within another.
#[derive(Clone, Copy, Default)]
struct Part {
    chain: u32,
    /// None for one that is only known when its surroundings are instantiated.
    unfolded: Option<u64>,
}

/// A list of declarations, inside a type, that is being read.
enum Open {
    Component(u32),
    Instance(u32),
}

impl Shape {
    /// Looks at everything; at component types in custom sections of a core module
    /// too, if wanted.
    fn look(&mut self, wasm: &[u8], embedded: bool) -> Looked {
        // Whether what is being read is a component, for each level.
        let mut levels: Vec<bool> = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::Version { encoding, .. } => {
                    let component = encoding == wasmparser::Encoding::Component;
                    if levels.len() >= NESTING {
                        return Err(nested("components"));
                    }
                    levels.push(component);
                    if component {
                        self.scopes.push(Scope::default());
                    }
                }
                Payload::End(_) => {
                    if levels.pop() == Some(true) {
                        self.leave_component()?;
                    }
                }
                Payload::CustomSection(section)
                    if embedded
                        && levels == [false]
                        && section.name().starts_with(COMPONENT_TYPE) =>
                {
                    self.look(section.data(), false)?;
                }
                payload => {
                    self.module(&payload, wasm)?;
                    self.component(payload, wasm)?;
                }
            }
        }
        Ok(())
    }

    /// The sections of core modules.
    fn module(&mut self, payload: &Payload<'_>, wasm: &[u8]) -> Looked {
        match payload {
            Payload::TypeSection(section) => {
                let mut reader = reader(wasm, section.range())?;
                for _ in 0..reader.read_var_u32()? {
                    self.rec_group(&mut reader)?;
                }
                Ok(())
            }
            Payload::ImportSection(section) => self.items(section.count()),
            Payload::ExportSection(section) => self.items(section.count()),
            Payload::TableSection(section) => self.items(section.count()),
            Payload::MemorySection(section) => self.items(section.count()),
            Payload::TagSection(section) => self.items(section.count()),
            Payload::DataSection(section) => self.entries(section.count()),
            Payload::FunctionSection(section) => self.entries(section.count()),
            Payload::GlobalSection(section) => self.entries(section.count()),
            Payload::ElementSection(section) => {
                self.entries(section.count())?;
                for element in section.clone() {
                    match element?.items {
                        ElementItems::Functions(items) => self.entries(items.count())?,
                        ElementItems::Expressions(_, items) => self.entries(items.count())?,
                    }
                }
                Ok(())
            }
            Payload::CustomSection(section) if section.name() == NAMES => {
                let reader = BinaryReader::new(section.data(), section.data_offset());
                for names in NameSectionReader::new(reader) {
                    match names {
                        Ok(Name::Function(names)) => self.entries(names.count())?,
                        Ok(_) => {}
                        // Names are for people: what is wrong with them is no matter.
                        Err(_) => break,
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The sections of components.
    fn component(&mut self, payload: Payload<'_>, wasm: &[u8]) -> Looked {
        match payload {
            Payload::ComponentTypeSection(section) => {
                let mut reader = reader(wasm, section.range())?;
                for _ in 0..reader.read_var_u32()? {
                    self.component_type(&mut reader)?;
                }
                Ok(())
            }
            Payload::CoreTypeSection(section) => {
                let mut reader = reader(wasm, section.range())?;
                for _ in 0..reader.read_var_u32()? {
                    self.core_type(&mut reader)?;
                }
                Ok(())
            }
            Payload::ComponentImportSection(section) => {
                self.each(section, |shape, import| shape.declare(import.ty))
            }
            Payload::ComponentExportSection(section) => self.each(section, |shape, export| {
                let (chain, part) = shape.of(export.kind, export.index);
                shape.push(export.kind, chain, part)
            }),
            Payload::ComponentAliasSection(section) => self.each(section, Self::alias),
            Payload::ComponentCanonicalSection(section) => self.each(section, |shape, function| {
                let CanonicalFunction::Lift { type_index, .. } = function else { return Ok(()) };
                let (chain, _) = shape.of(ComponentExternalKind::Type, type_index);
                shape.push(ComponentExternalKind::Func, chain, None)
            }),
            Payload::InstanceSection(section) => self.each(section, |shape, instance| {
                let parts = match instance {
                    wasmparser::Instance::Instantiate { args, .. } => args.len(),
                    wasmparser::Instance::FromExports(exports) => exports.len(),
                };
                shape.items(parts)?;
                shape.unfold(1)
            }),
            Payload::ComponentInstanceSection(section) => self.each(section, Self::instance),
            Payload::ComponentStartSection { start, .. } => {
                for _ in 0..start.results.min(u32::try_from(ITEMS).unwrap_or(u32::MAX)) {
                    self.items(1_u32)?;
                    self.push(ComponentExternalKind::Value, 0, None)?;
                }
                Ok(())
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.items(1_u32),
            _ => Ok(()),
        }
    }

    fn each<'a, T: FromReader<'a>>(
        &mut self,
        section: SectionLimited<'a, T>,
        mut look: impl FnMut(&mut Self, T) -> Looked,
    ) -> Looked {
        for item in section {
            self.items(1_u32)?;
            look(self, item?)?;
        }
        Ok(())
    }

    /// A component ended: it is a part of the one around it.
    fn leave_component(&mut self) -> Looked {
        let Some(scope) = self.scopes.pop() else { return Ok(()) };
        if self.scopes.is_empty() {
            return Ok(());
        }
        let part = Part { chain: scope.longest, unfolded: Some(scope.unfolded) };
        self.push(ComponentExternalKind::Component, scope.longest + 1, part.unfolded)
    }

    #[expect(clippy::needless_pass_by_value, reason = "a section gives it like this")]
    fn alias(&mut self, alias: ComponentAlias<'_>) -> Looked {
        match alias {
            ComponentAlias::InstanceExport { kind, instance_index, .. } => {
                let (chain, _) = self.of(ComponentExternalKind::Instance, instance_index);
                self.push(kind, chain, None)
            }
            ComponentAlias::CoreInstanceExport { .. } => Ok(()),
            ComponentAlias::Outer { kind, count, index } => {
                let kind = match kind {
                    ComponentOuterAliasKind::Type => ComponentExternalKind::Type,
                    ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
                    ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::CoreType => {
                        return Ok(());
                    }
                };
                let (chain, part) = self.of_outer(count, kind, index);
                self.push(kind, chain, part)
            }
        }
    }

    fn instance(&mut self, instance: ComponentInstance<'_>) -> Looked {
        let mut longest = 0;
        match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                self.items(args.len())?;
                let (chain, unfolded) = self.of(ComponentExternalKind::Component, component_index);
                // How often it is unfolded is not known before all is put together.
                let unfolded = unfolded.ok_or_else(|| {
                    Refused::Over("instantiates a component that it is given".to_owned())
                })?;
                self.unfold(unfolded.saturating_add(1))?;
                longest = longest.max(chain);
                for arg in &args {
                    longest = longest.max(self.of(arg.kind, arg.index).0);
                }
            }
            ComponentInstance::FromExports(exports) => {
                self.items(exports.len())?;
                for export in &exports {
                    longest = longest.max(self.of(export.kind, export.index).0);
                }
            }
        }
        self.push(ComponentExternalKind::Instance, longest + 1, None)
    }

    /// An import of a component, or an import or export of a type of one.
    fn declare(&mut self, ty: ComponentTypeRef) -> Looked {
        let chain = match ty {
            ComponentTypeRef::Module(_) | ComponentTypeRef::Type(TypeBounds::SubResource) => 0,
            ComponentTypeRef::Value(ty) => self.value(ty),
            ComponentTypeRef::Func(index)
            | ComponentTypeRef::Type(TypeBounds::Eq(index))
            | ComponentTypeRef::Instance(index)
            | ComponentTypeRef::Component(index) => self.of(ComponentExternalKind::Type, index).0,
        };
        self.push(ty.kind(), chain, None)
    }

    /// A type in the index space of the scope, with all that lies in it.
    fn component_type(&mut self, reader: &mut BinaryReader<'_>) -> Looked {
        let mut open: Vec<Open> = Vec::new();
        loop {
            // A type begins here.
            self.items(1_u32)?;
            let declarations = match peek(reader)? {
                0x41 | 0x42 if open.len() >= NESTING => return Err(nested("types")),
                byte @ (0x41 | 0x42) => {
                    reader.read_u8()?;
                    let count = reader.read_var_u32()?;
                    self.scopes.push(Scope::default());
                    Some(if byte == 0x41 { Open::Component(count) } else { Open::Instance(count) })
                }
                _ => None,
            };
            if let Some(declarations) = declarations {
                open.push(declarations);
            } else {
                let ty: ComponentType<'_> = reader.read()?;
                let chain = self.chain(&ty)?;
                self.push(ComponentExternalKind::Type, chain, None)?;
            }
            // Reads on until another type begins or the first one ended.
            loop {
                let Some(list) = open.last_mut() else { return Ok(()) };
                let (Open::Component(left) | Open::Instance(left)) = list;
                if *left == 0 {
                    open.pop();
                    let longest = self.scopes.pop().map_or(0, |scope| scope.longest);
                    self.push(ComponentExternalKind::Type, longest + 1, None)?;
                    continue;
                }
                *left -= 1;
                let in_component = matches!(list, Open::Component(_));
                match peek(reader)? {
                    0x00 => {
                        reader.read_u8()?;
                        self.core_type(reader)?;
                    }
                    0x01 => {
                        reader.read_u8()?;
                        break;
                    }
                    _ => self.declaration(reader, in_component)?,
                }
            }
        }
    }

    /// A declaration that holds no other.
    fn declaration(&mut self, reader: &mut BinaryReader<'_>, in_component: bool) -> Looked {
        self.items(1_u32)?;
        if in_component {
            match reader.read()? {
                ComponentTypeDeclaration::Import(import) => self.declare(import.ty),
                ComponentTypeDeclaration::Export { ty, .. } => self.declare(ty),
                ComponentTypeDeclaration::Alias(alias) => self.alias(alias),
                ComponentTypeDeclaration::CoreType(_) | ComponentTypeDeclaration::Type(_) => Ok(()),
            }
        } else {
            match reader.read()? {
                InstanceTypeDeclaration::Export { ty, .. } => self.declare(ty),
                InstanceTypeDeclaration::Alias(alias) => self.alias(alias),
                InstanceTypeDeclaration::CoreType(_) | InstanceTypeDeclaration::Type(_) => Ok(()),
            }
        }
    }

    fn core_type(&mut self, reader: &mut BinaryReader<'_>) -> Looked {
        if peek(reader)? == 0x50 {
            // The type of a module: its declarations are counted before they are read.
            let mut ahead = reader.clone();
            ahead.read_u8()?;
            self.items(ahead.read_var_u32()?)?;
            reader.read::<CoreType<'_>>()?;
            return Ok(());
        }
        if peek(reader)? == 0x00 {
            reader.read_u8()?;
        }
        self.rec_group(reader)
    }

    fn rec_group(&mut self, reader: &mut BinaryReader<'_>) -> Looked {
        if peek(reader)? == 0x4e {
            let mut ahead = reader.clone();
            ahead.read_u8()?;
            self.items(ahead.read_var_u32()?)?;
        } else {
            self.items(1_u32)?;
        }
        let group: RecGroup = reader.read()?;
        for ty in group.types() {
            let parts = match &ty.composite_type.inner {
                wasmparser::CompositeInnerType::Func(ty) => ty.params().len() + ty.results().len(),
                wasmparser::CompositeInnerType::Struct(ty) => ty.fields.len(),
                _ => 1,
            };
            // A byte each here, and a few there.
            self.entries(parts)?;
        }
        Ok(())
    }

    /// The chain that a type which holds no declarations begins.
    fn chain(&mut self, ty: &ComponentType<'_>) -> Looked<u32> {
        use ComponentDefinedType as Defined;
        let ty = match ty {
            ComponentType::Func(ComponentFuncType { params, result, .. }) => {
                self.items(params.len())?;
                let params = params.iter().map(|(_, ty)| *ty);
                return Ok(self.longest(params.chain(*result)));
            }
            ComponentType::Defined(ty) => ty,
            ComponentType::Resource { .. }
            | ComponentType::Component(_)
            | ComponentType::Instance(_) => return Ok(1),
        };
        Ok(match ty {
            Defined::Record(fields) => {
                self.items(fields.len())?;
                self.longest(fields.iter().map(|(_, ty)| *ty))
            }
            Defined::Variant(cases) => {
                self.items(cases.len())?;
                self.longest(cases.iter().filter_map(|case| case.ty))
            }
            Defined::Tuple(types) => {
                self.items(types.len())?;
                self.longest(types.iter().copied())
            }
            Defined::Flags(names) | Defined::Enum(names) => {
                self.items(names.len())?;
                1
            }
            Defined::List(ty) | Defined::Option(ty) | Defined::FixedLengthList(ty, _) => {
                self.longest([*ty])
            }
            Defined::Map(key, value) => self.longest([*key, *value]),
            Defined::Result { ok, err } => self.longest(ok.iter().chain(err).copied()),
            Defined::Future(ty) | Defined::Stream(ty) => self.longest(*ty),
            Defined::Own(index) | Defined::Borrow(index) => {
                self.longest([ComponentValType::Type(*index)])
            }
            Defined::Primitive(_) => 1,
        })
    }

    fn longest(&self, types: impl IntoIterator<Item = ComponentValType>) -> u32 {
        types.into_iter().map(|ty| self.value(ty)).max().unwrap_or(0) + 1
    }

    fn value(&self, ty: ComponentValType) -> u32 {
        match ty {
            ComponentValType::Primitive(_) => 0,
            ComponentValType::Type(index) => self.of(ComponentExternalKind::Type, index).0,
        }
    }

    /// The chain of something in this scope, and what a component unfolds to.
    fn of(&self, kind: ComponentExternalKind, index: u32) -> (u32, Option<u64>) {
        self.of_outer(0, kind, index)
    }

    /// The same in a scope further out. What is not there is refused when it is parsed.
    fn of_outer(&self, count: u32, kind: ComponentExternalKind, index: u32) -> (u32, Option<u64>) {
        let scope =
            usize::try_from(count).ok().and_then(|count| self.scopes.iter().nth_back(count));
        let (Some(scope), Ok(index)) = (scope, usize::try_from(index)) else { return (0, None) };
        let chains = match kind {
            ComponentExternalKind::Module => return (0, None),
            ComponentExternalKind::Component => {
                let part = scope.components.get(index).copied().unwrap_or_default();
                return (part.chain, part.unfolded);
            }
            ComponentExternalKind::Func => &scope.functions,
            ComponentExternalKind::Value => &scope.values,
            ComponentExternalKind::Type => &scope.types,
            ComponentExternalKind::Instance => &scope.instances,
        };
        (chains.get(index).copied().unwrap_or(0), None)
    }

    /// One more thing in this scope.
    fn push(&mut self, kind: ComponentExternalKind, chain: u32, unfolded: Option<u64>) -> Looked {
        if chain > CHAIN {
            return Err(Refused::Over(format!(
                "has definitions that need each other in a chain of more than {CHAIN}"
            )));
        }
        let Some(scope) = self.scopes.last_mut() else { return Ok(()) };
        scope.longest = scope.longest.max(chain);
        match kind {
            ComponentExternalKind::Module => {}
            ComponentExternalKind::Component => scope.components.push(Part { chain, unfolded }),
            ComponentExternalKind::Func => scope.functions.push(chain),
            ComponentExternalKind::Value => scope.values.push(chain),
            ComponentExternalKind::Type => scope.types.push(chain),
            ComponentExternalKind::Instance => scope.instances.push(chain),
        }
        Ok(())
    }

    /// So many instances more in this scope.
    fn unfold(&mut self, instances: u64) -> Looked {
        let Some(scope) = self.scopes.last_mut() else { return Ok(()) };
        scope.unfolded = scope.unfolded.saturating_add(instances);
        if scope.unfolded > INSTANCES {
            return Err(Refused::Over(format!("unfolds to more than {INSTANCES} instances")));
        }
        Ok(())
    }

    fn items(&mut self, count: impl TryInto<usize>) -> Looked {
        self.items = self.items.saturating_add(count.try_into().unwrap_or(usize::MAX));
        bounded(self.items, ITEMS, "types, imports, exports and parts of them")
    }

    fn entries(&mut self, count: impl TryInto<usize>) -> Looked {
        self.entries = self.entries.saturating_add(count.try_into().unwrap_or(usize::MAX));
        bounded(self.entries, ENTRIES, "functions, globals, elements and segments")
    }
}

fn bounded(count: usize, max: usize, what: &str) -> Looked {
    if count > max {
        return Err(Refused::Over(format!("has more than {max} {what}")));
    }
    Ok(())
}

fn nested(what: &str) -> Refused {
    Refused::Over(format!("nests {what} more than {NESTING} levels deep"))
}

/// The bytes of a section.
fn reader(wasm: &[u8], range: Range<usize>) -> Looked<BinaryReader<'_>> {
    let start = range.start;
    let bytes = wasm.get(range);
    let bytes = bytes.ok_or_else(|| Refused::Malformed("a section ends too early".to_owned()))?;
    Ok(BinaryReader::new(bytes, start))
}

/// The byte that comes next.
fn peek(reader: &BinaryReader<'_>) -> Looked<u8> {
    Ok(reader.clone().read_u8()?)
}
