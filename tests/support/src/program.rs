//! The program that is tested, as its sources are now.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The folder in which cargo puts what it builds in the profile of these tests.
pub fn profile() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let test = std::env::current_exe().unwrap();
        test.ancestors().nth(2).unwrap().to_owned()
    });
    &FOLDER
}

/// The program `distri`. Cargo builds it before the tests of its own package alone.
pub fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        cargo_build(&["--bin", "distri", "--example", "house"]);
        profile().join("distri")
    });
    &PROGRAM
}

/// Builds something of the workspace. Selection and profile are the tests' own, so that
/// nothing else is compiled again.
pub fn cargo_build(what: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--workspace", "--target-dir"]);
    cargo.arg(profile().parent().unwrap());
    if profile().ends_with("release") {
        cargo.arg("--release");
        if cfg!(debug_assertions) {
            cargo.args(["--config", "tests/cargo.toml"]);
        }
    }
    // What the cargo that runs these tests tells them of their own package, and what lets
    // them say how long each took, would be news to build scripts, and everything above
    // them compiled again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if name == "RUSTC_BOOTSTRAP" || package.iter().any(|prefix| name.starts_with(prefix)) {
            cargo.env_remove(&*name);
        }
    }
    let cargo = cargo.args(what).current_dir(repository()).env("CARGO_NET_OFFLINE", "true");
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
