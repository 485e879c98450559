//! What a repository may bring into a workspace, and what others may do to a user's own
//! folders: links, foreign records, odd files, damaged builds. Through the program.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use distri_host::{ErrorKind, Host};
use distri_testing::{MANIFEST, Run, Sandbox, copy, program, tool};
use distri_workspace::Workspace;
use serde_json::{Value, json};

const RUNTIME: &str = ".distri/runtime";
const CATALOG: &str = ".distri/runtime/catalog.json";

/// A folder outside every workspace, with a file in it that nobody may touch.
fn outside() -> tempfile::TempDir {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("kept"), "kept").unwrap();
    // As old as what a build sweeps.
    let file = std::fs::File::options().write(true).open(outside.path().join("kept")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    outside
}

#[track_caller]
fn untouched(outside: &Path) {
    let names: Vec<_> = std::fs::read_dir(outside).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(names, [outside.join("kept")]);
    assert_eq!(std::fs::read_to_string(outside.join("kept")).unwrap(), "kept");
}

/// Runs the program in a folder of the sandbox's.
fn distri_in(sandbox: &Sandbox, folder: &str, args: &[&str]) -> Run {
    let output = Command::new(program())
        .args(args)
        .current_dir(sandbox.path().join(folder))
        .env_remove("CURRENT_WORKING_DIR")
        .env("XDG_CONFIG_HOME", sandbox.config())
        .env("CARGO_NET_OFFLINE", "true")
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn version(number: u32) -> Sandbox {
    Sandbox::with_plugin(&tool("version", &format!("return {number};")))
}

fn blobs(sandbox: &Sandbox) -> Vec<PathBuf> {
    let folder = sandbox.path().join(RUNTIME).join("blobs");
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_runtime_folder_with_links_is_refused_by_name() {
    for (at, leads_to) in [
        (".distri", ""),
        (RUNTIME, ""),
        (".distri/runtime/blobs", ""),
        (".distri/runtime/build.lock", "kept"),
        (CATALOG, "kept"),
    ] {
        let (sandbox, outside) = (version(1), outside());
        let path = sandbox.path().join(at);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(outside.path().join(leads_to), &path).unwrap();
        sandbox.distri(&["build"]).fails(1, &[&format!("{at}` is a link, which is not followed")]);
        untouched(outside.path());
    }
    // A link in place of a file of the build is replaced by the file.
    let (sandbox, outside) = (version(1), outside());
    sandbox.build();
    for blob in blobs(&sandbox) {
        std::fs::remove_file(&blob).unwrap();
        symlink(outside.path().join("kept"), &blob).unwrap();
    }
    symlink(outside.path().join("kept"), sandbox.path().join(RUNTIME).join("blobs/note")).unwrap();
    sandbox.build();
    untouched(outside.path());
    assert_eq!(sandbox.distri(&["call", "p/version"]).json(), json!(1));
}

#[test]
fn a_damaged_catalog_is_not_set_aside_through_a_link() {
    let (sandbox, outside) = (version(1), outside());
    sandbox.write(CATALOG, "{");
    let aside = sandbox.path().join(RUNTIME).join("catalog.damaged.json");
    symlink(outside.path().join("kept"), aside).unwrap();
    sandbox.distri(&["build"]).fails(1, &["catalog.damaged.json` is a link"]);
    untouched(outside.path());
}

/// Where cargo would follow it.
#[test]
fn cargo_writes_nothing_into_the_workspace_and_hands_no_secrets_on() {
    let (sandbox, outside) = (Sandbox::with(&[]), outside());
    let manifest = "package = \"r\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"target\"\n";
    sandbox.write("plugins/r/distri.toml", manifest);
    sandbox.write(
        "plugins/r/Cargo.toml",
        "[package]\nname = \"r\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
         [lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n",
    );
    sandbox.write("plugins/r/src/lib.rs", "");
    sandbox.write(
        "plugins/r/build.rs",
        "fn main() {\n\
           let seen: Vec<String> = std::env::vars().map(|(n, v)| format!(\"{n}={v}\")).collect();\n\
           std::fs::write(\"seen.txt\", seen.join(\"\\n\")).unwrap();\n\
         }\n",
    );
    std::fs::create_dir_all(sandbox.path().join(RUNTIME)).unwrap();
    symlink(outside.path(), sandbox.path().join(RUNTIME).join("cargo")).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let canary = Path::new("canary-of-the-operator");
    let env: &[(&str, &Path)] = &[
        ("XDG_CACHE_HOME", cache.path()),
        ("CARGO_TARGET_DIR", Path::new("")),
        ("DISTRI_SECRET_KEY", canary),
        ("DISTRI_DATABASE_MAIN", canary),
        ("WEATHER_API_KEY", canary),
        ("PLAIN", Path::new("seen")),
    ];
    let run = sandbox.distri_with_env(&["build"], env);
    run.fails(1, &["r: not built"]);
    let seen = std::fs::read_to_string(sandbox.path().join("plugins/r/seen.txt"));
    let seen = seen.unwrap_or_else(|error| panic!("no build script ran: {error}: {run:#?}"));
    assert!(seen.contains("PLAIN=seen") && seen.contains("PATH="), "{seen}");
    assert!(!seen.contains("canary"), "{seen}");
    untouched(outside.path());
    assert!(cache.path().join("distri/cargo").is_dir());

    let lock = sandbox.path().join("plugins/r/Cargo.lock");
    let _ = std::fs::remove_file(&lock);
    symlink(outside.path().join("kept"), &lock).unwrap();
    sandbox.distri(&["build"]).fails(1, &["plugins/r/Cargo.lock` is no regular file"]);

    // That of a cargo workspace elsewhere, and what lies between, which the package's
    // configuration wants to lie in the package.
    std::fs::remove_file(&lock).unwrap();
    let manifest = sandbox.path().join("plugins/r/Cargo.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let member = text.replace("[workspace]\n", "");
    let member = member.replace("[lib]", "workspace = \"../../all\"\n[lib]");
    std::fs::write(&manifest, member).unwrap();
    sandbox.write("all/Cargo.toml", "[workspace]\nmembers = [\"../plugins/r\"]\n");
    symlink(outside.path().join("kept"), sandbox.path().join("all/Cargo.lock")).unwrap();
    sandbox.distri(&["build"]).fails(1, &["all/Cargo.lock` is no regular file"]);
    std::fs::write(&manifest, text).unwrap();
    symlink(outside.path(), sandbox.path().join("plugins/r/between")).unwrap();
    sandbox.write("plugins/r/.cargo/config.toml", "[build]\nbuild-dir = \"between\"\n");
    let cached: &[(&str, &Path)] =
        &[("XDG_CACHE_HOME", cache.path()), ("CARGO_TARGET_DIR", Path::new(""))];
    sandbox.distri_with_env(&["build"], cached).fails(1, &["r: not built"]);
    untouched(outside.path());
}

/// Two builds of other people's, brought along by a repository: of another workspace,
/// and of this one with another component.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_a_repository_brings_is_never_run() {
    let (sandbox, theirs) = (version(1), version(666));
    theirs.build();
    copy(&theirs.path().join(".distri"), &sandbox.path().join(".distri"));
    let text = std::fs::read_to_string(theirs.path().join(CATALOG)).unwrap();
    sandbox.write(CATALOG, &text);
    std::fs::create_dir_all(sandbox.path().join(RUNTIME).join("blobs")).unwrap();
    for blob in blobs(&theirs) {
        let to = sandbox.path().join(RUNTIME).join("blobs").join(blob.file_name().unwrap());
        std::fs::copy(blob, to).unwrap();
    }
    refused_until_built(&sandbox).await;

    // A good record of a good build, with another component in it.
    let digest = |text: &str| -> String {
        let catalog: Value = serde_json::from_str(text).unwrap();
        catalog["packages"]["p"]["component"].as_str().unwrap().to_owned()
    };
    let good = std::fs::read_to_string(sandbox.path().join(CATALOG)).unwrap();
    sandbox.write(CATALOG, &good.replace(&digest(&good), &digest(&text)));
    refused_until_built(&sandbox).await;
}

async fn refused_until_built(sandbox: &Sandbox) {
    let told = ["the record of `p` was not made by a build of yours here", "run `distri build`"];
    sandbox.distri(&["call", "p/version"]).fails(1, &told);
    sandbox.distri(&["inspect", "p"]).fails(1, &told);
    let listed = sandbox.distri(&["list", "tools", "--json"]);
    assert_eq!(listed.json(), json!([]));
    assert!(told.iter().all(|told| listed.stderr.contains(told)), "{listed:#?}");

    let host = Host::builder().build().unwrap();
    let errors = [
        Workspace::at(sandbox.path().to_owned()).load(&host).unwrap_err().to_string(),
        host.load_plugin(&sandbox.path().join("plugins/p")).await.unwrap_err().to_string(),
    ];
    for error in errors {
        assert!(error.contains(told[0]), "{error}");
    }
    assert_eq!(host.loaded_plugins(), [""; 0]);

    let built = sandbox.distri(&["build", "--json"]).json();
    assert_eq!(built["packages"][0]["unchanged"], false, "{built}");
    assert_eq!(sandbox.distri(&["call", "p/version"]).json(), json!(1));
}

#[test]
fn a_build_that_waits_for_another_says_so() {
    let sandbox = version(1);
    sandbox.build();
    let lock = sandbox.path().join(RUNTIME).join("build.lock");
    let other = std::fs::OpenOptions::new().write(true).open(lock).unwrap();
    other.lock().unwrap();
    let run = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| sandbox.distri(&["build"]));
        std::thread::sleep(std::time::Duration::from_secs(5));
        assert!(!waiting.is_finished());
        drop(other);
        waiting.join().unwrap()
    });
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stderr.contains("another build of this workspace is running"), "{run:#?}");
}

