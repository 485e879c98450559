//! `distri wit`.

use std::path::Path;

use distri_host::{Error, ErrorKind, Wit};
use serde_json::json;

use crate::args::{Args, WriteWit};
use crate::failure::Failure;
use crate::terminal;

pub(crate) fn run(args: &Args, write: &WriteWit) -> Result<(), Failure> {
    let wit = Wit::find(&write.track).ok_or_else(|| {
        let versions = Wit::ALL.map(|wit| wit.version).join("` and `");
        let message = format!("there is no version `{}` of `distri:plugin`", write.track);
        Failure::Usage(
            Error::new(ErrorKind::NotFound, message).with_hint(format!("there are `{versions}`")),
        )
    })?;
    let Some(folder) = &write.out else {
        for (_, text) in wit.files {
            terminal::lines(text);
        }
        return Ok(());
    };
    let mut files = Vec::new();
    for (folder, parts) in [(folder.clone(), wit.files), (folder.join("deps"), wit.deps)] {
        for (name, text) in parts {
            let path = folder.join(name);
            put(&path, text).map_err(|error| {
                Failure::Host(Error::new(
                    ErrorKind::Internal,
                    format!("cannot write `{}`: {error}", path.display()),
                ))
            })?;
            files.push(path);
        }
    }
    if args.json {
        terminal::json(
            &json!({ "package": format!("distri:plugin@{}", wit.version), "files": files }),
        );
    } else {
        let (count, folder) = (files.len(), folder.display());
        terminal::line(&format!("wrote distri:plugin@{} to {folder}, {count} files", wit.version));
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}
