//! What an instance leaves in its memory is nobody's, whether the system keeps it in memory
//! or has paged it out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use distri_host::{Host, ToolCall};
use distri_testing::{guest, manifest};

/// Pages of 64 KiB that the guests have.
const PAGES: usize = 128;

/// What one of them writes wherever it may.
const CANARY: &str = "0x7ca9a127ca9a127c";

/// A guest that answers `1` where it finds the canary in a memory that should be empty, and
/// else `0`; writes it everywhere, and is busy for a while. Instances of one component get
/// each other's memory.
fn leaving_canaries() -> Vec<u8> {
    let items = "(global $at (mut i32) (i32.const 65536)) (global $found (mut i32) (i32.const 48))
        (data (i32.const 4096) \"0\")";
    let body = format!(
        "(drop (memory.grow (i32.const {grown})))
         (loop $next
           (if (i64.eq (i64.load (global.get $at)) (i64.const {CANARY}))
             (then (global.set $found (i32.const 49))))
           (i64.store (global.get $at) (i64.const {CANARY}))
           (global.set $at (i32.add (global.get $at) (i32.const 8)))
           (br_if $next (i32.lt_u (global.get $at) (i32.const {last}))))
         (global.set $at (i32.const 40000000))
         (loop $busy
           (global.set $at (i32.sub (global.get $at) (i32.const 1)))
           (br_if $busy (global.get $at)))
         (i32.store8 (i32.const 4096) (global.get $found))
         (i32.store (i32.const 1024) (i32.const 4096))
         (i32.store (i32.const 1028) (i32.const 1))",
        grown = PAGES - 1,
        last = PAGES * 65536 - 8,
    );
    guest::with_items(items, &body)
}

/// Pages out, again and again, whatever this process may write to and no file backs.
fn page_out(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        for line in maps.lines().filter(|line| line.contains(" rw-p ") && !line.contains('[')) {
            let mut fields = line.split_whitespace();
            let range = fields.next().unwrap();
            // Files, but not the memory's images, which have a name of their own.
            if fields.nth(4).is_some_and(|path| !path.contains("memfd")) {
                continue;
            }
            let (from, to) = range.split_once('-').unwrap();
            let [from, to] = [from, to].map(|at| usize::from_str_radix(at, 16).unwrap());
            // SAFETY: paging out changes no memory's content. What was unmapped meanwhile is
            // refused.
            let _ = unsafe {
                rustix::mm::madvise(
                    std::ptr::with_exposed_provenance_mut(from),
                    to - from,
                    rustix::mm::Advice::LinuxPageOut,
                )
            };
        }
    }
}

/// Kilobytes of this process that are paged out.
fn swapped() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSwap:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Needs swap: `scripts/swap.sh` makes some, and runs it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs swap"]
async fn what_was_paged_out_is_not_the_next_instances() {
    let cache = tempfile::tempdir().unwrap();
    let host = Host::builder().cache_folder(cache.path()).build().unwrap();
    host.load_component(&manifest("canaries", ""), leaving_canaries()).await.unwrap();
    let stop = Arc::new(AtomicBool::default());
    let most = Arc::new(AtomicU64::default());
    let pager = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || page_out(&stop)
    });
    let watcher = std::thread::spawn({
        let (stop, most) = (Arc::clone(&stop), Arc::clone(&most));
        move || {
            while !stop.load(Ordering::Relaxed) {
                most.fetch_max(swapped(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let began = Instant::now();
    let mut calls = 0;
    let mut found = 0;
    while began.elapsed() < Duration::from_secs(15) {
        let answer = host.execute_tool("canaries", "go", ToolCall::new("null")).await.unwrap();
        found += u32::from(answer.result != "0");
        calls += 1;
    }
    stop.store(true, Ordering::Relaxed);
    pager.join().unwrap();
    watcher.join().unwrap();
    let most = most.load(Ordering::Relaxed);
    println!("{calls} calls, {most} kB paged out at most, {found} of them saw a canary");
    assert!(most > 1 << 10, "nothing was paged out: is there swap?");
    assert_eq!(found, 0, "an instance read what an earlier one wrote");
}
