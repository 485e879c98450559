//! Small JSON files in the user's configuration folder, readable by the user
//! alone: what the operator decided, outside every workspace.

use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use distri_files::{Folder, Guard};
use etcetera::BaseStrategy as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, WorkspaceError};

/// Most bytes of such a file: the approvals of thousands of workspaces.
const MAX_FILE: u64 = 64 << 20;

/// One such file.
#[derive(Debug, Clone)]
pub(crate) struct UserFile {
    folder: PathBuf,
    name: &'static str,
}

/// Distri's folder in the user's configuration folder.
pub fn config_folder() -> Result<PathBuf> {
    let strategy = etcetera::choose_base_strategy().map_err(|error| WorkspaceError::Operator {
        message: format!("there is no configuration folder: {error}"),
        help: None,
    })?;
    Ok(strategy.config_dir().join("distri"))
}

/// Opens a folder that holds what the operator decided.
///
/// # Errors
///
/// When it is not this user's alone, or a link.
pub(crate) fn open_private(folder: &Path, make: bool) -> Result<Option<Folder>> {
    let name = Path::new(folder.file_name().unwrap_or_default());
    let root = folder.parent().filter(|root| !root.as_os_str().is_empty());
    let root = root.unwrap_or(Path::new("."));
    let opened = if make {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .and_then(|()| Folder::make(root, name, Guard::Private))
    } else {
        Folder::open(root, name, Guard::Private)
    };
    match opened {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(&error)),
    }
}

/// The error about a folder or a file of the user's own that is not used.
fn refused(error: &std::io::Error) -> WorkspaceError {
    WorkspaceError::Operator {
        message: format!("your configuration is not read: {error}"),
        help: Some(
            "what decides about plugins must be yours alone, and no link: see who made it, then \
             `chmod 700` the folder or move it away"
                .to_owned(),
        ),
    }
}

impl UserFile {
    pub(crate) fn new(folder: &Path, name: &'static str) -> Self {
        Self { folder: folder.to_owned(), name }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// What it holds; the default where there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is damaged, others may read it, or others may have made
    /// it or its folder.
    pub(crate) fn read<T: DeserializeOwned + Default>(&self) -> Result<T> {
        match open_private(&self.folder, false)? {
            Some(folder) => self.read_in(&folder),
            None => Ok(T::default()),
        }
    }

    fn read_in<T: DeserializeOwned + Default>(&self, folder: &Folder) -> Result<T> {
        let file = match folder.file(self.name) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
            Err(error) => return Err(refused(&error)),
        };
        let path = self.path();
        let metadata = file.metadata().map_err(WorkspaceError::io(&path))?;
        if metadata.permissions().mode() % 0o100 != 0 {
            return Err(WorkspaceError::Operator {
                message: format!("others may read `{}`", path.display()),
                help: Some(format!("run `chmod 600 {}`", path.display())),
            });
        }
        folder.own_file(self.name).map_err(|error| refused(&error))?;
        if metadata.len() > MAX_FILE {
            return Err(WorkspaceError::Operator {
                message: format!("`{}` has more than {MAX_FILE} bytes", path.display()),
                help: Some("move it away to begin anew".to_owned()),
            });
        }
        let mut text = String::new();
        file.take(MAX_FILE).read_to_string(&mut text).map_err(WorkspaceError::io(&path))?;
        // The reader's own words may hold a value.
        serde_json::from_str(&text).map_err(|error| WorkspaceError::Operator {
            message: format!("`{}` is damaged in line {}", path.display(), error.line()),
            help: Some("mend it, or move it away to begin anew".to_owned()),
        })
    }

    /// Changes what it holds, whole or not at all; one change at a time.
    pub(crate) fn change<T: DeserializeOwned + Default + Serialize, R>(
        &self,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R> {
        let io = || WorkspaceError::io(self.path());
        let gone = || io()(std::io::ErrorKind::NotFound.into());
        let folder = open_private(&self.folder, true)?.ok_or_else(gone)?;
        let lock = self.name.replace(".json", ".lock");
        let file = folder.lock_file(&lock).map_err(|error| refused(&error))?;
        file.lock().map_err(io())?;
        let mut held = self.read_in(&folder)?;
        let result = change(&mut held);
        let mut text = serde_json::to_vec_pretty(&held).map_err(|error| io()(error.into()))?;
        text.push(b'\n');
        // A new file has the mode 0600, and keeps it under this name.
        folder.write(self.name, &text).map_err(io())?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    type Numbers = Vec<u32>;

    #[test]
    fn a_folder_or_file_that_others_may_have_made_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("distri");
        let file = UserFile::new(&folder, "numbers.json");
        assert_eq!(file.read::<Numbers>().unwrap(), [0; 0]);
        file.change(|numbers: &mut Numbers| numbers.push(1)).unwrap();
        assert_eq!(file.read::<Numbers>().unwrap(), [1]);

        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let refused = |words: &str| {
            let read = file.read::<Numbers>().unwrap_err().to_string();
            let change = file.change(|numbers: &mut Numbers| numbers.push(2)).unwrap_err();
            for error in [read, change.to_string()] {
                assert!(error.contains(words), "{error}");
                assert!(error.contains(folder.to_str().unwrap()), "{error}");
            }
        };
        set(&folder, 0o770);
        refused("may be written by others");
        set(&folder, 0o700);
        set(&folder.join("numbers.json"), 0o620);
        refused("others may read");
        set(&folder.join("numbers.json"), 0o600);
        let elsewhere = root.path().join("elsewhere");
        std::fs::rename(folder.join("numbers.json"), &elsewhere).unwrap();
        symlink(&elsewhere, folder.join("numbers.json")).unwrap();
        refused("is a link");
        std::fs::remove_file(folder.join("numbers.json")).unwrap();
        let moved = root.path().join("moved");
        std::fs::rename(&folder, &moved).unwrap();
        symlink(&moved, &folder).unwrap();
        refused("is a link");
    }
}
