//! What is wrong with a package's sources, in a form that goes from the bundling
//! process to the one that started it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::BuildError;

/// The most bytes of a file that an error shows an excerpt of.
const MAX_SHOWN: u64 = 8 << 20;

/// Something wrong, with its place where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) place: Option<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Absolute.
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 0.
    pub(crate) column: usize,
}

impl Place {
    /// The place of a byte of a text, which has no byte order mark.
    pub(crate) fn of(file: &Path, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        Self { file: file.to_owned(), line, column }
    }

    /// The beginning of a file.
    pub(crate) fn top(file: &Path) -> Self {
        Self { file: file.to_owned(), line: 1, column: 0 }
    }
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, place: None }
    }

    pub(crate) fn at(place: Place, message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, place: Some(place) }
    }

    pub(crate) fn help(self, advice: impl Into<String>) -> Self {
        Self { help: Some(advice.into()), ..self }
    }
}

impl From<Fault> for BuildError {
    fn from(fault: Fault) -> Self {
        let Fault { message, help, place } = fault;
        let error = match place {
            Some(Place { file, line, column }) => match distri_files::read_text(&file, MAX_SHOWN) {
                Ok(text) => Self::at(&file, text, line, column, message),
                Err(_) => Self::other(format!("{}:{line}: {message}", file.display())),
            },
            None => Self::other(message),
        };
        match help {
            Some(help) => error.with_help(help),
            None => error,
        }
    }
}

/// Several as one error.
pub(crate) fn all(faults: Vec<Fault>) -> BuildError {
    BuildError::all(faults.into_iter().map(BuildError::from).collect())
        .unwrap_or_else(|| BuildError::other("the bundler failed without a reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let text = "a\r\nüb\n";
        let place = |offset| {
            let place = Place::of(Path::new("/x"), text, offset);
            (place.line, place.column)
        };
        assert_eq!([place(0), place(3), place(5), place(7)], [(1, 0), (2, 0), (2, 1), (3, 0)]);
        assert_eq!(place(4), (3, 0), "within a character there is no place");
    }
}
