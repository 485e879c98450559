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

/// Most parts of one component: their list is looked at often, and what comes behind it
/// seldom.
const MOST: usize = 256;

/// Most bytes of a list of so many parts.
pub(crate) const MAX_LIST: u64 = 64 << 10;

/// What a list begins with; the number is that of the format.
const FIRST_LINE: &str = "distri parts 1";

/// A part of a component.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it belongs among the bytes that are in no part.
    pub(crate) at: usize,
    pub(crate) length: u64,
    pub(crate) digest: String,
}

/// Where the parts of these bytes are; nowhere in what is no WebAssembly, or has little code.
pub(crate) fn cut(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { return Vec::new() };
        if let Payload::CodeSectionStart { range, .. } = payload
            && range.len() >= LEAST
            && parts.len() < MOST
        {
            parts.push(range);
        }
    }
    parts
}

/// The parts, each on a line of its own, and behind an empty line the rest, deflated.
pub(crate) fn list(parts: &[Part], rest: &[u8]) -> io::Result<Vec<u8>> {
    let mut list = format!("{FIRST_LINE}\n").into_bytes();
    for Part { at, length, digest } in parts {
        writeln!(list, "{at} {length} {digest}")?;
    }
    list.push(b'\n');
    let mut deflated = DeflateEncoder::new(list, Compression::fast());
    deflated.write_all(rest)?;
    deflated.finish()
}

/// The parts of a list, of which this is the beginning at least, and what is behind them;
/// none when it is damaged.
pub(crate) fn read(list: &[u8]) -> Option<(Vec<Part>, &[u8])> {
    let mut rest = list;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(rest.get(..end)?).ok()?;
        rest = rest.get(end + 1..)?;
        Some(line)
    };
    if line()? != FIRST_LINE {
        return None;
    }
    let mut parts = Vec::new();
    loop {
        let line = line()?;
        if line.is_empty() {
            return Some((parts, rest));
        }
        let mut fields = line.split(' ');
        let (at, length, digest) = (fields.next()?, fields.next()?, fields.next()?);
        let (at, length) = (at.parse().ok()?, length.parse().ok()?);
        parts.push(Part { at, length, digest: digest.to_owned() });
    }
}

/// What was deflated, `max` bytes at most; none when it is damaged or has more.
pub(crate) fn inflate(deflated: &[u8], max: u64) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    let mut read = DeflateDecoder::new(deflated).take(max.saturating_add(1));
    read.read_to_end(&mut inflated).ok()?;
    (inflated.len() as u64 <= max).then_some(inflated)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A module with a code section of so many bytes.
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
        let part = |at| Part { at, length: 1 << 40, digest: digest.clone() };
        let parts = [part(0), part(7)];
        let kept = list(&parts, b"the rest").unwrap();
        let (found, rest) = read(&kept).unwrap();
        assert_eq!(found, parts);
        assert_eq!(inflate(rest, 8).unwrap(), b"the rest");
        assert!(inflate(rest, 7).is_none() && inflate(&rest[..rest.len() - 1], 8).is_none());
        // The beginning is enough to know the parts.
        assert_eq!(read(&kept[..kept.len() - rest.len()]).unwrap().0, parts);
        for end in 0..kept.len() - rest.len() {
            assert!(read(&kept[..end]).is_none(), "{end}");
        }
        assert!(read(&kept[1..]).is_none() && read(&[7; 80]).is_none());
    }

    #[test]
    fn a_list_that_would_fill_the_memory_is_none() {
        let kept = list(&[], &vec![0; 10 << 20]).unwrap();
        assert!(kept.len() < 100 << 10);
        let (_, rest) = read(&kept).unwrap();
        assert!(inflate(rest, 1 << 20).is_none() && inflate(rest, 11 << 20).is_some());
    }

    #[test]
    fn the_longest_list_is_within_its_bound() {
        let part = Part { at: usize::MAX, length: u64::MAX, digest: "0".repeat(64) };
        let lines = MOST * format!("{} {} {}\n", part.at, part.length, part.digest).len();
        assert!(((FIRST_LINE.len() + lines + 2) as u64) < MAX_LIST);
    }
}