#[test]
fn what_is_left_of_packages_that_are_gone_is_never_run() {
    let sandbox = version(1);
    sandbox.write("plugins/q/distri.toml", &MANIFEST.replace("\"p\"", "\"q\""));
    sandbox.write("plugins/q/index.ts", &tool("t", "return 2;"));
    sandbox.build();
    std::fs::remove_dir_all(sandbox.path().join("plugins/q")).unwrap();
    sandbox.write("plugins/p/distri.toml", &MANIFEST.replace("\"p\"", "\"renamed\""));
    sandbox.distri(&["call", "q/t"]).fails(2, &["there is no plugin `q`"]);
    sandbox.distri(&["call", "p/version"]).fails(2, &["there is no plugin `p`"]);
    assert_eq!(sandbox.distri(&["list", "--json"]).json(), json!([]));
}

#[test]
fn files_of_a_build_that_were_damaged_are_built_again() {
    let sandbox = version(1);
    sandbox.build();
    let damages: [fn(Vec<u8>) -> Vec<u8>; 3] = [
        |_| Vec::new(),
        |bytes| bytes[..bytes.len() / 2].to_vec(),
        |mut bytes| {
            bytes[0] ^= 1;
            bytes
        },
    ];
    for damage in damages {
        for blob in blobs(&sandbox) {
            let good = std::fs::read(&blob).unwrap();
            std::fs::write(&blob, damage(good.clone())).unwrap();
            let built = sandbox.distri(&["build", "--json"]).json();
            assert_eq!(built["packages"][0]["unchanged"], false, "{built}");
            assert!(std::fs::read(&blob).unwrap() == good, "{}", blob.display());
        }
    }
    let again = sandbox.distri(&["build", "--json"]).json();
    assert_eq!(again["packages"][0]["unchanged"], true, "{again}");
}

