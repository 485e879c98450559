//! Components whose memory was kept come apart: what they share is compiled once, and is
//! nobody's to change for another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distri_host::{CompilerProcess, ErrorKind, Host, ToolCall};
use distri_testing::{guest, manifest, program};

use crate::bench::Bench;

/// A guest whose memory was kept: it answers with a letter that lies in it.
fn kept(letter: char) -> Vec<u8> {
    let data = |at| format!("(data (i32.const {}) \"\\\"{letter}\\\"\")", 4096 + 100 * at);
    let data: String = (0..8).map(data).collect();
    let body = "(i32.store (i32.const 1024) (i32.const 4096))
        (i32.store (i32.const 1028) (i32.const 3))";
    guest::with_items(&data, body)
}

/// The images in a cache folder, with their bytes: those of states, and all others.
fn images(cache: &Path) -> (BTreeMap<PathBuf, Vec<u8>>, BTreeMap<PathBuf, Vec<u8>>) {
    let files = std::fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let images = files.filter(|path| path.extension().is_some_and(|ext| ext == "cwasm"));
    let bytes = |path: PathBuf| (path.clone(), std::fs::read(path).unwrap());
    images.map(bytes).partition(|(path, _)| path.to_string_lossy().ends_with(".state.cwasm"))
}

/// Hosts with this cache, the one of which compiles in a process.
fn hosts(cache: &Path) -> [Host; 2] {
    let compiler = CompilerProcess {
        program: program().to_owned(),
        arguments: vec!["compile-component".to_owned()],
    };
    let builder = || Host::builder().cache_folder(cache);
    [builder().build().unwrap(), builder().compiler(compiler).build().unwrap()]
}

/// Loads the guest of a letter and calls it.
async fn answer(host: &Host, letter: char) -> String {
    let name = format!("kept-{letter}");
    host.load_component(&manifest(&name, ""), kept(letter)).await.unwrap();
    host.execute_tool(&name, "go", ToolCall::new("null")).await.unwrap().result
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_the_same_is_compiled_once_and_what_is_not_stays_apart() {
    let cache = tempfile::tempdir().unwrap();
    for host in hosts(cache.path()) {
        for letter in ['a', 'b', 'c', 'a'] {
            assert_eq!(answer(&host, letter).await, format!("\"{letter}\""));
        }
        let (states, others) = images(cache.path());
        assert_eq!((states.len(), others.len()), (3, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_is_damaged_or_gone_is_compiled_anew() {
    let cache = tempfile::tempdir().unwrap();
    let [first, _] = hosts(cache.path());
    assert_eq!(answer(&first, 'a').await, "\"a\"");
    let (states, others) = images(cache.path());
    for (path, good) in states.iter().chain(&others) {
        let last = good.len() - 1;
        let flips = [0, good.len() / 2, last - 90, last - 33, last];
        let damaged = flips.map(|at| {
            let mut bad = good.clone();
            bad[at] ^= 1;
            Some(bad)
        });
        let truncated = Some(good[..good.len() / 2].to_vec());
        for bad in damaged.into_iter().chain([truncated, Some(Vec::new()), None]) {
            for number in 0..2 {
                // In a file of its own: others may have the old one mapped.
                std::fs::remove_file(path).unwrap();
                if let Some(bad) = &bad {
                    std::fs::write(path, bad).unwrap();
                }
                // Another process has nothing in its memory yet.
                let host = &hosts(cache.path())[number];
                assert_eq!(answer(host, 'a').await, "\"a\"");
                assert!(std::fs::read(path).unwrap() == *good, "{}", path.display());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_is_no_other_components_and_a_skeleton_is_no_plugin() {
    let cache = tempfile::tempdir().unwrap();
    let [host, _] = hosts(cache.path());
    answer(&host, 'a').await;
    let a = images(cache.path()).0.into_keys().next().unwrap();
    answer(&host, 'b').await;
    let b = images(cache.path()).0.into_keys().find(|path| *path != a).unwrap();
    // The one under the other's name does not authenticate.
    std::fs::remove_file(&b).unwrap();
    std::fs::copy(&a, &b).unwrap();
    let [host, _] = hosts(cache.path());
    assert_eq!(answer(&host, 'b').await, "\"b\"");

    let skeleton = distri_engine::split::split(&kept('a')).unwrap().skeleton;
    let error = host.load_component(&manifest("bad", ""), skeleton).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{error}");
    assert_eq!(answer(&host, 'a').await, "\"a\"");
}

/// A component with so many memories more.
fn with_more_memories(mut wasm: Vec<u8>, more: u8) -> Vec<u8> {
    let module = wat::parse_str("(module (memory 1))").unwrap();
    let modules = wasm.windows(8).filter(|bytes| *bytes == b"\0asm\x01\0\0\0").count();
    wasm.extend([1, u8::try_from(module.len()).unwrap()]);
    wasm.extend(module);
    // Instances of that module, without arguments.
    wasm.extend([2, 1 + 3 * more, more]);
    wasm.extend([0, u8::try_from(modules).unwrap(), 0].repeat(more.into()));
    wasm
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memories_are_counted_in_parts_as_they_are_whole() {
    let bench = Bench::new(|_| {}).await;
    for (guest, apart) in [(guest::good(), false), (kept('a'), true)] {
        let most = with_more_memories(guest.clone(), 15);
        assert_eq!(distri_engine::split::split(&most).is_some(), apart);
        bench.load("most", most).await.unwrap();
        bench.call("most").await.unwrap();
        let error = bench.load("bad", with_more_memories(guest, 16)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error}");
        bench.still_good().await;
    }
}
