//! Single files that people put where they are read: links are followed, since
//! people make links, but what comes out is a regular file of bounded size.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};

/// The bytes of the regular file at `path`, `max` at most.
///
/// # Errors
///
/// `InvalidInput` for what is no regular file (a FIFO, a device, a socket, a
/// folder), `FileTooLarge` for one of more than `max` bytes; and whatever opening
/// and reading it gives. Nothing of such a file is read, and nothing waits.
pub fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    // Opening a FIFO for reading waits for a writer, unless it must not block.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    read_regular(file, max)
}

/// The same as text: UTF-8, without the byte order mark that it may begin with.
///
/// # Errors
///
/// As [`read`], and `InvalidData` with the place of the first byte that is not UTF-8.
pub fn read_text(path: &Path, max: u64) -> io::Result<String> {
    text(read(path, max)?)
}

/// Bytes as text, without a byte order mark.
pub(crate) fn text(bytes: Vec<u8>) -> io::Result<String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..at];
        let line = before.split(|byte| *byte == b'\n').count();
        let words = if matches!(error.as_bytes(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
            "is UTF-16; save it as UTF-8".to_owned()
        } else {
            format!("is not UTF-8 in line {line} (byte {at})")
        };
        io::Error::new(io::ErrorKind::InvalidData, words)
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// A text without the byte order mark that it may begin with.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The bytes behind a descriptor, if it is a regular file of `max` bytes at most.
pub(crate) fn read_regular(file: OwnedFd, max: u64) -> io::Result<Vec<u8>> {
    let stat = rustix::fs::fstat(&file)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, not_regular(kind)));
    }
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    let too_large =
        || io::Error::new(io::ErrorKind::FileTooLarge, format!("has more than {max} bytes"));
    if size > max {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // It may grow while it is read.
    File::from(file).take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(too_large());
    }
    Ok(bytes)
}

/// What to say of a file that is none.
pub(crate) fn not_regular(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "is a folder, not a file",
        FileType::Symlink => "is a link, which is not followed",
        FileType::Fifo => "is a FIFO, not a file",
        FileType::Socket => "is a socket, not a file",
        FileType::CharacterDevice | FileType::BlockDevice => "is a device, not a file",
        _ => "is not a regular file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_bounded_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a"), "\u{feff}text").unwrap();
        std::os::unix::fs::symlink(path("a"), path("link")).unwrap();
        assert_eq!(read_text(&path("a"), 100).unwrap(), "text");
        assert_eq!(read_text(&path("link"), 100).unwrap(), "text");
        assert_eq!(read(&path("a"), 7).unwrap().len(), 7);
        assert_eq!(read(&path("a"), 6).unwrap_err().kind(), io::ErrorKind::FileTooLarge);

        rustix::fs::mknodat(
            rustix::fs::CWD,
            path("fifo"),
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let _listening = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        for (odd, words) in [("fifo", "a FIFO"), ("", "a folder")] {
            let error = read(&path(odd), 100).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        assert!(read(&path("socket"), 100).is_err());
        let error = read(Path::new("/dev/zero"), 100).unwrap_err();
        assert!(error.to_string().contains("a device"), "{error}");
        std::fs::write(path("wide"), b"\xff\xfea\0").unwrap();
        assert!(read_text(&path("wide"), 9).unwrap_err().to_string().contains("UTF-16"));
        std::fs::write(path("bad"), b"a\nb\xff").unwrap();
        assert!(read_text(&path("bad"), 9).unwrap_err().to_string().contains("line 2"));
    }
}
