//! PostgreSQL. A statement of a guest runs in a transaction that the host began:
//! one that reads writes to no table, because it has looked at the database
//! before the guest's first word.

mod numeric;
mod relay;
mod times;
mod values;

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use distri_call::frame::Frame;
use distri_call::{Error, ErrorKind, Limits, Result};
use distri_manifest::Access;
use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgArguments, PgColumn, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Either,
    Executor as _, PgConnection, PgPool, Postgres, Row as _, SqlSafeStr as _, Statement as _,
    ValueRef as _,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::errors::{Fault, misconfigured};
use crate::lease::{ACQUIRE, IDLE, Lease};
use crate::postgres::relay::Relay;
use crate::postgres::values::{Parameter, decode};
use crate::rows::{Collector, too_large};
use crate::statement::Statement;
use crate::values::Value;

/// A connection that nobody used for so long is tried before it is.
const UNTRIED: Duration = Duration::from_secs(5);

/// What a URL may set. Others are the driver's to warn of, with their values.
const SETTINGS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// How often the server looks whether anybody still waits for a statement.
const WATCH: &str = "client_connection_check_interval = 1000";

/// How long the host takes to end a process of the server's.
const END: Duration = Duration::from_secs(5);

/// A pool for one package and access.
#[derive(Clone)]
pub(crate) struct Pool {
    pub inner: PgPool,
    /// Whether the server can look after its clients.
    watches: Arc<AtomicBool>,
    relay: Arc<Relay>,
    /// Processes of the server's that are to end.
    ending: UnboundedSender<Transaction>,
}

/// Bytes of an answer of the server's besides the values that a call may have:
/// what frames them, and what the driver asks for itself.
const FRAMES: usize = 1 << 20;

pub(crate) fn pool(
    name: &str,
    url: &str,
    access: Access,
    package: &str,
    (connections, limits): (u32, &Limits),
) -> Result<Pool> {
    let unreadable = || misconfigured(name, "its URL cannot be read");
    let parsed = url::Url::parse(url).map_err(|_| unreadable())?;
    let unknown = parsed.query_pairs().find(|(key, _)| !SETTINGS.contains(&key.as_ref()));
    if let Some((key, _)) = unknown {
        return Err(misconfigured(name, &format!("its URL sets `{key}`, which does not exist")));
    }
    let mut options = PgConnectOptions::from_str(url).map_err(|_| unreadable())?;
    if options.get_application_name().is_none() {
        options = options.application_name(&format!("distri/{package}"));
    }
    if access == Access::Read {
        // A statement that somehow left its transaction would be in another like it.
        options = options.options([("default_transaction_read_only", "on")]);
    }
    let max = limits.payload.saturating_mul(2).saturating_add(FRAMES);
    let (ending, to_end) = unbounded_channel();
    tokio::spawn(end(options.clone().disable_statement_logging(), to_end));
    let (relay, options) = Relay::open(options, max).map_err(distri_call::error::internal)?;
    let watches = Arc::new(AtomicBool::new(false));
    let can_watch = Arc::clone(&watches);
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(IDLE)
        .after_connect(move |connection, _| {
            let can_watch = Arc::clone(&can_watch);
            Box::pin(async move {
                // Servers before 14 cannot, and not on every system.
                let set = sqlx::raw_sql(AssertSqlSafe(format!("SET {WATCH}")));
                can_watch.store(set.execute(connection).await.is_ok(), Ordering::Relaxed);
                Ok(())
            })
        })
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > UNTRIED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move { forget(connection).await.map(|()| true) })
        })
        .connect_lazy_with(options.disable_statement_logging());
    Ok(Pool { inner: pool, watches, relay, ending })
}

/// Makes a session as new: settings, temporary tables, locks, cursors.
async fn forget(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.clear_cached_statements().await?;
    sqlx::raw_sql("DISCARD ALL").execute(connection).await.map(drop)
}

