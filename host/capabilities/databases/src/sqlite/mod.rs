//! SQLite, in this process: a thread for each connection, which statements are
//! stopped on when the call's time is over or nobody waits for them any more.

pub(crate) mod file;
mod functions;
mod guard;
mod vfs;

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use distri_call::frame::Frame;
use distri_call::meter::Cpu;
use distri_call::package::Package;
use distri_call::{Error, ErrorKind, Result};
use distri_manifest::Access;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{
    SqliteArguments, SqliteColumn, SqliteConnectOptions, SqlitePoolOptions, SqliteRow,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Decode,
    Either, Executor as _, Row as _, SqlSafeStr as _, Sqlite, SqlitePool, Statement as _,
    TypeInfo as _, ValueRef as _,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::errors::{Fault, exhausted, is_busy, misconfigured, refused};
use crate::lease::{ACQUIRE, IDLE, Lease, Scope};
use crate::rows::Collector;
use crate::sqlite::file::{Place, exposed};
use crate::sqlite::functions::Clock;
use crate::sqlite::{guard as sqlite_guard, vfs as sqlite_vfs};
use crate::statement::Statement;
use crate::values::Value;

/// Steps of SQLite's machine between two looks at the clock: some ten
/// microseconds.
const STEPS: i32 = 1_000;

/// Rows that wait between SQLite's thread and the call.
const ROWS_AHEAD: usize = 1;

/// Bytes that a row may have before anybody can count them: the more columns, the
/// shorter their values. A few such rows are there at once.
const ROW: usize = 64 << 20;

/// Pages that a database of SQLite's may have.
const MOST_PAGES: i64 = 4_294_967_294;

/// How long a lock of somebody else's is waited for, and how often it is looked
/// at. SQLite's own waiting would hold its thread.
const LOCKED: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

/// A pool for one package and access.
#[derive(Clone)]
pub(crate) struct Pool {
    pub inner: SqlitePool,
    /// The driver forgets a thread that does not end at once; this does not.
    threads: Arc<Semaphore>,
    place: Arc<Place>,
    creates: bool,
}

pub(crate) fn pool(
    name: &str,
    url: &str,
    access: Access,
    (connections, length, growth): (u32, usize, u64),
) -> Result<Pool> {
    sqlite_vfs::register().map_err(distri_call::error::internal)?;
    // Each connection would have a database of its own.
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(misconfigured(name, "a database in memory ends with its connection"));
    }
    let options = SqliteConnectOptions::from_str(url);
    let options = options.map_err(|_| misconfigured(name, "its URL cannot be read"))?;
    // A database begins as a file that is not there, unless the URL says otherwise.
    let creates = access == Access::ReadWrite && !url.contains("mode=");
    let place = Arc::new(Place::of(options.get_filename()).map_err(|why| refused(name, &why))?);
    let mut options = options
        .filename(place.to_open())
        .vfs(sqlite_vfs::NAME)
        .shared_cache(false)
        .busy_timeout(Duration::ZERO)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging();
    if creates {
        options = options.create_if_missing(true);
    }
    if access == Access::Read {
        options = options.read_only(true);
    }
    let held = Arc::clone(&place);
    // What it had when it was first opened: every connection grows it from there.
    let began = Arc::new(OnceLock::new());
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(IDLE)
        // It is in this process: there is nothing to test.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let (place, began) = (Arc::clone(&held), Arc::clone(&began));
            Box::pin(async move {
                let mut handle = connection.lock_handle().await?;
                sqlite_vfs::keep(&mut handle, Arc::clone(&place))?;
                // What was looked at before it was opened is what is open.
                let in_place = sqlite_vfs::is_in_place(&mut handle);
                drop(handle);
                if !in_place || !matches!(place.check(), Ok(true)) {
                    return Err(sqlx::Error::Configuration("its file was replaced".into()));
                }
                if access == Access::ReadWrite {
                    // Otherwise a plugin that reads keeps others from writing. Where it
                    // cannot be, or not now, that is as it was.
                    let mode = sqlx::raw_sql("PRAGMA journal_mode = WAL");
                    let _ = mode.execute(&mut *connection).await;
                    let pages: i64 =
                        sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *connection).await?;
                    let page: i64 =
                        sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut *connection).await?;
                    let growth = i64::try_from(growth).unwrap_or(i64::MAX) / page.max(1);
                    let began = *began.get_or_init(|| pages);
                    let most = began.saturating_add(growth).clamp(1, MOST_PAGES);
                    let most = format!("PRAGMA max_page_count = {most}");
                    sqlx::raw_sql(sqlx::AssertSqlSafe(most)).execute(&mut *connection).await?;
                }
                // What a statement sorts counts as memory, and is no file that grows.
                sqlx::raw_sql("PRAGMA temp_store = MEMORY").execute(&mut *connection).await?;
                sqlite_guard::limit(&mut connection.lock_handle().await?, length)
            })
        })
        // A statement's columns are those of the schema at its time.
        .after_release(|connection, _| {
            Box::pin(async move { connection.clear_cached_statements().await.map(|()| true) })
        })
        .connect_lazy_with(options);
    let threads = Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(usize::MAX)));
    Ok(Pool { inner: pool, threads, place, creates })
}

