//! The user's own folders, which no plugin is ever given, nor one that holds them or
//! lies in them: what the operator decided, secrets, compiled code and the key that
//! authenticates it, and the toolchain that plugins are built with.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use distri_call::{Error, ErrorKind, Result};
use distri_manifest::FilesystemRequest;
use etcetera::BaseStrategy as _;

/// What Distri's folder is called in each of the user's.
const NAME: &str = "distri";

/// The folders, each with what it is to people.
#[derive(Debug)]
pub struct OwnFolders(Vec<(&'static str, PathBuf)>);

impl OwnFolders {
    /// The user's, and the one in which this host keeps compiled code.
    pub fn new(cache: Option<&Path>) -> Self {
        let mut folders = Vec::new();
        if let Ok(user) = etcetera::choose_base_strategy() {
            folders.push(("configuration", user.config_dir().join(NAME)));
            folders.push(("cache", user.cache_dir().join(NAME)));
            folders.push(("data", user.data_dir().join(NAME)));
        }
        folders.extend(cache.map(|cache| ("cache", cache.to_owned())));
        Self(folders)
    }

    /// Refuses a folder that a package asks for and that is one of these, holds one or
    /// lies in one.
    ///
    /// # Errors
    ///
    /// `denied` with both folders.
    pub fn refuse(
        &self,
        package: &str,
        request: &FilesystemRequest,
        opened: impl AsFd,
    ) -> Result<()> {
        for (what, own) in &self.0 {
            // One that cannot be looked at is not given either.
            if distri_files::overlaps(&opened, own).unwrap_or(true) {
                let message = format!(
                    "`{package}` may not have the folder `{}`: your {what} folder `{}` and it overlap, and plugins are never given that",
                    request.path,
                    own.display()
                );
                return Err(Error::new(ErrorKind::Denied, message)
                    .with_hint("give it a folder that holds only what it needs"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn no_folder_around_or_in_the_cache_is_given() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("home/cache/inside")).unwrap();
        std::fs::create_dir_all(at("data")).unwrap();
        let own = OwnFolders::new(Some(&at("home/cache")));
        let request: FilesystemRequest = serde_json::from_value(serde_json::json!({
            "guest": "/x", "path": "some/where",
        }))
        .unwrap();
        let refuse = |path: &str| own.refuse("p", &request, File::open(at(path)).unwrap());
        for path in ["home", "home/cache", "home/cache/inside"] {
            let error = refuse(path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Denied);
            for words in ["`some/where`", "cache folder", at("home/cache").to_str().unwrap()] {
                assert!(error.message().contains(words), "{error}");
            }
        }
        refuse("data").unwrap();
    }
}
