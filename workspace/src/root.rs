//! Where a workspace is, and what it holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distri_builder::{Builder, BundlerProcess, Listener, Package};
use distri_host::{Artifact, ArtifactStore, Catalog, Host};
use distri_manifest::PackageName;

use crate::packages::{self, Found};
use crate::{Result, WorkspaceError};

/// The variable that names the root.
const ROOT_VARIABLE: &str = "CURRENT_WORKING_DIR";

/// What makes a folder a workspace. `src/mod.ts` alone does not: packages have one, too.
const MARKS: [&str; 3] = ["plugins", "agents", ".distri"];

/// A workspace on disk.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    listener: Listener,
    bundler: Option<BundlerProcess>,
    store: ArtifactStore,
}

/// The root of the workspace that a command run in `current` is about:
/// `directory` when it is named, else what `CURRENT_WORKING_DIR` says, else the nearest
/// folder from `current` upward that is a workspace, else `examples/` where there is
/// one, else `current` itself.
///
/// A folder above `current` is only taken where this user made it and not everybody may
/// write there: `/tmp/plugins` is anybody's.
///
/// # Errors
///
/// When what was named is not a folder.
pub fn find_root(current: &Path, directory: Option<&Path>) -> Result<PathBuf> {
    let variable = std::env::var_os(ROOT_VARIABLE).filter(|value| !value.is_empty());
    let (path, help) = match (directory, variable) {
        (Some(directory), _) => (current.join(directory), "`--directory` names it".to_owned()),
        (None, Some(value)) => {
            (current.join(value), format!("`{ROOT_VARIABLE}` in the environment names it"))
        }
        (None, None) => {
            let examples = current.join("examples");
            let found = nearest(current);
            // Whoever may write here may put one here: then it is theirs.
            let is_example = examples.is_dir() && distri_files::is_own(&examples);
            let other = || if is_example { examples } else { current.to_owned() };
            (found.unwrap_or_else(other), String::new())
        }
    };
    match path.canonicalize() {
        Ok(root) if root.is_dir() => Ok(root),
        _ => Err(WorkspaceError::NoRoot { path, help }),
    }
}

/// The nearest workspace from a folder upward.
fn nearest(current: &Path) -> Option<PathBuf> {
    let current = current.canonicalize().ok()?;
    let is_workspace = |folder: &Path| MARKS.iter().any(|mark| folder.join(mark).is_dir());
    let mut above = current.ancestors();
    let found = above.find(|folder| {
        is_workspace(folder) && (*folder == current || distri_files::is_own(folder))
    });
    found.map(Path::to_owned)
}

impl Workspace {
    /// The workspace at `root`, an absolute path. Nothing is read yet.
    pub fn at(root: PathBuf) -> Self {
        Self {
            store: ArtifactStore::of_workspace(&root),
            root,
            listener: Listener::default(),
            bundler: None,
        }
    }

    /// The same with the key in this folder that proves what was built: see
    /// [`ArtifactStore::with_key_in`].
    #[must_use]
    pub fn with_key_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.store = self.store.with_key_in(folder);
        self
    }

    /// The same, and this one hears what a build or a check does that takes long.
    #[must_use]
    pub fn reporting(self, listener: Listener) -> Self {
        Self { listener, ..self }
    }

    /// Bundles TypeScript in a process of its own, by running this program. Without
    /// one it is done in this process, which a hostile source can end.
    #[must_use]
    pub fn with_bundler(mut self, bundler: BundlerProcess) -> Self {
        self.bundler = Some(bundler);
        self
    }

    pub(crate) fn builder(&self, host: &Host) -> Builder {
        Builder::new(host.clone(), self.store())
            .reporting(self.listener.clone())
            .bundler(self.bundler.clone())
    }

    /// The root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where its builds are.
    pub fn store(&self) -> ArtifactStore {
        self.store.clone()
    }

    /// The packages of the workspace by folder, in order: each of `plugins/*/`,
    /// then `src/mod.ts` as the package `workspace`. One bad manifest does not
    /// hide the others.
    pub fn packages(&self) -> Result<Vec<Result<Package>>> {
        let found = packages::find(&self.root)?;
        let mut packages: Vec<_> = found
            .into_iter()
            .map(|Found { package, .. }| package)
            .filter(|package| !matches!(package, Err(WorkspaceError::NoPackage { .. })))
            .collect();
        reject_twins(&mut packages);
        Ok(packages)
    }

    /// What in `plugins/` has code and is no package, each with what would make one of
    /// it: for a word to whoever meant it to be one.
    pub fn passed_over(&self) -> Result<Vec<WorkspaceError>> {
        let found = packages::find(&self.root)?.into_iter();
        let errors = found.filter_map(|Found { package, .. }| package.err());
        Ok(errors.filter(|error| matches!(error, WorkspaceError::NoPackage { .. })).collect())
    }

    /// What was built of the packages that are in the workspace now. What is left of
    /// others is never run: a package that is gone, was renamed or lies elsewhere. One
    /// whose manifest cannot be read any more keeps its build.
    pub fn catalog(&self) -> Result<Catalog> {
        let mut catalog = self.store.catalog()?;
        self.drop_leftovers(&mut catalog)?;
        Ok(catalog)
    }

    pub(crate) fn drop_leftovers(&self, catalog: &mut Catalog) -> Result<()> {
        if catalog.packages.is_empty() && catalog.refused.is_empty() {
            return Ok(());
        }
        let found = packages::find(&self.root)?;
        let folders: BTreeMap<&Path, Option<&PackageName>> = found
            .iter()
            .filter_map(|Found { folder, package }| {
                let below = folder.as_ref()?.strip_prefix(&self.root).ok()?;
                Some((below, package.as_ref().ok().map(|package| &package.manifest.package)))
            })
            .collect();
        catalog.packages.retain(|name, artifact| {
            folders.get(&*artifact.folder).is_some_and(|own| own.is_none_or(|own| own == name))
        });
        catalog.refused.retain(|name, _| folders.values().flatten().any(|own| *own == name));
        Ok(())
    }

    /// Registers everything that was built with a host. Nothing is compiled.
    ///
    /// # Errors
    ///
    /// `invalid-component` where packages have a record that was not made by a build of
    /// this user's here: `distri build` builds them anew. All others are registered
    /// then, too.
    pub fn load(&self, host: &Host) -> Result<Vec<Artifact>> {
        let catalog = self.catalog()?;
        self.register(catalog.packages.values().cloned(), host);
        for package in catalog.refused.keys() {
            catalog.proven(package.as_str())?;
        }
        Ok(catalog.packages.into_values().collect())
    }

    /// Registers packages of this workspace, from its catalog, with a host.
    pub fn register(&self, artifacts: impl IntoIterator<Item = Artifact>, host: &Host) {
        let artifacts = artifacts.into_iter();
        let callable = artifacts.filter(|artifact| !artifact.component.is_empty());
        host.load_artifacts(callable, &self.store);
    }
}