/// How something odd is made at a path, and what is said of it.
type Made<'a> = (&'a dyn Fn(&Path), &'a str);

/// FIFOs, devices, folders and four gigabytes in place of what is read.
#[test]
fn what_is_no_file_is_refused_at_once_with_its_name() {
    let fifo = |path: &Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let device = |path: &Path| symlink("/dev/zero", path).unwrap();
    let large = |path: &Path| std::fs::File::create(path).unwrap().set_len(4 << 30).unwrap();
    let folder = |path: &Path| std::fs::create_dir(path).unwrap();
    let kinds: [Made<'_>; 4] = [
        (&fifo, "is a FIFO"),
        (&device, "is a device"),
        (&large, "has more than"),
        (&folder, "is a folder"),
    ];
    let wasm = "package = \"w\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"w.wasm\"\n";
    let input = ["call", "p/version", "--input", "@odd.json"];
    let policy = ["call", "p/version", "--policy", "odd.toml"];
    let cases: [(&str, &str, &[&str]); 5] = [
        ("plugins/odd/distri.toml", "distri.toml", &["build"]),
        ("plugins/w/w.wasm", "w.wasm", &["build"]),
        ("agents/odd.md", "odd.md", &["list", "agents"]),
        ("odd.json", "odd.json", &input),
        ("odd.toml", "odd.toml", &policy),
    ];
    let sandbox = version(1);
    sandbox.build();
    sandbox.write("plugins/w/distri.toml", wasm);
    std::fs::create_dir_all(sandbox.path().join("plugins/odd")).unwrap();
    std::fs::create_dir_all(sandbox.path().join("agents")).unwrap();
    for (path, name, args) in cases {
        for (make, words) in kinds {
            let path = sandbox.path().join(path);
            make(&path);
            let run = sandbox.distri(args);
            assert!(run.stderr.contains(name), "{path:?} {words}: {run:#?}");
            // A component that is a link out of the workspace is refused as that.
            let link = name == "w.wasm" && run.stderr.contains("outside the workspace");
            assert!(link || run.stderr.contains(words), "{path:?} {words}: {run:#?}");
            if path.is_dir() {
                std::fs::remove_dir(&path).unwrap();
            } else {
                std::fs::remove_file(&path).unwrap();
            }
        }
    }
    // A catalog that is no file is nothing to set aside.
    for (make, words) in [(&fifo as &dyn Fn(&Path), "is a FIFO"), (&folder, "is a folder")] {
        let path = sandbox.path().join(CATALOG);
        std::fs::remove_file(&path).unwrap();
        make(&path);
        for args in [&["build"][..], &["list"], &["call", "p/version"]] {
            sandbox.distri(args).fails(1, &["catalog.json", words]);
        }
        if path.is_dir() {
            std::fs::remove_dir(&path).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        sandbox.write(CATALOG, "");
    }
    sandbox.distri(&["build"]);
    assert_eq!(sandbox.distri(&["call", "p/version"]).json(), json!(1));
}

#[test]
fn a_cache_or_configuration_folder_of_somebody_elses_is_refused_by_name() {
    let sandbox = version(1);
    let cache = tempfile::tempdir().unwrap();
    let env: &[(&str, &Path)] = &[("XDG_CACHE_HOME", cache.path())];
    let own = cache.path().join("distri");
    let compiled = own.join("compiled");
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::create_dir_all(&compiled).unwrap();
    for (path, mode) in [(&own, 0o777), (&compiled, 0o775)] {
        set(path, mode);
        let words = ["may be written by others", "XDG_CACHE_HOME"];
        sandbox.distri_with_env(&["build"], env).fails(1, &words);
        set(path, 0o700);
    }
    // Only root can play somebody else.
    if std::os::unix::fs::chown(&compiled, Some(65534), None).is_ok() {
        sandbox.distri_with_env(&["build"], env).fails(1, &["belongs to the user 65534"]);
    }
    let elsewhere = cache.path().join("elsewhere");
    std::fs::rename(&own, &elsewhere).unwrap();
    symlink(&elsewhere, &own).unwrap();
    sandbox.distri_with_env(&["build"], env).fails(1, &["/distri` is a link"]);
    std::fs::remove_file(&own).unwrap();

    // With a umask of 0 the folders are the user's alone all the same.
    let built = Command::new("sh")
        .args(["-c", "umask 0; exec \"$0\" secrets set KEY", program().to_str().unwrap()])
        .env("XDG_CONFIG_HOME", sandbox.config())
        .env("XDG_CACHE_HOME", cache.path())
        .stdin(std::fs::File::open(sandbox.path().join("plugins/p/distri.toml")).unwrap())
        .status();
    assert!(built.unwrap().success());
    let config = sandbox.config().join("distri");
    assert_eq!(std::fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o700);
    set(&config, 0o777);
    for args in [&["secrets", "list"][..], &["grants"], &["call", "p/version"]] {
        sandbox.distri(args).fails(1, &["/distri` may be written by others"]);
    }
}

#[test]
fn a_cache_that_takes_nothing_is_told_in_clear_words() {
    let number = std::process::id();
    let sandbox = Sandbox::with_plugin(&tool("version", &format!("return {number};")));
    let cache = tempfile::tempdir().unwrap();
    // A file may have two megabytes: more than a component has, less than the image of
    // what it shares with others, which is in no cache yet.
    let run = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" build"])
        .arg(program())
        .current_dir(sandbox.path())
        .env("XDG_CONFIG_HOME", sandbox.config())
        .env("XDG_CACHE_HOME", cache.path())
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot keep compiled code in"), "{said}");
    assert!(said.contains("XDG_CACHE_HOME"), "{said}");
}

