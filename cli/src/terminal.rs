//! Standard error: logs, progress, messages. Colour and moving lines only where
//! it is a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

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
        0 => "error,distri::plugin=info,distri::agent=info,distri::build=warn",
        1 => "warn,distri=debug,distri_host=debug,distri_build=debug",
        // These trace the arguments of every call, secrets in headers among them.
        _ => "trace,wasmtime_wasi=info,wasmtime_wasi_http=info,distri_host::bindings=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(coloured())
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

/// Asks a question that `y` answers with yes.
pub(crate) fn ask(question: &str) -> std::io::Result<bool> {
    eprint!("{question}");
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

/// A spinner on terminals, nothing elsewhere.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(crate) fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    /// What is going on now.
    pub(crate) fn now(&self, text: impl Into<String>) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.into());
        }
    }

    /// Something that is done: a line that stays.
    pub(crate) fn done(&self, print: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
