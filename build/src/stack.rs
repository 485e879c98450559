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
    /// In characters, from 0.
    pub column: usize,
}

/// Knows where each part of a script came from.
pub struct StackMap {
    map: OwnedSourceMap,
    folder: PathBuf,
    /// The bundler's output, where it is at hand.
    script: String,
}

/// The most bytes of a file that an error shows an excerpt of: as many as a module has.
const MAX_SOURCE: u64 = 8 << 20;

/// Lines that stand before the bundler's output in a script.
const LINES_BEFORE: usize = 1;

impl StackMap {
    /// Reads a source map. `folder` is the package's.
    pub fn new(source_map: &str, folder: &Path) -> Option<Self> {
        let map = OwnedSourceMap::from_json_string(source_map).ok()?;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Some(Self { map, folder, script: String::new() })
    }

    /// Looks at the script, too, for the places of what the engine does not keep: it
    /// knows that of the last call or variable, and not that of a field read from it.
    #[must_use]
    pub fn with_script(mut self, script: &str) -> Self {
        script.clone_into(&mut self.script);
        self
    }

    /// The frames of the stack of an error with this message that lie in files: those
    /// of the plugin, not of the SDK or the engine.
    pub fn frames(&self, message: &str, stack: &str) -> Vec<Frame> {
        let table = self.map.generate_lookup_table();
        let frame = |(function, line, column): (String, u32, u32)| {
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
        let mut places: Vec<_> = stack.lines().filter_map(place).collect();
        if let Some((function, line, column)) = places.first_mut()
            && let Some(text) = self.script.lines().nth(*line as usize + LINES_BEFORE)
        {
            *column = read::column(text, message, function, *column);
        }
        places.into_iter().filter_map(frame).collect()
    }

    /// From which line and column of the script on it is whose, as stacks count them:
    /// 0 for the SDK's, 1 for an installed package's, 2 for the author's.
    pub(crate) fn owners(&self) -> Vec<(u32, u32, u8)> {
        let mut owners: Vec<(u32, u32, u8)> = Vec::new();
        for token in self.map.get_source_view_tokens() {
            let Some(source) = token.get_source() else { continue };
            let owner = match source {
                _ if source.contains("distri:") || source.contains('\0') => 0,
                _ if source.split('/').any(|part| part == "node_modules") => 1,
                _ => 2,
            };
            if owners.last().is_none_or(|last| last.2 != owner) {
                let line = token.get_dst_line() + 1 + u32::try_from(LINES_BEFORE).unwrap_or(0);
                owners.push((line, token.get_dst_col() + 1, owner));
            }
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

    /// What a script threw, as an error at the source line that threw it, if a
    /// frame of the stack lies in a file.
    pub fn error(&self, message: &str, stack: &str) -> Option<BuildError> {
        let frame = self.frames(message, stack).into_iter().next()?;
        let text = distri_files::read_text(&frame.file, MAX_SOURCE).ok()?;
        Some(BuildError::at(&frame.file, text, frame.line, frame.column, message))
    }
}

/// The function and the place in the bundler's output, both from 0, of a line like
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
    let line = line.checked_sub(1 + u32::try_from(LINES_BEFORE).ok()?)?;
    Some((function.to_owned(), line, column.checked_sub(1)?))
}
