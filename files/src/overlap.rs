//! Whether one folder holds another, whatever links and names lead to them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// What a folder is known by, however it is reached.
type Identity = (u64, u64);

/// Most folders above one another that are looked at: no path is as long.
const MAX_DEPTH: usize = 4096;

/// Whether the open folder `folder` is the one at `path`, lies in it or holds it: also
/// where `path` is not there yet and would be made in `folder`, and where a link on the
/// way to it lies in `folder`.
///
/// # Errors
///
/// When the folder cannot be looked at.
pub fn overlaps(folder: impl AsFd, path: &Path) -> io::Result<bool> {
    let stat = rustix::fs::fstat(&folder)?;
    let own = identity(&stat);
    let path = std::path::absolute(path)?;
    let real = path.ancestors().find_map(|above| above.canonicalize().ok());
    let real = real.as_deref().unwrap_or(Path::new("/"));
    if path.ancestors().chain(real.ancestors()).any(|above| at(above) == Some(own)) {
        return Ok(true);
    }
    let Some(wanted) = at(&path) else { return Ok(false) };
    let mut below = own;
    let mut above = up(&folder)?;
    for _ in 0..MAX_DEPTH {
        let found = identity(&rustix::fs::fstat(&above)?);
        if found == wanted {
            return Ok(true);
        }
        // Above the root is the root.
        if found == below {
            return Ok(false);
        }
        below = found;
        above = up(&above)?;
    }
    Ok(true)
}

fn up(folder: impl AsFd) -> io::Result<OwnedFd> {
    // What may not be listed may still be passed through, and be known.
    #[cfg(target_os = "linux")]
    let reading = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let reading = OFlags::RDONLY;
    let flags = reading | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, "..", flags, Mode::empty())?)
}

fn at(path: &Path) -> Option<Identity> {
    rustix::fs::stat(path).ok().map(|stat| identity(&stat))
}

fn identity(stat: &rustix::fs::Stat) -> Identity {
    (stat.st_dev, stat.st_ino)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folders_overlap_by_what_they_are() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("home/config/distri/sub")).unwrap();
        std::fs::create_dir_all(at("home/projects")).unwrap();
        std::fs::create_dir_all(at("far/cache")).unwrap();
        symlink(at("home"), at("link")).unwrap();
        symlink(at("far/cache"), at("home/cache")).unwrap();
        let overlaps = |folder: &str, path: &str| {
            overlaps(File::open(at(folder)).unwrap(), &at(path)).unwrap()
        };
        for folder in
            ["home", "home/config", "home/config/distri", "home/config/distri/sub", "link"]
        {
            assert!(overlaps(folder, "home/config/distri"), "{folder}");
            assert!(overlaps(folder, "link/config/distri"), "{folder}");
        }
        assert!(!overlaps("home/projects", "home/config/distri"));
        assert!(!overlaps("far", "home/config/distri"));
        // What is not there yet could be made there.
        assert!(overlaps("home/projects", "home/projects/new/distri"));
        assert!(!overlaps("home/config", "home/projects/new/distri"));
        // By way of a link: who may write beside the link, and where it leads.
        for folder in ["home", "far", "far/cache"] {
            assert!(overlaps(folder, "home/cache/distri"), "{folder}");
        }
    }
}
