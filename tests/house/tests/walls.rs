//! The house as it stands: no circle of imports in any crate, and no crate that knows one
//! above it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use distri_house::Crate;

/// Every crate, lowest first, and which of the others it may use. What a crate does not
/// name here it cannot come to know without this test.
const MAY_USE: &[(&str, &[&str])] = &[
    ("files", &[]),
    ("manifest", &["files"]),
    ("host/call", &["manifest"]),
    ("host/schema", &["manifest"]),
    ("host/abi", &["call"]),
    ("host/artifact", &["call", "files", "manifest", "schema"]),
    ("host/engine", &["abi", "artifact", "call", "files", "manifest"]),
    ("host/capabilities/databases", &["abi", "call", "manifest"]),
    ("host/capabilities/filesystem", &["call", "files", "manifest"]),
    ("host/capabilities/network", &["call"]),
    ("host/capabilities/tools", &["abi", "call", "manifest"]),
    ("host/capabilities/web", &[]),
    (
        "host",
        &[
            "abi",
            "artifact",
            "call",
            "databases",
            "engine",
            "files",
            "filesystem",
            "manifest",
            "network",
            "schema",
            "tools",
            "web",
        ],
    ),
    ("builder/quickjs", &[]),
    ("builder", &["files", "host", "manifest"]),
    ("workspace", &["builder", "files", "host", "manifest"]),
    ("tests/conformance", &["host", "manifest"]),
    ("cli", &["builder", "conformance", "files", "host", "manifest", "workspace"]),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The manifest in a folder of the repository.
fn manifest(folder: &str) -> toml::Table {
    let path = repository().join(folder).join("Cargo.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The folders of all crates of the workspace.
fn members() -> Vec<String> {
    let root = manifest("");
    let members = root["workspace"]["members"].as_array().unwrap();
    members.iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

#[test]
fn no_crate_has_files_that_import_each_other_in_a_circle() {
    // What authors in Rust use is one root with all of it, and small.
    for folder in members().iter().filter(|folder| *folder != "guest-sdk-rust") {
        let found = Crate::read(&repository().join(folder).join("src")).unwrap();
        let circles = found.circles();
        println!("{folder}: {} files, {} lines, {circles:?}", found.files(), found.lines());
        assert!(found.files() > 0, "{folder} has no files");
        assert!(circles.is_empty(), "{folder}: {circles:#?}");
    }
}

#[test]
fn every_crate_uses_what_it_may_and_is_written_down() {
    for member in members() {
        let known = MAY_USE.iter().any(|(folder, _)| *folder == member);
        // Nothing but programs and tests is above these.
        let above =
            ["bench", "guest-sdk-rust", "guest-sdk-rust/macros", "tests/house", "tests/support"];
        assert!(known || above.contains(&&*member), "which crates may `{member}` use?");
    }
    let mut below: Vec<String> = Vec::new();
    for (folder, may) in MAY_USE {
        for name in *may {
            assert!(below.iter().any(|it| it == name), "`{folder}` is below `{name}`");
        }
        let manifest = manifest(folder);
        let platforms = manifest.get("target").and_then(toml::Value::as_table);
        let platforms = platforms.into_iter().flat_map(toml::Table::values);
        let tables = platforms.filter_map(toml::Value::as_table).chain([&manifest]);
        let kinds = ["dependencies", "build-dependencies"];
        let dependencies = tables
            .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
            .flatten();
        for (name, dependency) in dependencies {
            let renamed = dependency.get("package").and_then(toml::Value::as_str);
            if let Some(name) = renamed.unwrap_or(name).strip_prefix("distri-") {
                assert!(may.contains(&name), "`{folder}` may not use `distri-{name}`");
            }
        }
        let name = manifest["package"]["name"].as_str().unwrap();
        below.push(name.trim_start_matches("distri-").to_owned());
    }
}

#[test]
fn every_crate_is_compiled_for_tests_as_tests_want_it() {
    let root = repository();
    let text = std::fs::read_to_string(root.join("tests/cargo.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let listed = table["profile"]["release"]["package"].as_table().unwrap();
    let mut names: Vec<String> = Vec::new();
    for member in members() {
        let name = manifest(&member)["package"]["name"].as_str().unwrap().to_owned();
        let own = listed.get(&name).unwrap_or_else(|| panic!("{name} is not in cargo.toml"));
        let mut own = own.as_table().unwrap().clone();
        // One whose tests give it megabytes may be optimised a little.
        assert!(own.remove("opt-level").and_then(|it| it.as_integer()) <= Some(1), "{name}");
        let checked = "codegen-units = 256\ndebug-assertions = true\noverflow-checks = true";
        assert_eq!(own, checked.parse().unwrap(), "{name} is compiled unlike the others");
        names.push(name);
    }
    // A dependency named here would be compiled twice.
    assert!(listed.keys().all(|name| names.contains(name)), "{listed:#?}");
}
