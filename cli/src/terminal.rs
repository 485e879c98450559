//! Standard error: logs, progress, messages. Colour and moving lines only where
//! it is a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use distri_manifest::is_control;
use indicatif::{ProgressBar, ProgressStyle};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use tracing_subscriber::EnvFilter;

/// Whether to colour standard error.
fn coloured() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Sends logs to standard error. `RUST_LOG` overrides what is shown.
pub(crate) fn init_logs(verbose: u8) {
    let default = match verbose {
        0 => "error,distri::plugin=info,distri::agent=info",
        1 => "warn,distri=debug,distri_host=debug,distri_build=debug",
        // These trace the arguments of every call, secrets in headers among them.
        _ => "trace,wasmtime_wasi=info,wasmtime_wasi_http=info,distri_host::bindings=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(coloured())
        // It would panic where standard error cannot be written.
        .log_internal_errors(false)
        .without_time()
        .with_target(verbose > 0)
        .init();
}

/// The text without what would move the cursor: it may be a plugin's or a stranger's
/// manifest's.
fn shown(text: &str) -> String {
    let escape = |c: char| -> Vec<char> {
        if c == '\n' || !is_control(c) { vec![c] } else { c.escape_default().collect() }
    };
    text.chars().flat_map(escape).collect()
}

fn print(label: &str, colour: &str, text: &str) {
    let text = shown(text);
    let mut stderr = std::io::stderr().lock();
    let _ = if coloured() {
        writeln!(stderr, "\x1b[{colour}m{label}:\x1b[0m {text}")
    } else {
        writeln!(stderr, "{label}: {text}")
    };
}

/// `error: text`.
pub(crate) fn error(text: &str) {
    print("error", "1;31", text);
}

/// `warning: text`.
pub(crate) fn warning(text: &str) {
    print("warning", "1;33", text);
}

/// An indented line below an error.
pub(crate) fn note(label: &str, text: &str) {
    print(&format!("  {label}"), "36", text);
}

/// A line of progress.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shown(text));
}

/// What is wrong with a command line, as its parser says it.
pub(crate) fn usage(text: &clap::builder::StyledStr) {
    let mut stderr = std::io::stderr().lock();
    let _ = if coloured() { write!(stderr, "{}", text.ansi()) } else { write!(stderr, "{text}") };
}

/// Asks a question that `y` answers with yes.
pub(crate) fn ask(question: &str) -> std::io::Result<bool> {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Asks for a line that is not shown.
pub(crate) fn ask_hidden(question: &str) -> std::io::Result<String> {
    rpassword::prompt_password(question)
}

/// A diagnostic with its excerpt.
pub(crate) fn diagnostic(diagnostic: &dyn Diagnostic) {
    let theme =
        if coloured() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    let shown = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .render_report(&mut text, diagnostic);
    if shown.is_err() {
        text = diagnostic.to_string();
    }
    error(text.trim_start().trim_start_matches(['×', ' ']).trim_end());
}

/// How often work that takes long is said where there is no terminal to show it on.
const SOMETIMES: Duration = Duration::from_secs(10);

/// A spinner on terminals; elsewhere a line now and then for what takes long.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    /// When it was last said what takes long.
    said: Arc<Mutex<Option<Instant>>>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let said = Arc::new(Mutex::new(None));
        if !std::io::stderr().is_terminal() {
            return Self { bar: None, said };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar: Some(bar), said }
    }

    /// What is going on now.
    pub(crate) fn now(&self, text: impl Into<String>) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.into());
        }
    }

    /// What goes on within work that takes long, many times over.
    pub(crate) fn during(&self, text: String) {
        if self.bar.is_some() {
            return self.now(text);
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|at| at.elapsed() >= SOMETIMES) {
            *said = Some(Instant::now());
            say(&text);
        }
    }

    /// Something that is done: a line that stays.
    pub(crate) fn done(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
