//! What can be wrong with a manifest, and where.

use std::ops::Range;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, NamedSource, SourceSpan};

/// A manifest that cannot be read or is not valid.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The manifest's path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text is not a valid manifest. The message and the label name the
    /// place, and the help says what was probably meant.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// The manifest, for the excerpt.
        #[source_code]
        source_code: NamedSource<String>,
        /// Where it is wrong.
        #[label("here")]
        span: Option<SourceSpan>,
        /// What to do about it.
        #[help]
        help: Option<String>,
    },
}

impl ManifestError {
    /// An error at `span` (in bytes) of `text`; at its first line where there is none, so
    /// that the file is named all the same.
    pub(crate) fn at(
        path: &Path,
        text: &str,
        span: Option<Range<usize>>,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Self {
        let span = span.unwrap_or(0..text.lines().next().map_or(0, str::len));
        // Of no text there would be no excerpt, and no file's name.
        let text = if text.is_empty() { "\n" } else { text };
        Self::Invalid {
            message: message.into(),
            source_code: NamedSource::new(path.display().to_string(), text.to_owned())
                .with_language("TOML"),
            span: Some(span.into()),
            help,
        }
    }

    /// The line the error is at, counting from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Invalid { source_code, span: Some(span), .. } => {
                let text = source_code.inner();
                let end = span.offset().min(text.len());
                Some(text.get(..end)?.matches('\n').count() + 1)
            }
            _ => None,
        }
    }
}
