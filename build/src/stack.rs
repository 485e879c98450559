//! From a place in a script back to the place in the source it was bundled from.

use std::path::{Path, PathBuf};

use rolldown_sourcemap::OwnedSourceMap;

use crate::BuildError;

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
}

/// Lines that stand before the bundler's output in a script.
const LINES_BEFORE: usize = 1;

impl StackMap {
    /// Reads a source map. `folder` is the package's.
    pub fn new(source_map: &str, folder: &Path) -> Option<Self> {
        let map = OwnedSourceMap::from_json_string(source_map).ok()?;
        Some(Self { map, folder: folder.to_owned() })
    }

    /// The frames of a stack that lie in files: those of the plugin, not of the
    /// SDK or the engine.
    pub fn frames(&self, stack: &str) -> Vec<Frame> {
        stack.lines().filter_map(|line| self.frame(line)).collect()
    }

    /// A line like `    at execute (userland:12:7)` or `    at userland:3:1`.
    fn frame(&self, line: &str) -> Option<Frame> {
        let text = line.trim().strip_prefix("at ")?;
        let (function, place) = match text.split_once(" (") {
            Some((function, place)) => (function, place.strip_suffix(')')?),
            None => ("", text),
        };
        let mut parts = place.rsplitn(3, ':');
        let column: u32 = parts.next()?.parse().ok()?;
        let line: u32 = parts.next()?.parse().ok()?;
        let line = line.checked_sub(1 + u32::try_from(LINES_BEFORE).ok()?)?;
        let table = self.map.generate_lookup_table();
        let token = self.map.lookup_source_view_token(&table, line, column.checked_sub(1)?)?;
        let source = token.get_source()?;
        // The bundler names sources as seen from an output folder in the package's.
        let file = self.folder.join(source.strip_prefix("../")?).canonicalize().ok()?;
        Some(Frame {
            function: function.to_owned(),
            file,
            line: token.get_src_line() as usize + 1,
            column: token.get_src_col() as usize,
        })
    }

    /// What a script threw, as an error at the source line that threw it, if a
    /// frame of the stack lies in a file.
    pub fn error(&self, message: &str, stack: &str) -> Option<BuildError> {
        let frame = self.frames(stack).into_iter().next()?;
        let text = std::fs::read_to_string(&frame.file).ok()?;
        Some(BuildError::at(&frame.file, text, frame.line, frame.column, message))
    }
}
