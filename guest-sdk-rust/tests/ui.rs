//! What the compiler says of wrong plugins, and what the SDK is made of.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn the_bindings_are_those_of_the_interface() {
    for track in ["v0.2", "v0.3"] {
        let mut paths = Vec::new();
        files(&Path::new("wit").join(track), &mut paths);
        paths.sort();
        let mut digest = Sha256::new();
        for path in paths {
            digest.update(std::fs::read(path).unwrap());
        }
        let bindings = std::fs::read_to_string(format!("src/bindings/{track}.rs")).unwrap();
        let wanted = format!("// {:x}", digest.finalize());
        assert_eq!(bindings.lines().nth(1), Some(&*wanted), "run scripts/bindings again");
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "wit") {
            found.push(path);
        }
    }
}