/// Ends processes of the server's whose sessions were not given back. A guest's
/// code may go on in them without looking at timeouts, or at who still waits.
async fn end(options: PgConnectOptions, mut to_end: UnboundedReceiver<Transaction>) {
    // What a role sets for itself does not come before what a connection asks for; nor
    // do functions and operators that a guest has made.
    let options = options.options([("statement_timeout", "0"), ("search_path", "pg_catalog")]);
    let mut left = Vec::new();
    while to_end.recv_many(&mut left, 100).await > 0 {
        let list: Vec<String> =
            left.drain(..).map(|it| format!("({}, '{}'::float8)", it.process, it.began)).collect();
        let list = list.join(", ");
        let ended = tokio::time::timeout(END, async {
            let mut connection = PgConnection::connect_with(&options).await?;
            let sql = format!(
                "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
                 WHERE (pid, pg_catalog.date_part('epoch', xact_start)) IN ({list})"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            connection.close().await
        });
        if !matches!(ended.await, Ok(Ok(()))) {
            tracing::debug!("what a plugin left of a session may go on for a while");
        }
    }
}

/// What a process of the server's is doing. Its number alone may be another's by the
/// time that it is to end.
struct Transaction {
    process: i32,
    /// In seconds, as exactly as the server has it.
    began: f64,
}

/// The transaction of a session: it is to end, unless the session is given back.
struct Process {
    transaction: Option<Transaction>,
    ending: UnboundedSender<Transaction>,
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            // Without anybody to end it, there is no server to reach either.
            let _ = self.ending.send(transaction);
        }
    }
}

/// A connection that is lent to one statement or transaction.
pub(crate) struct Session {
    lease: Lease<Postgres>,
    process: Option<Process>,
    access: Access,
    watches: bool,
    deadline: Instant,
    /// Whether the time that is left was just told to the server.
    is_timed: bool,
    relay: Arc<Relay>,
    payload: usize,
}

impl Session {
    pub(crate) async fn begin(
        pool: &Pool,
        lease: Lease<Postgres>,
        access: Access,
        frame: &Frame,
    ) -> Result<Self, Fault> {
        let relay = Arc::clone(&pool.relay);
        let payload = frame.limits.payload;
        let mut session = Self {
            lease,
            process: None,
            access,
            watches: pool.watches.load(Ordering::Relaxed),
            deadline: frame.deadline,
            is_timed: true,
            relay,
            payload,
        };
        let mode = match access {
            Access::Read => "READ ONLY",
            Access::ReadWrite => "READ WRITE",
        };
        // With its first look at the database a transaction keeps its mode for
        // good: <https://www.postgresql.org/docs/current/sql-set-transaction.html>.
        // Nothing here is a name that a guest's schema could have something else for.
        let begin = format!(
            "BEGIN {mode}; {}; SELECT pg_catalog.pg_backend_pid(), \
             pg_catalog.date_part('epoch', pg_catalog.now())",
            session.timeout()
        );
        let row = sqlx::raw_sql(AssertSqlSafe(begin)).fetch_one(session.lease.connection());
        let row = row.await?;
        let transaction = Transaction { process: row.try_get(0)?, began: row.try_get(1)? };
        session.process =
            Some(Process { transaction: Some(transaction), ending: pool.ending.clone() });
        Ok(session)
    }

    /// What tells the server how long a statement may take, and to look whether
    /// anybody waits for it. A guest can set that, too: it is set again before each
    /// of its statements, and before what a commit still runs of it.
    fn timeout(&self) -> String {
        let left = self.deadline.saturating_duration_since(Instant::now()).as_millis();
        let left = left.clamp(1, i32::MAX.cast_unsigned().into());
        let watch = if self.watches { format!("; SET LOCAL {WATCH}") } else { String::new() };
        format!("SET LOCAL statement_timeout = {left}{watch}")
    }

