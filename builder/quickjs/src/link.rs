//! Dynamic libraries to one module: a static linker.
//!
//! Linked dynamically, each library is an instance of its own, calls go through the table,
//! and every instantiation looks all of it up again. In one module the same calls are
//! direct, what was known only when it was instantiated is a constant, and the table is
//! the module's own, which a runtime fills only where it is used.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result, bail};
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataCountSection, DataSection, ElementSection, Elements,
    EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    ImportSection, Instruction, MemorySection, MemoryType, Module, RefType, StartSection,
    TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{Operator, Parser, Payload, TypeRef};

use crate::library::Library;

const PAGE: u32 = 64 << 10;

/// What the heap, and each library's data, begins at a multiple of at least.
const ALIGNMENT: u32 = 16;

/// The first entry of a table is nobody's: a function's address is never zero.
const FIRST_ENTRY: u32 = 1;

/// What libraries import each other's functions from.
const LIBRARIES: &str = "env";

/// What a library calls the function that writes addresses into its data.
const RELOCATIONS: &str = "__wasm_apply_data_relocs";

/// What it calls the function that initialises it, in one of two ways.
const CONSTRUCTORS: &str = "__wasm_call_ctors";
const INITIALIZE: &str = "_initialize";

/// A function in place of an import that nothing needs once everything is linked.
pub(crate) struct Stub {
    pub(crate) module: &'static str,
    pub(crate) name: &'static str,
    pub(crate) does: &'static [Instruction<'static>],
}

/// How to link.
pub(crate) struct Plan<'a> {
    pub(crate) libraries: &'a [Library<'a>],
    pub(crate) stubs: &'a [Stub],
    /// Bytes of the stack, which lies first.
    pub(crate) stack: u32,
    /// Whether a library's export is one of the module.
    pub(crate) exported: &'a dyn Fn(&str) -> bool,
}

/// What a library's number of a global means in the module.
#[derive(Clone, Copy)]
enum Global {
    Is(u32),
    /// It never changes.
    Constant(i32),
}

/// Where a library's parts are in the module.
#[derive(Default)]
struct Place {
    memory: u32,
    table: u32,
    types: u32,
    segments: u32,
    /// The number of the first function that it defines.
    first: u32,
    functions: Vec<u32>,
    globals: Vec<Global>,
}

/// One module of all libraries.
pub(crate) fn link(plan: &Plan<'_>) -> Result<Vec<u8>> {
    let libraries = plan.libraries;
    let mut places: Vec<Place> = libraries.iter().map(|_| Place::default()).collect();
    let heap = lay_out(plan, &mut places);
    let mut imports = ImportSection::new();
    let (stubs, start) = number_functions(plan, &mut places, &mut imports)?;
    let entries = places.iter().zip(libraries).map(|(place, library)| place.table + library.table);
    let entries = entries.max().unwrap_or(FIRST_ENTRY);

    let mut module = Sections::default();
    let addressed = module.shared_globals(plan, &mut places, heap, entries)?;
    for (library, place) in libraries.iter().zip(&places) {
        module.add(library, place)?;
    }
    for wanted in stubs {
        module.functions.function(wanted.kind);
        module.code.function(&body(wanted.stub.does.iter().cloned()));
    }
    let names = libraries.iter().flat_map(|library| &library.exports).map(|(name, _)| *name);
    let wanted = |name: &&str| *name != INITIALIZE && (plan.exported)(name);
    for name in names.filter(wanted).collect::<BTreeSet<_>>() {
        let function = plan.exported_function(&places, name)?;
        module.exports.export(name, ExportKind::Func, function);
    }
    // What a module needs before anything of it runs, and what it does first, when what it
    // imports can be called.
    module.all(plan, &places, |library| vec![library.start, library.export(RELOCATIONS)])?;
    module.all(plan, &places, |library| {
        vec![library.export(CONSTRUCTORS), library.export(INITIALIZE)]
    })?;
    module.exports.export(INITIALIZE, ExportKind::Func, start + 1);
    let size = u64::from(entries) + addressed.len() as u64;
    let table = TableType {
        element_type: RefType::FUNCREF,
        minimum: size,
        maximum: Some(size),
        table64: false,
        shared: false,
    };
    if !addressed.is_empty() {
        let offset = ConstExpr::i32_const(entries.cast_signed());
        module.elements.active(None, &offset, Elements::Functions(addressed.into()));
    }
    let memory = MemoryType {
        minimum: u64::from(heap.div_ceil(PAGE)),
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    module.exports.export("memory", ExportKind::Memory, 0);

    let mut linked = Module::new();
    linked
        .section(&module.types)
        .section(&imports)
        .section(&module.functions)
        .section(TableSection::new().table(table))
        .section(MemorySection::new().memory(memory))
        .section(&module.globals)
        .section(&module.exports)
        .section(&StartSection { function_index: start })
        .section(&module.elements)
        .section(&DataCountSection { count: module.data.len() })
        .section(&module.code)
        .section(&module.data);
    for (name, data) in libraries.iter().flat_map(|library| &library.component_types) {
        linked.section(&CustomSection { name: (*name).into(), data: (*data).into() });
    }
    Ok(linked.finish())
}

/// Gives each library its memory and its entries of the table; returns where the heap begins.
fn lay_out(plan: &Plan<'_>, places: &mut [Place]) -> u32 {
    let (mut memory, mut table) = (plan.stack, FIRST_ENTRY);
    for (library, place) in plan.libraries.iter().zip(places) {
        let (size, power) = library.memory;
        memory = memory.next_multiple_of(ALIGNMENT.max(1 << power));
        (place.memory, place.table) = (memory, table);
        memory += size;
        table += library.table;
    }
    memory.next_multiple_of(ALIGNMENT)
}

/// A stub that is wanted, and its type in the module.
struct Wanted<'a> {
    stub: &'a Stub,
    kind: u32,
}

