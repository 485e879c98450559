//! Standard output: the one place that writes results. What cannot be written is
//! said once, when the command is over: a reader that went away is no fault, a full
//! disk is one.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::terminal;

/// What kept a result from being written; nothing is written after it.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes a line, without what a terminal would act on.
pub(crate) fn line(text: &str) {
    write(&[terminal::shown(text).as_bytes(), b"\n"]);
}

/// Writes a text of several lines, and ends the last one.
pub(crate) fn lines(text: &str) {
    write(&[terminal::shown_lines(text).as_bytes(), b"\n"]);
}

/// Writes text of the program's own, which ends its lines, as it is.
pub(crate) fn text(text: &str) {
    write(&[text.as_bytes()]);
}

/// Writes one line of JSON.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => write(&[terminal::plain_json(&text).as_bytes(), b"\n"]),
        Err(error) => fail(error.into()),
    }
}

/// Whether results are read by a person who sees colours.
pub(crate) fn coloured() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Ends the program: what a command that printed all of its results gave stands.
pub(crate) fn finish(code: ExitCode) -> ExitCode {
    write(&[]);
    let failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner).take();
    match failed {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            terminal::error(&format!("cannot write to standard output: {error}"));
            ExitCode::FAILURE
        }
        _ => code,
    }
}

fn write(parts: &[&[u8]]) {
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    if failed.is_some() {
        return;
    }
    let mut stdout = io::stdout().lock();
    let written = if parts.is_empty() || !closed::at_the_beginning() {
        parts.iter().try_for_each(|part| stdout.write_all(part)).and_then(|()| stdout.flush())
    } else {
        Err(io::Error::other("it is closed"))
    };
    *failed = written.err();
}

fn fail(error: io::Error) {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
}

/// Whether the program began with standard output closed (`>&-`). Rust's runtime
/// opens `/dev/null` in its place before `main`, so that a result would seem to be
/// written: it is looked at before that.
#[cfg(target_os = "linux")]
mod closed {
    use std::os::fd::BorrowedFd;
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    #[used]
    // SAFETY: the section holds functions of this type, which are called once, by the
    // loader, before the program's own code.
    #[unsafe(link_section = ".init_array")]
    static LOOK: extern "C" fn() = look;

    /// Runs before Rust's runtime: it makes one system call and allocates nothing.
    extern "C" fn look() {
        // SAFETY: the descriptor is asked about and not used: it need not be open.
        let stdout = unsafe { BorrowedFd::borrow_raw(1) };
        CLOSED.store(rustix::io::fcntl_getfd(stdout).is_err(), Ordering::Relaxed);
    }

    pub(super) fn at_the_beginning() -> bool {
        CLOSED.load(Ordering::Relaxed)
    }
}

#[cfg(not(target_os = "linux"))]
mod closed {
    pub(super) const fn at_the_beginning() -> bool {
        false
    }
}