    /// Runs statements of the host's; a commit may run code of a guest's.
    async fn own(&mut self, sql: String) -> Result<(), sqlx::Error> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(self.lease.connection());
        done.with_subscriber(NoSubscriber::default()).await.map(drop)
    }

    pub(crate) async fn run(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
        rows: &mut Collector,
    ) -> Result<u64, Fault> {
        let cut = self.relay.cut();
        // The driver logs what a guest has the server say.
        let answer = self.answer(statement, parameters, rows);
        match answer.with_subscriber(NoSubscriber::default()).await {
            // The connection went away because of what came over it.
            Err(Fault::Database(sqlx::Error::Io(_))) if self.relay.cut() != cut => {
                Err(too_large(self.payload).into())
            }
            answer => answer,
        }
    }

    async fn answer(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
        rows: &mut Collector,
    ) -> Result<u64, Fault> {
        if !std::mem::take(&mut self.is_timed) {
            self.own(self.timeout()).await?;
        }
        let connection = self.lease.connection();
        let sql = AssertSqlSafe(statement.text.as_str()).into_sql_str();
        let prepared = connection.prepare(sql.clone()).await?;
        rows.begin(prepared.columns().iter().map(sqlx::Column::name))?;
        let types = match prepared.parameters() {
            Some(Either::Left(types)) => types,
            _ => &[],
        };
        if types.len() != parameters.len() {
            return Err(Fault::Host(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the statement takes {} parameters, and {} were given",
                    types.len(),
                    parameters.len()
                ),
            )));
        }
        let mut arguments = PgArguments::default();
        let mut has_own_types = false;
        for (value, ty) in parameters.iter().zip(types) {
            let parameter = Parameter::new(value, ty);
            has_own_types |= parameter.has_own_type;
            arguments.add(parameter).map_err(distri_call::error::internal)?;
        }
        if has_own_types {
            // The statement is looked at again, with the types that were not expected.
            connection.clear_cached_statements().await?;
        }
        let mut results = connection.fetch_many(sqlx::query_with(sql, arguments));
        let mut changed = 0;
        while let Some(result) = results.try_next().await? {
            match result {
                Either::Left(done) => changed = done.rows_affected(),
                Either::Right(row) => rows.push(values(&row, rows)?)?,
            }
        }
        Ok(changed)
    }

    pub(crate) async fn commit(self) -> Result<(), Fault> {
        let how = match self.access {
            // Nothing to commit, but for what a reader may do beside the tables:
            // notifications, and large objects before PostgreSQL 16.
            Access::Read => "ROLLBACK".to_owned(),
            Access::ReadWrite => format!("{}; COMMIT", self.timeout()),
        };
        self.finish(how).await
    }

    pub(crate) async fn rollback(self) -> Result<(), Fault> {
        self.finish("ROLLBACK".to_owned()).await
    }

    async fn finish(mut self, how: String) -> Result<(), Fault> {
        self.own(how).await?;
        if let Some(process) = &mut self.process {
            process.transaction = None;
        }
        self.lease.give_back();
        Ok(())
    }
}

fn values(row: &PgRow, rows: &Collector) -> Result<Vec<Value>> {
    let sizes =
        (0..row.len()).filter_map(|at| Some(row.try_get_raw(at).ok()?.as_bytes().ok()?.len()));
    rows.room(sizes.sum())?;
    row.columns().iter().enumerate().map(|(at, column)| value(row, at, column)).collect()
}

fn value(row: &PgRow, at: usize, column: &PgColumn) -> Result<Value> {
    let raw = row.try_get_raw(at).map_err(distri_call::error::internal)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let bytes = raw.as_bytes().map_err(distri_call::error::internal)?;
    decode(column.type_info(), bytes).ok_or_else(|| {
        let ty = column.type_info().to_string().to_lowercase();
        let column = column.name();
        Error::new(
            ErrorKind::InvalidInput,
            format!("the column `{column}` has the type `{ty}`, which plugins are not given"),
        )
        .with_hint(format!("select it as text: `{column}::text`"))
    })
}
