//! What can be wrong with a workspace.

use std::path::PathBuf;

use miette::{Diagnostic, NamedSource, SourceSpan};

/// A workspace that cannot be used, or a file of it.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum WorkspaceError {
    /// The root is not a folder.
    #[error("the workspace `{}` is not a folder", path.display())]
    NoRoot {
        /// The path that was named.
        path: PathBuf,
        /// Where the path came from, and what else could be done.
        #[help]
        help: String,
    },
    /// A file cannot be read or written.
    #[error("cannot use `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An agent's file is not valid.
    #[error("{message}")]
    Agent {
        /// What is wrong.
        message: String,
        /// The file, for the excerpt.
        #[source_code]
        source_code: NamedSource<String>,
        /// Where it is wrong.
        #[label("here")]
        span: Option<SourceSpan>,
        /// What to do about it.
        #[help]
        help: Option<String>,
    },
    /// A package cannot be built.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Build(#[from] distri_builder::BuildError),
    /// The host refused.
    #[error(transparent)]
    Host(#[from] distri_host::Error),
    /// The operator's policy is not valid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Policy(#[from] distri_manifest::ManifestError),
    /// A file of the operator's own cannot be used.
    #[error("{message}")]
    Operator {
        /// What is wrong.
        message: String,
        /// What to do about it.
        #[help]
        help: Option<String>,
    },
    /// Something in `plugins/` has code and is no package.
    #[error("{message}")]
    NoPackage {
        /// What it is.
        message: String,
        /// What would make a package of it.
        #[help]
        help: Option<String>,
    },
    /// Two packages have one name, or packages depend on each other in a circle.
    #[error("{message}")]
    Packages {
        /// What is wrong.
        message: String,
        /// What to do about it.
        #[help]
        help: Option<String>,
    },
}

impl WorkspaceError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
