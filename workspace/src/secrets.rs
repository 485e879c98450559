//! The operator's secrets: a file of the user's, or the environment.

use std::collections::BTreeMap;
use std::path::Path;

use distri_manifest::VariableName;

use crate::Result;
use crate::user_file::{UserFile, config_folder};

/// What a secret's variable in the environment begins with.
const VARIABLE: &str = "DISTRI_SECRET_";

/// Where secrets are kept: `secrets.json` with the mode 0600 in the user's
/// configuration folder. A variable `DISTRI_SECRET_NAME` goes before it.
#[derive(Debug, Clone)]
pub struct SecretStore {
    file: UserFile,
}

impl SecretStore {
    /// The user's.
    pub fn of_user() -> Result<Self> {
        Ok(Self::in_folder(&config_folder()?))
    }

    /// One in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { file: UserFile::new(folder, "secrets.json") }
    }

    /// The value of a secret, from the environment or the file.
    pub fn get(&self, name: &str) -> Result<Option<String>> {
        if let Ok(value) = std::env::var(format!("{VARIABLE}{name}")) {
            return Ok(Some(value));
        }
        Ok(self.all()?.remove(name))
    }

    /// The names of the secrets that the file holds, sorted.
    pub fn names(&self) -> Result<Vec<String>> {
        Ok(self.all()?.into_keys().collect())
    }

    /// Keeps a secret, in place of one of its name.
    pub fn set(&self, name: &VariableName, value: String) -> Result<()> {
        self.file.change(|all: &mut BTreeMap<String, String>| {
            all.insert(name.to_string(), value);
        })
    }

    /// Forgets a secret. Whether there was one.
    pub fn remove(&self, name: &str) -> Result<bool> {
        self.file.change(|all: &mut BTreeMap<String, String>| all.remove(name).is_some())
    }

    fn all(&self) -> Result<BTreeMap<String, String>> {
        self.file.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_store_shows_no_value() {
        let folder = tempfile::tempdir().unwrap();
        let store = SecretStore::in_folder(folder.path());
        store.set(&"PIN".parse().unwrap(), "x".into()).unwrap();
        std::fs::write(folder.path().join("secrets.json"), "{\"PIN\": 123456}").unwrap();
        let error = store.get("PIN").unwrap_err();
        assert!(error.to_string().ends_with("is damaged in line 1"), "{error}");
        assert!(!format!("{error:?}").contains("123456"), "{error:?}");
    }

    #[test]
    fn secrets_are_kept_for_their_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = SecretStore::in_folder(&folder.path().join("distri"));
        assert_eq!(store.get("KEY").unwrap(), None);
        store.set(&"KEY".parse().unwrap(), "value".into()).unwrap();
        store.set(&"OTHER".parse().unwrap(), "x".into()).unwrap();
        assert_eq!(store.get("KEY").unwrap().as_deref(), Some("value"));
        assert_eq!(store.names().unwrap(), ["KEY", "OTHER"]);
        assert!(store.remove("KEY").unwrap());
        assert!(!store.remove("KEY").unwrap());

        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let path = folder.path().join("distri/secrets.json");
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(&folder.path().join("distri")), 0o700);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let error = store.get("OTHER").unwrap_err().to_string();
            assert!(error.contains("others may read"), "{error}");
        }
    }
}