/// A package that asks for a secret, approved.
fn approved() -> Sandbox {
    let sandbox = version(1);
    sandbox.write("plugins/p/distri.toml", &format!("{MANIFEST}secrets = [\"KEY\"]\n"));
    let first = sandbox.build();
    assert!(first.stderr.contains("`distri approve p` grants it"), "{first:#?}");
    sandbox.distri_with_input(&["secrets", "set", "KEY"], "the value");
    let approved = sandbox.distri(&["approve", "p", "--yes"]);
    assert!(approved.stderr.contains("approved: `p` 0.1.0, sha256:"), "{approved:#?}");
    sandbox
}

#[test]
fn an_approval_is_told_from_what_the_package_became() {
    let sandbox = approved();
    let told = "`p` changed since you approved it on ";
    assert!(!sandbox.build().stderr.contains(told));
    assert!(!sandbox.distri(&["call", "p/version"]).stderr.contains(told));

    sandbox.write("plugins/p/index.ts", &tool("version", "return 2;"));
    let manifest = format!("{MANIFEST}secrets = [\"KEY\"]\n").replace("0.1.0", "0.2.0");
    sandbox.write("plugins/p/distri.toml", &manifest);
    let called = ["call", "p/version"];
    for args in [&["build"][..], &called, &["call", "p/version", "--json"], &["grants"]] {
        let run = sandbox.distri(args);
        assert_eq!(run.code, 0, "{run:#?}");
        for words in
            [told, " GMT", "its code: `sha256:", "its version: `0.2.0`, approved was `0.1.0`"]
        {
            assert!(run.stderr.contains(words), "no {words:?} in {run:#?}");
        }
        assert!(!run.stderr.contains("grants it"), "{run:#?}");
    }
    // What was granted is not said to be waiting, though the catalog knows nothing of it.
    std::fs::remove_file(sandbox.path().join(CATALOG)).unwrap();
    let anew = sandbox.build();
    assert!(anew.stderr.contains("asks for the secret KEY"), "{anew:#?}");
    assert!(!anew.stderr.contains("grants it"), "{anew:#?}");

    sandbox.distri(&["approve", "p", "--yes"]);
    assert!(!sandbox.distri(&called).stderr.contains(told));
}

