//! A core module in two: its memory with what lies in it, and all the rest. And modules beside
//! it without their variables, which are the state's too.

use std::ops::Range;

use wasm_encoder::{
    Encode as _, EntityType, ExportKind, ExportSection, GlobalType, MemoryType, Module, RawSection,
    SectionId, ValType,
};
use wasmparser::{
    BinaryReader, DataKind, DataSectionReader, GlobalSectionReader, Operator, Parser, Payload,
    Result,
};

use super::find::Found;

/// What the rest imports the memory by: the module, and the name in it. The state
/// exports it under the same name.
pub(super) const FROM: &str = "distri:state";
pub(super) const MEMORY: &str = "memory";

/// Modules without their state.
pub(super) struct Code {
    /// Where each was, and what is in its place.
    pub(super) modules: Vec<(Range<usize>, Vec<u8>)>,
    /// The memory that they import.
    pub(super) memory: MemoryType,
    /// The variables that they import, and their names.
    pub(super) globals: Vec<(String, GlobalType)>,
}

/// The sections of a module in the order that they have to have.
const ORDER: [SectionId; 13] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Tag,
    SectionId::Global,
    SectionId::Export,
    SectionId::Start,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

/// Items of a section as they are encoded, and how many.
#[derive(Default)]
struct Items {
    count: u32,
    bytes: Vec<u8>,
}

impl Items {
    fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 5);
        self.count.encode(&mut bytes);
        bytes.extend_from_slice(&self.bytes);
        bytes
    }
}

/// The code and the state of the modules that were found; none when they cannot be told
/// apart.
pub(super) fn split(component: &[u8], found: &Found) -> Result<Option<(Code, Vec<u8>)>> {
    let bytes = |range: &Range<usize>| component.get(range.clone()).unwrap_or_default();
    let Some(kept) = kept(bytes(&found.module), found.least)? else { return Ok(None) };
    let mut code = Code {
        modules: vec![(found.module.clone(), kept.code)],
        memory: kept.memory,
        globals: Vec::new(),
    };
    let mut globals = Items::default();
    for other in &found.others {
        let name = |number: usize| format!("{} {number}", other.index);
        let Some(beside) = beside(bytes(&other.module), name)? else { return Ok(None) };
        code.modules.push((other.module.clone(), beside.code));
        code.globals.extend(beside.globals);
        globals.count += beside.values.count;
        globals.bytes.extend(beside.values.bytes);
    }
    let mut exports = ExportSection::new();
    exports.export(MEMORY, ExportKind::Memory, 0);
    for ((name, _), number) in code.globals.iter().zip(0..) {
        exports.export(name, ExportKind::Global, number);
    }
    let mut state = Module::new();
    state.section(&RawSection { id: SectionId::Memory as u8, data: kept.its_memory });
    if globals.count > 0 {
        state.section(&RawSection { id: SectionId::Global as u8, data: &globals.encoded() });
    }
    state
        .section(&exports)
        .section(&RawSection { id: SectionId::Data as u8, data: &kept.data.encoded() });
    Ok(Some((code, state.finish())))
}

/// A module whose memory was kept, without it.
struct Kept<'a> {
    code: Vec<u8>,
    /// The memory that it imports.
    memory: MemoryType,
    /// The section that had the memory, and what lies in that.
    its_memory: &'a [u8],
    data: Items,
}

/// It wants `least` pages at least, where the memory has as many: what it says of it must
/// not differ from component to component.
fn kept(wasm: &[u8], least: u64) -> Result<Option<Kept<'_>>> {
    let mut sections: Vec<(u8, &[u8])> = Vec::new();
    let (mut memory, mut data) = (None, None);
    let mut order = ORDER.into_iter();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        let content = wasm.get(range).unwrap_or_default();
        // What stands in the wrong place must not become right by being taken out.
        if id != SectionId::Custom as u8 && !order.any(|next| next as u8 == id) {
            return Ok(None);
        }
        match payload {
            Payload::MemorySection(section) => {
                let mut memories = section.into_iter();
                let (Some(only), None) = (memories.next(), memories.next()) else {
                    return Ok(None);
                };
                memory = Some((only?, content));
            }
            Payload::DataSection(section) => {
                let Some(told) = tell_apart(wasm, section)? else { return Ok(None) };
                data = Some(told);
            }
            _ => sections.push((id, content)),
        }
    }
    let (Some((memory, its_memory)), Some((stays, data))) = (memory, data) else {
        return Ok(None);
    };
    if memory.memory64 || memory.shared || memory.page_size_log2.is_some() {
        return Ok(None);
    }
    let imported = MemoryType {
        minimum: least.min(memory.initial),
        maximum: memory.maximum,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    let code = code(&sections, imported, (&stays, data.count))?;
    Ok(code.map(|code| Kept { code, memory: imported, its_memory, data }))
}

/// A module without its variables.
struct Beside {
    code: Vec<u8>,
    /// Those that it imports.
    globals: Vec<(String, GlobalType)>,
    /// What they begin with, as it was encoded.
    values: Items,
}

