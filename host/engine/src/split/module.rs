//! A core module in two: its memory with what lies in it, and all the rest.

use wasm_encoder::{
    Encode as _, EntityType, ExportKind, ExportSection, MemoryType, Module, RawSection, SectionId,
};
use wasmparser::{BinaryReader, DataKind, DataSectionReader, Operator, Parser, Payload, Result};

/// What the rest imports the memory by: the module, and the name in it. The state
/// exports it under the same name.
pub(super) const FROM: &str = "distri:state";
pub(super) const MEMORY: &str = "memory";

/// A module without its state.
pub(super) struct Code {
    pub(super) wasm: Vec<u8>,
    /// The memory that it imports.
    pub(super) memory: MemoryType,
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

/// Data segments as they are encoded, and how many.
#[derive(Default)]
struct Segments {
    count: u32,
    bytes: Vec<u8>,
}

impl Segments {
    fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 5);
        self.count.encode(&mut bytes);
        bytes.extend_from_slice(&self.bytes);
        bytes
    }
}

/// The code and the state of a module with one memory; none when that cannot be told
/// apart. The code wants `least` pages at least, where the memory has as many: what it
/// says of it must not differ from component to component.
pub(super) fn split(wasm: &[u8], least: u64) -> Result<Option<(Code, Vec<u8>)>> {
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
    let (Some((memory, its_bytes)), Some((stays, lies_in_it))) = (memory, data) else {
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
    let Some(wasm) = code(&sections, imported, (&stays, lies_in_it.count))? else {
        return Ok(None);
    };
    let mut state = Module::new();
    let mut exports = ExportSection::new();
    exports.export(MEMORY, ExportKind::Memory, 0);
    state
        .section(&RawSection { id: SectionId::Memory as u8, data: its_bytes })
        .section(&exports)
        .section(&RawSection { id: SectionId::Data as u8, data: &lies_in_it.encoded() });
    Ok(Some((Code { wasm, memory: imported }, state.finish())))
}

/// The data that code may ask for, which stays with it, and that which lies in the memory
/// when it begins. None when the former comes after the latter: the code knows it by its
/// number; or when it is not written where the latter lies.
fn tell_apart(wasm: &[u8], section: DataSectionReader<'_>) -> Result<Option<(Segments, Segments)>> {
    let (mut stays, mut lies) = (Segments::default(), Segments::default());
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
    (stays, taken): (&Segments, u32),
) -> Result<Option<Vec<u8>>> {
    let mut import = Vec::new();
    FROM.encode(&mut import);
    MEMORY.encode(&mut import);
    EntityType::Memory(memory).encode(&mut import);

    let mut code = Module::new();
    let mut imported = false;
    for &(id, content) in sections {
        let comes_before = [SectionId::Custom as u8, SectionId::Type as u8].contains(&id);
        if !imported && !comes_before {
            // Behind those that there are: each keeps its number.
            let there = if id == SectionId::Import as u8 { content } else { &[0] };
            let data = with_one_more(there, &import)?;
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

/// A section's content with one item more at its end.
fn with_one_more(content: &[u8], item: &[u8]) -> Result<Vec<u8>> {
    let mut reader = BinaryReader::new(content, 0);
    let count = reader.read_var_u32()?;
    let mut more = Vec::with_capacity(content.len() + item.len() + 5);
    count.saturating_add(1).encode(&mut more);
    more.extend_from_slice(content.get(reader.current_position()..).unwrap_or_default());
    more.extend_from_slice(item);
    Ok(more)
}
