//! The host's own record of one call: who called, in which chain, with which
//! deadline and budget. A guest never sees it and never changes it.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tracing::Span;

use crate::disk::{Quota, Written};
use crate::embedder::Embedder;
use crate::meter::Cpu;
use crate::package::Package;
use crate::places::Open;
use crate::redact::Secrets;
use crate::usage::Usage;
use crate::{Caller, Error, ErrorKind, ExecutionContext, ItemKind, Limits, Result};

/// What a call has logged so far.
#[derive(Debug, Default)]
pub struct Logged {
    lines: AtomicU32,
    bytes: AtomicUsize,
}

/// What to do with a line that a call logs.
pub enum LogLine {
    /// Passes it on.
    Pass,
    /// Says, in its place, that the call's limits are used up.
    Cut,
    /// Passes none of it on.
    Drop,
}

impl Logged {
    /// Whether further lines are dropped.
    pub fn is_full(&self, limits: &Limits) -> bool {
        self.lines.load(Ordering::Relaxed) > limits.log_lines
            || self.bytes.load(Ordering::Relaxed) > limits.log_bytes
    }

    /// Counts a line of this many bytes.
    pub fn count(&self, bytes: usize, limits: &Limits) -> LogLine {
        let lines = self.lines.fetch_add(1, Ordering::Relaxed);
        if lines >= limits.log_lines {
            // Keeps the count from wrapping around.
            self.lines.store(limits.log_lines.saturating_add(1), Ordering::Relaxed);
        }
        let before = self.bytes.load(Ordering::Relaxed);
        self.bytes.store(before.saturating_add(bytes), Ordering::Relaxed);
        let past = |lines: u32, bytes: usize| lines > limits.log_lines || bytes > limits.log_bytes;
        match (past(lines, before), past(lines.saturating_add(1), before.saturating_add(bytes))) {
            (true, _) => LogLine::Drop,
            (false, true) => LogLine::Cut,
            (false, false) => LogLine::Pass,
        }
    }
}

/// The answer to a nested call, still to come.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<String>> + Send + 'a>>;

/// The plugins as they were when a root call began, for all that it calls.
pub trait Callees: Send + Sync {
    /// Calls a tool for `caller`, within its budget and what it may.
    fn call_tool<'a>(&'a self, caller: &'a Arc<Frame>, name: &'a str, input: String) -> Answer<'a>;
}

/// What a root call and all that it calls share.
pub struct Shared {
    /// Whom it is run for.
    pub embedder: Arc<Embedder>,
    /// Whom its plugins may call.
    pub callees: Box<dyn Callees>,
    /// The packages that were loaded when the root call began.
    pub packages: Arc<[Arc<Package>]>,
    /// Values that nobody reads in logs and errors of the whole chain: what one
    /// call has, another may be told.
    hidden: Secrets,
    /// Bytes of linear memory that all may have together.
    memory: usize,
    /// Nested calls that may still be made.
    budget: AtomicU32,
}

/// One call, root or nested.
pub struct Frame {
    shared: Arc<Shared>,
    /// The package whose plugin runs.
    pub package: Arc<Package>,
    /// Of what kind its item is.
    pub kind: ItemKind,
    /// The item's name.
    pub item: String,
    /// The call's own name.
    pub call_id: String,
    /// On whose behalf it is.
    pub context: ExecutionContext,
    /// The host's limits, lowered by the plugin's manifest and the call's deadline.
    pub limits: Limits,
    /// When its time is over.
    pub deadline: Instant,
    /// What the call uses: time on a processor, and the rest.
    pub cpu: Arc<Cpu>,
    /// What it has used.
    pub usage: Arc<Usage>,
    /// What the call has logged.
    pub logged: Logged,
    /// What it has written to files.
    written: OnceLock<Arc<Written>>,
    /// Its calls of the host's that are under way.
    pub host_calls: Open,
    /// The span that the call's own spans and events lie in.
    pub span: Span,
    /// Secrets that the package declared and was granted, to see.
    pub secrets: OnceLock<Vec<(String, String)>>,
    depth: u32,
    parent: Option<Arc<Frame>>,
}

impl Shared {
    /// `memory` is what all calls may have together, in bytes.
    pub fn new(
        embedder: Arc<Embedder>,
        callees: Box<dyn Callees>,
        packages: Arc<[Arc<Package>]>,
        memory: usize,
    ) -> Self {
        let hidden = Secrets::default();
        Self { embedder, callees, packages, hidden, memory, budget: AtomicU32::new(0) }
    }
}

impl Frame {
    /// The frame of a call that comes from outside.
    pub fn root(
        mut shared: Shared,
        package: Arc<Package>,
        (kind, item): (ItemKind, String),
        call: &crate::ToolCall,
    ) -> Arc<Self> {
        let mut limits = package.limits.clone();
        if let Some(deadline) = call.deadline {
            limits.timeout = limits.timeout.min(deadline);
        }
        *shared.budget.get_mut() = limits.nested_calls;
        Self {
            deadline: Instant::now() + limits.timeout,
            cpu: Cpu::new(limits.cpu, None),
            usage: Usage::root(shared.memory),
            shared: Arc::new(shared),
            package,
            kind,
            item,
            call_id: if call.id.is_empty() { next_call_id() } else { call.id.clone() },
            context: call.context.clone(),
            limits,
            logged: Logged::default(),
            written: OnceLock::new(),
            host_calls: Open::default(),
            span: Span::none(),
            secrets: OnceLock::new(),
            depth: 0,
            parent: None,
        }
        .with_span()
    }

