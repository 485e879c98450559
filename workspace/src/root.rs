//! Where a workspace is, and what it holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distri_build::{Builder, Listener, Package};
use distri_host::{ArtifactStore, Host};
use distri_manifest::{MANIFEST_FILE, Manifest, PackageName, WORKSPACE_PACKAGE};

use crate::{Result, WorkspaceError};

/// The variable that names the root.
const ROOT_VARIABLE: &str = "CURRENT_WORKING_DIR";

/// A workspace on disk.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    listener: Listener,
}

/// The root of the workspace that a command run in `current` is about:
/// `directory` when it is named, else what `CURRENT_WORKING_DIR` says, else
/// `examples/` where there is one, else `current` itself.
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
        (None, None) if current.join("examples").is_dir() => {
            (current.join("examples"), String::new())
        }
        (None, None) => (current.to_owned(), String::new()),
    };
    match path.canonicalize() {
        Ok(root) if root.is_dir() => Ok(root),
        _ => Err(WorkspaceError::NoRoot { path, help }),
    }
}

impl Workspace {
    /// The workspace at `root`, an absolute path. Nothing is read yet.
    pub fn at(root: PathBuf) -> Self {
        Self { root, listener: Listener::default() }
    }

    /// The same, and this one hears what a build or a check does that takes long.
    #[must_use]
    pub fn reporting(self, listener: Listener) -> Self {
        Self { listener, ..self }
    }

    pub(crate) fn builder(&self, host: &Host) -> Builder {
        Builder::new(host.clone(), &self.root).reporting(self.listener.clone())
    }

    /// The root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where its builds are.
    pub fn store(&self) -> ArtifactStore {
        ArtifactStore::of_workspace(&self.root)
    }

    /// The packages of the workspace by folder, in order: each of `plugins/*/`,
    /// then `src/mod.ts` as the package `workspace`. One bad manifest does not
    /// hide the others.
    pub fn packages(&self) -> Result<Vec<Result<Package>>> {
        let mut packages = Vec::new();
        for folder in folders(&self.root.join("plugins"))? {
            packages.extend(package(folder).transpose());
        }
        if self.root.join("src/mod.ts").is_file() {
            let manifest = made_up(WORKSPACE_PACKAGE, "src/mod.ts", "The workspace's own tools");
            packages.push(manifest.map(|manifest| Package { folder: self.root.clone(), manifest }));
        }
        reject_twins(&mut packages);
        Ok(packages)
    }
}

/// The folders in a folder, sorted; hidden ones are left out.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(WorkspaceError::io(folder)(error)),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.map_err(WorkspaceError::io(folder))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The package in a folder: by its manifest, or, without one, by its entry
/// point and the folder's name. None where there is neither.
fn package(folder: PathBuf) -> Result<Option<Package>> {
    let manifest_path = folder.join(MANIFEST_FILE);
    let manifest = if manifest_path.is_file() {
        Manifest::load(&manifest_path).map_err(distri_build::BuildError::from)?
    } else {
        let entry = ["src/mod.ts", "mod.ts"].into_iter().find(|entry| folder.join(entry).is_file());
        let Some(entry) = entry else { return Ok(None) };
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        made_up(&name, entry, "")?
    };
    if manifest.package.as_str() == WORKSPACE_PACKAGE {
        return Err(WorkspaceError::Packages {
            message: format!(
                "`{}` is named `{WORKSPACE_PACKAGE}`, which is the workspace's own `src/mod.ts`",
                folder.display()
            ),
            help: Some("give the package another name in its `distri.toml`".to_owned()),
        });
    }
    Ok(Some(Package { folder, manifest }))
}

/// The manifest of a folder without one.
fn made_up(name: &str, entry: &str, description: &str) -> Result<Manifest> {
    let text = format!(
        "package = {name:?}\nversion = \"0.0.0\"\ndescription = {description:?}\n[entrypoints]\nts = {entry:?}\n"
    );
    let manifest: Manifest = text.parse().map_err(|_| WorkspaceError::Packages {
        message: format!("the folder `{name}` cannot be a package's name"),
        help: Some("add a `distri.toml` with `package = \"…\"`, or rename the folder".to_owned()),
    })?;
    Ok(manifest)
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
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
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
