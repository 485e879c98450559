//! A dynamic library, as its linker needs to know it.

use anyhow::{Context as _, Result, bail};
use wasmparser::{
    CustomSectionReader, Dylink0Subsection, ExternalKind, FuncType, Import, KnownCustom, Parser,
    Payload, TypeRef,
};

/// A module of the tool conventions' kind "dynamic library": it imports its memory, its
/// table, and where in them its part begins.
pub(crate) struct Library<'a> {
    pub(crate) wasm: &'a [u8],
    /// Bytes of memory, and the power of two that they begin at a multiple of.
    pub(crate) memory: (u32, u32),
    /// Entries of the table.
    pub(crate) table: u32,
    pub(crate) imports: Vec<Import<'a>>,
    /// The type of each function that is imported or defined, by its number.
    pub(crate) functions: Vec<u32>,
    pub(crate) types: Vec<FuncType>,
    /// How many globals it defines.
    pub(crate) globals: u32,
    pub(crate) segments: u32,
    /// What others may use of it: functions, by name.
    pub(crate) exports: Vec<(&'a str, u32)>,
    /// What is run first of all.
    pub(crate) start: Option<u32>,
    /// Which component its imports and exports belong to.
    pub(crate) component_types: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Library<'a> {
    pub(crate) fn read(wasm: &'a [u8]) -> Result<Self> {
        let mut library = Self {
            wasm,
            memory: (0, 0),
            table: 0,
            imports: Vec::new(),
            functions: Vec::new(),
            types: Vec::new(),
            globals: 0,
            segments: 0,
            exports: Vec::new(),
            start: None,
            component_types: Vec::new(),
        };
        for payload in Parser::new(0).parse_all(wasm) {
            library.payload(payload?)?;
        }
        Ok(library)
    }

    fn payload(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::CustomSection(section) => self.custom(&section)?,
            Payload::TypeSection(section) => {
                for kind in section.into_iter_err_on_gc_types() {
                    self.types.push(kind?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    if let TypeRef::Func(kind) = import.ty {
                        self.functions.push(kind);
                    }
                    self.imports.push(import);
                }
            }
            Payload::FunctionSection(section) => {
                for kind in section {
                    self.functions.push(kind?);
                }
            }
            Payload::GlobalSection(section) => self.globals = section.count(),
            Payload::DataSection(section) => self.segments = section.count(),
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.exports.push((export.name, export.index));
                    }
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::MemorySection(_) | Payload::TableSection(_) | Payload::TagSection(_) => {
                bail!("a dynamic library has no memory, table or tag of its own")
            }
            _ => {}
        }
        Ok(())
    }

    fn custom(&mut self, section: &CustomSectionReader<'a>) -> Result<()> {
        match section.as_known() {
            KnownCustom::Dylink0(parts) => {
                for part in parts {
                    if let Dylink0Subsection::MemInfo(needs) = part? {
                        self.memory = (needs.memory_size, needs.memory_alignment);
                        self.table = needs.table_size;
                    }
                }
            }
            _ if section.name().starts_with("component-type") => {
                self.component_types.push((section.name(), section.data()));
            }
            _ => {}
        }
        Ok(())
    }

    /// The type of one of its functions.
    pub(crate) fn kind(&self, function: u32) -> Result<&FuncType> {
        let kind = self.functions.get(function as usize).context("no such function")?;
        self.types.get(*kind as usize).context("no such type")
    }

    /// The function that it exports by this name.
    pub(crate) fn export(&self, name: &str) -> Option<u32> {
        let found = self.exports.iter().find(|(exported, _)| *exported == name);
        found.map(|(_, function)| *function)
    }

    /// The functions that it imports: from where, by what name, of which type.
    pub(crate) fn imported(&self) -> impl Iterator<Item = (&'a str, &'a str, u32)> {
        self.imports.iter().filter_map(|import| match import.ty {
            TypeRef::Func(kind) => Some((import.module, import.name, kind)),
            _ => None,
        })
    }

    /// How many functions it defines.
    pub(crate) fn defined(&self) -> Result<u32> {
        Ok(u32::try_from(self.functions.len() - self.imported().count())?)
    }
}
