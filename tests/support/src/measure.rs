//! What the machine says of this process, and whose turn it is to ask.

use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A tick of the host's epoch may be as long as this.
pub const TICK: Duration = Duration::from_millis(2);

/// Memory, threads and time are measured per process.
static TURN: RwLock<()> = RwLock::const_new(());

/// A test's turn.
pub enum Turn {
    /// Nobody else's test runs.
    Alone(RwLockWriteGuard<'static, ()>),
    /// Nobody measures.
    Beside(RwLockReadGuard<'static, ()>),
}

/// Waits until this test can be alone.
pub async fn alone() -> Turn {
    Turn::Alone(TURN.write().await)
}

/// Waits until no test needs to be alone.
pub async fn beside_others() -> Turn {
    Turn::Beside(TURN.read().await)
}

/// How much resident memory grew at its highest while `work` ran, in bytes.
pub async fn growth<T>(work: impl Future<Output = T>) -> (T, usize) {
    // Resets the highest value to the current one.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmHWM:");
    let result = work.await;
    (result, status("VmHWM:").saturating_sub(before))
}

/// A value in kilobytes of `/proc/self/status`, in bytes.
pub fn status(name: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// Open files of this process.
pub fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Threads of this process.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// The value that 99 of 100 do not exceed.
pub fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1]
}