#[test]
fn a_locked_run_can_demand_the_code_that_was_approved() {
    let sandbox = approved();
    let digest = sandbox.distri(&["inspect", "p", "--json"]).json()["component"].clone();
    let digest = format!("sha256:{}", digest.as_str().unwrap());
    let policy = |digest: &str| {
        sandbox.write("operator.toml", &format!("[packages.p]\ndigest = \"{digest}\"\n"));
    };
    let call = ["call", "p/version", "--locked", "--policy", "operator.toml"];
    policy(&digest);
    assert_eq!(sandbox.distri(&call).json(), json!(1));
    sandbox.write("plugins/p/index.ts", &tool("version", "return 2;"));
    sandbox.build();
    sandbox.distri(&call).fails(1, &["`p` is not the code that the policy allows", &digest]);
    policy("sha256:00");
    sandbox.distri(&call).fails(1, &["is not a digest", "operator.toml"]);
}

#[test]
fn a_folder_around_the_users_own_is_given_to_nobody() {
    let asked = |path: &str| {
        format!(
            "package = \"p\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n\
             [[capabilities.filesystem]]\nguest = \"/x\"\npath = \"{path}\"\n"
        )
    };
    let sandbox = version(1);
    let home = sandbox.path().join("home");
    std::fs::create_dir_all(home.join("config/distri/inside")).unwrap();
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(home.join("config/distri"), private).unwrap();
    let config = home.join("config");
    let data = home.join("data");
    let env: &[(&str, &Path)] = &[("XDG_CONFIG_HOME", &config), ("XDG_DATA_HOME", &data)];
    for (path, what) in [
        ("home", "configuration"),
        ("home/config", "configuration"),
        ("home/config/distri/inside", "configuration"),
        ("home/data", "data"),
    ] {
        std::fs::create_dir_all(sandbox.path().join(path)).unwrap();
        sandbox.write("plugins/p/distri.toml", &asked(path));
        sandbox.build();
        let run = sandbox.distri_with_env(&["call", "p/version"], env);
        run.fails(1, &[&format!("`p` may not have the folder `{path}`"), what]);
    }
    sandbox.write("plugins/p/distri.toml", &asked("home/other"));
    std::fs::create_dir(home.join("other")).unwrap();
    sandbox.build();
    assert_eq!(sandbox.distri_with_env(&["call", "p/version"], env).json(), json!(1));
    sandbox.write("plugins/p/distri.toml", &asked("."));
    assert_eq!(sandbox.distri(&["build"]).code, 1);
}

