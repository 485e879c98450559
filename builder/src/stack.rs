//! From a place in a script back to the place in the source it was bundled from.

use std::path::{Path, PathBuf};

use rolldown_sourcemap::OwnedSourceMap;

use crate::{BuildError, read};

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The function, if it has a name.
    pub function: String,
    /// The file, absolute.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// In UTF-16 units, as JavaScript counts, from 0.
    pub column: usize,
}

/// Knows where each part of a script came from.
///
/// The engine counts a column in bytes, and a source map in UTF-16 units: the script
/// tells one from the other.
pub struct StackMap {
    map: OwnedSourceMap,
    folder: PathBuf,
    /// With the lines before the bundler's output.
    script: String,
}

/// The most bytes of a file that an error shows an excerpt of: as many as a module has.
const MAX_SOURCE: u64 = 8 << 20;

/// The most stacks of a text that are looked up.
const MAX_STACKS: usize = 8;

/// Lines that stand before the bundler's output in a script.
const LINES_BEFORE: u32 = 1;

impl StackMap {
    /// Reads the source map of a script. `folder` is the package's.
    pub fn new(source_map: &str, script: &str, folder: &Path) -> Option<Self> {
        let map = OwnedSourceMap::from_json_string(source_map).ok()?;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Some(Self { map, folder, script: script.to_owned() })
    }

    /// The frames of the stack of an error with this message that lie in files: those
    /// of the plugin, not of the SDK or the engine.
    pub fn frames(&self, message: &str, stack: &str) -> Vec<Frame> {
        let table = self.map.generate_lookup_table();
        let lines: Vec<&str> = self.script.split('\n').collect();
        let frame = |(at, (function, line, column)): (usize, (String, u32, u32))| {
            let text = lines.get(line as usize)?;
            // The engine knows the place of the last call or variable, and not that of a
            // field read from it.
            let column =
                if at == 0 { read::column(text, message, &function, column) } else { column };
            let column = utf16_units(text, column as usize);
            let line = line.checked_sub(LINES_BEFORE)?;
            let token = self.map.lookup_source_view_token(&table, line, column)?;
            // The bundler names sources as seen from an output folder in the package's.
            let source = token.get_source()?.strip_prefix("../")?;
            let file = self.folder.join(source).canonicalize().ok()?;
            Some(Frame {
                function,
                file,
                line: token.get_src_line() as usize + 1,
                column: token.get_src_col() as usize,
            })
        };
        stack.lines().filter_map(place).enumerate().filter_map(frame).collect()
    }

    /// From which line and column of the script on it is whose, as stacks count them:
    /// 0 for the SDK's, 1 for an installed package's, 2 for the author's.
    pub(crate) fn owners(&self) -> Vec<(u32, u32, u8)> {
        let mut owners: Vec<(u32, u32, u8)> = Vec::new();
        let mut lines = self.script.split('\n').skip(LINES_BEFORE as usize);
        // What is left of the line `at`, and how much of it was seen.
        let (mut rest, mut at) = (lines.next().unwrap_or_default(), 0);
        let (mut units, mut bytes) = (0, 0);
        for token in self.map.get_source_view_tokens() {
            let Some(source) = token.get_source() else { continue };
            let owner = match source {
                _ if source.contains("distri:") || source.contains('\0') => 0,
                _ if source.split('/').any(|part| part == "node_modules") => 1,
                _ => 2,
            };
            if owners.last().is_some_and(|last| last.2 == owner) {
                continue;
            }
            while at < token.get_dst_line() {
                rest = lines.next().unwrap_or_default();
                at += 1;
                (units, bytes) = (0, 0);
            }
            let before = bytes_of(rest, token.get_dst_col().saturating_sub(units));
            units = token.get_dst_col();
            bytes += before;
            rest = rest.get(before..).unwrap_or_default();
            let column = u32::try_from(bytes).unwrap_or(u32::MAX);
            owners.push((token.get_dst_line() + 1 + LINES_BEFORE, column + 1, owner));
        }
        owners
    }

