//! Small JSON files in the user's configuration folder, readable by the user
//! alone: what the operator decided, outside every workspace.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, WorkspaceError};

/// One such file.
#[derive(Debug, Clone)]
pub(crate) struct UserFile {
    path: PathBuf,
}

/// Distri's folder in the user's configuration folder.
pub fn config_folder() -> Result<PathBuf> {
    let strategy = etcetera::choose_base_strategy().map_err(|error| WorkspaceError::Operator {
        message: format!("there is no configuration folder: {error}"),
        help: None,
    })?;
    Ok(strategy.config_dir().join("distri"))
}

impl UserFile {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        Self { path: folder.join(name) }
    }

    /// What it holds; the default where there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is damaged, or others may read it.
    pub(crate) fn read<T: DeserializeOwned + Default>(&self) -> Result<T> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
            Err(error) => return Err(WorkspaceError::io(&self.path)(error)),
        };
        self.check_mode(&file)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(WorkspaceError::io(&self.path))?;
        // The reader's own words may hold a value.
        serde_json::from_str(&text).map_err(|error| WorkspaceError::Operator {
            message: format!("`{}` is damaged in line {}", self.path.display(), error.line()),
            help: Some("mend it, or move it away to begin anew".to_owned()),
        })
    }

    /// Changes what it holds, whole or not at all; one change at a time.
    pub(crate) fn change<T: DeserializeOwned + Default + Serialize, R>(
        &self,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        make_private(folder).map_err(WorkspaceError::io(folder))?;
        let lock = self.path.with_extension("lock");
        let file = File::create(&lock).map_err(WorkspaceError::io(&lock))?;
        file.lock().map_err(WorkspaceError::io(&lock))?;
        let mut held = self.read()?;
        let result = change(&mut held);
        self.write(folder, &held).map_err(WorkspaceError::io(&self.path))?;
        Ok(result)
    }

    /// A temporary file has the mode 0600, and keeps it under its new name.
    fn write(&self, folder: &Path, held: &impl Serialize) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        serde_json::to_writer_pretty(&mut file, held)?;
        file.write_all(b"\n")?;
        file.as_file().sync_data()?;
        file.persist(&self.path)?;
        Ok(())
    }

    #[cfg(unix)]
    fn check_mode(&self, file: &File) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = file.metadata().map_err(WorkspaceError::io(&self.path))?;
        let others = metadata.permissions().mode() % 0o100;
        if others == 0 {
            return Ok(());
        }
        Err(WorkspaceError::Operator {
            message: format!("others may read `{}`", self.path.display()),
            help: Some(format!("run `chmod 600 {}`", self.path.display())),
        })
    }

    #[cfg(not(unix))]
    fn check_mode(&self, _: &File) -> Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}
