//! Files and folders that a guest holds open: the process has so many for all.

use std::fs::File;
use std::sync::{Arc, Weak};

use distri_call::places::{Open, Place};
use distri_call::{Error, ErrorKind};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::Descriptor;

/// What a store's guest has open: descriptors, and streams that outlive theirs. What
/// was closed is noticed when there seems to be too much.
pub struct OpenFiles {
    /// Each with the granted folder that it lies in, by its place in the request.
    opened: Vec<(Weak<File>, Option<usize>)>,
    /// The granted folders themselves, which take no place.
    granted: Vec<(Weak<File>, usize)>,
    /// Those about to be, and folders that are being read.
    opening: Open,
    max: u32,
}

impl OpenFiles {
    /// Nothing open, and so many at once at most.
    pub fn new(max: u32) -> Self {
        Self { opened: Vec::new(), granted: Vec::new(), opening: Open::default(), max }
    }

    /// Places for a folder while it is read: it is opened twice for that.
    pub(super) fn begin_listing(&mut self) -> Result<Arc<[Place; 2]>, Error> {
        Ok(Arc::new([self.begin()?, self.begin()?]))
    }

    /// A place for one about to be opened.
    pub(super) fn begin(&mut self) -> Result<Place, Error> {
        let max = self.max as usize;
        if self.opened.len() + self.opening.count() as usize >= max {
            self.opened.retain(|(file, _)| file.strong_count() > 0);
        }
        let room = max.saturating_sub(self.opened.len());
        self.opening.try_place(u32::try_from(room).unwrap_or(u32::MAX)).ok_or_else(|| {
            let message = format!("more than {max} files are open in one call");
            Error::over(ErrorKind::ResourceLimit, "open_files", max, message)
        })
    }

    /// Takes note of a granted folder that the guest was given.
    pub(super) fn grant(
        &mut self,
        table: &ResourceTable,
        folder: &Resource<Descriptor>,
        at: usize,
    ) {
        let Ok(Descriptor::Dir(folder)) = table.get(folder) else { return };
        if self.origin(&folder.dir).is_none() {
            self.granted.push((Arc::downgrade(&folder.dir), at));
        }
    }

    /// The granted folder that something open is, or lies in.
    pub(super) fn origin(&self, file: &Arc<File>) -> Option<usize> {
        let is = |other: &Weak<File>| std::ptr::eq(other.as_ptr(), Arc::as_ptr(file));
        let granted = self.granted.iter().find(|(folder, _)| is(folder)).map(|(_, at)| *at);
        granted.or_else(|| self.opened.iter().find(|(file, _)| is(file))?.1)
    }

    /// Takes note of one that was opened.
    pub(super) fn note(&mut self, opened: &Descriptor, origin: Option<usize>) {
        self.opened.push((Arc::downgrade(handle(opened)), origin));
    }
}

/// The open file or folder itself.
pub(super) fn handle(descriptor: &Descriptor) -> &Arc<File> {
    match descriptor {
        Descriptor::File(file) => &file.file,
        Descriptor::Dir(folder) => &folder.dir,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_that_is_given_up_takes_no_place() {
        let mut files = OpenFiles::new(2);
        let opening = [files.begin().unwrap(), files.begin().unwrap()];
        assert!(files.begin().is_err());
        drop(opening);
        assert!(files.begin().is_ok());
    }

    #[test]
    fn what_was_closed_takes_no_place() {
        let mut files = OpenFiles::new(1);
        let open = Arc::new(tempfile::tempfile().unwrap());
        files.opened.push((Arc::downgrade(&open), None));
        assert!(files.begin().is_err());
        drop(open);
        assert!(files.begin().is_ok());
    }
}
