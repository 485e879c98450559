//! Guests that try to leave the folders that they were granted.

#![allow(clippy::unwrap_used, reason = "tests")]

mod quota;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use distri_host::{Error, ErrorKind, Host, Limits, Policy, Result, ToolCall};
use distri_testing::{Turn, alone, built, manifest};
use serde_json::{Value, json};

/// A workspace with a folder `data`, a file beside it, and one outside.
pub(crate) struct Files {
    pub(crate) host: Host,
    folder: tempfile::TempDir,
    _turn: Turn,
}

const SECRET: &str = "nobody's business";

impl Files {
    async fn with(access: &str) -> Self {
        Self::asking(&format!(
            "[[capabilities.filesystem]]\nguest = \"/data\"\npath = \"data\"\naccess = \"{access}\"\n"
        ))
        .await
    }

    /// The package made by a guest, with the folder `data` to write, within limits.
    pub(crate) async fn writing(guest: &str, limits: Limits) -> Self {
        let asks = "[[capabilities.filesystem]]\nguest = \"/data\"\npath = \"data\"\naccess = \"read-write\"\n";
        let files = Self::within(asks, limits).await;
        files.host.load_component(&manifest("files", asks), built(guest)).await.unwrap();
        files
    }

    async fn asking(capabilities: &str) -> Self {
        Self::within(capabilities, Limits::default()).await
    }

    async fn within(capabilities: &str, limits: Limits) -> Self {
        let turn = alone().await;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("workspace");
        for path in ["data/sub", ".distri/runtime", "plugins/other"] {
            std::fs::create_dir_all(root.join(path)).unwrap();
        }
        std::fs::write(root.join("data/in.txt"), "inside").unwrap();
        for path in ["beside.txt", ".distri/runtime/catalog.json", "../outside.txt"] {
            std::fs::write(root.join(path), SECRET).unwrap();
        }
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("files");
        let host = Host::builder()
            .workspace(&root)
            .limits(limits)
            .policy(Policy::open_workspace())
            .cache_folder(cache)
            .build()
            .unwrap();
        host.load_component(&manifest("files", capabilities), built("files-rust")).await.unwrap();
        Self { host, folder, _turn: turn }
    }

