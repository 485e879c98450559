//! What a package has put on disk: bounded for each call, and for all its calls
//! together while it is loaded. Sizes count as they are said to be, so that a file with
//! a hole in it is as large as one without.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use distri_manifest::ByteSize;

use crate::{Error, ErrorKind, Limits, Result};

/// A package's, while it is loaded: by how much it has made its folders larger. What it
/// removes comes off again.
#[derive(Debug, Default)]
pub struct Disk(Mutex<Used>);

/// What is counted. Whoever holds it is the only one of the package that changes files:
/// a size that was looked at is still the size.
#[derive(Debug, Default)]
pub struct Used {
    bytes: u64,
    files: u64,
    /// Files that are open for writing: the disk keeps those that are removed meanwhile.
    open: Vec<((u64, u64), Weak<File>)>,
}

/// A call's own: what it wrote, whatever became of it.
#[derive(Debug, Default)]
pub struct Written {
    bytes: AtomicU64,
    files: AtomicU64,
}

/// The limits that a call's operations are held to.
#[derive(Clone)]
pub struct Quota {
    package: String,
    disk: Arc<Disk>,
    written: Arc<Written>,
    file_bytes: u64,
    files: u64,
    package_file_bytes: u64,
    package_files: u64,
}

impl Quota {
    /// A package's, for one of its calls.
    pub fn new(package: &str, limits: &Limits, (disk, written): (Arc<Disk>, Arc<Written>)) -> Self {
        let &Limits { file_bytes, files, package_file_bytes, package_files, .. } = limits;
        Self {
            package: package.to_owned(),
            disk,
            written,
            file_bytes,
            files,
            package_file_bytes,
            package_files,
        }
    }

    /// Of no call: nothing may be written.
    pub fn none() -> Self {
        Self {
            package: String::new(),
            disk: Arc::default(),
            written: Arc::default(),
            file_bytes: 0,
            files: 0,
            package_file_bytes: 0,
            package_files: 0,
        }
    }

    /// The package's account, for one operation on a thread that may block.
    pub fn begin(&self) -> MutexGuard<'_, Used> {
        self.disk.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `cost` bytes of the call's, and `growth` of the package's.
    ///
    /// # Errors
    ///
    /// `limit` when they are too many; then nothing was taken.
    pub fn bytes(&self, used: &mut Used, cost: u64, growth: u64) -> Result<()> {
        let all = used.bytes.saturating_add(growth);
        if all > self.package_file_bytes {
            return Err(self.over(
                "package_file_bytes",
                self.package_file_bytes,
                &format!("put more than {} into its folders", ByteSize(self.package_file_bytes)),
            ));
        }
        take(&self.written.bytes, cost, self.file_bytes).map_err(|()| {
            let message =
                format!("write more than {} to files in one call", ByteSize(self.file_bytes));
            self.over("file_bytes", self.file_bytes, &message)
        })?;
        used.bytes = all;
        Ok(())
    }

    /// Takes a file, a folder or a link that is about to be made.
    ///
    /// # Errors
    ///
    /// As [`Self::bytes`].
    pub fn file(&self, used: &mut Used) -> Result<()> {
        if used.files >= self.package_files {
            return Err(self.over(
                "package_files",
                self.package_files,
                &format!("make more than {} files and folders", self.package_files),
            ));
        }
        take(&self.written.files, 1, self.files).map_err(|()| {
            let message = format!("make more than {} files and folders in one call", self.files);
            self.over("files", self.files, &message)
        })?;
        used.files += 1;
        Ok(())
    }

    /// Gives back what was taken for something that was not made after all.
    pub fn not_made(&self, used: &mut Used) {
        used.file_gone();
        let less = |now: u64| now.checked_sub(1);
        // None is there only when nothing was taken.
        let _ = self.written.files.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn over(&self, limit: &str, max: u64, message: &str) -> Error {
        let package = &self.package;
        Error::over(ErrorKind::Limit, limit, max, format!("`{package}` may not {message}"))
            .with_hint(format!(
                "the operator raises the quota: `{limit}` in `[limits]` of the policy, or `--limit {limit}=…` for one call"
            ))
    }
}

/// Adds to a count that may not exceed `max`.
fn take(count: &AtomicU64, more: u64, max: u64) -> Result<(), ()> {
    let add = |now: u64| now.checked_add(more).filter(|all| *all <= max);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).map(drop).map_err(drop)
}

