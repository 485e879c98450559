//! What can go wrong in a build, with the place in the source where there is one.

use std::ops::Range;
use std::path::Path;

use distri_manifest::ManifestError;
use miette::{Diagnostic, NamedSource, SourceSpan};

/// A build that failed.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum BuildError {
    /// The manifest is not valid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Manifest(#[from] ManifestError),
    /// A source file is not valid.
    #[error("{message}")]
    Source {
        /// What is wrong.
        message: String,
        /// The file, for the excerpt.
        #[source_code]
        source_code: NamedSource<String>,
        /// Where it is wrong.
        #[label("here")]
        span: SourceSpan,
        /// What to do about it.
        #[help]
        help: Option<String>,
        /// What else is wrong.
        #[related]
        others: Vec<BuildError>,
    },
    /// Anything without a place in a source.
    #[error("{message}")]
    Other {
        /// What is wrong.
        message: String,
        /// What to do about it.
        #[help]
        help: Option<String>,
        /// What else is wrong.
        #[related]
        others: Vec<BuildError>,
    },
    /// The host refused what was built.
    #[error("{error}")]
    Host {
        /// Why.
        error: distri_host::Error,
        /// What to do about it.
        #[help]
        help: Option<String>,
    },
}

impl BuildError {
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::Other { message: message.into(), help: None, others: Vec::new() }
    }

    pub(crate) fn with_help(self, advice: impl Into<String>) -> Self {
        match self {
            Self::Other { message, others, .. } => {
                Self::Other { message, help: Some(advice.into()), others }
            }
            Self::Source { message, source_code, span, others, .. } => {
                Self::Source { message, source_code, span, help: Some(advice.into()), others }
            }
            this => this,
        }
    }

    /// An error at a line and column (from 1 and 0, in characters) of a file.
    pub(crate) fn at(
        path: &Path,
        text: String,
        line: usize,
        column: usize,
        message: impl Into<String>,
    ) -> Self {
        let span = span_at(&text, line, column);
        Self::Source {
            message: message.into(),
            source_code: NamedSource::new(path.display().to_string(), text),
            span: span.into(),
            help: None,
            others: Vec::new(),
        }
    }

    /// Several errors as one: the first, with the others below it.
    pub(crate) fn all(mut errors: Vec<Self>) -> Option<Self> {
        if errors.is_empty() {
            return None;
        }
        let mut first = errors.remove(0);
        if let Self::Source { others, .. } | Self::Other { others, .. } = &mut first {
            others.extend(errors);
        }
        Some(first)
    }
}

impl From<distri_host::Error> for BuildError {
    fn from(error: distri_host::Error) -> Self {
        Self::Host { help: error.hint().map(str::to_owned), error }
    }
}

impl From<std::io::Error> for BuildError {
    fn from(error: std::io::Error) -> Self {
        Self::other(format!("cannot read or write: {error}"))
    }
}

/// The bytes of the word at a line and column, at least one byte where there is one.
fn span_at(text: &str, line: usize, column: usize) -> Range<usize> {
    let start_of_line: usize =
        text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &text[start_of_line..];
    let offset: usize =
        rest.chars().take(column).take_while(|&c| c != '\n').map(char::len_utf8).sum();
    let start = start_of_line + offset;
    let word: usize = text[start..]
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .map(char::len_utf8)
        .sum();
    let one = text[start..].chars().next().filter(|&c| c != '\n').map_or(0, char::len_utf8);
    start..start + word.max(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_covers_the_word() {
        let text = "let a = 1;\nlet süß = oops;\n";
        assert_eq!(&text[span_at(text, 2, 4)], "süß");
        assert_eq!(&text[span_at(text, 2, 10)], "oops");
        assert_eq!(&text[span_at(text, 1, 6)], "=");
        assert_eq!(&text[span_at(text, 9, 3)], "");
    }
}
