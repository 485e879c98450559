//! What the operator approved, package by package: kept outside the workspace, so
//! that a cloned repository cannot bring its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use distri_host::Artifact;
use distri_manifest::{Allowance, Capabilities, FilesystemRequest, PackageName, Policy};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::repository;
use crate::user_file::{UserFile, config_folder};

/// The approvals of one workspace, in `approvals.json` of the user's configuration
/// folder. An approval holds what was asked for when it was given: what a package
/// asks for later needs another.
#[derive(Debug, Clone)]
pub struct Approvals {
    file: UserFile,
    root: PathBuf,
}

/// What was approved of one package, and of which it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Approval {
    /// What was asked for.
    pub asked: Capabilities,
    /// What it was given for.
    pub given: Given,
}

/// What an approval was given for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Given {
    /// SHA-256 of the component; empty for an approval that is older than this record.
    pub digest: String,
    /// The package's version.
    pub version: String,
    /// Its folder, relative to the workspace's root.
    pub folder: PathBuf,
    /// The repository that the workspace came from, as its settings name it.
    pub repository: Option<String>,
    /// When, in seconds since 1970.
    pub at: u64,
}

/// By workspace and package.
type Held = BTreeMap<PathBuf, BTreeMap<PackageName, Kept>>;

/// An approval as it is kept. The first ones were only what was asked for.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Kept {
    Approval(Approval),
    Asked(Capabilities),
}

impl From<Kept> for Approval {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Approval(approval) => approval,
            Kept::Asked(asked) => Self { asked, given: Given::default() },
        }
    }
}

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
    pub fn all(&self) -> Result<BTreeMap<PackageName, Approval>> {
        let here = self.file.read::<Held>()?.remove(&self.root).unwrap_or_default();
        Ok(here.into_iter().map(|(package, kept)| (package, kept.into())).collect())
    }

    /// Approves what a package asks for as it was built, in place of what was approved
    /// before.
    pub fn approve(&self, artifact: &Artifact) -> Result<()> {
        let approval = Approval {
            asked: needing_approval(&artifact.capabilities),
            given: Given {
                digest: artifact.component.clone(),
                version: artifact.version.clone(),
                folder: artifact.folder.clone(),
                repository: repository::of(&self.root),
                at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()),
            },
        };
        self.file.change(|held: &mut Held| {
            let workspace = held.entry(self.root.clone()).or_default();
            workspace.insert(artifact.package.clone(), Kept::Approval(approval));
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
        for (package, approval) in self.all()? {
            policy.packages.entry(package).or_default().extend(Allowance::from(&approval.asked));
        }
        Ok(())
    }

    /// What of these packages is not what it was when it was approved, in the order
    /// that they have.
    pub fn changes<'a>(
        &self,
        artifacts: impl IntoIterator<Item = &'a Artifact>,
    ) -> Result<Vec<Changed>> {
        let approvals = self.all()?;
        if approvals.is_empty() {
            return Ok(Vec::new());
        }
        let repository = repository::of(&self.root);
        let changed = artifacts.into_iter().filter_map(|artifact| {
            let given = &approvals.get(&artifact.package)?.given;
            let what = given.changes(artifact, repository.as_deref());
            (!what.is_empty()).then(|| Changed {
                package: artifact.package.clone(),
                approved: given.when(),
                what,
            })
        });
        Ok(changed.collect())
    }
}

/// A package that is not what it was when it was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Changed {
    /// The package.
    pub package: PackageName,
    /// When it was approved, as HTTP writes dates; none where that was not recorded.
    pub approved: Option<String>,
    /// What changed, each with what it was.
    pub what: Vec<String>,
}