    fn with_span(mut self) -> Arc<Self> {
        self.span = span(&self);
        Arc::new(self)
    }

    /// The frame of a call that this one makes. It shares the budget, can only
    /// have an earlier deadline, and is one level deeper.
    pub fn nested(
        self: &Arc<Self>,
        package: Arc<Package>,
        kind: ItemKind,
        item: String,
    ) -> Result<Arc<Self>> {
        let depth = self.depth + 1;
        if depth > self.limits.depth {
            return Err(Error::over(
                ErrorKind::Limit,
                "depth",
                self.limits.depth,
                format!(
                    "calls are nested more than {} deep: {}",
                    self.limits.depth,
                    self.chain().join(" -> ")
                ),
            ));
        }
        self.shared
            .budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map_err(|_| {
                Error::over(
                    ErrorKind::Limit,
                    "nested_calls",
                    self.limits.nested_calls,
                    format!("more than {} nested calls in one call", self.limits.nested_calls),
                )
            })?;
        let mut limits = package.limits.clone();
        limits.timeout =
            limits.timeout.min(self.deadline.saturating_duration_since(Instant::now()));
        limits.depth = limits.depth.min(self.limits.depth);
        Ok(Self {
            deadline: Instant::now() + limits.timeout,
            cpu: Cpu::new(limits.cpu, Some(Arc::clone(&self.cpu))),
            usage: self.usage.nested(),
            logged: Logged::default(),
            written: OnceLock::new(),
            host_calls: Open::default(),
            span: Span::none(),
            secrets: OnceLock::new(),
            shared: Arc::clone(&self.shared),
            package,
            kind,
            item,
            call_id: next_call_id(),
            context: self.context.clone(),
            limits,
            depth,
            parent: Some(Arc::clone(self)),
        }
        .with_span())
    }

    /// The call that made this one.
    pub fn parent(&self) -> Option<&Arc<Frame>> {
        self.parent.as_ref()
    }

    /// The embedder.
    pub fn embedder(&self) -> &Arc<Embedder> {
        &self.shared.embedder
    }

    /// What it may call.
    pub fn callees(&self) -> &dyn Callees {
        &*self.shared.callees
    }

    /// The packages that were loaded when the root call began.
    pub fn packages(&self) -> &[Arc<Package>] {
        &self.shared.packages
    }

    /// Values that nobody reads in logs and errors of the whole chain: what one
    /// call has, another may be told.
    pub fn hidden(&self) -> &Secrets {
        &self.shared.hidden
    }

    /// What it may still put on disk.
    pub fn quota(&self) -> Quota {
        let package = &self.package;
        let written = Arc::clone(self.written.get_or_init(Arc::default));
        Quota::new(package.name.as_str(), &package.limits, (Arc::clone(&package.disk), written))
    }

    /// The text without the secrets of the chain.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.hidden().redact(text)
    }

    /// `package/item`.
    pub fn name(&self) -> String {
        self.shown().to_string()
    }

    /// `package/item`, where it may not be needed.
    pub fn shown(&self) -> impl fmt::Display {
        fmt::from_fn(|f| write!(f, "{}/{}", self.package.name, self.item))
    }

    /// The calls that led here, outermost first, this one included.
    pub fn chain(&self) -> Vec<String> {
        let mut chain = self.parent.as_ref().map(|parent| parent.chain()).unwrap_or_default();
        chain.push(self.name());
        chain
    }

    /// Who asks, for the embedder's services.
    pub fn caller(&self) -> Caller {
        Caller {
            package: self.package.name.to_string(),
            item: self.item.clone(),
            call_id: self.call_id.clone(),
            context: self.context.clone(),
            chain: self.chain(),
        }
    }
}

/// The span of a call. What is not known yet is recorded at its end.
fn span(frame: &Frame) -> Span {
    use tracing::field::Empty;
    tracing::info_span!(
        target: "distri_host",
        "call",
        plugin = %frame.package.name,
        item = frame.item,
        kind = frame.kind.as_str(),
        call_id = frame.call_id,
        digest = frame.package.digest,
        outcome = Empty,
        elapsed_us = Empty,
        cpu_us = Empty,
        peak_memory = Empty,
        ticks = Empty,
    )
}

/// Unique within the process; the process's start time keeps it apart from
/// other processes' in a shared log.
fn next_call_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    static START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let start = START.get_or_init(|| {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or_default())
    });
    let mut id = String::with_capacity("call-".len() + 2 * 16 + 1);
    let _ = write!(id, "call-{start:x}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    id
}
