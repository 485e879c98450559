//! Files and folders that somebody else may have laid out: a repository that was
//! cloned, a cache folder that another user made first. What is opened here is
//! what was looked at: a regular file, of so many bytes at most, without waiting
//! for a FIFO or a device; a folder part by part, without following a link.
//!
//! What a plugin reads and writes while it runs does not come through here: the
//! host gives it folders of its own.

mod folder;
mod overlap;
mod read;

pub use folder::{Entry, Folder, Guard, Stamp, is_own};
pub use overlap::overlaps;
pub use read::{read, read_text, without_mark};
