//! What an embedder supplies to plugins, and a complete default in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::{Error, ErrorKind, ExecutionContext, Result};

/// Who asks: taken from the host's own record of the call, never from the guest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Caller {
    /// The package that asks.
    pub package: String,
    /// Its tool or workflow that asks.
    pub item: String,
    /// The call within which it asks.
    pub call_id: String,
    /// On whose behalf.
    pub context: ExecutionContext,
}

/// A plugin's `callAgent`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AgentCall {
    /// The agent's name.
    pub name: String,
    /// What it is to do.
    pub task: String,
    /// A JSON object; `{}` for none.
    pub options: String,
    /// Who asks.
    pub caller: Caller,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For finding faults.
    Debug,
    /// Worth knowing.
    Info,
    /// Probably wrong.
    Warn,
    /// Certainly wrong.
    Error,
}

/// A line that a plugin logged: one line, without control characters, at most
/// 8 KiB.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// The line.
    pub message: String,
    /// The package that logged it.
    pub package: String,
    /// The call it was logged in.
    pub call_id: String,
}

/// What plugins get from the program that embeds the host. Each method may be
/// called from many tasks at once; a dropped call drops its future.
#[async_trait]
pub trait HostServices: Send + Sync + 'static {
    /// Gives a task to an agent and returns its final text.
    async fn call_agent(&self, call: AgentCall) -> Result<String> {
        Err(Error::new(ErrorKind::NotFound, format!("there is no agent `{}`", call.name))
            .with_hint("this host has no agents"))
    }

    /// Reads a session's value, as JSON.
    async fn get_session_value(&self, session: &str, key: &str) -> Result<Option<String>>;

    /// Writes a session's value, as JSON.
    async fn set_session_value(&self, session: &str, key: &str, value: String) -> Result<()>;

    /// Takes a plugin's log line. By default it becomes a `tracing` event with
    /// the target `distri::plugin`.
    fn log(&self, record: LogRecord) {
        let LogRecord { level, message, package, call_id } = record;
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: "distri::plugin", tracing::Level::$level,
                    plugin = package, call_id, "{message}"
                )
            };
        }
        match level {
            LogLevel::Trace => event!(TRACE),
            LogLevel::Debug => event!(DEBUG),
            LogLevel::Info => event!(INFO),
            LogLevel::Warn => event!(WARN),
            LogLevel::Error => event!(ERROR),
        }
    }
}

/// Session values in memory. A host without services of its own uses it; an
/// embedder may hold one and delegate to it.
#[derive(Debug, Default)]
pub struct InMemorySessions {
    values: Mutex<HashMap<(String, String), String>>,
}

impl InMemorySessions {
    /// Reads a value.
    pub fn get(&self, session: &str, key: &str) -> Option<String> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(&(session.to_owned(), key.to_owned())).cloned()
    }

    /// Writes a value.
    pub fn set(&self, session: &str, key: &str, value: String) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.insert((session.to_owned(), key.to_owned()), value);
    }
}

#[async_trait]
impl HostServices for InMemorySessions {
    async fn get_session_value(&self, session: &str, key: &str) -> Result<Option<String>> {
        Ok(self.get(session, key))
    }

    async fn set_session_value(&self, session: &str, key: &str, value: String) -> Result<()> {
        self.set(session, key, value);
        Ok(())
    }
}
