//! Taking times and reading memory.

use std::time::Duration;

use anyhow::Context as _;

/// The median, which a noisy machine moves least.
pub(crate) fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Awaits some work so many times and adds the time of each, its result's drop
/// included.
macro_rules! time {
    ($times:expr, $runs:expr, $work:expr) => {
        for _ in 0..$runs {
            let began = std::time::Instant::now();
            let _ = $work.await?;
            $times.push(began.elapsed());
        }
    };
}
pub(crate) use time;

/// Microseconds with one digit.
pub(crate) fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

/// This process's resident memory in bytes: all of it (`VmRSS`), or what no
/// file backs (`RssAnon`).
pub(crate) fn resident(what: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
    let kilobytes = line.context("no such line in /proc/self/status")?;
    Ok(kilobytes.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}
