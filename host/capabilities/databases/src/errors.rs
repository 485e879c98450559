//! What a plugin is told when a database refuses something. Never where the
//! database is or how the host gets in: that is for the operator, in the log.

use std::time::Duration;

use distri_call::frame::Frame;
use distri_call::overrun::{out_of_cpu, timed_out};
use distri_call::{Error, ErrorKind};
use serde_json::json;
use sqlx::error::{DatabaseError, ErrorKind as Violation};
use sqlx::postgres::PgDatabaseError;

use crate::rows;
use crate::sqlite::file::Refusal;

/// What went wrong on a connection: in the database, or with what came from it.
#[derive(Debug)]
pub(crate) enum Fault {
    Database(sqlx::Error),
    /// The same, and with it the transaction ended.
    Ended(sqlx::Error),
    Host(Error),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

impl Fault {
    /// Whether the connection can go on: it was the statement's fault.
    pub(crate) fn is_statements(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(_)))
    }

    /// What the plugin is told.
    pub(crate) fn told(self, frame: &Frame, name: &str) -> Error {
        match self {
            Self::Host(error) => error,
            Self::Database(sqlx::Error::Database(error))
            | Self::Ended(sqlx::Error::Database(error)) => refusal(&*error, frame, name),
            Self::Database(error) | Self::Ended(error) => unreachable(name, &error),
        }
    }
}

/// The error of a database that the operator did not define.
pub(crate) fn undefined(name: &str, policy: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no database `{name}`")).with_hint(format!(
        "the operator names it in {policy}, with two lines: \
         `[databases.{name}]` and `url = \"sqlite:/path/to/{name}.db\"`"
    ))
}

/// The error of a URL that nothing can be done with.
pub(crate) fn misconfigured(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("the database `{name}` cannot be used: {why}"))
        .with_hint(format!("the operator gives its `url` at `[databases.{name}]` of the policy"))
}

/// The error of a database whose file is not one of its own.
pub(crate) fn refused(name: &str, refusal: &Refusal) -> Error {
    let Refusal { path, why } = refusal;
    tracing::warn!(target: "distri::database", database = name, "a database is not opened: `{}` {why}", path.display());
    Error::new(
        ErrorKind::Denied,
        format!("the database `{name}` is not opened: one of its files or folders {why}"),
    )
    .with_hint("the host's log says which; a database is a file with one name, below no link")
}

/// The error of a database that is not there, or went away.
pub(crate) fn unreachable(name: &str, error: &sqlx::Error) -> Error {
    // A configuration's error may quote the URL.
    if matches!(error, sqlx::Error::Configuration(_)) {
        tracing::warn!(target: "distri::database", database = name, "a database cannot be reached as it is configured");
    } else {
        let reason = error.to_string();
        tracing::warn!(target: "distri::database", database = name, ?reason, "a database cannot be reached");
    }
    Error::new(ErrorKind::NotFound, format!("the database `{name}` cannot be reached"))
        .with_hint("the host's log says why")
}

/// The error of a plugin that waits in vain for a connection.
pub(crate) fn exhausted(name: &str, connections: u32) -> Error {
    Error::over(
        ErrorKind::Limit,
        "connections",
        connections,
        format!("all {connections} connections to the database `{name}` stayed busy"),
    )
    .with_hint("end transactions soon, and ask for less at once")
}

/// The error of a file that others write to.
pub(crate) fn locked(name: &str) -> Error {
    Error::new(ErrorKind::Timeout, format!("the database `{name}` stayed locked"))
        .with_hint("a transaction holds it, perhaps one of this plugin's own: end it, or use it")
        .with_detail(json!({ "sqlstate": "55P03" }).to_string())
}

/// The error of a statement that writes where nothing may be written.
fn read_only(name: &str, message: &str) -> Error {
    Error::new(ErrorKind::Denied, format!("the database `{name}` is open for reading: {message}"))
        .with_hint(
            "write with `execute`; `access = \"read-write\"` in manifest and policy allows it",
        )
}

/// The error of a statement that does what no plugin may.
fn forbidden(name: &str, message: &str) -> Error {
    Error::new(ErrorKind::Denied, format!("the database `{name}` does not allow it: {message}"))
        .with_hint(
            "tables are read and, where that is granted, written with `execute`; pragmas, \
             temporary and virtual tables, other databases and loaded code are not for plugins",
        )
}

/// Codes of <https://sqlite.org/rescode.html>.
mod sqlite {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const NOMEM: i32 = 7;
    pub(super) const READONLY: i32 = 8;
    pub(super) const INTERRUPT: i32 = 9;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const TOOBIG: i32 = 18;
    pub(super) const AUTH: i32 = 23;
    pub(super) const NOTADB: i32 = 26;
}

