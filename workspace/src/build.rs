//! Building a whole workspace into its catalog.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use distri_builder::{Built, Package};
use distri_host::{Artifact, ArtifactStore, Catalog, ErrorKind, Host};
use distri_manifest::PackageName;
use tokio::task::JoinSet;

use crate::{Result, Workspace, WorkspaceError};

/// The file that a build holds while it runs.
const LOCK: &str = "build.lock";

/// What happens during a build, for a progress display.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildEvent<'a> {
    /// Another build of this workspace is under way; this one goes on after it.
    Waiting,
    /// The script engine is being compiled, which happens once per machine.
    PreparingEngine,
    /// A package's build begins.
    Started(&'a PackageName),
    /// A package can be called from now on.
    Callable(&'a PackageBuild),
    /// A package that did not change had no image in the cache any more: it was compiled
    /// again, in so long.
    Compiled(&'a PackageName, Duration),
    /// A package could not be built; its older build stays.
    Failed(&'a str, &'a WorkspaceError),
    /// A damaged catalog was moved here.
    CatalogSetAside(PathBuf),
}

/// What a build did with one package.
#[derive(Debug)]
pub struct PackageBuild {
    /// What is in the catalog now.
    pub artifact: Artifact,
    /// Whether it is the one from before, because nothing changed.
    pub unchanged: bool,
    /// From the beginning of the build until the package could be called.
    pub callable: Duration,
    /// How long its image took then; none where it was there.
    pub compiled: Option<Duration>,
}

/// What a build left behind.
#[derive(Debug)]
pub struct BuildReport {
    /// The packages that are in the catalog now.
    pub packages: Vec<PackageBuild>,
    /// What could not be built, by package or folder, and why.
    pub failed: Vec<(String, WorkspaceError)>,
}

impl Workspace {
    /// Builds every package that changed, those that others depend on first,
    /// and replaces the catalog. A package that fails keeps its older build.
    /// One build of a workspace runs at a time; a second one waits.
    ///
    /// # Errors
    ///
    /// When the workspace itself cannot be read or written. What is wrong with
    /// single packages is in the report.
    pub async fn build(
        &self,
        host: &Host,
        mut on: impl FnMut(BuildEvent<'_>),
    ) -> Result<BuildReport> {
        let began = Instant::now();
        let store = self.store();
        let found = self.packages()?;
        let mut report = BuildReport { packages: Vec::new(), failed: Vec::new() };
        if found.is_empty() && std::fs::symlink_metadata(store.folder()).is_err() {
            // Nothing is left in a folder that is no workspace.
            return Ok(report);
        }
        let _lock = lock(&store, || on(BuildEvent::Waiting)).await?;
        let mut before = match store.catalog() {
            Ok(catalog) => catalog,
            Err(error) if error.kind() == ErrorKind::InvalidComponent => {
                let aside =
                    store.set_aside_catalog().map_err(WorkspaceError::io(store.folder()))?;
                on(BuildEvent::CatalogSetAside(aside));
                Catalog::default()
            }
            Err(error) => return Err(error.into()),
        };
        self.drop_leftovers(&mut before)?;
        let builder = self.builder(host);
        let fail =
            |report: &mut BuildReport, on: &mut dyn FnMut(BuildEvent<'_>), name: String, error| {
                on(BuildEvent::Failed(&name, &error));
                report.failed.push((name, error));
            };

        let mut packages = Vec::new();
        for package in found {
            match package {
                Ok(package) => packages.push(package),
                Err(error) => fail(&mut report, &mut on, String::new(), error),
            }
        }
        if packages.iter().any(is_typescript) && !builder.is_typescript_ready()? {
            on(BuildEvent::PreparingEngine);
            builder.prepare_typescript().await?;
        }

        // The old catalog with each package replaced as it is built: what fails
        // keeps its older build, what is gone from the workspace is gone from it, and so
        // are records that are not this user's.
        let mut catalog = before.clone();
        catalog.refused.clear();
        for layer in layers(packages)? {
            let mut running: JoinSet<(PackageName, Result<Built, distri_builder::BuildError>)> =
                JoinSet::new();
            for package in layer {
                on(BuildEvent::Started(&package.manifest.package));
                let builder = builder.clone();
                let old = before.packages.get(&package.manifest.package).cloned();
                running.spawn(async move {
                    let result = builder.build(&package, old.as_ref()).await;
                    (package.manifest.package, result)
                });
            }
            while let Some(done) = running.join_next().await {
                match done {
                    Ok((name, Ok(built))) => {
                        if !built.unchanged {
                            let old = catalog.packages.insert(name.clone(), built.artifact.clone());
                            if let Err(error) = store.commit(&catalog) {
                                // A record that could not be read back is its package's fault.
                                if error.kind() != ErrorKind::InvalidComponent {
                                    return Err(error.into());
                                }
                                catalog.packages.remove(&name);
                                catalog.packages.extend(old.map(|old| (name.clone(), old)));
                                fail(&mut report, &mut on, name.to_string(), error.into());
                                continue;
                            }
                        }
                        let built = PackageBuild {
                            artifact: built.artifact,
                            unchanged: built.unchanged,
                            callable: began.elapsed(),
                            compiled: None,
                        };
                        on(BuildEvent::Callable(&built));
                        report.packages.push(built);
                    }
                    Ok((name, Err(error))) => {
                        fail(&mut report, &mut on, name.to_string(), error.into());
                    }
                    Err(error) => {
                        let error = WorkspaceError::Packages {
                            message: format!("a build ended early: {error}"),
                            help: None,
                        };
                        fail(&mut report, &mut on, String::new(), error);
                    }
                }
            }
        }
        store.commit(&catalog)?;
        store.sweep(&catalog).map_err(WorkspaceError::io(store.folder()))?;
        report.packages.sort_by(|a, b| a.artifact.package.cmp(&b.artifact.package));

        for built in &mut report.packages {
            built.compiled = builder.compile(&built.artifact).await?;
            if let Some(elapsed) = built.compiled {
                on(BuildEvent::Compiled(&built.artifact.package, elapsed));
            }
        }
        Ok(report)
    }
}

fn is_typescript(package: &Package) -> bool {
    matches!(package.manifest.entrypoint, Some(distri_manifest::Entrypoint::TypeScript(_)))
}

/// Packages in the order of their dependencies: each layer needs only earlier
/// ones.
fn layers(packages: Vec<Package>) -> Result<Vec<Vec<Package>>> {
    let mut waiting = packages;
    let mut done: BTreeSet<PackageName> = BTreeSet::new();
    let known: BTreeSet<PackageName> =
        waiting.iter().map(|package| package.manifest.package.clone()).collect();
    let mut layers = Vec::new();
    while !waiting.is_empty() {
        let (ready, later): (Vec<Package>, Vec<Package>) =
            waiting.into_iter().partition(|package| {
                package
                    .manifest
                    .dependencies
                    .keys()
                    .all(|name| done.contains(name) || !known.contains(name))
            });
        if ready.is_empty() {
            let names: Vec<&str> =
                later.iter().map(|package| package.manifest.package.as_str()).collect();
            return Err(WorkspaceError::Packages {
                message: format!(
                    "packages depend on each other in a circle: `{}`",
                    names.join("`, `")
                ),
                help: Some("take one of their `[dependencies]` away".to_owned()),
            });
        }
        done.extend(ready.iter().map(|package| package.manifest.package.clone()));
        layers.push(ready);
        waiting = later;
    }
    Ok(layers)
}

/// Holds the workspace's lock until dropped; waits for whoever holds it, and says so.
async fn lock(store: &ArtifactStore, waits: impl FnOnce()) -> Result<Arc<File>> {
    let io = || WorkspaceError::io(store.folder());
    let file = store.make().and_then(|folder| folder.lock_file(LOCK)).map_err(io())?;
    match file.try_lock() {
        Ok(()) => return Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => waits(),
        Err(TryLockError::Error(error)) => return Err(io()(error)),
    }
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    let file = locked
        .map_err(|error| WorkspaceError::Packages { message: error.to_string(), help: None })?
        .map_err(io())?;
    Ok(Arc::new(file))
}
