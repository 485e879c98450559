//! What components share is kept once. Those of one toolchain have the same code, megabytes
//! of it, in each: a large code section is kept by itself, under its digest, and the
//! component as a list of such parts and of the bytes between them. Those are a runtime's
//! memory as it was kept, mostly, which deflates to a fraction.

use std::io::{self, Read as _, Write as _};
use std::ops::Range;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use wasmparser::{Parser, Payload};

/// Least bytes of code that are kept by themselves.
const LEAST: usize = 64 << 10;

/// What a list begins with; the number is that of the format.
const MAGIC: &[u8] = b"distri parts 1\n";

/// Bytes that are in the list itself, behind their length.
const HERE: u8 = 0;

/// A part: its length, and its digest in hexadecimal.
const PART: u8 = 1;

const DIGEST_LEN: usize = 64;

/// A piece of a component.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// The bytes themselves.
    Here(&'a [u8]),
    /// So many bytes with this digest.
    Part(u64, &'a str),
}

/// Where the parts of these bytes are; nowhere in what is no WebAssembly, or has little code.
pub(crate) fn cut(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { return Vec::new() };
        if let Payload::CodeSectionStart { range, .. } = payload
            && range.len() >= LEAST
        {
            parts.push(range);
        }
    }
    parts
}

/// A list of these pieces, deflated.
pub(crate) fn list<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> io::Result<Vec<u8>> {
    let mut list = DeflateEncoder::new(MAGIC.to_vec(), Compression::fast());
    for piece in pieces {
        let (kind, length, content) = match piece {
            Piece::Here(bytes) => (HERE, bytes.len() as u64, bytes),
            Piece::Part(length, digest) => (PART, length, digest.as_bytes()),
        };
        list.write_all(&[kind])?;
        list.write_all(&length.to_le_bytes())?;
        list.write_all(content)?;
    }
    list.finish()
}

/// What is in a list, `max` bytes at most; none when it is damaged or has more.
pub(crate) fn inflate(list: &[u8], max: u64) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    let mut read = DeflateDecoder::new(list.strip_prefix(MAGIC)?).take(max);
    read.read_to_end(&mut inflated).ok()?;
    (inflated.len() as u64).lt(&max).then_some(inflated)
}

/// The pieces of a list that was inflated; none when it is damaged.
pub(crate) fn read(list: &[u8]) -> Option<Vec<Piece<'_>>> {
    let mut rest = list;
    let mut pieces = Vec::new();
    while let Some((&kind, after)) = rest.split_first() {
        let (length, after) = after.split_first_chunk()?;
        let length = u64::from_le_bytes(*length);
        let taken = if kind == PART { DIGEST_LEN } else { usize::try_from(length).ok()? };
        let (content, after) = after.split_at_checked(taken)?;
        pieces.push(match kind {
            HERE => Piece::Here(content),
            PART => Piece::Part(length, std::str::from_utf8(content).ok()?),
            _ => return None,
        });
        rest = after;
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with a code section of so many bytes, and data.
    pub(crate) fn module(code: usize) -> Vec<u8> {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([1, 4, 1, 0x60, 0, 0]);
        wasm.extend([3, 2, 1, 0]);
        let mut body = vec![0];
        body.resize(code, 1);
        body.push(0xb);
        let section = [leb(1), leb(body.len()), body].concat();
        wasm.push(10);
        wasm.extend(leb(section.len()));
        wasm.extend(section);
        wasm
    }

    fn leb(number: usize) -> Vec<u8> {
        let group = |shift: u32, more: usize| u8::try_from(number >> shift & 127 | more).unwrap();
        vec![group(0, 128), group(7, 128), group(14, 0)]
    }

    #[test]
    fn code_is_a_part_and_what_is_small_is_none() {
        let large = module(LEAST);
        let [range] = &*cut(&large) else { panic!("one part") };
        assert!(range.len() > LEAST && range.end == large.len());
        assert!(cut(&module(100)).is_empty());
        assert!(cut(b"a text").is_empty() && cut(b"").is_empty());
        assert!(cut(&large[..large.len() - 1]).is_empty(), "it is not whole");
        // Within a component.
        let component = [b"\0asm\x0d\0\x01\0\x01".as_slice(), &leb(large.len()), &large].concat();
        let [inner] = &*cut(&component) else { panic!("one part") };
        assert_eq!(component[inner.clone()], large[range.clone()]);
    }

    #[test]
    fn a_list_is_read_back_and_what_is_damaged_is_none() {
        let digest = "0123456789abcdef".repeat(4);
        let pieces = || [Piece::Here(b"before"), Piece::Part(1 << 40, &digest), Piece::Here(b"")];
        let kept = list(pieces()).unwrap();
        let whole = inflate(&kept, 1000).unwrap();
        assert_eq!(read(&whole).unwrap(), pieces());
        for end in 0..whole.len() {
            // Where a piece ends, fewer of them are whole too.
            if let Some(fewer) = read(&whole[..end]) {
                assert!(fewer.len() < 3, "{end}");
            }
        }
        assert!(read(&[7; 80]).is_none());
        assert!(inflate(&kept[1..], 1000).is_none() && inflate(b"", 1000).is_none());
        assert!(inflate(&kept[..kept.len() - 1], 1000).is_none());
    }

    #[test]
    fn a_list_that_would_fill_the_memory_is_none() {
        let zeroes = vec![0; 10 << 20];
        let kept = list([Piece::Here(&zeroes)]).unwrap();
        assert!(kept.len() < 100 << 10);
        assert!(inflate(&kept, 1 << 20).is_none() && inflate(&kept, 11 << 20).is_some());
    }
}
