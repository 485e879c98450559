//! Where text for people and programs goes out: results to standard output; logs,
//! progress and messages to standard error. Whatever a stranger wrote is shown as the
//! text that it is. Colour and moving lines only where it is a terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use distri_manifest::is_control;
use indicatif::{ProgressBar, ProgressStyle};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};
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
        0 => {
            "error,distri::plugin=info,distri::agent=info,distri::build=warn,distri::database=info"
        }
        1 => "warn,distri=debug",
        // These trace the arguments of every call, secrets in headers among them.
        _ => "trace,wasmtime_wasi=info,wasmtime_wasi_http=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Log)
        .with_ansi(coloured())
        // It would panic where standard error cannot be written.
        .log_internal_errors(false)
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
pub(crate) fn shown_lines(text: &str) -> String {
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

/// The same JSON without characters that a terminal would act on. They stand in
/// strings only, where their escapes mean the same.
pub(crate) fn plain_json(text: &str) -> String {
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

/// What is wrong with a command line, as its parser says it.
pub(crate) fn usage(text: &clap::builder::StyledStr) {
    let mut stderr = std::io::stderr().lock();
    let _ = if coloured() { write!(stderr, "{}", text.ansi()) } else { write!(stderr, "{text}") };
}

/// Asks a question that `y` answers with yes.
pub(crate) fn ask(question: &str) -> std::io::Result<bool> {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{}", shown(question)).and_then(|()| stderr.flush());
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Asks for a line that is not shown.
pub(crate) fn ask_hidden(question: &str) -> std::io::Result<String> {
    rpassword::prompt_password(question)
}

/// A diagnostic with its excerpt, and those that were found with it, each by itself.
pub(crate) fn diagnostic(diagnostic: &dyn Diagnostic) {
    let theme =
        if coloured() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    let drawn = !has_long_line(diagnostic)
        && GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .render_report(&mut text, &Alone::of(diagnostic))
            .is_ok();
    if !drawn {
        text = in_words(diagnostic);
    }
    let text = text.trim_start().trim_start_matches(['×', ' ']).trim_end();
    print_block("error", RED, text);
    diagnostic.related().into_iter().flatten().for_each(self::diagnostic);
}

/// A diagnostic without those that were found with it, whose file has a name on one line.
#[derive(Debug)]
struct Alone<'a> {
    diagnostic: &'a dyn Diagnostic,
    source: Option<OnOneLine<'a>>,
}

impl<'a> Alone<'a> {
    fn of(diagnostic: &'a dyn Diagnostic) -> Self {
        Self { diagnostic, source: diagnostic.source_code().map(OnOneLine) }
    }
}

/// A source whose name cannot pose as something that this program says.
struct OnOneLine<'a>(&'a dyn SourceCode);

impl std::fmt::Debug for OnOneLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnOneLine")
    }
}

impl SourceCode for OnOneLine<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.0.read_span(span, before, after)?;
        let Some(name) = found.name().map(shown) else { return Ok(found) };
        let (data, span) = (found.data(), *found.span());
        let (line, column, count) = (found.line(), found.column(), found.line_count());
        Ok(Box::new(MietteSpanContents::new_named(name, data, span, line, column, count)))
    }
}

impl std::fmt::Display for Alone<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self.diagnostic, f)
    }
}

impl std::error::Error for Alone<'_> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.diagnostic.source()
    }
}

impl Diagnostic for Alone<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.diagnostic.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.diagnostic.labels()
    }
}

/// Characters of a line that is drawn: nobody reads a longer one, and what draws it
/// panics at 65,536.
const LINE: usize = 2_000;

/// Whether a line of an excerpt is too long to be drawn.
fn has_long_line(diagnostic: &dyn Diagnostic) -> bool {
    let excerpt = |label: LabeledSpan| {
        let source = diagnostic.source_code()?;
        let found = source.read_span(label.inner(), 1, 1).ok()?;
        Some(found.data().split(|byte| *byte == b'\n').any(|line| line.len() > LINE))
    };
    diagnostic.labels().is_some_and(|mut labels| labels.any(|it| excerpt(it) == Some(true)))
}

/// A diagnostic without an excerpt, with its place.
fn in_words(diagnostic: &dyn Diagnostic) -> String {
    let mut text = diagnostic.to_string();
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    if let Some((source, label)) = diagnostic.source_code().zip(label)
        && let Ok(found) = source.read_span(label.inner(), 0, 0)
    {
        let (line, column) = (found.line() + 1, found.column() + 1);
        let name = shown(found.name().unwrap_or_default());
        let _ = write!(text, "\n  at {name}:{line}:{column}");
    }
    if let Some(help) = diagnostic.help() {
        let _ = write!(text, "\n  help: {help}");
    }
    text
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
            let text: String = text.into();
            bar.set_message(shown(&text));
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