impl Pool {
    /// Whether the database may be opened, as the files are now and the packages.
    ///
    /// # Errors
    ///
    /// `denied` when a package may write to where it lies, or when one of its files is
    /// not a file of its own; `not-found` when there is none.
    pub(crate) fn check(&self, name: &str, packages: &[Arc<Package>]) -> Result<()> {
        if let Some(exposed) = exposed(packages, name, self.place.path()) {
            let error = exposed.error();
            tracing::warn!(target: "distri::database", database = name, path = %self.place.path().display(), "{error}");
            return Err(error);
        }
        match self.place.check() {
            Ok(false) if !self.creates => {
                tracing::warn!(target: "distri::database", database = name,
                    path = %self.place.path().display(),
                    "a database cannot be used: there is no such file"
                );
                Err(Error::new(
                    ErrorKind::NotFound,
                    format!("the database `{name}` cannot be reached"),
                )
                .with_hint("the host's log says why"))
            }
            Ok(_) => Ok(()),
            Err(refusal) => Err(refused(name, &refusal)),
        }
    }

    /// Waits until fewer threads than there may be connections run statements.
    pub(crate) async fn thread(
        &self,
        name: &str,
        connections: u32,
    ) -> Result<OwnedSemaphorePermit> {
        let free = tokio::time::timeout(ACQUIRE, Arc::clone(&self.threads).acquire_owned());
        match free.await {
            Ok(thread) => thread.map_err(distri_call::error::internal),
            Err(_) => Err(exhausted(name, connections)),
        }
    }
}

/// What a statement is watched for, on SQLite's own thread.
struct Watch {
    deadline: Instant,
    cpu: Arc<Cpu>,
    /// Nobody waits for it any more.
    stopped: AtomicBool,
    /// When the time that it computes was last counted.
    looked: Mutex<Instant>,
    /// Kept until the connection is free for others, or closed: SQLite's machine
    /// holds on to this.
    thread: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Watch {
    /// Counts the time since the last look, or begins to.
    fn look(&self, counts: bool) -> Duration {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let since = looked.elapsed();
        *looked += since;
        if counts { since } else { Duration::ZERO }
    }

    fn goes_on(&self) -> bool {
        self.cpu.spend(self.look(true)).is_ok()
            && Instant::now() < self.deadline
            && !self.stopped.load(Ordering::Relaxed)
    }
}

/// A connection that is lent to one statement or transaction.
pub(crate) struct Session {
    lease: Lease<Sqlite>,
    /// Whether there is a transaction to end.
    begun: bool,
    watch: Arc<Watch>,
    /// Bytes that a value may have, and those that it may have now.
    length: usize,
    length_now: usize,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.watch.stopped.store(true, Ordering::Relaxed);
    }
}

impl Session {
    pub(crate) async fn begin(
        (lease, thread): (Lease<Sqlite>, OwnedSemaphorePermit),
        access: Access,
        scope: Scope,
        frame: &Frame,
    ) -> Result<Self, Fault> {
        let watch = Arc::new(Watch {
            deadline: frame.deadline,
            cpu: Arc::clone(&frame.cpu),
            stopped: AtomicBool::new(false),
            looked: Mutex::new(Instant::now()),
            thread: Mutex::new(Some(thread)),
        });
        let begin = match (access, scope) {
            // A statement that reads sees one state by itself.
            (Access::Read, Scope::Statement) => None,
            (Access::Read, Scope::Transaction) => Some("BEGIN"),
            // At once, so that no statement of it finds the file locked; and with a look
            // at the schema, which `ALTER TABLE` takes for current as it is.
            (Access::ReadWrite, _) => Some("BEGIN IMMEDIATE; SELECT 1 FROM sqlite_schema LIMIT 1"),
        };
        let length = frame.package.limits.payload;
        let mut session = Self { lease, begun: begin.is_some(), watch, length, length_now: length };
        let watch = Arc::clone(&session.watch);
        let clock: Clock = Arc::new(move || watch.goes_on());
        let mut handle = session.lease.connection().lock_handle().await?;
        functions::register(&mut handle, &clock)?;
        sqlite_guard::limit_length(&mut handle, length);
        sqlite_guard::forget(&mut handle);
        handle.set_progress_handler(STEPS, move || clock());
        sqlite_guard::authorise(&mut handle, None)?;
        drop(handle);
        if let Some(begin) = begin {
            session.patiently(begin).await?;
        }
        let mut handle = session.lease.connection().lock_handle().await?;
        sqlite_guard::authorise(&mut handle, Some(access))?;
        drop(handle);
        Ok(session)
    }

