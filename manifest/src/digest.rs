//! What a component is known by.

use std::fmt;
use std::str::FromStr;

use crate::text::as_text;

/// How it is written.
const PREFIX: &str = "sha256:";

/// The digest of a component, like `sha256:0a1b…`: SHA-256 in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentDigest(String);

impl ComponentDigest {
    /// The digits alone.
    pub fn as_hex(&self) -> &str {
        &self.0
    }
}

impl FromStr for ComponentDigest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex = text.strip_prefix(PREFIX).unwrap_or(text);
        let digits = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if digits && hex.len() == 64 {
            Ok(Self(hex.to_owned()))
        } else {
            Err(format!(
                "`{text}` is not a digest; `distri inspect` shows it, like \"{PREFIX}0a1b…\""
            ))
        }
    }
}

impl fmt::Display for ComponentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

as_text!(ComponentDigest);