/// Numbers the functions of all libraries: first what is imported, each once, then what is
/// defined, then the stubs. Returns those, and the first number that is free.
fn number_functions<'a>(
    plan: &Plan<'a>,
    places: &mut [Place],
    imports: &mut ImportSection,
) -> Result<(Vec<Wanted<'a>>, u32)> {
    let mut types = 0;
    let mut numbers: HashMap<(&str, &str), u32> = HashMap::new();
    for (place, library) in places.iter_mut().zip(plan.libraries) {
        place.types = types;
        types += u32::try_from(library.types.len())?;
        for (module, name, kind) in library.imported() {
            let linked = module == LIBRARIES || plan.stub(module, name).is_some();
            if !linked && !numbers.contains_key(&(module, name)) {
                numbers.insert((module, name), imports.len());
                imports.import(module, name, EntityType::Function(place.types + kind));
            }
        }
    }
    let mut next = imports.len();
    for (place, library) in places.iter_mut().zip(plan.libraries) {
        place.first = next;
        next += library.defined()?;
    }
    let mut stubs = Vec::new();
    for (at, library) in plan.libraries.iter().enumerate() {
        let mut functions = Vec::new();
        for (module, name, kind) in library.imported() {
            functions.push(if module == LIBRARIES {
                plan.exported_function(places, name)?
            } else if let Some(stub) = plan.stub(module, name) {
                stubs.push(Wanted { stub, kind: places[at].types + kind });
                next += 1;
                next - 1
            } else {
                numbers[&(module, name)]
            });
        }
        functions.extend(places[at].first..places[at].first + library.defined()?);
        places[at].functions = functions;
    }
    Ok((stubs, next))
}

/// The module's sections, in the making.
#[derive(Default)]
struct Sections {
    types: TypeSection,
    functions: FunctionSection,
    globals: GlobalSection,
    exports: ExportSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
    /// How many types there are.
    kinds: u32,
}

impl Sections {
    /// What the libraries import as globals: the stack's pointer and addresses. Returns the
    /// functions whose addresses they want, in the order of the table behind `entries`.
    fn shared_globals(
        &mut self,
        plan: &Plan<'_>,
        places: &mut [Place],
        heap: u32,
        entries: u32,
    ) -> Result<Vec<u32>> {
        let mut shared: HashMap<(&str, &str), u32> = HashMap::new();
        let mut addressed = Vec::new();
        for (at, library) in plan.libraries.iter().enumerate() {
            for import in &library.imports {
                let TypeRef::Global(_) = import.ty else { continue };
                let value = match (import.module, import.name) {
                    ("env", "__memory_base") => {
                        let base = Global::Constant(places[at].memory.cast_signed());
                        places[at].globals.push(base);
                        continue;
                    }
                    ("env", "__table_base") => {
                        let base = Global::Constant(places[at].table.cast_signed());
                        places[at].globals.push(base);
                        continue;
                    }
                    ("env", "__stack_pointer") => plan.stack,
                    ("GOT.mem", "__heap_base") => heap,
                    ("GOT.mem", "__heap_end") => heap.next_multiple_of(PAGE),
                    ("GOT.func", name) => {
                        addressed.push(plan.exported_function(places, name)?);
                        entries + u32::try_from(addressed.len() - 1)?
                    }
                    (module, name) => bail!("what is the global `{name}` of `{module}`?"),
                };
                let number = *shared.entry((import.module, import.name)).or_insert_with(|| {
                    let kind = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
                    self.globals.global(kind, &ConstExpr::i32_const(value.cast_signed()));
                    self.globals.len() - 1
                });
                places[at].globals.push(Global::Is(number));
            }
        }
        let mut next = self.globals.len();
        for (place, library) in places.iter_mut().zip(plan.libraries) {
            place.globals.extend((next..next + library.globals).map(Global::Is));
            next += library.globals;
        }
        let mut segments = 0;
        for (place, library) in places.iter_mut().zip(plan.libraries) {
            place.segments = segments;
            segments += library.segments;
        }
        Ok(addressed)
    }