#[test]
fn every_command_finds_the_workspace_from_inside_it() {
    let sandbox = version(1);
    sandbox.write("examples/plugins/other/mod.ts", &tool("t", "return 1;"));
    let root = sandbox.path().canonicalize().unwrap();
    let says = format!("workspace: {}", root.display());
    for args in [
        &["build"][..],
        &["check"],
        &["list"],
        &["inspect", "p"],
        &["grants"],
        &["call", "p/version"],
        &["new", "plugins/made"],
    ] {
        let run = distri_in(&sandbox, "plugins/p", args);
        assert_eq!(run.code, 0, "{run:#?}");
        assert!(run.stderr.contains(&says), "{run:#?}");
    }
    assert!(!sandbox.path().join("plugins/p/.distri").exists());
    assert!(sandbox.path().join("plugins/made/distri.toml").is_file());
    // From `plugins/` itself a name alone is a package.
    let named = distri_in(&sandbox, "plugins", &["new", "beside"]);
    assert_eq!(named.code, 0, "{named:#?}");
    assert!(sandbox.path().join("plugins/beside/distri.toml").is_file());
    // Its own packages come before `examples/`, and here there is nothing to say.
    let here = sandbox.build();
    assert!(!here.stderr.contains("workspace:") && here.stderr.contains("p 0.1.0"), "{here:#?}");
}

#[test]
fn a_folder_that_is_no_workspace_stays_as_it_is() {
    let sandbox = Sandbox::with(&[("distri.toml", MANIFEST), ("index.ts", "")]);
    let run = sandbox.build();
    assert!(run.stderr.contains("there is nothing to build in"), "{run:#?}");
    assert!(run.stderr.contains("this folder is a package"), "{run:#?}");
    assert!(!sandbox.path().join(".distri").exists());
}

#[test]
fn a_new_package_is_in_the_workspace_that_is_checked() {
    let sandbox = Sandbox::with(&[("examples/agents/a.md", "---\nname = \"a\"\n---\n")]);
    for args in [&["new", "plugins/hello"][..], &["check", "hello"], &["build"]] {
        let run = sandbox.distri(args);
        assert_eq!(run.code, 0, "{run:#?}");
        assert!(run.stderr.contains("/examples"), "{run:#?}");
    }
    assert!(sandbox.path().join("examples/plugins/hello/distri.toml").is_file());
    assert!(!sandbox.path().join("plugins").exists());
}

#[test]
fn a_package_without_a_manifest_is_taken_or_named() {
    let sandbox = Sandbox::with(&[
        ("plugins/a/index.ts", &tool("t", "return 1;")),
        ("plugins/b/mod.tsx", &tool("t", "return 2;")),
    ]);
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "a/t"]).json(), json!(1));
    assert_eq!(sandbox.distri(&["call", "b/t"]).json(), json!(2));
    // What may be shared code is named, and keeps nothing from being built.
    sandbox.write("plugins/c/main.py", "");
    sandbox.write("plugins/d.ts", "");
    for args in [["build"], ["check"]] {
        let run = sandbox.distri(&args);
        assert_eq!(run.code, 0, "{run:#?}");
        for words in ["plugins/c` has no `distri.toml`", "plugins/d.ts` is a file", "hint: "] {
            assert!(run.stderr.contains(words), "no {words:?} in {run:#?}");
        }
    }
    sandbox.write("plugins/e/index.ts", "");
    sandbox.write("plugins/e/index.js", "");
    sandbox.distri(&["build"]).fails(1, &["could each be its entry point"]);
}

#[test]
fn what_a_manifest_lacks_is_said_with_its_file() {
    let source = tool("t", "return 1;");
    for (manifest, words) in [
        ("package = \"p\"\n[entrypoints]\nts = \"index.ts\"\n", "version = \"0.1.0\""),
        ("version = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n", "package = \"weather\""),
        ("", "package = \"weather\""),
        ("package = \"p\"\nversion = \"0.1.0\"\n", "add `[entrypoints]`"),
    ] {
        let sandbox =
            Sandbox::with(&[("plugins/p/distri.toml", manifest), ("plugins/p/index.ts", &source)]);
        for args in [["build"], ["check"]] {
            sandbox.distri(&args).fails(1, &["plugins/p/distri.toml", words]);
        }
    }
}