/// Reports every package whose name another one has, too: neither may have what was
/// approved for the other.
fn reject_twins(packages: &mut [Result<Package>]) {
    let mut folders: BTreeMap<PackageName, Vec<PathBuf>> = BTreeMap::new();
    for package in packages.iter().flatten() {
        let named = folders.entry(package.manifest.package.clone()).or_default();
        named.push(package.folder.clone());
    }
    for package in packages {
        let Ok(found) = package else { continue };
        let name = &found.manifest.package;
        let other = folders
            .get(name)
            .and_then(|named| named.iter().find(|folder| **folder != found.folder));
        if let Some(other) = other {
            *package = Err(WorkspaceError::Packages {
                message: format!(
                    "two packages are named `{name}`: `{}` and `{}`",
                    found.folder.display(),
                    other.display()
                ),
                help: Some("rename one of them in its `distri.toml`".to_owned()),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn the_nearest_workspace_upward_is_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        write(&root, "plugins/a/src/mod.ts", "");
        write(&root, "examples/plugins/b/mod.ts", "");
        for inside in ["", "plugins", "plugins/a", "plugins/a/src"] {
            assert_eq!(find_root(&root.join(inside), None).unwrap(), root, "{inside:?}");
        }
        let examples = root.join("examples");
        assert_eq!(find_root(&examples, None).unwrap(), examples);
        assert_eq!(find_root(&root, Some(Path::new("examples"))).unwrap(), examples);
        // Where everybody may write, anybody may have made it.
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o777)).unwrap();
        let inside = root.join("plugins/a");
        assert_eq!(find_root(&inside, None).unwrap(), inside);
        assert_eq!(find_root(&root, None).unwrap(), root);
    }

    #[test]
    fn packages_are_found_with_and_without_a_manifest() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            "plugins/b/distri.toml",
            "package = \"bee\"\nversion = \"1.0.0\"\n[entrypoints]\nts = \"x.ts\"\n",
        );
        write(root.path(), "plugins/a/mod.ts", "");
        write(root.path(), "plugins/.hidden/mod.ts", "");
        write(root.path(), "plugins/empty/readme.md", "");
        write(root.path(), "src/mod.ts", "");
        let names: Vec<String> = Workspace::at(root.path().to_owned())
            .packages()
            .unwrap()
            .into_iter()
            .map(|package| package.unwrap().manifest.package.to_string())
            .collect();
        assert_eq!(names, ["a", "bee", "workspace"]);
    }

    #[test]
    fn one_bad_package_does_not_hide_the_others() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "plugins/a/distri.toml", "nonsense = 1\n");
        write(root.path(), "plugins/b/mod.ts", "");
        write(
            root.path(),
            "plugins/c/distri.toml",
            "package = \"b\"\nversion = \"1.0.0\"\n[entrypoints]\nts = \"x.ts\"\n",
        );
        let found = Workspace::at(root.path().to_owned()).packages().unwrap();
        let good: Vec<bool> = found.iter().map(Result::is_ok).collect();
        assert_eq!(good, [false, false, false], "neither of two twins is taken");
        assert!(found[2].as_ref().unwrap_err().to_string().contains("two packages are named `b`"));
    }

    #[test]
    fn the_root_is_examples_or_here() {
        let current = tempfile::tempdir().unwrap();
        let here = current.path().canonicalize().unwrap();
        assert_eq!(find_root(&here, None).unwrap(), here);
        std::fs::create_dir(here.join("examples")).unwrap();
        assert_eq!(find_root(&here, None).unwrap(), here.join("examples"));
        assert_eq!(find_root(&here, Some(Path::new("."))).unwrap(), here);
        assert!(find_root(&here, Some(Path::new("gone"))).is_err());
    }
}