impl Given {
    /// When it was given, as HTTP writes dates.
    pub fn when(&self) -> Option<String> {
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(self.at))?;
        // The last date that can be written so, in the year 9999.
        let written = self.at > 0 && self.at < 253_402_300_800;
        written.then(|| httpdate::fmt_http_date(at))
    }

    fn changes(&self, artifact: &Artifact, repository: Option<&str>) -> Vec<String> {
        if self.digest.is_empty() && self.at == 0 {
            return vec![
                "its code, perhaps: the approval is older than the record of it".to_owned(),
            ];
        }
        let mut what = Vec::new();
        let mut differs = |name: &str, now: &str, then: &str| {
            if now != then {
                what.push(format!("its {name}: `{now}`, approved was `{then}`"));
            }
        };
        differs("code", &short(&artifact.component), &short(&self.digest));
        differs("version", &artifact.version, &self.version);
        let [now, then] = [&artifact.folder, &self.folder].map(|path| path.display().to_string());
        differs("folder", &now, &then);
        let none = "none";
        differs(
            "repository",
            repository.unwrap_or(none),
            self.repository.as_deref().unwrap_or(none),
        );
        what
    }
}

/// As much of a digest as two of them differ in.
fn short(digest: &str) -> String {
    format!("sha256:{}", digest.get(..16).unwrap_or(digest))
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

    fn artifact(component: &str) -> Artifact {
        let json = serde_json::json!({
            "package": "p", "version": "0.1.0", "folder": "plugins/p", "language": "rust",
            "abi": "0.3.0", "component": component.repeat(64), "size": 8, "tools": [],
            "workflows": [], "limits": {}, "instances": {}, "inputs": "", "builder": "",
            "capabilities": { "tools": ["a/*"], "network": { "hosts": ["x.org"] } },
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_approval_is_of_one_workspace_and_of_what_was_asked() {
        let folder = tempfile::tempdir().unwrap();
        let package: PackageName = "p".parse().unwrap();
        let here = Approvals::in_folder(folder.path(), Path::new("/here"));
        let there = Approvals::in_folder(folder.path(), Path::new("/there"));
        here.approve(&artifact("1")).unwrap();
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

    #[test]
    fn an_approval_says_what_changed_since() {
        let folder = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        let approvals = Approvals::in_folder(folder.path(), root.path());
        approvals.approve(&artifact("1")).unwrap();
        assert_eq!(approvals.changes([&artifact("1")]).unwrap(), []);
        let mut other = artifact("2");
        other.version = "0.2.0".to_owned();
        other.folder = "plugins/other".into();
        let git = root.path().join(".git");
        std::fs::create_dir(&git).unwrap();
        std::fs::write(
            git.join("config"),
            "[remote \"origin\"]\n\turl = https://me:password@example.com/r.git\n",
        )
        .unwrap();
        let [changed] = approvals.changes([&other]).unwrap().try_into().unwrap();
        assert!(changed.approved.unwrap().ends_with(" GMT"));
        assert_eq!(
            changed.what,
            [
                "its code: `sha256:2222222222222222`, approved was `sha256:1111111111111111`",
                "its version: `0.2.0`, approved was `0.1.0`",
                "its folder: `plugins/other`, approved was `plugins/p`",
                "its repository: `https://example.com/r.git`, approved was `none`",
            ]
        );
        approvals.approve(&other).unwrap();
        assert_eq!(approvals.changes([&other]).unwrap(), []);
    }

    #[test]
    fn an_approval_of_an_older_version_still_holds_and_says_that_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let private = distri_files::Folder::make(
            folder.path(),
            Path::new("distri"),
            distri_files::Guard::Private,
        )
        .unwrap();
        let old = r#"{"/here": {"p": {"tools": [], "network": {"hosts": ["https://x.org"]}}}}"#;
        private.write("approvals.json", old.as_bytes()).unwrap();
        let approvals = Approvals::in_folder(private.path(), Path::new("/here"));
        let mut policy = Policy::default();
        approvals.extend(&mut policy).unwrap();
        assert!(policy.allowance("p").host("https", "x.org", 443));
        let [changed] = approvals.changes([&artifact("1")]).unwrap().try_into().unwrap();
        assert_eq!(changed.approved, None);
        assert!(changed.what[0].contains("older"), "{changed:?}");
    }
}