#[test]
fn a_plugin_that_offers_nothing_is_an_error_that_says_what_to_export() {
    let sandbox = Sandbox::with_plugin(
        "import { createTool } from \"distri/base\";\n\
         const t = createTool({ name: \"t\", description: \"d\", execute: () => 1 });\n\
         export default t;\n",
    );
    for args in [["build"], ["check"]] {
        sandbox
            .distri(&args)
            .fails(1, &["`p` offers no tools and no workflows", "export default { tools: ["]);
    }
}

#[test]
fn a_linked_package_builds_quietly_and_a_link_out_of_the_workspace_is_named() {
    let sandbox = Sandbox::with(&[("shared/a/mod.ts", &tool("t", "return 1;"))]);
    std::fs::create_dir(sandbox.path().join("plugins")).unwrap();
    symlink("../shared/a", sandbox.path().join("plugins/a")).unwrap();
    let built = sandbox.build();
    assert!(!built.stderr.contains("threw an error"), "{built:#?}");
    assert_eq!(sandbox.distri(&["call", "a/t"]).json(), json!(1));
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("mod.ts"), tool("t", "return 1;")).unwrap();
    symlink(outside.path(), sandbox.path().join("plugins/b")).unwrap();
    let refused = sandbox.distri(&["build"]);
    refused.fails(1, &["plugins/b` is a link that leads to", "outside the workspace"]);
    assert!(!refused.stderr.contains("threw an error"), "{refused:#?}");
}

/// An embedder whose host has a cache folder of its own takes the user's records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedder_may_name_the_folder_of_the_key() {
    let sandbox = version(1);
    sandbox.build();
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::at(sandbox.path().to_owned());
    let own = workspace.clone().with_key_in(folder.path().join("key"));
    let host = Host::builder().build().unwrap();
    assert_eq!(workspace.load(&host).unwrap().len(), 1);
    let error = own.load(&host).unwrap_err().to_string();
    assert!(error.contains("was not made by a build of yours"), "{error}");
    let report = own.build(&host, |_| {}).await.unwrap();
    assert!(report.failed.is_empty() && !report.packages[0].unchanged, "{report:?}");
    assert_eq!(own.load(&host).unwrap().len(), 1);
    let error = host.load_plugin(&sandbox.path().join("plugins/p")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{error}");
}

#[test]
fn what_is_begun_is_written_through_no_link() {
    let outside = outside();
    let sandbox = version(1);
    let link = |to: &Path, path: &str| symlink(to, sandbox.path().join(path)).unwrap();
    link(outside.path(), "wit");
    sandbox.distri(&["wit", "--out", "wit"]).fails(1, &["wit` is a link"]);
    std::fs::remove_file(sandbox.path().join("wit")).unwrap();
    std::fs::create_dir(sandbox.path().join("wit")).unwrap();
    link(outside.path(), "wit/deps");
    link(&outside.path().join("kept"), "wit/world.wit");
    sandbox.distri(&["wit", "--out", "wit"]).fails(1, &["wit/deps` is a link"]);
    let world = sandbox.path().join("wit/world.wit");
    assert!(!world.is_symlink() && world.is_file(), "a link in a file's place is replaced");
    link(outside.path(), "plugins/between");
    for path in ["plugins/between/made", "plugins/between"] {
        let run = sandbox.distri(&["new", path]);
        assert_ne!(run.code, 0, "{run:#?}");
    }
    for path in ["../made", "/tmp/made", ".distri/made", "plugins/../../made", "plugins/workspace"]
    {
        let run = sandbox.distri(&["new", path]);
        assert_eq!(run.code, 2, "{path}: {run:#?}");
        assert!(run.stdout.is_empty(), "{path}: {run:#?}");
    }
    untouched(outside.path());
    // A name alone is a package's.
    assert_eq!(sandbox.distri(&["new", "made"]).code, 0);
    assert!(sandbox.path().join("plugins/made/index.ts").is_file());
}

const WRITES: &str = "import { writeFile } from \"node:fs/promises\";\n";

