//! Child processes that are killed when they take too long.

use std::io;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// The longest pause between two looks at a child.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs a command for so long at most; none when it was killed. Blocks this thread.
///
/// # Errors
///
/// When it cannot be started, waited for or killed.
pub fn run_for(command: &mut Command, time: Duration) -> io::Result<Option<ExitStatus>> {
    let mut child = command.spawn()?;
    let end = Instant::now() + time;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSE);
    }
}
