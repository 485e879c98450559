//! The repository that a workspace came from, as git's settings name it.

use std::path::Path;

/// Most bytes of a repository's settings that are read.
const MAX_SETTINGS: u64 = 1 << 20;

/// The address of the remote `origin` of the nearest repository, without user and
/// password. None where there is none, or git keeps its settings elsewhere.
pub(crate) fn of(root: &Path) -> Option<String> {
    let git = root.ancestors().map(|above| above.join(".git")).find(|git| git.exists())?;
    let settings = distri_files::read_text(&git.join("config"), MAX_SETTINGS).ok()?;
    let mut of_origin = false;
    for line in settings.lines().map(str::trim) {
        if line.starts_with('[') {
            of_origin = line == "[remote \"origin\"]";
        } else if of_origin
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "url"
        {
            return Some(without_user(value.trim()));
        }
    }
    None
}

/// An address without who logs in there.
fn without_user(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or(host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_known_by_its_origin() {
        let root = tempfile::tempdir().unwrap();
        let inside = root.path().join("a/b");
        std::fs::create_dir_all(&inside).unwrap();
        std::fs::create_dir(root.path().join(".git")).unwrap();
        assert_eq!(of(&inside), None);
        let settings = "[core]\n url = no\n[remote \"fork\"]\nurl = no\n[remote \"origin\"]\n\turl = ssh://git@x.org:22/a@b\n";
        std::fs::write(root.path().join(".git/config"), settings).unwrap();
        assert_eq!(of(&inside).unwrap(), "ssh://x.org:22/a@b");
    }
}
