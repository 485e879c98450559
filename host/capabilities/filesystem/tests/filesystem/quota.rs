//! Guests that fill a folder, and guests that open what is no file.

use distri_host::{Error, ErrorKind, Limits};
use distri_testing::threads;
use serde_json::json;

use crate::Files;

const GUESTS: [&str; 2] = ["files-rust", "files-ts"];

/// Small limits: so many bytes of a call and a package, so many files.
fn small() -> Limits {
    let mut limits = Limits::default();
    limits.file_bytes = 1 << 20;
    limits.files = 100;
    limits.package_file_bytes = 3 << 20;
    limits.package_files = 250;
    limits
}

#[track_caller]
fn over(error: &Error, limit: &str) {
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    let detail: serde_json::Value = serde_json::from_str(error.detail().unwrap()).unwrap();
    assert_eq!(detail["limit"], limit, "{error}");
    assert!(error.hint().unwrap().contains(limit), "{error:?}");
}

/// Bytes of all files that were put into the folder, as they say.
fn size(files: &Files) -> u64 {
    let entries = std::fs::read_dir(files.root().join("data")).unwrap().map(Result::unwrap);
    let made = entries.filter(|entry| entry.file_name() != "in.txt");
    made.map(|entry| entry.metadata().unwrap())
        .filter(std::fs::Metadata::is_file)
        .map(|found| found.len())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_not_filled() {
    for guest in GUESTS {
        let files = Files::writing(guest, Limits::default()).await;
        let huge = json!({ "guest": "/data", "path": "huge", "size": 8_u64 << 40 });
        over(&files.call("resize", huge).await.unwrap_err(), "package_file_bytes");
        let huge = json!({ "guest": "/data", "path": "huge", "size": 300 << 20 });
        over(&files.call("resize", huge).await.unwrap_err(), "file_bytes");
        assert!(size(&files) < 1 << 10, "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_call_writes_is_counted_however_it_writes() {
    let piece = "x".repeat(64 << 10);
    for guest in GUESTS {
        for how in ["write", "stream", "append"] {
            let files = Files::writing(guest, small()).await;
            let write = async |places: Vec<u64>| {
                let input = json!({ "guest": "/data", "path": "a", "text": piece, "places": places, "how": how });
                files.call("write_at", input).await
            };
            // Over and over at the same place, or at the end.
            write(vec![0; 16]).await.unwrap().unwrap();
            over(&write(vec![0; 17]).await.unwrap_err(), "file_bytes");
            if how != "append" {
                over(&write(vec![8 << 40]).await.unwrap_err(), "package_file_bytes");
                over(&write(vec![2 << 20]).await.unwrap_err(), "file_bytes");
                over(&write(vec![1 << 52]).await.unwrap_err(), "package_file_bytes");
            }
            assert!(size(&files) <= 3 << 20, "{guest} {how}: {}", size(&files));
            // The next good call is as it was.
            files
                .call("write", json!({ "guest": "/data", "path": "b", "text": "y" }))
                .await
                .unwrap()
                .unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_one_package_share_its_folders() {
    for guest in GUESTS {
        let files = Files::writing(guest, small()).await;
        let text = "x".repeat(900 << 10);
        let write = async |path: String| {
            files.call("write", json!({ "guest": "/data", "path": path, "text": text })).await
        };
        let all = (0..8).map(|at| write(format!("{at}")));
        let all = futures_util::future::join_all(all).await;
        let bad: Vec<&Error> = all.iter().filter_map(|done| done.as_ref().err()).collect();
        assert!(bad.len() >= 5, "{guest}: {bad:?}");
        for error in &bad {
            over(error, "package_file_bytes");
        }
        assert!(size(&files) <= 3 << 20, "{guest}: {}", size(&files));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_again_takes_no_more() {
    for guest in GUESTS {
        let files = Files::writing(guest, small()).await;
        let text = "x".repeat(900 << 10);
        let write = async |path: &str| {
            files.call("write", json!({ "guest": "/data", "path": path, "text": text })).await
        };
        for path in ["a", "b", "c", "a", "b", "c", "c"] {
            write(path).await.unwrap().unwrap();
        }
        over(&write("d").await.unwrap_err(), "package_file_bytes");
        write("a").await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_comes_off_again_unless_it_is_still_there() {
    let files = Files::writing("files-rust", small()).await;
    let text = "x".repeat(900 << 10);
    for _ in 0..5 {
        files.does("write", json!({ "path": "a", "text": text })).await.unwrap();
        files.does("remove", json!({ "path": "a" })).await.unwrap();
    }
    for _ in 0..5 {
        files.does("write", json!({ "path": "a", "text": text })).await.unwrap();
        files.does("rename", json!({ "from": "a", "path": "b" })).await.unwrap();
    }
    // Another name of a file keeps it.
    files.does("fill", json!({ "what": "name", "count": 3, "remove": false })).await.unwrap();
    // And so does whoever has it open.
    let mut limits = small();
    limits.file_bytes = 64 << 20;
    let files = Files::writing("files-rust", {
        drop(files);
        limits
    })
    .await;
    let ghosts = json!({ "guest": "/data", "text": text, "times": 10 });
    over(&files.call("ghosts", ghosts.clone()).await.unwrap_err(), "package_file_bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_folders_and_links_are_counted() {
    for (guest, whats) in
        [("files-rust", &["file", "folder", "link", "name"][..]), ("files-ts", &["file", "folder"])]
    {
        for what in whats {
            let files = Files::writing(guest, small()).await;
            let fill = async |count: u32, remove: bool| {
                let input =
                    json!({ "guest": "/data", "what": what, "count": count, "remove": remove });
                files.call("fill", input).await
            };
            over(&fill(101, false).await.unwrap_err(), "files");
            let made = std::fs::read_dir(files.root().join("data")).unwrap().count();
            assert_eq!(made, 102, "{guest} {what}: with what was there");
        }
        let files = Files::writing(guest, small()).await;
        for what in ["file", "folder"] {
            let input = json!({ "guest": "/data", "what": what, "count": 100, "remove": false });
            files.call("fill", input).await.unwrap().unwrap();
        }
        let write = json!({ "guest": "/data", "what": "more", "count": 60, "remove": false });
        over(&files.call("fill", write).await.unwrap_err(), "package_files");
    }
}

/// Opens it 600 times, to read and to write: no thread waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_file_is_refused_at_once() {
    for guest in GUESTS {
        let files = Files::writing(guest, Limits::default()).await;
        let data = files.root().join("data");
        let made = std::process::Command::new("mkfifo").arg(data.join("fifo")).status().unwrap();
        assert!(made.success());
        std::os::unix::fs::symlink("fifo", data.join("link")).unwrap();
        let _listening = std::os::unix::net::UnixListener::bind(data.join("socket")).unwrap();
        let before = threads();
        for path in ["fifo", "link", "socket"] {
            for at in 0..600 {
                let tool = if at % 2 == 0 { "read" } else { "write" };
                let done = files.does(tool, json!({ "path": path, "text": "x" })).await;
                assert!(done.is_err(), "{guest} {tool} {path}: {done:?}");
            }
        }
        // Threads for such work are kept for a while, and not one for each.
        assert!(threads() < before + 50, "{guest}: {} and then {}", before, threads());
        assert_eq!(files.does("read", json!({ "path": "in.txt" })).await, Ok(json!("inside")));
    }
}

/// One that is put in a file's place while it is opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fifo_that_is_swapped_in_is_not_waited_for() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let files = Files::writing("files-rust", Limits::default()).await;
    let data = files.root().join("data");
    let made = std::process::Command::new("mkfifo").arg(data.join("fifo")).status().unwrap();
    assert!(made.success());
    std::fs::write(data.join("file"), "x").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let [file, fifo, spare] = ["file", "fifo", "spare"].map(|name| data.join(name));
            while !stop.load(Ordering::Relaxed) {
                for (from, to) in [(&file, &spare), (&fifo, &file), (&file, &fifo), (&spare, &file)]
                {
                    std::fs::rename(from, to).unwrap();
                }
            }
        });
        let handle = tokio::runtime::Handle::current();
        let done = tokio::task::block_in_place(|| {
            let input =
                json!({ "guest": "/data", "path": "file", "times": 2_000, "keep": "nothing" });
            let storm = json!({ "guest": "/data", "path": "file", "text": "y", "times": 2_000 });
            handle.block_on(async {
                // It ends with the first one that is no file: so often.
                for _ in 0..200 {
                    let _ = files.call("hoard", input.clone()).await.unwrap();
                }
                files.call("storm", storm).await
            })
        });
        stop.store(true, Ordering::Relaxed);
        assert!(done.unwrap().unwrap().as_u64().unwrap() > 0);
    });
}
