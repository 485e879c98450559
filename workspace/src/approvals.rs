//! What the operator approved, package by package: kept outside the workspace, so
//! that a cloned repository cannot bring its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distri_manifest::{Allowance, Capabilities, FilesystemRequest, PackageName, Policy};

use crate::Result;
use crate::user_file::{UserFile, config_folder};

/// The approvals of one workspace, in `approvals.json` of the user's configuration
/// folder. An approval holds what was asked for when it was given: what a package
/// asks for later needs another.
#[derive(Debug, Clone)]
pub struct Approvals {
    file: UserFile,
    root: PathBuf,
}

/// By workspace and package.
type Held = BTreeMap<PathBuf, BTreeMap<PackageName, Capabilities>>;

impl Approvals {
    /// The user's, for the workspace at `root`.
    pub fn of_user(root: &Path) -> Result<Self> {
        Ok(Self::in_folder(&config_folder()?, root))
    }

    /// Those in this folder.
    pub fn in_folder(folder: &Path, root: &Path) -> Self {
        Self { file: UserFile::new(folder, "approvals.json"), root: root.to_owned() }
    }

    /// What was approved, by package.
    pub fn all(&self) -> Result<BTreeMap<PackageName, Capabilities>> {
        Ok(self.file.read::<Held>()?.remove(&self.root).unwrap_or_default())
    }

    /// Approves what a package asks for, in place of what was approved before.
    pub fn approve(&self, package: &PackageName, asked: &Capabilities) -> Result<()> {
        self.file.change(|held: &mut Held| {
            let workspace = held.entry(self.root.clone()).or_default();
            workspace.insert(package.clone(), needing_approval(asked));
        })
    }

    /// Takes a package's approval back. Whether there was one.
    pub fn revoke(&self, package: &PackageName) -> Result<bool> {
        self.file.change(|held: &mut Held| {
            let workspace = held.get_mut(&self.root);
            workspace.is_some_and(|workspace| workspace.remove(package).is_some())
        })
    }

    /// Adds what was approved to a policy.
    pub fn extend(&self, policy: &mut Policy) -> Result<()> {
        for (package, approved) in self.all()? {
            policy.packages.entry(package).or_default().extend(Allowance::from(&approved));
        }
        Ok(())
    }
}

/// What of a request matters outside the workspace.
pub fn needing_approval(asked: &Capabilities) -> Capabilities {
    let Capabilities { secrets, env, network, mut filesystem, databases, .. } = asked.clone();
    filesystem
        .retain(|folder: &FilesystemRequest| folder.comes_with_workspace() != Some(folder.access));
    Capabilities { secrets, env, network, filesystem, databases, ..Capabilities::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_of_one_workspace_and_of_what_was_asked() {
        let folder = tempfile::tempdir().unwrap();
        let asked: Capabilities =
            toml::from_str("tools = [\"a/*\"]\nnetwork.hosts = [\"x.org\"]\n").unwrap();
        let package: PackageName = "p".parse().unwrap();
        let here = Approvals::in_folder(folder.path(), Path::new("/here"));
        let there = Approvals::in_folder(folder.path(), Path::new("/there"));
        here.approve(&package, &asked).unwrap();
        assert!(there.all().unwrap().is_empty());
        let mut policy = Policy::default();
        here.extend(&mut policy).unwrap();
        let allowed = policy.allowance("p");
        assert!(allowed.host("https", "x.org", 443));
        assert!(allowed.tools.is_empty(), "tools need no approval");
        assert!(policy.allowance("q").network.hosts.is_empty());
        assert!(here.revoke(&package).unwrap());
        assert!(here.all().unwrap().is_empty());
    }
}
