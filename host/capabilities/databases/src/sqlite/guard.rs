//! What SQLite itself holds a guest's statements to. All that is unsafe here is
//! calls of its C interface on a handle that is locked for them.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;

use distri_manifest::Access;
use libsqlite3_sys as ffi;
use sqlx::sqlite::LockedSqliteHandle;

/// Instructions of a statement's program, of which SQLite takes 10,752 then. What
/// runs straight on through them looks at no clock, and each may take a
/// millisecond; 700 rows of ten values can be inserted at once.
const PROGRAM: c_int = 12_000;

/// Arguments of a function, each of which may be as long as any value.
const ARGUMENTS: c_int = 127;

/// Parameters of a statement: each name is compared with all before it, while nothing
/// holds the statement.
const PARAMETERS: c_int = 4_000;

/// Bytes that SQLite may have in this process, unless the embedder has said how
/// many. Nothing else holds a statement while it is compiled: a few hundred
/// characters of `WITH` name more subqueries than any memory has room for.
const HEAP: i64 = 256 << 20;

/// Pragmas that tell about tables, and nothing about files.
const PRAGMAS: &[&[u8]] = &[
    b"foreign_key_list",
    b"index_info",
    b"index_list",
    b"index_xinfo",
    b"table_info",
    b"table_list",
    b"table_xinfo",
];

/// Pragmas that tell a number, and may not set it.
const NUMBERS: &[&[u8]] = &[b"user_version"];

/// Functions that load code, and some that take the product of two lengths in one
/// step; others are replaced.
const FUNCTIONS: &[&[u8]] = &[b"json_patch", b"jsonb_patch", b"load_extension"];

/// Functions of the modules that are dropped, with their arguments: SQLite keeps them,
/// and they point at what it has freed.
const DANGLING: [(&CStr, c_int); 6] = [
    (c"fts3_tokenizer", 1),
    (c"fts3_tokenizer", 2),
    (c"fts5", 1),
    (c"fts5_insttoken", 1),
    (c"fts5_locale", 2),
    (c"fts5_source_id", 0),
];

/// Bounds the texts, blobs and stored rows of this connection, in bytes.
pub(super) fn limit_length(handle: &mut LockedSqliteHandle<'_>, length: usize) {
    let length = c_int::try_from(length).unwrap_or(c_int::MAX);
    let db = handle.as_raw_handle().as_ptr();
    // SAFETY: the connection is open, and locked for this call.
    unsafe { ffi::sqlite3_limit(db, ffi::SQLITE_LIMIT_LENGTH, length) };
}

/// Takes from a connection what `last_insert_rowid()` tells of others' calls.
pub(super) fn forget(handle: &mut LockedSqliteHandle<'_>) {
    // SAFETY: the connection is open and locked.
    unsafe { ffi::sqlite3_set_last_insert_rowid(handle.as_raw_handle().as_ptr(), 0) };
}

