//! Where text for people and programs goes out: results to standard output; logs,
//! progress and messages to standard error. Whatever a stranger wrote is shown as the
//! text that it is. Colour and moving lines only where it is a terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use distri_manifest::is_control;
use indicatif::{ProgressBar, ProgressStyle};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

/// The colour of errors, as terminals know it.
const RED: &str = "1;31";

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
        .with_writer(|| Log)
        .with_ansi(coloured())
        .without_time()
        .with_target(verbose > 0)
        .init();
}

/// Where logs go: to standard error, with what strangers wrote shown as text.
struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Their own colours stay; what is logged has its escapes escaped already.
        let colours = coloured();
        let keep = |c: char| c == '\n' || (c == '\u{1b}' && colours);
        let text = escaped(&String::from_utf8_lossy(bytes), keep);
        std::io::stderr().write_all(text.as_bytes()).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// The text, on one line, without what would move the cursor or hide: it may be a
/// plugin's or a stranger's manifest's.
pub(crate) fn shown(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same with its lines.
fn shown_lines(text: &str) -> String {
    escaped(text, |c| c == '\n')
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_control(c) && !keep(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Prints a line on standard output; a reader that went away is no fault.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", shown(text));
}

/// Prints a text of several lines on standard output.
pub(crate) fn lines(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", shown_lines(text));
}

/// Prints one line of JSON on standard output.
pub(crate) fn json(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        let _ = writeln!(std::io::stdout(), "{}", plain_json(&text));
    }
}

/// The same JSON without characters that a terminal would act on. They stand in
/// strings only, where their escapes mean the same.
fn plain_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_control(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Lines after the first one are indented: they cannot pose as messages.
fn print(label: &str, colour: &str, text: &str) {
    print_block(label, colour, &text.replace('\n', "\n  "));
}

fn print_block(label: &str, colour: &str, text: &str) {
    let text = shown_lines(text);
    let mut stderr = std::io::stderr().lock();
    let _ = if coloured() {
        writeln!(stderr, "\x1b[{colour}m{label}:\x1b[0m {text}")
    } else {
        writeln!(stderr, "{label}: {text}")
    };
}

/// `error: text`.
pub(crate) fn error(text: &str) {
    print("error", RED, text);
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

/// A text of several lines.
pub(crate) fn say_lines(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shown_lines(text));
}

/// Asks a question that `y` answers with yes.
pub(crate) fn ask(question: &str) -> std::io::Result<bool> {
    eprint!("{}", shown(question));
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
    let text = text.trim_start().trim_start_matches(['×', ' ']).trim_end();
    print_block("error", RED, text);
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
            let text: String = text.into();
            bar.set_message(shown(&text));
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str =
        "a\u{1b}[2J\r\nerror: \u{9b}1m \u{202e}cba\u{2066} \u{200b}\u{feff}\u{e0041}ä";

    #[test]
    fn what_a_terminal_would_act_on_is_shown_as_text() {
        let text = shown(HOSTILE);
        assert!(!text.chars().any(is_control), "{text:?}");
        assert!(text.starts_with("a\\u{1b}[2J\\r\\nerror: ") && text.ends_with('ä'), "{text}");
        assert_eq!(shown_lines("a\nb\u{7}"), "a\nb\\u{7}");
    }

    #[test]
    fn json_means_the_same_without_what_a_terminal_would_act_on() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE] });
        let text = plain_json(&value.to_string());
        assert!(!text.chars().any(is_control), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