    /// All of a library but what it exports.
    fn add(&mut self, library: &Library<'_>, place: &Place) -> Result<()> {
        let mut place = Renumbered(place);
        for payload in Parser::new(0).parse_all(library.wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    place.parse_type_section(&mut self.types, section)?;
                }
                Payload::FunctionSection(section) => {
                    place.parse_function_section(&mut self.functions, section)?;
                }
                Payload::GlobalSection(section) => {
                    place.parse_global_section(&mut self.globals, section)?;
                }
                Payload::ElementSection(section) => {
                    place.parse_element_section(&mut self.elements, section)?;
                }
                Payload::CodeSectionEntry(body) => {
                    place.parse_function_body(&mut self.code, body)?;
                }
                Payload::DataSection(section) => {
                    place.parse_data_section(&mut self.data, section)?;
                }
                _ => {}
            }
        }
        self.kinds += u32::try_from(library.types.len())?;
        Ok(())
    }

    /// Adds a function that runs some of the libraries' own, in their order.
    fn all<'a>(
        &mut self,
        plan: &Plan<'a>,
        places: &[Place],
        which: impl Fn(&Library<'a>) -> Vec<Option<u32>>,
    ) -> Result<()> {
        let mut calls = Vec::new();
        for (library, place) in plan.libraries.iter().zip(places) {
            for function in which(library).into_iter().flatten() {
                let kind = library.kind(function)?;
                if !kind.params().is_empty() || !kind.results().is_empty() {
                    bail!("what initialises a library takes something, or returns it");
                }
                calls.push(Instruction::Call(place.function(function)?));
            }
        }
        self.types.ty().function([], []);
        self.functions.function(self.kinds);
        self.kinds += 1;
        self.code.function(&body(calls));
        Ok(())
    }
}

/// A function without locals.
fn body(instructions: impl IntoIterator<Item = Instruction<'static>>) -> Function {
    let mut body = Function::new([]);
    for instruction in instructions {
        body.instruction(&instruction);
    }
    body.instruction(&Instruction::End);
    body
}

impl<'a> Plan<'a> {
    fn stub(&self, module: &str, name: &str) -> Option<&'a Stub> {
        self.stubs.iter().find(|stub| stub.module == module && stub.name == name)
    }

    /// The number of the function that some library exports.
    fn exported_function(&self, places: &[Place], name: &str) -> Result<u32> {
        for (library, place) in self.libraries.iter().zip(places) {
            let imported = u32::try_from(library.imported().count())?;
            // One may export again what it has from another.
            if let Some(defined) = library.export(name).and_then(|at| at.checked_sub(imported)) {
                return Ok(place.first + defined);
            }
        }
        bail!("no library has `{name}`")
    }
}

impl Place {
    fn function(&self, number: u32) -> Result<u32> {
        self.functions.get(number as usize).copied().context("no such function")
    }
}

/// A library's numbers as the module's.
struct Renumbered<'a>(&'a Place);

impl Reencode for Renumbered<'_> {
    type Error = Unknown;

    fn type_index(&mut self, kind: u32) -> Result<u32, Fault> {
        Ok(self.0.types + kind)
    }

    fn function_index(&mut self, function: u32) -> Result<u32, Fault> {
        let found = self.0.functions.get(function as usize).copied();
        found.ok_or(Fault::UserError(Unknown("function", function)))
    }

    fn global_index(&mut self, global: u32) -> Result<u32, Fault> {
        match self.0.globals.get(global as usize) {
            Some(Global::Is(number)) => Ok(*number),
            _ => Err(Fault::UserError(Unknown("variable", global))),
        }
    }

    fn data_index(&mut self, segment: u32) -> Result<u32, Fault> {
        Ok(self.0.segments + segment)
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>, Fault> {
        if let Operator::GlobalGet { global_index } = operator
            && let Some(Global::Constant(value)) = self.0.globals.get(global_index as usize)
        {
            return Ok(Instruction::I32Const(*value));
        }
        utils::instruction(self, operator)
    }

    /// A sum of constants is one: a runtime lays out beforehand what begins at one.
    fn const_expr(&mut self, expression: wasmparser::ConstExpr<'_>) -> Result<ConstExpr, Fault> {
        let mut sum = Some(0_i32);
        for operator in expression.get_operators_reader() {
            let term = match self.instruction(operator?)? {
                Instruction::I32Const(value) => Some(value),
                Instruction::I32Add | Instruction::End => Some(0),
                _ => None,
            };
            sum = sum.zip(term).map(|(sum, term)| sum.wrapping_add(term));
        }
        match sum {
            Some(sum) => Ok(ConstExpr::i32_const(sum)),
            None => utils::const_expr(self, expression),
        }
    }
}

type Fault = reencode::Error<Unknown>;

/// A number that means nothing in a library.
#[derive(Debug)]
struct Unknown(&'static str, u32);

impl std::error::Error for Unknown {}

impl std::fmt::Display for Unknown {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "there is no {} {}", self.0, self.1)
    }
}