/// Bounds what any statement may do on this connection. `length` is the longest
/// text, blob, row and statement, in bytes.
pub(super) fn limit(handle: &mut LockedSqliteHandle<'_>, length: usize) -> Result<(), sqlx::Error> {
    limit_length(handle, length);
    let db = handle.as_raw_handle().as_ptr();
    // SAFETY: it takes and gives a number.
    if unsafe { ffi::sqlite3_hard_heap_limit64(-1) } == 0 {
        // SAFETY: as above.
        unsafe { ffi::sqlite3_hard_heap_limit64(HEAP) };
    }
    for (limit, max) in [
        (ffi::SQLITE_LIMIT_SQL_LENGTH, c_int::try_from(length).unwrap_or(c_int::MAX)),
        (ffi::SQLITE_LIMIT_VDBE_OP, PROGRAM),
        (ffi::SQLITE_LIMIT_FUNCTION_ARG, ARGUMENTS),
        (ffi::SQLITE_LIMIT_VARIABLE_NUMBER, PARAMETERS),
        (ffi::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        // SAFETY: the connection is open, and locked for this call.
        unsafe { ffi::sqlite3_limit(db, limit, max) };
    }
    drop_modules(handle)?;
    for (option, on) in [
        // No writes to the tables that SQLite keeps for itself.
        (ffi::SQLITE_DBCONFIG_DEFENSIVE, 1),
        // No functions with side effects in views and triggers.
        (ffi::SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    ] {
        let was = null_mut::<c_int>();
        // SAFETY: as above. Both options take a number, and a pointer that may be null.
        let code = unsafe { ffi::sqlite3_db_config(db, option, on as c_int, was) };
        if code != ffi::SQLITE_OK {
            return Err(sqlx::Error::Configuration("SQLite has no defensive mode".into()));
        }
    }
    Ok(())
}

/// Takes from a connection the modules of virtual tables, but for those that SQLite
/// makes when they are asked for: its pragmas' and JSON's. Full-text search takes
/// minutes in one step: `snippet` the square of a text's words, `NEAR` that of its
/// phrases.
fn drop_modules(handle: &mut LockedSqliteHandle<'_>) -> Result<(), sqlx::Error> {
    let db = handle.as_raw_handle().as_ptr();
    let mut done = DANGLING.iter().all(|(name, arguments)| {
        // SAFETY: the connection is open and locked. Without code it is no function.
        let code = unsafe {
            let (name, nothing) = (name.as_ptr(), null_mut());
            let utf8 = ffi::SQLITE_UTF8;
            ffi::sqlite3_create_function_v2(
                db, name, *arguments, utf8, nothing, None, None, None, None,
            )
        };
        code == ffi::SQLITE_OK
    });
    // SAFETY: as above. There are no names of those to keep.
    done &= unsafe { ffi::sqlite3_drop_modules(db, null_mut()) } == ffi::SQLITE_OK;
    if done { Ok(()) } else { Err(sqlx::Error::Configuration("SQLite keeps its modules".into())) }
}

/// Holds the next statements to what a guest with this access may do; none for
/// the host's own statements.
pub(super) fn authorise(
    handle: &mut LockedSqliteHandle<'_>,
    guest: Option<Access>,
) -> Result<(), sqlx::Error> {
    let authoriser: Option<Authoriser> = match guest {
        None => None,
        Some(Access::Read) => Some(guard::<false>),
        Some(Access::ReadWrite) => Some(guard::<true>),
    };
    // SAFETY: the connection is open and locked. The functions are there as long as
    // the program is, and use no data of their own.
    let code = unsafe {
        ffi::sqlite3_set_authorizer(handle.as_raw_handle().as_ptr(), authoriser, null_mut())
    };
    match code {
        ffi::SQLITE_OK => Ok(()),
        _ => Err(sqlx::Error::Configuration("SQLite takes no authoriser".into())),
    }
}

/// Whether a transaction that was begun is over: SQLite ends it by itself after
/// some errors, and a statement may ask for that.
pub(super) fn is_over(handle: &mut LockedSqliteHandle<'_>) -> bool {
    // SAFETY: the connection is open and locked.
    unsafe { ffi::sqlite3_get_autocommit(handle.as_raw_handle().as_ptr()) != 0 }
}

type Authoriser = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    *const c_char,
    *const c_char,
    *const c_char,
    *const c_char,
) -> c_int;

unsafe extern "C" fn guard<const WRITES: bool>(
    _: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    _: *const c_char,
    _: *const c_char,
) -> c_int {
    // SAFETY: SQLite gives texts that end in NUL and live through this call, or null.
    let (first, second) = unsafe { (text(first), text(second)) };
    answer(may_read(action, first, second) || WRITES && may_write(action))
}

/// # Safety
///
/// The pointer is null, or points to a text that ends in NUL and outlives the
/// result.
unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a [u8]> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's.
    Some(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

fn answer(allowed: bool) -> c_int {
    if allowed { ffi::SQLITE_OK } else { ffi::SQLITE_DENY }
}

/// What reading takes, by the codes of <https://sqlite.org/c3ref/c_alter_table.html>.
fn may_read(action: c_int, first: Option<&[u8]>, second: Option<&[u8]>) -> bool {
    let named = |names: &[&[u8]], name: Option<&[u8]>| {
        name.is_some_and(|name| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    };
    match action {
        ffi::SQLITE_SELECT | ffi::SQLITE_READ | ffi::SQLITE_RECURSIVE => true,
        ffi::SQLITE_FUNCTION => !named(FUNCTIONS, second),
        ffi::SQLITE_PRAGMA => named(PRAGMAS, first) || (named(NUMBERS, first) && second.is_none()),
        _ => false,
    }
}

/// What writing takes besides. Not temporary tables, which would outlive the
/// call; nor transactions, which the host begins and ends, and other databases.
fn may_write(action: c_int) -> bool {
    matches!(
        action,
        ffi::SQLITE_ALTER_TABLE
            | ffi::SQLITE_ANALYZE
            | ffi::SQLITE_CREATE_INDEX
            | ffi::SQLITE_CREATE_TABLE
            | ffi::SQLITE_CREATE_TRIGGER
            | ffi::SQLITE_CREATE_VIEW
            | ffi::SQLITE_DELETE
            | ffi::SQLITE_DROP_INDEX
            | ffi::SQLITE_DROP_TABLE
            | ffi::SQLITE_DROP_TRIGGER
            | ffi::SQLITE_DROP_VIEW
            | ffi::SQLITE_INSERT
            | ffi::SQLITE_REINDEX
            | ffi::SQLITE_UPDATE
    )
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};
    use tokio::sync::RwLock;

    use super::*;

    /// SQLite's memory is the process's: written to by the test that uses it up, read
    /// by those that need some.
    pub(in super::super) static MEMORY: RwLock<()> = RwLock::const_new(());

    /// A file with a table, as the host opens it for a guest.
    async fn open(path: &Path, guest: Access) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        run(&mut connection, "CREATE TABLE IF NOT EXISTS t (a)").await.unwrap();
        let mut handle = connection.lock_handle().await.unwrap();
        limit(&mut handle, 100_000).unwrap();
        authorise(&mut handle, Some(guest)).unwrap();
        drop(handle);
        connection
    }

    async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
    }

    /// Whatever got past the words of a statement, SQLite itself refuses.
    #[tokio::test]
    async fn sqlite_itself_refuses_what_no_guest_may() {
        let _memory = MEMORY.read().await;
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other.db");
        for guest in [Access::Read, Access::ReadWrite] {
            let mut connection = open(&folder.path().join("a.db"), guest).await;
            for sql in [
                "BEGIN",
                "COMMIT",
                "ROLLBACK",
                "SAVEPOINT s",
                "RELEASE s",
                "PRAGMA writable_schema = ON",
                "PRAGMA journal_mode = OFF",
                "PRAGMA user_version = 1",
                "PRAGMA database_list",
                "SELECT * FROM pragma_database_list",
                "CREATE TEMP TABLE s (a)",
                "CREATE TEMP TRIGGER s AFTER INSERT ON t BEGIN SELECT 1; END",
                "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 0, 'create table x (a)')",
                "UPDATE sqlite_schema SET sql = 'create table t (b)'",
                "DETACH main",
                "VACUUM",
                &format!("VACUUM INTO '{}'", other.display()),
                &format!("ATTACH '{}' AS o", other.display()),
                "SELECT load_extension('x')",
                "CREATE VIRTUAL TABLE f USING fts5(a)",
                "CREATE VIRTUAL TABLE f USING rtree(a, b, c)",
                "SELECT * FROM dbstat",
                "SELECT 1; PRAGMA database_list",
            ] {
                assert!(run(&mut connection, sql).await.is_err(), "{guest:?}: {sql}");
            }
            for sql in [
                "SELECT * FROM t; PRAGMA table_info(t); PRAGMA user_version",
                "SELECT * FROM pragma_table_info('t'), json_each('[1]'), json_tree('[2]')",
            ] {
                run(&mut connection, sql).await.unwrap();
            }
            let write = run(&mut connection, "INSERT INTO t VALUES (1)").await;
            assert_eq!(write.is_ok(), guest == Access::ReadWrite, "{write:?}");
        }
        assert!(!other.exists());
    }

    /// Its loops look at no clock.
    #[tokio::test]
    async fn the_full_text_index_of_a_file_cannot_be_asked() {
        let _memory = MEMORY.read().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut own = options.connect().await.unwrap();
        run(&mut own, "CREATE VIRTUAL TABLE f USING fts5(a)").await.unwrap();
        own.close().await.unwrap();
        let mut connection = open(&path, Access::ReadWrite).await;
        run(&mut connection, "SELECT * FROM t; INSERT INTO t VALUES (1)").await.unwrap();
        for sql in ["SELECT * FROM f", "INSERT INTO f VALUES ('a')", "DROP TABLE f"] {
            let error = run(&mut connection, sql).await.unwrap_err();
            assert!(error.to_string().contains("no such module: fts5"), "{sql}: {error}");
        }
        for (name, arguments) in DANGLING {
            let arguments = vec!["'simple'"; usize::try_from(arguments).unwrap()].join(", ");
            let sql = format!("SELECT {}({arguments})", name.to_str().unwrap());
            let error = run(&mut connection, &sql).await.unwrap_err();
            assert!(error.to_string().contains("no such function"), "{sql}: {error}");
        }
        authorise(&mut connection.lock_handle().await.unwrap(), None).unwrap();
        let left = "SELECT name FROM pragma_module_list WHERE name NOT LIKE 'pragma%' \
                    UNION SELECT name FROM pragma_function_list WHERE name LIKE 'fts%'";
        let left: Vec<String> = sqlx::query_scalar(left).fetch_all(&mut connection).await.unwrap();
        // It is what a table makes of it.
        assert_eq!(left, ["fts5_get_locale"]);
    }

    #[tokio::test]
    async fn the_hosts_own_statements_are_not_held_to_it() {
        let _memory = MEMORY.read().await;
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(&folder.path().join("a.db"), Access::Read).await;
        authorise(&mut connection.lock_handle().await.unwrap(), None).unwrap();
        run(&mut connection, "BEGIN IMMEDIATE").await.unwrap();
        assert!(!is_over(&mut connection.lock_handle().await.unwrap()));
        run(&mut connection, "ROLLBACK").await.unwrap();
        assert!(is_over(&mut connection.lock_handle().await.unwrap()));
    }

    /// A statement that names two to the power of `depth` subqueries.
    fn subqueries(depth: usize) -> String {
        let more = (1..=depth).map(|at| {
            let before = at - 1;
            format!(", c{at} AS (SELECT 1 FROM c{before} a, c{before} b)")
        });
        format!("WITH c0 AS (SELECT 1){} SELECT * FROM c{depth}", more.collect::<String>())
    }

    #[tokio::test]
    async fn values_statements_and_memory_are_bounded() {
        let _memory = MEMORY.write().await;
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(&folder.path().join("a.db"), Access::Read).await;
        for sql in [
            "SELECT zeroblob(100001)".to_owned(),
            "SELECT replace(hex(zeroblob(30000)), '0', 'xxxx')".to_owned(),
            format!("SELECT '{}'", "x".repeat(100_000)),
            "SELECT json_patch('{}', '{}')".to_owned(),
            format!("SELECT max(1{})", ", 1".repeat(127)),
            format!("SELECT a{} FROM t", ", hex(a || 1) || hex(a)".repeat(1_900)),
            subqueries(40),
        ] {
            assert!(run(&mut connection, &sql).await.is_err(), "{}", &sql[..40.min(sql.len())]);
        }
    }
}
