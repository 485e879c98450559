//! How many compilers run at once: as many as this machine has processors and memory
//! for, of all hosts in this process.

use std::fs;
use std::sync::{Condvar, Mutex, PoisonError};

/// Compilers that run now.
static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The right to run a compiler, until it is dropped.
pub(crate) struct Turn(());

/// Waits until another compiler that may take so many bytes of memory can run. One
/// always can.
pub(crate) fn turn(memory: u64) -> Turn {
    let most = room(memory);
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    while *running >= most {
        running = ENDED.wait(running).unwrap_or_else(PoisonError::into_inner);
    }
    *running += 1;
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        // Others may wait for more room than this one: each looks for itself.
        ENDED.notify_all();
    }
}

/// As many as there are processors, and no more than find their memory at once.
fn room(memory: u64) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let fits = machine().map_or(1, |bytes| bytes / memory.max(1));
    processors.min(usize::try_from(fits).unwrap_or(usize::MAX)).max(1)
}

/// Bytes of memory that this process could have: the machine's, or its group's when
/// that is less.
fn machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let total = line.trim().trim_end_matches(" kB").parse::<u64>().ok()?.saturating_mul(1024);
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse().ok());
    Some(group.map_or(total, |group: u64| group.min(total)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_one_compiler_and_never_for_more_than_processors() {
        let processors = std::thread::available_parallelism().unwrap().get();
        assert_eq!(room(u64::MAX), 1);
        assert_eq!(room(0), processors);
        let turns: Vec<Turn> = (0..processors).map(|_| turn(1)).collect();
        let late = std::thread::spawn(|| drop(turn(1)));
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!late.is_finished(), "one more than there are processors waits");
        drop(turns);
        late.join().unwrap();
    }
}