/// It imports the variables that it had, each by its name: behind those that it imported
/// before, so that each keeps its number. None for a module whose sections are not in order.
fn beside(wasm: &[u8], name: impl Fn(usize) -> String) -> Result<Option<Beside>> {
    let mut sections: Vec<(u8, &[u8])> = Vec::new();
    let (mut globals, mut values) = (Vec::new(), Items::default());
    let mut order = ORDER.into_iter();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        if id != SectionId::Custom as u8 && !order.any(|next| next as u8 == id) {
            return Ok(None);
        }
        let content = wasm.get(range).unwrap_or_default();
        if let Payload::GlobalSection(section) = payload {
            globals =
                types(section)?.into_iter().enumerate().map(|(at, ty)| (name(at), ty)).collect();
            let mut reader = BinaryReader::new(content, 0);
            values.count = reader.read_var_u32()?;
            values.bytes = content.get(reader.current_position()..).unwrap_or_default().to_vec();
        } else {
            sections.push((id, content));
        }
    }
    let mut imports = Items::default();
    for (name, ty) in &globals {
        FROM.encode(&mut imports.bytes);
        name.encode(&mut imports.bytes);
        EntityType::Global(*ty).encode(&mut imports.bytes);
        imports.count += 1;
    }
    let mut code = Module::new();
    for (id, content) in sections {
        if id == SectionId::Import as u8 {
            let data = with_more(content, &imports)?;
            code.section(&RawSection { id, data: &data });
        } else {
            code.section(&RawSection { id, data: content });
        }
    }
    Ok(Some(Beside { code: code.finish(), globals, values }))
}

/// The types of variables, which are all numbers.
fn types(section: GlobalSectionReader<'_>) -> Result<Vec<GlobalType>> {
    section
        .into_iter()
        .map(|global| {
            let ty = global?.ty;
            let val_type = match ty.content_type {
                wasmparser::ValType::I64 => ValType::I64,
                wasmparser::ValType::F32 => ValType::F32,
                wasmparser::ValType::F64 => ValType::F64,
                _ => ValType::I32,
            };
            Ok(GlobalType { val_type, mutable: ty.mutable, shared: false })
        })
        .collect()
}

/// The data that code may ask for, which stays with it, and that which lies in the memory
/// when it begins. None when the former comes after the latter: the code knows it by its
/// number; or when it is not written where the latter lies.
fn tell_apart(wasm: &[u8], section: DataSectionReader<'_>) -> Result<Option<(Items, Items)>> {
    let (mut stays, mut lies) = (Items::default(), Items::default());
    for segment in section {
        let segment = segment?;
        let to = match segment.kind {
            DataKind::Passive if lies.count > 0 => return Ok(None),
            DataKind::Passive => &mut stays,
            DataKind::Active { offset_expr, .. } => {
                let mut place = offset_expr.get_operators_reader();
                let fixed = matches!(place.read()?, Operator::I32Const { .. })
                    && matches!(place.read()?, Operator::End);
                if !fixed {
                    return Ok(None);
                }
                &mut lies
            }
        };
        to.count += 1;
        to.bytes.extend_from_slice(wasm.get(segment.range).unwrap_or_default());
    }
    Ok(Some((stays, lies)))
}

/// The module of these sections, with an imported memory. None when it was wrong in how
/// many data segments it said it has.
fn code(
    sections: &[(u8, &[u8])],
    memory: MemoryType,
    (stays, taken): (&Items, u32),
) -> Result<Option<Vec<u8>>> {
    let mut import = Items { count: 1, ..Items::default() };
    FROM.encode(&mut import.bytes);
    MEMORY.encode(&mut import.bytes);
    EntityType::Memory(memory).encode(&mut import.bytes);

    let mut code = Module::new();
    let mut imported = false;
    for &(id, content) in sections {
        let comes_before = [SectionId::Custom as u8, SectionId::Type as u8].contains(&id);
        if !imported && !comes_before {
            // Behind those that there are: each keeps its number.
            let there = if id == SectionId::Import as u8 { content } else { &[0] };
            let data = with_more(there, &import)?;
            code.section(&RawSection { id: SectionId::Import as u8, data: &data });
            imported = true;
        }
        if id == SectionId::Import as u8 {
            continue;
        }
        if id == SectionId::DataCount as u8 {
            let mut reader = BinaryReader::new(content, 0);
            if reader.read_var_u32()? != stays.count.saturating_add(taken) {
                return Ok(None);
            }
            let mut count = Vec::new();
            stays.count.encode(&mut count);
            code.section(&RawSection { id, data: &count });
            continue;
        }
        code.section(&RawSection { id, data: content });
    }
    if stays.count > 0 {
        code.section(&RawSection { id: SectionId::Data as u8, data: &stays.encoded() });
    }
    // With no code there is nothing to share.
    Ok(imported.then(|| code.finish()))
}

/// A section's content with more items at its end.
fn with_more(content: &[u8], items: &Items) -> Result<Vec<u8>> {
    let mut reader = BinaryReader::new(content, 0);
    let count = reader.read_var_u32()?;
    let mut more = Vec::with_capacity(content.len() + items.bytes.len() + 5);
    count.saturating_add(items.count).encode(&mut more);
    more.extend_from_slice(content.get(reader.current_position()..).unwrap_or_default());
    more.extend_from_slice(&items.bytes);
    Ok(more)
}
