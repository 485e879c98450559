//! What kinds of things there are to ask for.

use std::fmt;

use serde::Serialize;

/// The kinds of things that a package may ask for: the one vocabulary of manifests,
/// policies, denials and what operators are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CapabilityKind {
    /// Tools of other packages.
    Tools,
    /// Agents.
    Agents,
    /// Secrets, to see or to have sent.
    Secrets,
    /// Environment variables.
    Env,
    /// Hosts.
    Network,
    /// Folders of the workspace.
    Filesystem,
    /// Databases.
    Databases,
    /// Session values that packages share.
    Session,
}

impl CapabilityKind {
    /// Its key in `[capabilities]`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Agents => "agents",
            Self::Secrets => "secrets",
            Self::Env => "env",
            Self::Network => "network",
            Self::Filesystem => "filesystem",
            Self::Databases => "databases",
            Self::Session => "session",
        }
    }

    /// One of them, in a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Tools => "tool",
            Self::Agents => "agent",
            Self::Secrets => "secret",
            Self::Env => "environment variable",
            Self::Network => "host",
            Self::Filesystem => "folder",
            Self::Databases => "database",
            Self::Session => "shared session value",
        }
    }
}

impl fmt::Display for CapabilityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
