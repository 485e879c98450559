//! A guest that does with files what it is told, over WASI 0.2 itself: no library
//! of the language's cleans its paths.

use distri_guest::{export_plugin, tool};
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};

/// The folder that the guest sees under this path.
fn folder(guest: &str) -> Result<Descriptor, String> {
    let found = get_directories().into_iter().find(|(_, path)| path == guest);
    found.map(|(folder, _)| folder).ok_or_else(|| "no-folder".to_owned())
}

fn show<T>(result: Result<T, wasip2::filesystem::types::ErrorCode>) -> Result<T, String> {
    result.map_err(|error| error.name().to_owned())
}

fn open(folder: &Descriptor, path: &str, how: OpenFlags, flags: DescriptorFlags) -> Result<Descriptor, String> {
    show(folder.open_at(PathFlags::SYMLINK_FOLLOW, path, how, flags))
}

/// The folders that the guest sees.
#[tool]
fn folders() -> Vec<String> {
    get_directories().into_iter().map(|(_, path)| path).collect()
}

/// The environment that the guest sees.
#[tool]
fn environment() -> Vec<(String, String)> {
    wasip2::cli::environment::get_environment()
}

/// The arguments that the guest sees.
#[tool]
fn arguments() -> Vec<String> {
    wasip2::cli::environment::get_arguments()
}

/// Reads a file.
#[tool]
fn read(guest: String, path: String) -> Result<String, String> {
    let file = open(&folder(&guest)?, &path, OpenFlags::empty(), DescriptorFlags::READ)?;
    let (bytes, _) = show(file.read(1 << 16, 0))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Makes a file with this text.
#[tool]
fn write(guest: String, path: String, text: String) -> Result<u64, String> {
    put(&folder(&guest)?, &path, &text)
}

fn put(folder: &Descriptor, path: &str, text: &str) -> Result<u64, String> {
    let how = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let file = open(folder, path, how, DescriptorFlags::WRITE)?;
    show(file.write(text.as_bytes(), 0))
}

/// The names in a folder.
#[tool]
fn list(guest: String) -> Result<Vec<String>, String> {
    let listing = show(folder(&guest)?.read_directory())?;
    let mut names = Vec::new();
    while let Some(entry) = show(listing.read_directory_entry())? {
        names.push(entry.name);
    }
    Ok(names)
}

/// Opens a file so often, and of each keeps the `file`, a `stream` or nothing. Or
/// begins to list the folder so often.
#[tool]
fn hoard(guest: String, path: String, times: u32, keep: String) -> Result<usize, String> {
    let folder = folder(&guest)?;
    let (mut files, mut streams, mut listings) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        if keep == "listing" {
            listings.push(show(folder.read_directory())?);
            continue;
        }
        let file = open(&folder, &path, OpenFlags::empty(), DescriptorFlags::READ)?;
        match keep.as_str() {
            "file" => files.push(file),
            "stream" => streams.push(show(file.read_via_stream(0))?),
            _ => {}
        }
    }
    Ok(files.len() + streams.len() + listings.len())
}

/// Writes many times, and counts how often it could.
#[tool]
fn storm(guest: String, path: String, text: String, times: u32) -> Result<u32, String> {
    let folder = folder(&guest)?;
    Ok((0..times).map(|_| u32::from(put(&folder, &path, &text).is_ok())).sum())
}

/// Sets the size of a file, which it makes.
#[tool]
fn resize(guest: String, path: String, size: u64) -> Result<(), String> {
    let file = open(&folder(&guest)?, &path, OpenFlags::CREATE, DescriptorFlags::WRITE)?;
    show(file.set_size(size))
}

/// Writes a text to places of a file, which it makes: by itself, or through a `stream` or
/// an `append` stream.
#[tool]
fn write_at(guest: String, path: String, text: String, places: Vec<u64>, how: String) -> Result<(), String> {
    let file = open(&folder(&guest)?, &path, OpenFlags::CREATE, DescriptorFlags::WRITE)?;
    for at in places {
        let stream = match how.as_str() {
            "stream" => show(file.write_via_stream(at))?,
            "append" => show(file.append_via_stream())?,
            _ => {
                show(file.write(text.as_bytes(), at))?;
                continue;
            }
        };
        for piece in text.as_bytes().chunks(4096) {
            stream.blocking_write_and_flush(piece).map_err(|error| format!("{error:?}"))?;
        }
    }
    Ok(())
}

/// Makes so many files, folders or links, and removes each again if it is told to.
#[tool]
fn fill(guest: String, what: String, count: u32, remove: bool) -> Result<u32, String> {
    let folder = folder(&guest)?;
    for at in 0..count {
        let path = format!("{what}-{at}");
        match what.as_str() {
            "folder" => show(folder.create_directory_at(&path))?,
            "link" => show(folder.symlink_at("in.txt", &path))?,
            "name" => show(folder.link_at(PathFlags::empty(), "in.txt", &folder, &path))?,
            _ => drop(open(&folder, &path, OpenFlags::CREATE, DescriptorFlags::WRITE)?),
        }
        match what.as_str() {
            _ if !remove => {}
            "folder" => show(folder.remove_directory_at(&path))?,
            _ => show(folder.unlink_file_at(&path))?,
        }
    }
    Ok(count)
}

/// Writes a file, removes it and keeps it open, so often. Gives how often it could.
#[tool]
fn ghosts(guest: String, text: String, times: u32) -> Result<usize, String> {
    let folder = folder(&guest)?;
    let mut kept = Vec::new();
    for _ in 0..times {
        let file = open(&folder, "ghost", OpenFlags::CREATE, DescriptorFlags::WRITE)?;
        show(file.write(text.as_bytes(), 0))?;
        show(folder.unlink_file_at("ghost"))?;
        kept.push(file);
    }
    Ok(kept.len())
}

/// Makes a symbolic link.
#[tool]
fn symlink(guest: String, to: String, path: String) -> Result<(), String> {
    show(folder(&guest)?.symlink_at(&to, &path))
}

/// Makes a hard link to a file.
#[tool]
fn link(guest: String, from: String, path: String) -> Result<(), String> {
    let folder = folder(&guest)?;
    show(folder.link_at(PathFlags::SYMLINK_FOLLOW, &from, &folder, &path))
}

/// Gives a file another name.
#[tool]
fn rename(guest: String, from: String, path: String) -> Result<(), String> {
    let folder = folder(&guest)?;
    show(folder.rename_at(&from, &folder, &path))
}

/// Removes a file.
#[tool]
fn remove(guest: String, path: String) -> Result<(), String> {
    show(folder(&guest)?.unlink_file_at(&path))
}

/// Makes a folder.
#[tool]
fn make(guest: String, path: String) -> Result<(), String> {
    show(folder(&guest)?.create_directory_at(&path))
}

export_plugin! {
    tools: [
        folders, environment, arguments, read, write, list, hoard, storm, resize, write_at, fill,
        ghosts, symlink, link, rename, remove, make
    ]
}