    /// A stack with its frames at their places in files, and without those of the SDK
    /// and the engine; as it was where none lies in a file.
    pub fn mapped(&self, message: &str, stack: &str) -> String {
        let frames = self.frames(message, stack);
        if frames.is_empty() {
            return stack.to_owned();
        }
        let line = |frame: &Frame| {
            let place = format!("{}:{}:{}", frame.file.display(), frame.line, frame.column + 1);
            match frame.function.as_str() {
                "" | "<anonymous>" => format!("    at {place}\n"),
                function => format!("    at {function} ({place})\n"),
            }
        };
        frames.iter().map(line).collect()
    }

    /// A text with its first stacks mapped, each with the line before it as its message.
    pub fn mapped_text(&self, text: &str) -> String {
        let mut mapped = String::with_capacity(text.len());
        let (mut message, mut stack, mut stacks) = ("", String::new(), 0);
        for line in text.split_inclusive('\n').chain([""]) {
            if stacks < MAX_STACKS && place(line).is_some() {
                stack.push_str(line);
                continue;
            }
            if !stack.is_empty() {
                stacks += 1;
                mapped.push_str(&self.mapped(message, &std::mem::take(&mut stack)));
            }
            mapped.push_str(line);
            message = line;
        }
        if !text.ends_with('\n') {
            mapped.truncate(mapped.trim_end_matches('\n').len());
        }
        mapped
    }

    /// What a script threw, as an error at the source line that threw it, if a
    /// frame of the stack lies in a file.
    pub fn error(&self, message: &str, stack: &str) -> Option<BuildError> {
        let frame = self.frames(message, stack).into_iter().next()?;
        let text = distri_files::read_text(&frame.file, MAX_SOURCE).ok()?;
        let line = text.split('\n').nth(frame.line.checked_sub(1)?).unwrap_or_default();
        let before = bytes_of(line, u32::try_from(frame.column).ok()?);
        let column = line.get(..before).map_or(0, |before| before.chars().count());
        Some(BuildError::at(&frame.file, text, frame.line, column, message))
    }
}

/// How many UTF-16 units the first `bytes` of a text have.
fn utf16_units(text: &str, bytes: usize) -> u32 {
    let before = text.get(..text.floor_char_boundary(bytes)).unwrap_or(text);
    u32::try_from(before.encode_utf16().count()).unwrap_or(u32::MAX)
}

/// How many bytes the first UTF-16 `units` of a text have.
fn bytes_of(text: &str, units: u32) -> usize {
    let mut seen = 0;
    let has = |c: &char| {
        let before = seen;
        seen += c.len_utf16();
        before < units as usize
    };
    text.chars().take_while(has).map(char::len_utf8).sum()
}

/// The function and the place in the script, both from 0, of a line like
/// `    at execute (userland:12:7)` or `    at userland:3:1`.
fn place(line: &str) -> Option<(String, u32, u32)> {
    let text = line.trim().strip_prefix("at ")?;
    let (function, place) = match text.split_once(" (") {
        Some((function, place)) => (function, place.strip_suffix(')')?),
        None => ("", text),
    };
    let mut parts = place.rsplitn(3, ':');
    let column: u32 = parts.next()?.parse().ok()?;
    let line: u32 = parts.next()?.parse().ok()?;
    Some((function.to_owned(), line.checked_sub(1)?, column.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_from_utf16_units() {
        let text = "a\u{e9}\u{1f389}b";
        for (bytes, units) in [(0, 0), (1, 1), (3, 2), (7, 4), (8, 5)] {
            assert_eq!(utf16_units(text, bytes), units);
            assert_eq!(bytes_of(text, units), bytes);
        }
        assert_eq!((utf16_units(text, 99), bytes_of(text, 99)), (5, 8));
    }
}
