//! Which packages a workspace holds: each folder in `plugins/`, by its manifest or,
//! without one, by its entry point; and `src/mod.ts`. Nothing that looks like a package
//! is passed over without a word.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use distri_builder::Package;
use distri_manifest::{MANIFEST_FILE, Manifest, WORKSPACE_PACKAGE};

use crate::{Result, WorkspaceError};

/// The folder that packages lie in.
const PLUGINS: &str = "plugins";

/// The workspace's own module.
const OWN_MODULE: &str = "src/mod.ts";

/// The modules that are an entry point whatever else there is, in this order.
const ENTRIES: [&str; 2] = [OWN_MODULE, "mod.ts"];

/// The names of modules that are an entry point where they are the only one of these.
const OTHER_ENTRIES: [&str; 2] = ["mod", "index"];

/// How the names of modules end.
const MODULES: [&str; 7] = ["ts", "tsx", "mts", "js", "mjs", "jsx", "cjs"];

/// How other names end that mean that a folder is meant to be a package.
const CODE: [&str; 5] = ["wasm", "rs", "py", "go", "toml"];

/// A package, or what is wrong with it, in its folder.
pub(crate) struct Found {
    /// The folder itself, below the root, whatever link led to it; none where it is not
    /// one of the workspace.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) package: Result<Package>,
}

/// The packages of the workspace at `root`, by name of their folder.
pub(crate) fn find(root: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for path in entries(&root.join(PLUGINS))? {
        let folder = match folder(root, &path) {
            Ok(Some(folder)) => folder,
            Ok(None) => continue,
            Err(error) => {
                found.push(Found { folder: None, package: Err(error) });
                continue;
            }
        };
        // Two links to one folder are one package.
        if seen.insert(folder.clone())
            && let Some(package) = package(&path, &folder).transpose()
        {
            found.push(Found { folder: Some(folder), package });
        }
    }
    if root.join(OWN_MODULE).exists() {
        let manifest = made_up(WORKSPACE_PACKAGE, OWN_MODULE, "The workspace's own tools");
        let package = manifest.map(|manifest| Package { folder: root.to_owned(), manifest });
        found.push(Found { folder: Some(root.to_owned()), package });
    }
    Ok(found)
}

/// What lies in a folder, sorted; hidden names are left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(WorkspaceError::io(folder)(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(WorkspaceError::io(folder))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The folder that something in `plugins/` is, whatever links lead to it; none for a
/// file that is no code.
fn folder(root: &Path, path: &Path) -> Result<Option<PathBuf>> {
    let real = path.canonicalize().map_err(WorkspaceError::io(path))?;
    if !real.is_dir() {
        let Some(extension) = extension(path).filter(|found| is_code(found)) else {
            return Ok(None);
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let help = if MODULES.contains(&extension) {
            format!("move it to `{PLUGINS}/{stem}/mod.ts`")
        } else {
            format!("move it to `{PLUGINS}/{stem}/`, with a `{MANIFEST_FILE}`")
        };
        return Err(WorkspaceError::NoPackage {
            message: format!("`{}` is a file, and a package is a folder", path.display()),
            help: Some(help),
        });
    }
    let real_root = root.canonicalize().map_err(WorkspaceError::io(root))?;
    match real.strip_prefix(&real_root) {
        Ok(below) if !below.as_os_str().is_empty() => Ok(Some(root.join(below))),
        _ => Err(WorkspaceError::Packages {
            message: format!(
                "`{}` is a link that leads to `{}`, outside the workspace",
                path.display(),
                real.display()
            ),
            help: Some("copy the package here: nothing outside the workspace is read".to_owned()),
        }),
    }
}

fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(|extension| extension.to_str())
}

fn is_code(extension: &str) -> bool {
    MODULES.contains(&extension) || CODE.contains(&extension)
}