/// The code of an error of SQLite's, with and without its extension.
fn sqlite_code(error: &dyn DatabaseError) -> Option<(i32, i32)> {
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let extended = error.code()?.parse::<i32>().ok()?;
    Some((extended & 0xff, extended))
}

/// Whether a lock of somebody else's kept SQLite from doing something.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlite_code);
    code.is_some_and(|(code, _)| matches!(code, sqlite::BUSY | sqlite::LOCKED))
}

fn refusal(error: &dyn DatabaseError, frame: &Frame, name: &str) -> Error {
    if let Some((code, extended)) = sqlite_code(error) {
        return sqlite_refusal(error, (code, extended), frame, name);
    }
    let state = error.code().unwrap_or_default();
    let postgres = error.try_downcast_ref::<PgDatabaseError>();
    match &*state {
        // Cancelled, by the timeout that the host set.
        "57014" => return timed_out(&frame.name(), &frame.limits),
        "25006" => return read_only(name, error.message()),
        _ => {}
    }
    // Connections, their number, who may have them, and servers that stop.
    if ["08", "28", "3D", "53", "57", "58"].iter().any(|class| state.starts_with(class)) {
        // A guest may raise the same, with words of its own, which are nobody else's.
        let raised = postgres.and_then(PgDatabaseError::routine) == Some("exec_stmt_raise");
        let reason = if raised { "a statement said so" } else { error.message() };
        tracing::warn!(target: "distri::database", database = name, sqlstate = %state, ?reason, "a database cannot be used");
        return Error::new(
            ErrorKind::NotFound,
            format!("the database `{name}` cannot be used now"),
        )
        .with_hint("the host's log says why");
    }
    // The role that the operator gave may not.
    let kind = if state == "42501" { ErrorKind::Denied } else { ErrorKind::InvalidInput };
    let mut detail = json!({ "sqlstate": state });
    if let Some(constraint) = error.constraint() {
        detail["constraint"] = constraint.into();
    }
    let told = Error::new(kind, error.message()).with_detail(detail.to_string());
    match postgres.and_then(PgDatabaseError::hint) {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}

fn sqlite_refusal(
    error: &dyn DatabaseError,
    (code, extended): (i32, i32),
    frame: &Frame,
    name: &str,
) -> Error {
    match code {
        sqlite::INTERRUPT => match frame.cpu.spend(Duration::ZERO) {
            Ok(()) => timed_out(&frame.name(), &frame.limits),
            Err(limit) => out_of_cpu(&frame.name(), limit),
        },
        sqlite::BUSY | sqlite::LOCKED => locked(name),
        sqlite::NOMEM => {
            Error::new(ErrorKind::Limit, format!("the statement is too much for `{name}` at once"))
                .with_hint("SQLite runs out of memory: write fewer rows at a time, or ask for less")
        }
        sqlite::FULL => {
            let most = frame.limits.package_file_bytes;
            Error::over(
                ErrorKind::Limit,
                "package_file_bytes",
                most,
                format!("the database `{name}` may not grow further"),
            )
            .with_hint("the host's limit `package_file_bytes` bounds it, or its disk is full")
        }
        sqlite::READONLY => read_only(name, error.message()),
        sqlite::AUTH => forbidden(name, error.message()),
        // So it says of functions, and of virtual tables.
        _ if ["not authorized", "no such module"]
            .iter()
            .any(|it| error.message().starts_with(it)) =>
        {
            forbidden(name, error.message())
        }
        sqlite::TOOBIG => rows::too_large(frame.limits.payload),
        sqlite::IOERR | sqlite::CORRUPT | sqlite::CANTOPEN | sqlite::NOTADB => {
            // Of a file that is damaged, SQLite names tables.
            tracing::warn!(target: "distri::database", database = name, sqlite = extended, reason = ?error.message(), "a database cannot be used");
            Error::new(ErrorKind::NotFound, format!("the database `{name}` cannot be used now"))
                .with_hint("the host's log says why")
        }
        _ => {
            // The codes that other databases have for the same.
            let state = match error.kind() {
                Violation::UniqueViolation => "23505",
                Violation::ForeignKeyViolation => "23503",
                Violation::NotNullViolation => "23502",
                Violation::CheckViolation => "23514",
                _ => "HY000",
            };
            let detail = json!({ "sqlstate": state, "sqlite": extended });
            Error::new(ErrorKind::InvalidInput, error.message()).with_detail(detail.to_string())
        }
    }
}