/// A package that writes the file `/x/…` that it is told, in this folder.
fn writer(folder: &str) -> Sandbox {
    let body = "await writeFile(`/x/${input.file}`, input.text); return 1;";
    let sandbox = Sandbox::with_plugin(&format!("{WRITES}{}", tool("t", body)));
    sandbox.write(
        "plugins/p/distri.toml",
        &format!(
            "package = \"p\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n\
             [[capabilities.filesystem]]\nguest = \"/x\"\npath = \"{folder}\"\n\
             access = \"read-write\"\n"
        ),
    );
    sandbox
}

#[test]
fn the_sources_of_a_linked_package_are_nobodys_to_write() {
    for folder in ["packages", "packages/vic"] {
        let sandbox = writer(folder);
        sandbox.write("packages/vic/mod.ts", &tool("t", "return 1;"));
        symlink("../packages/vic", sandbox.path().join("plugins/vic")).unwrap();
        sandbox.build();
        let input = json!({ "file": "mod.ts", "text": "" }).to_string();
        let run = sandbox.distri(&["call", "p/t", "--input", &input]);
        run.fails(1, &["`p` may not write to", "the sources of `vic` lie in `packages/vic`"]);
        assert_eq!(sandbox.distri(&["call", "vic/t"]).json(), json!(1));
    }
    // Beside them it may.
    let sandbox = writer("packages-of-data");
    std::fs::create_dir(sandbox.path().join("packages-of-data")).unwrap();
    sandbox.write("packages/vic/mod.ts", &tool("t", "return 1;"));
    symlink("../packages/vic", sandbox.path().join("plugins/vic")).unwrap();
    sandbox.build();
    let input = json!({ "file": "mod.ts", "text": "" }).to_string();
    assert_eq!(sandbox.distri(&["call", "p/t", "--input", &input]).code, 0);
}

#[test]
fn a_policy_is_no_plugins_to_write() {
    let sandbox = writer("data");
    sandbox.write("data/policy.toml", "");
    sandbox.write("policy.toml", "");
    sandbox.build();
    let input = json!({ "file": "policy.toml", "text": "[packages.p]\nsecrets = [\"KEY\"]\n" });
    let call = |policy: &str| {
        sandbox.distri(&["call", "p/t", "--input", &input.to_string(), "--policy", policy])
    };
    call("data/policy.toml").fails(1, &["`p` may not write to `data`", "policy.toml` lies in it"]);
    assert_eq!(std::fs::read_to_string(sandbox.path().join("data/policy.toml")).unwrap(), "");
    assert_eq!(call("policy.toml").code, 0);
    // What is missing is said with the error: a line of the policy's, for the manifest has its own.
    let input = input.to_string();
    let locked =
        ["call", "p/t", "--input", &input, "--locked", "--policy", "policy.toml", "--json"];
    sandbox.write("policy.toml", "");
    let run = sandbox.distri(&locked);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    let hint = answer["error"]["detail"]["hint"].to_string();
    assert!(hint.contains("[packages.p]") && hint.contains("data"), "{run:#?}");
    assert!(!hint.contains("capabilities.filesystem"), "{run:#?}");
}

#[test]
fn a_folder_where_a_blob_belongs_is_set_aside() {
    let sandbox = version(1);
    sandbox.build();
    for blob in blobs(&sandbox) {
        std::fs::remove_file(&blob).unwrap();
        std::fs::create_dir(&blob).unwrap();
        std::fs::write(blob.join("inside"), "").unwrap();
    }
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/version"]).json(), json!(1));
}

#[test]
fn names_and_descriptions_of_any_length_are_listed_on_their_lines() {
    let sandbox = version(1);
    let manifest =
        MANIFEST.replacen('\n', &format!("\ndescription = \"{}\"\n", "d".repeat(70_000)), 1);
    sandbox.write("plugins/p/distri.toml", &manifest);
    let agent = format!("---\nname = \"long\"\ndescription = \"{}\"\n---\n", "a".repeat(65_536));
    sandbox.write("agents/long.md", &agent);
    sandbox.build();
    for args in [["list", "agents"], ["list", "plugins"], ["list", "tools"]] {
        let run = sandbox.distri(&args);
        assert_eq!(run.code, 0, "{args:?}");
        assert!(run.stdout.lines().all(|line| line.len() < 2_000), "{args:?}");
    }
    let forged = "x\nerror: forged\n  hint: run this";
    sandbox.write(&format!("plugins/{forged}/distri.toml"), "package = 1\n");
    let run = sandbox.distri(&["build"]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stderr.lines().all(|line| !line.starts_with("error: forged")), "{}", run.stderr);
}
