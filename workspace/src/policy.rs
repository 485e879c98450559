//! The policy that a workspace's packages are run under: the operator's file, the
//! approvals, and the databases that the environment names.

use std::path::Path;

use distri_manifest::{DatabaseConfig, Policy};

use crate::user_file::{config_folder, open_private};
use crate::{Approvals, Result, Workspace, WorkspaceError};

/// What a database's variable in the environment begins with.
const DATABASE_VARIABLE: &str = "DISTRI_DATABASE_";

/// The operator's own policy, in the configuration folder.
const OWN_POLICY: &str = "policy.toml";

impl Workspace {
    /// What this workspace's packages may have: what the file allows (the one in
    /// the user's configuration folder where none is named), what was approved, and
    /// the tools, agents and folders of the workspace. `locked` leaves only the file.
    ///
    /// # Errors
    ///
    /// When a file that is named or there cannot be read or is not valid.
    pub fn policy(&self, file: Option<&Path>, locked: bool) -> Result<Policy> {
        let mut policy = match file {
            Some(file) => load(file)?,
            None => own()?,
        };
        // Where the operator changes it, whether it is there yet or not.
        policy.file = Some(match file {
            Some(file) => file.to_owned(),
            None => config_folder()?.join(OWN_POLICY),
        });
        for (name, value) in std::env::vars_os() {
            let name = name.to_str().and_then(|name| name.strip_prefix(DATABASE_VARIABLE));
            if let Some(name) = name.filter(|name| !name.is_empty())
                && let Some(url) = value.to_str()
            {
                let config = DatabaseConfig { url: url.to_owned() };
                policy.databases.insert(name.to_ascii_lowercase(), config);
            }
        }
        if !locked {
            policy.open_workspace = true;
            policy.approvals = true;
            Approvals::of_user(self.root())?.extend(&mut policy)?;
        }
        Ok(policy)
    }
}

/// The policy in the user's configuration folder, if there is one.
fn own() -> Result<Policy> {
    let folder = config_folder()?;
    match open_private(&folder, false)? {
        Some(open) if open.has(OWN_POLICY) => {
            open.own_file(OWN_POLICY).map_err(WorkspaceError::io(folder.join(OWN_POLICY)))?;
            load(&folder.join(OWN_POLICY))
        }
        _ => Ok(Policy::default()),
    }
}

/// Reads a policy. The paths of its databases are relative to its own folder.
fn load(path: &Path) -> Result<Policy> {
    let mut policy = Policy::load(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    for database in policy.databases.values_mut() {
        database.url = absolute(&database.url, folder);
    }
    Ok(policy)
}

fn absolute(url: &str, folder: &Path) -> String {
    let Some(rest) = url.strip_prefix("sqlite:") else { return url.to_owned() };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, options) = match rest.split_once('?') {
        Some((path, options)) => (path, format!("?{options}")),
        None => (rest, String::new()),
    };
    if path.is_empty() || path.starts_with(':') {
        return url.to_owned();
    }
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    format!("sqlite:{}{options}", folder.join(path).display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_databases_path_is_relative_to_the_policy() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().canonicalize().unwrap();
        let at = |url: &str| absolute(url, &here);
        assert_eq!(at("sqlite:a/b.db"), format!("sqlite:{}/a/b.db", here.display()));
        assert_eq!(at("sqlite://a.db?mode=ro"), format!("sqlite:{}/a.db?mode=ro", here.display()));
        assert_eq!(at("sqlite:/x/a.db"), "sqlite:/x/a.db");
        assert_eq!(at("sqlite::memory:"), "sqlite::memory:");
        assert_eq!(at("postgres://u@h/d"), "postgres://u@h/d");
    }
}
