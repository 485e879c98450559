//! `distri wit`.

use std::path::{Component, Path};

use distri_files::{Folder, Guard};
use distri_host::{Error, ErrorKind, Wit};
use serde_json::{Value, json};

use crate::args::{Args, WriteWit};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Args, write: &WriteWit) -> Result<(), Failure> {
    let wit = Wit::find(&write.track).ok_or_else(|| {
        let versions = Wit::ALL.map(|wit| wit.version).join("` and `");
        let message = format!("there is no version `{}` of `distri:plugin`", write.track);
        Failure::Usage(
            Error::new(ErrorKind::NotFound, message).with_hint(format!("there are `{versions}`")),
        )
    })?;
    let package = format!("distri:plugin@{}", wit.version);
    let Some(folder) = &write.out else {
        if args.json {
            let deps = wit.deps.iter().map(|(name, text)| (format!("deps/{name}"), *text));
            let files = wit.files.iter().map(|(name, text)| ((*name).to_owned(), *text));
            let files: Vec<Value> = files
                .chain(deps)
                .map(|(path, text)| json!({ "path": path, "text": text }))
                .collect();
            output::json(&json!({ "package": package, "files": files }));
        } else {
            for (_, text) in wit.files {
                output::lines(text);
            }
        }
        return Ok(());
    };
    let mut files = Vec::new();
    for (folder, parts) in [(folder.clone(), wit.files), (folder.join("deps"), wit.deps)] {
        for (name, text) in parts {
            put(&folder, name, text).map_err(|error| {
                let message = format!("cannot write the WIT files: {error}");
                Failure::Host(Error::new(ErrorKind::Internal, message))
            })?;
            files.push(json!({ "path": folder.join(name) }));
        }
    }
    if args.json {
        output::json(&json!({ "package": package, "files": files }));
    } else {
        let (count, folder) = (files.len(), folder.display());
        output::line(&format!("wrote {package} to {folder}, {count} files"));
    }
    Ok(())
}

/// Writes a file into a folder, through no link below the current folder.
fn put(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let folder = if folder.components().all(plain) {
        Folder::make(Path::new("."), folder, Guard::Workspace)?
    } else {
        // What is named from elsewhere may be reached through links, and be none.
        std::fs::create_dir_all(folder)?;
        let (above, last) = match folder.file_name() {
            Some(name) => (folder.parent().unwrap_or(folder), Path::new(name)),
            None => (folder, Path::new("")),
        };
        Folder::make(above, last, Guard::Workspace)?
    };
    folder.write_shared(name, text.as_bytes())
}
