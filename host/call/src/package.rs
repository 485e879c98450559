//! What a call knows of the package whose plugin it runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use distri_manifest::PackageName;

use crate::Limits;
use crate::counters::Metrics;
use crate::disk::Disk;
use crate::grant::Grant;

/// A package that is loaded: what it may do and how much of it. It knows neither its
/// code nor the host.
pub struct Package {
    /// Its number among all that the host has loaded.
    pub id: u64,
    /// Its name.
    pub name: PackageName,
    /// SHA-256 of its component.
    pub digest: String,
    /// What its calls may use.
    pub limits: Limits,
    /// What it may do.
    pub grant: Grant,
    /// What it has put on disk.
    pub disk: Arc<Disk>,
    /// What its calls are counted by.
    pub metrics: Metrics,
    places: Places,
    writable: OnceLock<Vec<(String, PathBuf)>>,
    /// Set when it is replaced or unloaded: calls under way finish on it.
    retired: AtomicBool,
}

/// Where a package and what it may see lie.
#[derive(Default)]
pub struct Places {
    /// The root of the workspace that its folders lie in.
    pub root: Option<PathBuf>,
    /// Where its sources lie below that, if it is not `plugins/`: a link leads there.
    pub linked: Option<PathBuf>,
}

impl Package {
    /// A package, by its name and the digest of its component.
    pub fn new(
        id: u64,
        (name, digest): (PackageName, String),
        limits: Limits,
        grant: Grant,
        places: Places,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            name,
            digest,
            limits,
            grant,
            disk: Arc::default(),
            metrics: Metrics::default(),
            places,
            writable: OnceLock::new(),
            retired: AtomicBool::new(false),
        })
    }

    /// The root of the workspace that its folders lie in.
    pub fn root(&self) -> Option<&Path> {
        self.places.root.as_deref()
    }

    /// Where its sources lie below the workspace's root, if that is not `plugins/`.
    pub fn linked(&self) -> Option<&Path> {
        self.places.linked.as_deref()
    }

    /// The folders that it may write to: as its manifest names them, and where they are.
    pub fn writable(&self) -> &[(String, PathBuf)] {
        self.writable
            .get_or_init(|| self.root().map(|root| self.grant.writable(root)).unwrap_or_default())
    }

    /// Nothing of it is kept from now on.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Whether it was replaced or unloaded.
    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }
}
