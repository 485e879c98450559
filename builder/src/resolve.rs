//! Finding the file that an import means, as bundlers for the web do, among the files
//! of the workspace: `package.json` and `tsconfig.json` are read through [`Sources`],
//! like modules.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxc_resolver::{
    FileMetadata, FileSystem, FileSystemOs, PackageType, ResolveError, ResolveOptions,
    ResolverGeneric, TsConfig, TsconfigDiscovery,
};
use rolldown_common::PackageJson;

use crate::sources::{self, Sources};

/// A file that an import means.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Without links.
    pub(crate) path: PathBuf,
    /// What `type` in its `package.json` says of files ending in `.js`.
    pub(crate) format: Option<Format>,
    /// What `sideEffects` in its `package.json` says of it.
    pub(crate) side_effects: Option<bool>,
}

/// What a package's scripts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    CommonJs,
    Module,
}

/// What an import means.
#[derive(Debug)]
pub(crate) enum Meaning {
    File(Found),
    /// Nothing: a package says of this file that browsers do without.
    Nothing(PathBuf),
    /// There is no such file.
    Missing,
}

/// Finds files for `import` and for `require`.
pub(crate) struct Resolver {
    import: ResolverGeneric<Workspace>,
    require: ResolverGeneric<Workspace>,
}

impl Resolver {
    pub(crate) fn new(sources: &Sources) -> Self {
        let options = |conditions: [&str; 3]| ResolveOptions {
            tsconfig: Some(TsconfigDiscovery::Auto),
            alias_fields: vec![vec!["browser".to_owned()]],
            condition_names: conditions.map(str::to_owned).to_vec(),
            extension_alias: [
                (".js", &[".js", ".ts", ".tsx"][..]),
                (".jsx", &[".jsx", ".ts", ".tsx"]),
                (".mjs", &[".mjs", ".mts"]),
                (".cjs", &[".cjs", ".cts"]),
            ]
            .map(|(written, tried)| {
                (written.to_owned(), tried.iter().map(ToString::to_string).collect())
            })
            .into_iter()
            .collect(),
            extensions: [".tsx", ".ts", ".jsx", ".js", ".json"].map(str::to_owned).to_vec(),
            main_fields: ["browser", "module", "main"].map(str::to_owned).to_vec(),
            module_type: true,
            ..ResolveOptions::default()
        };
        let import = ResolverGeneric::new_with_file_system(
            Workspace(Some(sources.clone())),
            options(["import", "default", "browser"]),
        );
        let require = import.clone_with_options(options(["require", "default", "browser"]));
        Self { import, require }
    }

    /// What `specifier` means in the file `importer`.
    ///
    /// # Errors
    ///
    /// In words, what is wrong with a file that was needed to tell.
    pub(crate) fn find(
        &self,
        importer: &Path,
        specifier: &str,
        required: bool,
    ) -> Result<Meaning, String> {
        let resolver = if required { &self.require } else { &self.import };
        match resolver.resolve_file(importer, specifier) {
            Ok(resolution) => {
                let path = resolution.path().to_owned();
                let package = resolution.package_json();
                let format = package.and_then(|package| package.r#type()).map(|kind| match kind {
                    PackageType::CommonJs => Format::CommonJs,
                    PackageType::Module => Format::Module,
                });
                let side_effects = package.and_then(|package| {
                    let below = path.strip_prefix(package.realpath.parent()?).ok()?;
                    let package = PackageJson::from_oxc_pkg_json(package);
                    package.check_side_effects_for(&below.to_string_lossy())
                });
                Ok(Meaning::File(Found { path, format, side_effects }))
            }
            Err(ResolveError::Ignored(path)) => Ok(Meaning::Nothing(path)),
            Err(
                ResolveError::NotFound(_)
                | ResolveError::MatchedAliasNotFound(..)
                | ResolveError::ExtensionAlias(..),
            ) => Ok(Meaning::Missing),
            Err(error) => Err(words(&error)),
        }
    }

    /// The `tsconfig.json` that governs a file.
    pub(crate) fn tsconfig(&self, file: &Path) -> Result<Option<Arc<TsConfig>>, String> {
        self.import.find_tsconfig(file).map_err(|error| words(&error))
    }
}

/// An error with the file that it is about.
fn words(error: &ResolveError) -> String {
    match error {
        ResolveError::Json(error) => format!(
            "`{}` is not valid: {} (line {}, column {})",
            error.path.display(),
            error.message,
            error.line,
            error.column
        ),
        ResolveError::TsconfigLoadFailed { path, source } => match source.as_ref() {
            ResolveError::Json(_) => words(source),
            other => format!("cannot read `{}`: {other}", path.display()),
        },
        other => other.to_string(),
    }
}

/// The files of the workspace, for the resolver; without any there are none.
#[derive(Debug, Clone)]
struct Workspace(Option<Sources>);

impl Workspace {
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let sources = self.0.as_ref().ok_or(io::ErrorKind::NotFound)?;
        sources.real(path)
    }
}

impl FileSystem for Workspace {
    fn new(_: bool) -> Self {
        Self(None)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let sources = self.0.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let bytes = sources.config(path)?;
        Ok(sources::text(&bytes)?.as_bytes().to_vec())
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        let sources = self.0.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let bytes = sources.config(path)?;
        Ok(sources::text(&bytes)?.to_owned())
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        FileSystemOs::metadata(&self.real(path)?)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let metadata = FileSystemOs::symlink_metadata(path)?;
        // What lies outside is not there; folders on the way to the root are.
        if !metadata.is_dir() {
            self.real(path)?;
        }
        Ok(metadata)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        FileSystemOs::read_link(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.real(path)
    }
}