/// The package in a folder: by its manifest, or, without one, by its entry point and
/// the name it has in `plugins/`. None where nothing is code.
fn package(named: &Path, folder: &Path) -> Result<Option<Package>> {
    let manifest_path = folder.join(MANIFEST_FILE);
    // Whatever has the name is the manifest, or is refused as one.
    let manifest = if manifest_path.symlink_metadata().is_ok() {
        Manifest::load(&manifest_path).map_err(distri_builder::BuildError::from)?
    } else {
        let Some(entry) = entry(folder)? else { return Ok(None) };
        let name = named.file_name().unwrap_or_default().to_string_lossy().into_owned();
        made_up(&name, &entry, "")?
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
    Ok(Some(Package { folder: folder.to_owned(), manifest }))
}

/// The entry point of a folder without a manifest; none where nothing is code.
///
/// # Errors
///
/// With what to do, where there is code and it is not clear what of it is meant.
fn entry(folder: &Path) -> Result<Option<String>> {
    let names = |below: &str| -> io::Result<Vec<String>> {
        let prefix = if below.is_empty() { String::new() } else { format!("{below}/") };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder.join(below))? {
            let entry = entry?;
            let file = entry.path().is_file();
            names.extend(file.then(|| format!("{prefix}{}", entry.file_name().to_string_lossy())));
        }
        names.sort();
        Ok(names)
    };
    let mut files = names("").map_err(WorkspaceError::io(folder))?;
    match names("src") {
        Ok(more) => files.extend(more),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
        Err(error) => return Err(WorkspaceError::io(folder.join("src"))(error)),
    }
    if let Some(entry) = ENTRIES.into_iter().find(|entry| files.iter().any(|file| file == entry)) {
        return Ok(Some(entry.to_owned()));
    }
    let is_entry = |file: &&String| {
        let path = Path::new(file);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.is_some_and(|stem| OTHER_ENTRIES.contains(&stem))
            && extension(path).is_some_and(|found| MODULES.contains(&found))
    };
    let entries: Vec<&String> = files.iter().filter(is_entry).collect();
    if let [entry] = entries.as_slice() {
        return Ok(Some((*entry).clone()));
    }
    let words = |why: String, line: String| {
        let message = format!("`{}` has no `{MANIFEST_FILE}`, and {why}", folder.display());
        let help = format!(
            "add one with `package = \"…\"`, `version = \"0.1.0\"` and, below `[entrypoints]`, `{line}`"
        );
        (message, Some(help))
    };
    // Perhaps it is only what packages share.
    let unclear = |why: String, line: String| {
        let (message, help) = words(why, line);
        Err(WorkspaceError::NoPackage { message, help })
    };
    if let [one, ..] = entries.as_slice() {
        let all: Vec<&str> = entries.iter().map(|entry| entry.as_str()).collect();
        let why = format!("`{}` could each be its entry point", all.join("` and `"));
        let (message, help) = words(why, format!("ts = \"{one}\""));
        return Err(WorkspaceError::Packages { message, help });
    }
    if files.iter().any(|file| file == "Cargo.toml") {
        let line = "wasm = \"target/wasm32-wasip2/release\"".to_owned();
        return unclear("a Rust package needs one".to_owned(), line);
    }
    let code = |known: &[&str]| {
        files.iter().find(|file| extension(Path::new(file)).is_some_and(|it| known.contains(&it)))
    };
    match (code(&MODULES), code(&["wasm"]), code(&CODE)) {
        (Some(module), ..) => {
            let why = "no module that is an entry point without one, like `mod.ts`".to_owned();
            unclear(why, format!("ts = \"{module}\""))
        }
        (None, Some(wasm), _) => {
            unclear("a component needs one".to_owned(), format!("wasm = \"{wasm}\""))
        }
        (None, None, Some(_)) => {
            let line = "wasm = \"plugin.wasm\"".to_owned();
            unclear("no module of TypeScript's that is an entry point without one".to_owned(), line)
        }
        (None, None, None) => Ok(None),
    }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use distri_manifest::Entrypoint;

    use super::*;

    /// What is found in a workspace with these files.
    fn found(files: &[&str]) -> (tempfile::TempDir, Vec<Found>) {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = find(root.path()).unwrap();
        (root, found)
    }

    #[test]
    fn a_module_that_is_clear_is_taken_and_others_are_named() {
        for (files, entry) in [
            (&["index.ts"][..], "index.ts"),
            (&["mod.tsx", "helper.ts"], "mod.tsx"),
            (&["src/index.js"], "src/index.js"),
            (&["mod.ts", "index.ts"], "mod.ts"),
            (&["mod.ts", "src/mod.ts"], "src/mod.ts"),
        ] {
            let paths: Vec<String> = files.iter().map(|file| format!("plugins/a/{file}")).collect();
            let (_root, found) = found(&paths.iter().map(String::as_str).collect::<Vec<_>>());
            let [Found { package: Ok(package), .. }] = found.as_slice() else {
                panic!("{files:?} is no package")
            };
            let wanted = Entrypoint::TypeScript(entry.into());
            assert_eq!(package.manifest.entrypoint, Some(wanted), "{files:?}");
            assert_eq!(package.manifest.package.as_str(), "a");
        }
        for (file, words) in [
            ("plugins/a/main.ts", "no module that is an entry point"),
            ("plugins/a/plugin.wasm", "a component needs one"),
            ("plugins/a/Cargo.toml", "a Rust package needs one"),
            ("plugins/a/plugin.py", "no module of TypeScript's"),
            ("plugins/a.ts", "is a file, and a package is a folder"),
        ] {
            let (_root, found) = found(&[file]);
            let [Found { package: Err(error), .. }] = found.as_slice() else {
                panic!("{file} is passed over")
            };
            assert!(error.to_string().contains(words), "{file}: {error}");
        }
        let (_root, found) = found(&["plugins/a/index.ts", "plugins/a/index.js"]);
        let error = found[0].package.as_ref().unwrap_err().to_string();
        assert!(error.contains("`index.js` and `index.ts` could each"), "{error}");
    }

    #[test]
    fn a_linked_package_is_taken_where_it_lies_in_the_workspace() {
        let (root, _) = found(&["shared/a/mod.ts", "plugins/b/mod.ts"]);
        let at = |path: &str| root.path().join(path);
        symlink(at("shared/a"), at("plugins/a")).unwrap();
        symlink(at("shared/a"), at("plugins/again")).unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("mod.ts"), "").unwrap();
        symlink(outside.path(), at("plugins/out")).unwrap();
        symlink(root.path(), at("plugins/root")).unwrap();
        symlink(at("nowhere"), at("plugins/gone")).unwrap();
        let found = find(root.path()).unwrap();
        let told: Vec<String> = found
            .iter()
            .map(|found| match &found.package {
                Ok(package) => package.manifest.package.to_string(),
                Err(error) => error.to_string(),
            })
            .collect();
        assert_eq!((&*told[0], &*told[1]), ("a", "b"));
        assert_eq!(found[0].folder, Some(at("shared/a")));
        assert!(told[2].contains("plugins/gone"), "{told:#?}");
        assert!(told[3].contains("plugins/out` is a link that leads to"), "{told:#?}");
        assert!(told[4].contains("plugins/root` is a link that leads to"), "{told:#?}");
        assert_eq!(told.len(), 5);
    }
}
