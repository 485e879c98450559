//! What the bundler is asked, here or in a process of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is to be bundled.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The workspace's root, without links: nothing outside it is read.
    pub(crate) root: PathBuf,
    /// The package's folder.
    pub(crate) folder: PathBuf,
    /// The module with the plugin.
    pub(crate) entry: PathBuf,
    /// The manifest's import map.
    pub(crate) imports: BTreeMap<String, String>,
    /// Whether each module is parsed alone first, with a word of which it is: to find
    /// out which one a bundler ended at.
    pub(crate) careful: bool,
}