impl Used {
    /// Gives back what was taken for a file that is gone.
    pub fn file_gone(&mut self) {
        self.files = self.files.saturating_sub(1);
    }

    /// Gives back bytes that a file has no more.
    pub fn shrunk(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Gives back what a name held that is gone. The bytes of a file with another name,
    /// and of one that is still open, are still there.
    pub fn gone(&mut self, was: Option<(u64, u64, u64, u64)>) {
        self.file_gone();
        let Some((device, inode, links, size)) = was else { return };
        self.open.retain(|(_, file)| file.strong_count() > 0);
        if links == 1 && self.open.iter().all(|(id, _)| *id != (device, inode)) {
            self.shrunk(size);
        }
    }

    /// Takes note of a file that is open for writing.
    pub fn opened(&mut self, file: &Arc<File>, metadata: &Metadata) {
        /// From so many on, those that were closed are looked for.
        const MANY: usize = 64;
        if self.open.len() >= MANY && self.open.len().is_power_of_two() {
            self.open.retain(|(_, file)| file.strong_count() > 0);
        }
        self.open.push(((metadata.dev(), metadata.ino()), Arc::downgrade(file)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota() -> Quota {
        Quota {
            package: "p".to_owned(),
            disk: Arc::default(),
            written: Arc::default(),
            file_bytes: 100,
            files: 2,
            package_file_bytes: 150,
            package_files: 3,
        }
    }

    #[test]
    fn a_call_and_a_package_have_limits_of_their_own() {
        let first = quota();
        let mut used = first.begin();
        first.bytes(&mut used, 100, 100).unwrap();
        let error = first.bytes(&mut used, 1, 0).unwrap_err();
        assert_eq!(error.detail(), Some(r#"{"limit":"file_bytes","max":100}"#));
        assert_eq!(
            error.hint(),
            Some(
                "the operator raises the quota: `file_bytes` in `[limits]` of the policy, or `--limit file_bytes=…` for one call"
            )
        );
        let next = Quota { written: Arc::default(), ..first.clone() };
        next.bytes(&mut used, 50, 50).unwrap();
        let error = next.bytes(&mut used, 1, 1).unwrap_err();
        assert_eq!(error.detail(), Some(r#"{"limit":"package_file_bytes","max":150}"#));
        used.shrunk(10);
        next.bytes(&mut used, 10, 10).unwrap();
        assert!(next.bytes(&mut used, u64::MAX, u64::MAX).is_err());
    }

    #[test]
    fn files_are_counted_too() {
        let first = quota();
        let mut used = first.begin();
        first.file(&mut used).unwrap();
        first.file(&mut used).unwrap();
        let error = first.file(&mut used).unwrap_err();
        assert_eq!(error.detail(), Some(r#"{"limit":"files","max":2}"#));
        let next = Quota { written: Arc::default(), ..first.clone() };
        next.file(&mut used).unwrap();
        let error = next.file(&mut used).unwrap_err();
        assert_eq!(error.detail(), Some(r#"{"limit":"package_files","max":3}"#));
        used.file_gone();
        next.file(&mut used).unwrap();
    }

    #[test]
    fn what_is_removed_and_still_open_is_still_there() {
        let quota = quota();
        let mut used = quota.begin();
        let file = Arc::new(tempfile::tempfile().unwrap());
        let metadata = file.metadata().unwrap();
        used.opened(&file, &metadata);
        quota.bytes(&mut used, 90, 90).unwrap();
        let was = (metadata.dev(), metadata.ino(), 1, 90);
        used.gone(Some(was));
        assert_eq!(used.bytes, 90);
        drop(file);
        used.gone(Some((was.0, was.1, 2, 90)));
        assert_eq!(used.bytes, 90, "it has another name");
        used.gone(Some(was));
        assert_eq!(used.bytes, 0);
    }
}