    /// The package made by another guest, with the folder `data` to read.
    async fn by(guest: &str) -> Self {
        let asks = "[[capabilities.filesystem]]\nguest = \"/data\"\npath = \"data\"\n";
        let files = Self::asking(asks).await;
        files.host.load_component(&manifest("files", asks), built(guest)).await.unwrap();
        files
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(crate) async fn call(&self, tool: &str, input: Value) -> Result<Result<Value, String>> {
        let call = ToolCall::new(input.to_string());
        let answer = self.host.execute_tool("files", tool, call).await?;
        Ok(match answer.error {
            None => Ok(serde_json::from_str(&answer.result).unwrap()),
            Some(error) => Err(error),
        })
    }

    /// What the guest's own operation gave, in the folder that it was granted.
    pub(crate) async fn does(&self, tool: &str, input: Value) -> Result<Value, String> {
        let mut input = input;
        input["guest"] = json!("/data");
        self.call(tool, input).await.unwrap()
    }

    async fn fails(&self) -> Error {
        self.call("folders", json!({})).await.unwrap_err()
    }

    /// Nothing outside the folder was touched.
    #[track_caller]
    fn unchanged(&self) {
        let root = self.root();
        for path in ["beside.txt", ".distri/runtime/catalog.json", "../outside.txt"] {
            assert_eq!(std::fs::read_to_string(root.join(path)).unwrap(), SECRET, "{path}");
        }
        let mut outside = names(self.folder.path());
        outside.extend(names(&root));
        assert_eq!(
            outside,
            ["outside.txt", "workspace", ".distri", "beside.txt", "data", "plugins"]
        );
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Paths that lead out of a folder, or pretend to, or that some system takes for
/// something else.
const OUT: [&str; 15] = [
    "..",
    "../beside.txt",
    "../../outside.txt",
    "sub/../../beside.txt",
    "./.././beside.txt",
    "sub/../../../outside.txt",
    "/etc/passwd",
    "/data/../beside.txt",
    "//beside.txt",
    "../data/../beside.txt",
    "in.txt/../../beside.txt",
    "in.txt\0../beside.txt",
    "..\0",
    "\0",
    "",
];

/// Names that are ordinary here, and must stay in the folder.
const ORDINARY: [&str; 7] = [
    "%2e%2e%2fbeside.txt",
    "..%2f..%2foutside.txt",
    "CON",
    "C:x",
    "..\\beside.txt",
    "x.",
    "IN.TXT",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_leads_out_of_a_folder() {
    let files = Files::with("read-write").await;
    for path in OUT {
        let read = files.does("read", json!({ "path": path })).await;
        assert!(read.is_err(), "{path:?}: {read:?}");
        let write = files.does("write", json!({ "path": path, "text": "bad" })).await;
        assert!(write.is_err(), "{path:?}: {write:?}");
        for tool in ["rename", "link"] {
            let done = files.does(tool, json!({ "from": "in.txt", "path": path })).await;
            assert!(done.is_err(), "{tool} to {path:?}: {done:?}");
            let done = files.does(tool, json!({ "from": path, "path": "stolen.txt" })).await;
            assert!(done.is_err(), "{tool} from {path:?}: {done:?}");
        }
        for tool in ["remove", "make"] {
            let done = files.does(tool, json!({ "path": path })).await;
            assert!(done.is_err(), "{tool} {path:?}: {done:?}");
        }
    }
    for path in ORDINARY {
        let _ = files.does("write", json!({ "path": path, "text": "harmless" })).await;
    }
    for path in ["in.txt/", "in.txt/.", "sub/", "sub/."] {
        let write = files.does("write", json!({ "path": path, "text": "bad" })).await;
        assert!(write.is_err(), "{path:?}: {write:?}");
    }
    files.unchanged();
    let read = files.does("read", json!({ "path": "sub/../in.txt" })).await;
    assert_eq!(read, Ok(json!("inside")), "a path that stays in the folder is fine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_link_leads_out_of_a_folder() {
    let files = Files::with("read-write").await;
    let data = files.root().join("data");
    for (link, to) in [
        ("up", ".."),
        ("file", "../beside.txt"),
        ("far", "../../outside.txt"),
        ("absolute", "/etc/passwd"),
        ("runtime", "../.distri/runtime"),
    ] {
        std::os::unix::fs::symlink(to, data.join(link)).unwrap();
        let path = match link {
            "up" => "up/beside.txt",
            "runtime" => "runtime/catalog.json",
            link => link,
        };
        let read = files.does("read", json!({ "path": path })).await;
        assert!(read.is_err(), "{link}: {read:?}");
        let write = files.does("write", json!({ "path": path, "text": "bad" })).await;
        assert!(write.is_err(), "{link}: {write:?}");
        let linked = files.does("link", json!({ "from": path, "path": "stolen" })).await;
        assert!(linked.is_err(), "{link}: {linked:?}");
    }
    // A guest may make links that stay inside; those that do not lead nowhere.
    let _ = files.does("symlink", json!({ "to": "../beside.txt", "path": "own" })).await;
    let absolute = files.does("symlink", json!({ "to": "/etc/passwd", "path": "own2" })).await;
    assert!(absolute.is_err());
    for path in ["own", "own2"] {
        assert!(files.does("read", json!({ "path": path })).await.is_err());
        assert!(
            files.does("write", json!({ "path": path, "text": "bad" })).await.is_err()
                || path == "own2"
        );
    }
    files.unchanged();
}

/// While a guest writes 10,000 times to a file in a folder, that folder becomes a
/// link to another one outside, and back, all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_swapped_in_is_never_followed() {
    let files = Files::with("read-write").await;
    let data = files.root().join("data");
    let outside = files.folder.path().join("elsewhere");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("target.txt"), SECRET).unwrap();
    std::os::unix::fs::symlink("../../elsewhere", data.join("evil")).unwrap();
    let stop = AtomicBool::new(false);
    let swaps = std::thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let [sub, evil, spare] = ["sub", "evil", "spare"].map(|name| data.join(name));
            let mut swaps = 0;
            while !stop.load(Ordering::Relaxed) {
                for (from, to) in [(&sub, &spare), (&evil, &sub), (&sub, &evil), (&spare, &sub)] {
                    std::fs::rename(from, to).unwrap();
                }
                swaps += 1;
            }
            swaps
        });
        let handle = tokio::runtime::Handle::current();
        let written =
            tokio::task::block_in_place(|| {
                handle.block_on(files.does(
                    "storm",
                    json!({ "path": "sub/target.txt", "text": "bad", "times": 10_000 }),
                ))
            });
        stop.store(true, Ordering::Relaxed);
        let written = written.unwrap().as_u64().unwrap();
        assert!(written > 0, "some writes met the folder");
        swapping.join().unwrap()
    });
    assert!(swaps > 100, "{swaps}");
    assert_eq!(std::fs::read_to_string(outside.join("target.txt")).unwrap(), SECRET);
    assert_eq!(names(&outside), ["target.txt"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_may_be_read_cannot_be_written() {
    let files = Files::with("read").await;
    assert_eq!(files.does("read", json!({ "path": "in.txt" })).await, Ok(json!("inside")));
    for (tool, input) in [
        ("write", json!({ "path": "in.txt", "text": "bad" })),
        ("write", json!({ "path": "new.txt", "text": "bad" })),
        ("remove", json!({ "path": "in.txt" })),
        ("rename", json!({ "from": "in.txt", "path": "out.txt" })),
        ("link", json!({ "from": "in.txt", "path": "out.txt" })),
        ("symlink", json!({ "to": "in.txt", "path": "out.txt" })),
        ("make", json!({ "path": "new" })),
    ] {
        let done = files.does(tool, input).await;
        assert!(done.is_err(), "{tool}: {done:?}");
    }
    assert_eq!(names(&files.root().join("data")), ["in.txt", "sub"]);
    assert_eq!(std::fs::read_to_string(files.root().join("data/in.txt")).unwrap(), "inside");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_place_of_a_granted_folder_is_not_opened() {
    for to in ["..", ".", ".distri", "../.", "/etc", "plugins"] {
        let files = Files::asking(
            "[[capabilities.filesystem]]\nguest = \"/data\"\npath = \"linked/sub\"\n",
        )
        .await;
        std::os::unix::fs::symlink(to, files.root().join("linked")).unwrap();
        let error = files.fails().await;
        assert_eq!(error.kind(), ErrorKind::Denied, "{to}: {error}");
    }
    let files =
        Files::asking("[[capabilities.filesystem]]\nguest = \"/x\"\npath = \"gone\"\n").await;
    let error = files.fails().await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.hint(), Some("make it: `mkdir -p gone` in the workspace's root"));
}

/// The process has so many for everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_files_are_bounded() {
    for guest in ["files-rust", "files-ts"] {
        let files = Files::by(guest).await;
        let hoard = async |times: u32, keep: &str| {
            let input = json!({ "guest": "/data", "path": "in.txt", "times": times, "keep": keep });
            files.call("hoard", input).await
        };
        assert_eq!(hoard(1000, "nothing").await.unwrap().unwrap(), 0, "{guest}");
        let keeps = ["file", "listing", "stream"];
        for keep in &keeps[..if guest == "files-ts" { 2 } else { 3 }] {
            // A folder is opened twice while it is read.
            let most = if *keep == "listing" { 128 } else { 256 };
            assert_eq!(hoard(most, keep).await.unwrap().unwrap(), most, "{guest} {keep}");
            let error = hoard(most + 1, keep).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{guest} {keep}: {error}");
            assert_eq!(error.detail(), Some(r#"{"limit":"open_files","max":256}"#));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_listed_as_a_whole_and_nothing_else_is() {
    for guest in ["files-rust", "files-ts"] {
        let files = Files::by(guest).await;
        let mut names: Vec<String> = (0..500).map(|at| format!("{at}.txt")).collect();
        for name in &names {
            std::fs::write(files.root().join("data").join(name), "x").unwrap();
        }
        names.extend(["in.txt".to_owned(), "sub".to_owned()]);
        names.sort_unstable();
        let listed = files.does("list", json!({})).await.unwrap();
        let mut listed: Vec<String> = serde_json::from_value(listed).unwrap();
        listed.sort_unstable();
        assert_eq!(listed, names, "{guest}");
    }
}

/// Streams from the host to the host, of which a guest has no handles left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipes_within_the_host_are_bounded() {
    let files = Files::with("read-write").await;
    let asks = "[[capabilities.filesystem]]\nguest = \"/data\"\npath = \"data\"\naccess = \"read-write\"\n";
    files.host.load_component(&manifest("files", asks), built("files-ts")).await.unwrap();
    let pipe = async |times: u32| {
        let input = json!({ "guest": "/data", "path": "in.txt", "times": times, "keep": "pipe" });
        files.call("hoard", input).await
    };
    assert_eq!(pipe(100).await.unwrap().unwrap(), 100);
    let error = pipe(100_000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error}");
    assert_eq!(error.detail(), Some(r#"{"limit":"handles","max":2000}"#));
}