    pub(crate) async fn run(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
        rows: &mut Collector,
    ) -> Result<u64, Fault> {
        let until = Instant::now() + LOCKED;
        loop {
            // Waiting for somebody else is not computing.
            self.watch.look(false);
            match self.attempt(statement, parameters, rows).await {
                Err(Fault::Database(error)) if is_busy(&error) && Instant::now() < until => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(Fault::Database(error)) if self.begun => {
                    let handle = self.lease.connection().lock_handle().await;
                    let over = handle.is_ok_and(|mut handle| sqlite_guard::is_over(&mut handle));
                    return Err(if over { Fault::Ended(error) } else { error.into() });
                }
                done => return done,
            }
        }
    }

    async fn attempt(
        &mut self,
        statement: &Statement,
        parameters: &[Value],
        rows: &mut Collector,
    ) -> Result<u64, Fault> {
        let sql = AssertSqlSafe(statement.text.as_str()).into_sql_str();
        let prepared = self.lease.connection().prepare(sql.clone()).await?;
        rows.begin(prepared.columns().iter().map(sqlx::Column::name))?;
        self.limit_columns(prepared.columns().len()).await?;
        let connection = self.lease.connection();
        let query = sqlx::query_with(sql, arguments(parameters)?);
        let mut results = connection.fetch_many(query);
        let mut changed = 0;
        while let Some(result) = results.try_next().await? {
            match result {
                Either::Left(done) => changed = done.rows_affected(),
                Either::Right(row) => rows.push(values(&row, rows)?)?,
            }
        }
        Ok(changed)
    }

    /// Shortens the values of a result that has many columns.
    async fn limit_columns(&mut self, columns: usize) -> Result<(), sqlx::Error> {
        let length = self.length.min(ROW / columns.max(1));
        if length != self.length_now {
            let mut handle = self.lease.connection().lock_handle().await?;
            sqlite_guard::limit_length(&mut handle, length);
            self.length_now = length;
        }
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), Fault> {
        self.end("COMMIT").await
    }

    pub(crate) async fn rollback(self) -> Result<(), Fault> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, how: &'static str) -> Result<(), Fault> {
        if self.begun {
            let mut handle = self.lease.connection().lock_handle().await?;
            sqlite_guard::authorise(&mut handle, None)?;
            drop(handle);
            self.patiently(how).await?;
        }
        self.lease.give_back();
        drop(self.watch.thread.lock().unwrap_or_else(PoisonError::into_inner).take());
        Ok(())
    }

    /// Runs a statement of the host's, again while others hold a lock.
    async fn patiently(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let until = Instant::now() + LOCKED;
        loop {
            match sqlx::raw_sql(sql).execute(self.lease.connection()).await {
                Err(error) if is_busy(&error) && Instant::now() < until => {
                    tokio::time::sleep(LOOK).await;
                }
                done => return done.map(drop),
            }
        }
    }
}

fn arguments(parameters: &[Value]) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    for parameter in parameters {
        let added = match parameter {
            Value::Null => arguments.add(None::<i64>),
            Value::Boolean(value) => arguments.add(*value),
            Value::Integer(value) => arguments.add(*value),
            Value::Real(value) => arguments.add(*value),
            Value::LargeInteger(value) | Value::Text(value) => arguments.add(value.clone()),
            Value::Blob(value) => arguments.add(value.clone()),
        };
        added.map_err(distri_call::error::internal)?;
    }
    Ok(arguments)
}

fn values(row: &SqliteRow, rows: &Collector) -> Result<Vec<Value>> {
    let sizes = (0..row.len()).map(|at| match row.try_get_raw(at) {
        Ok(raw) if matches!(raw.type_info().name(), "TEXT" | "BLOB") => {
            <&[u8] as Decode<Sqlite>>::decode(raw).map_or(0, <[u8]>::len)
        }
        _ => 0,
    });
    rows.room(sizes.sum())?;
    row.columns().iter().enumerate().map(|(at, column)| value(row, at, column)).collect()
}

/// A value by what it is, not by what its column is declared to be: SQLite keeps
/// any value in any column. But it has no booleans: where a column is declared to
/// be one, its 0 and 1 are.
fn value(row: &SqliteRow, at: usize, column: &SqliteColumn) -> Result<Value> {
    let raw = row.try_get_raw(at).map_err(distri_call::error::internal)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let decoded = match raw.type_info().name() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(raw).map(|value| match value {
            0 | 1 if column.type_info().name() == "BOOLEAN" => Value::Boolean(value == 1),
            value => Value::Integer(value),
        }),
        "REAL" => <f64 as Decode<Sqlite>>::decode(raw).map(Value::Real),
        "TEXT" => <String as Decode<Sqlite>>::decode(raw).map(Value::Text),
        _ => <Vec<u8> as Decode<Sqlite>>::decode(raw).map(Value::Blob),
    };
    decoded.map_err(|_| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("the column `{}` has a text that is not UTF-8", column.name()),
        )
        .with_hint("select it as a blob: `cast(… as blob)`")
    })
}
