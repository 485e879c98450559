//! Checksums of text, as tools.

use distri_guest::{export_plugin, tool};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A checksum.
#[derive(Serialize)]
struct Checksum {
    hex: String,
}

/// The SHA-256 checksum of a text.
#[tool]
fn sha256(
    /// The text, hashed as UTF-8
    text: String,
) -> Checksum {
    Checksum { hex: format!("{:x}", Sha256::digest(text)) }
}

/// The CRC-32 checksum of a text, as in zip and PNG.
#[tool]
fn crc32(
    /// The text, hashed as UTF-8
    text: String,
) -> Checksum {
    Checksum { hex: format!("{:08x}", crc32fast::hash(text.as_bytes())) }
}

export_plugin! { tools: [sha256, crc32] }
