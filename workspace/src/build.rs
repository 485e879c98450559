//! Building a whole workspace into its catalog.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use distri_builder::{Builder, Built, Package};
use distri_host::{Artifact, ArtifactStore, Catalog, Error, ErrorKind, Host};
use distri_manifest::PackageName;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use crate::{Result, Workspace, WorkspaceError};

/// How long a package's record may wait for others, which are then written with it.
const BETWEEN_COMMITS: Duration = Duration::from_millis(250);

/// Packages that are looked at in one go, for changes.
const LOOKED_AT: usize = 50;

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
        let mut before = before(&store, &mut on)?;
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
        let mut changed = changed(&builder, &mut packages, &before).await;
        if packages.iter().any(|package| is_typescript(package) && changed.contains(name(package)))
            && !builder.is_typescript_ready()
        {
            on(BuildEvent::PreparingEngine);
            builder.prepare_typescript().await?;
        }

        let mut records = Records::new(&store, &before);
        let turns = Arc::new(Semaphore::new(at_once()));
        for layer in layers(packages)? {
            let mut running: JoinSet<(PackageName, Result<Built, distri_builder::BuildError>)> =
                JoinSet::new();
            let mut done = Vec::new();
            for package in layer {
                on(BuildEvent::Started(name(&package)));
                let old = before.packages.get(name(&package)).cloned();
                // What it depends on may have left something that it is built from.
                let needs = package.manifest.dependencies.keys();
                if needs.chain([name(&package)]).any(|package| changed.contains(package)) {
                    changed.insert(name(&package).clone());
                    let builder = builder.clone();
                    let turns = Arc::clone(&turns);
                    running.spawn(async move {
                        let _turn = turns.acquire().await;
                        let result = builder.build(&package, old.as_ref()).await;
                        (package.manifest.package, result)
                    });
                } else if let Some(artifact) = old {
                    done.push((package.manifest.package, Ok(Built { artifact, unchanged: true })));
                }
            }
            while let Some(next) = match done.pop() {
                Some(unchanged) => Some(Ok(unchanged)),
                None => records.meanwhile(&mut running).await?,
            } {
                match next {
                    Ok((name, Ok(built))) => {
                        if !built.unchanged
                            && let Err(error) = records.put(&name, &built.artifact)?
                        {
                            fail(&mut report, &mut on, name.to_string(), error.into());
                            continue;
                        }
                        let built = PackageBuild {
                            artifact: built.artifact,
                            unchanged: built.unchanged,
                            callable: began.elapsed(),
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
        records.finish()?;
        let kept = report.packages.iter().map(|built| &built.artifact);
        builder.remember(kept).map_err(WorkspaceError::io(store.folder()))?;
        report.packages.sort_by(|a, b| a.artifact.package.cmp(&b.artifact.package));
        Ok(report)
    }
}

/// What the build before left. A catalog that is damaged is set aside.
fn before(store: &ArtifactStore, on: &mut impl FnMut(BuildEvent<'_>)) -> Result<Catalog> {
    match store.catalog() {
        Ok(catalog) => Ok(catalog),
        Err(error) if error.kind() == ErrorKind::InvalidComponent => {
            let aside = store.set_aside_catalog().map_err(WorkspaceError::io(store.folder()))?;
            on(BuildEvent::CatalogSetAside(aside));
            Ok(Catalog::default())
        }
        Err(error) => Err(error.into()),
    }
}

/// The records of a build under way: the old catalog with each package replaced as it is
/// built. What fails keeps its older build; what is gone from the workspace is gone from it,
/// and so are records that are not this user's.
struct Records<'a> {
    store: &'a ArtifactStore,
    catalog: Catalog,
    /// Whether the catalog on disk is another.
    ahead: bool,
    /// When it was replaced last; none before the first package is built.
    committed: Option<Instant>,
}

impl<'a> Records<'a> {
    /// Those of a build that follows one that left `before`.
    fn new(store: &'a ArtifactStore, before: &Catalog) -> Self {
        let mut catalog = before.clone();
        let ahead = !catalog.refused.is_empty();
        catalog.refused.clear();
        Self { store, catalog, ahead, committed: None }
    }

    /// Replaces a package's record, and the catalog unless that was just done. The inner
    /// error is this record's own fault: it could not be read back.
    fn put(&mut self, name: &PackageName, artifact: &Artifact) -> Result<Result<(), Error>> {
        if let Err(error) = artifact.check() {
            return Ok(Err(error));
        }
        self.catalog.packages.insert(name.clone(), artifact.clone());
        self.ahead = true;
        if self.left().is_zero() {
            self.commit()?;
        }
        Ok(Ok(()))
    }

    /// How long the next replacement may still wait.
    fn left(&self) -> Duration {
        let since = self.committed.map_or(BETWEEN_COMMITS, |committed| committed.elapsed());
        BETWEEN_COMMITS.saturating_sub(since)
    }

    /// Waits for what is built next. What was built before is not kept waiting for it.
    async fn meanwhile<T: 'static>(
        &mut self,
        running: &mut JoinSet<T>,
    ) -> Result<Option<Result<T, JoinError>>> {
        if self.ahead {
            match tokio::time::timeout(self.left(), running.join_next()).await {
                Ok(next) => return Ok(next),
                Err(_) => self.commit()?,
            }
        }
        Ok(running.join_next().await)
    }

    fn commit(&mut self) -> Result<()> {
        self.store.commit(&self.catalog)?;
        self.ahead = false;
        self.committed = Some(Instant::now());
        Ok(())
    }

    /// Replaces the catalog a last time, and removes what it has no need of any more.
    fn finish(mut self) -> Result<()> {
        if self.ahead {
            self.commit()?;
        }
        self.store.sweep(&self.catalog).map_err(WorkspaceError::io(self.store.folder()))
    }
}

/// How many packages are built at once: while the one waits for a process or a file, another
/// computes.
fn at_once() -> usize {
    2 * std::thread::available_parallelism().map_or(1, usize::from)
}

fn name(package: &Package) -> &PackageName {
    &package.manifest.package
}

/// The packages that are not what they were when they were built, or were not built yet.
async fn changed(
    builder: &Builder,
    packages: &mut Vec<Package>,
    before: &Catalog,
) -> BTreeSet<PackageName> {
    let mut running = JoinSet::new();
    let mut waiting = std::mem::take(packages);
    while !waiting.is_empty() {
        let some = waiting.split_off(waiting.len().saturating_sub(LOOKED_AT));
        let olds = some.iter().map(|package| before.packages.get(name(package)).cloned());
        let olds: Vec<Option<Artifact>> = olds.collect();
        let builder = builder.clone();
        running.spawn_blocking(move || {
            let current = |(package, old): (Package, Option<Artifact>)| {
                let current = old.is_some_and(|old| builder.is_current(&package, &old));
                (package, current)
            };
            some.into_iter().zip(olds).map(current).collect::<Vec<_>>()
        });
    }
    let mut changed = BTreeSet::new();
    for (package, current) in running.join_all().await.into_iter().flatten() {
        if !current {
            changed.insert(name(&package).clone());
        }
        packages.push(package);
    }
    packages.sort_by(|a, b| name(a).cmp(name(b)));
    changed
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
