//! Functions of SQLite's that take more than a step's time in one step of its
//! machine, where its clock is not looked at: the same ones, in linear time, or
//! with a look at the clock before each call.

use std::collections::HashSet;
use std::ffi::{CStr, c_int, c_uchar, c_void};
use std::marker::PhantomData;
use std::sync::Arc;

use libsqlite3_sys as ffi;
use memchr::memmem;
use sqlx::sqlite::LockedSqliteHandle;

/// Whether the statement goes on.
pub(super) type Clock = Arc<dyn Fn() -> bool + Send + Sync>;

/// Longest pattern of `LIKE` and `GLOB`, in bytes: matching takes time that is
/// its length times the text's. With a text of a megabyte, 0.3 s.
const PATTERN: usize = 256;

/// Arguments of so many bytes are worth a look at the clock.
const LONG: usize = 4 << 10;

type Body = fn(&[Argument<'_>], usize) -> Answer;

/// Names, numbers of arguments, and what they do.
const FUNCTIONS: &[(&CStr, c_int, Body)] = &[
    (c"glob", 2, glob),
    (c"instr", 2, instr),
    (c"like", 2, like),
    (c"like", 3, like),
    (c"ltrim", 2, |given, _| trim(given, true, false)),
    (c"replace", 3, replace),
    (c"rtrim", 2, |given, _| trim(given, false, true)),
    (c"trim", 2, |given, _| trim(given, true, true)),
    (c"unhex", 2, |_, _| Answer::Error("`unhex` takes one argument here")),
];

/// What a function gives.
enum Answer {
    Null,
    Integer(usize),
    Text(Vec<u8>),
    TooLong,
    Error(&'static str),
}

/// An argument, for the time of the call.
struct Argument<'a>(*mut ffi::sqlite3_value, PhantomData<&'a ()>);

impl<'a> Argument<'a> {
    fn kind(&self) -> c_int {
        // SAFETY: SQLite gave the value, and this call is not over.
        unsafe { ffi::sqlite3_value_type(self.0) }
    }

    /// Its text, which ends in NUL; null for null.
    fn text(&self) -> *const c_uchar {
        // SAFETY: as above.
        unsafe { ffi::sqlite3_value_text(self.0) }
    }

    /// The bytes of its text, or of a blob; none for null.
    fn bytes(&self) -> Option<&'a [u8]> {
        let start = match self.kind() {
            ffi::SQLITE_NULL => return None,
            // SAFETY: as above.
            ffi::SQLITE_BLOB => unsafe { ffi::sqlite3_value_blob(self.0) }.cast(),
            _ => self.text(),
        };
        // SAFETY: as above.
        let length = usize::try_from(unsafe { ffi::sqlite3_value_bytes(self.0) }).ok()?;
        if start.is_null() || length == 0 {
            return Some(&[]);
        }
        // SAFETY: so long SQLite says that the value is, which nothing changes before
        // this call is over.
        Some(unsafe { std::slice::from_raw_parts(start, length) })
    }
}

/// What SQLite keeps for a function.
struct Kept {
    body: Body,
    clock: Clock,
}

/// Puts them in the place of SQLite's own.
pub(super) fn register(
    handle: &mut LockedSqliteHandle<'_>,
    clock: &Clock,
) -> Result<(), sqlx::Error> {
    let db = handle.as_raw_handle().as_ptr();
    let flags = ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC | ffi::SQLITE_INNOCUOUS;
    for (name, arguments, body) in FUNCTIONS {
        let kept = Box::new(Kept { body: *body, clock: Arc::clone(clock) });
        // SAFETY: the connection is open and locked, and runs no statement. It owns
        // what it keeps from here on, and drops it by `forget`, in any case once.
        let code = unsafe {
            ffi::sqlite3_create_function_v2(
                db,
                name.as_ptr(),
                *arguments,
                flags,
                Box::into_raw(kept).cast(),
                Some(call),
                None,
                None,
                Some(forget),
            )
        };
        if code != ffi::SQLITE_OK {
            return Err(sqlx::Error::Configuration("SQLite takes no functions".into()));
        }
    }
    Ok(())
}

unsafe extern "C" fn forget(kept: *mut c_void) {
    // SAFETY: `register` gave it away.
    drop(unsafe { Box::from_raw(kept.cast::<Kept>()) });
}

unsafe extern "C" fn call(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite gives the context of this call, as many values as it says, and
    // what it keeps for the function.
    let (kept, values, max) = unsafe {
        let db = ffi::sqlite3_context_db_handle(context);
        (
            &*ffi::sqlite3_user_data(context).cast::<Kept>(),
            std::slice::from_raw_parts(values, usize::try_from(count).unwrap_or_default()),
            ffi::sqlite3_limit(db, ffi::SQLITE_LIMIT_LENGTH, -1),
        )
    };
    let given: Vec<_> = values.iter().map(|value| Argument(*value, PhantomData)).collect();
    let length: usize = given.iter().filter_map(|it| it.bytes().map(<[u8]>::len)).sum();
    if length > LONG && !(kept.clock)() {
        // SAFETY: as above.
        unsafe { ffi::sqlite3_result_error_code(context, ffi::SQLITE_INTERRUPT) };
        return;
    }
    let answer = (kept.body)(&given, usize::try_from(max).unwrap_or_default());
    // SAFETY: as above; SQLite copies texts and messages.
    unsafe {
        match answer {
            Answer::Null => ffi::sqlite3_result_null(context),
            Answer::Integer(value) => {
                ffi::sqlite3_result_int64(context, i64::try_from(value).unwrap_or_default());
            }
            Answer::Text(text) => ffi::sqlite3_result_text64(
                context,
                text.as_ptr().cast(),
                text.len() as u64,
                ffi::SQLITE_TRANSIENT(),
                c_uchar::try_from(ffi::SQLITE_UTF8).unwrap_or_default(),
            ),
            Answer::TooLong => ffi::sqlite3_result_error_toobig(context),
            Answer::Error(message) => ffi::sqlite3_result_error(
                context,
                message.as_ptr().cast(),
                c_int::try_from(message.len()).unwrap_or_default(),
            ),
        }
    }
}

/// Whether a byte is within a character, not the first of one.
fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn instr(given: &[Argument<'_>], _: usize) -> Answer {
    let [haystack, needle] = given else { return Answer::Null };
    let is_text = [haystack, needle].iter().any(|it| it.kind() != ffi::SQLITE_BLOB);
    let (Some(haystack), Some(needle)) = (haystack.bytes(), needle.bytes()) else {
        return Answer::Null;
    };
    let found = memmem::find(haystack, needle);
    let found = found.and_then(|at| haystack.get(..at));
    Answer::Integer(match found {
        None => 0,
        Some(before) if is_text => before.iter().filter(|byte| !continues(**byte)).count() + 1,
        Some(before) => before.len() + 1,
    })
}

fn replace(given: &[Argument<'_>], max: usize) -> Answer {
    let [text, from, to] = given else { return Answer::Null };
    let (Some(text), Some(from)) = (text.bytes(), from.bytes()) else { return Answer::Null };
    if from.is_empty() {
        return Answer::Text(text.to_vec());
    }
    let Some(to) = to.bytes() else { return Answer::Null };
    let count = memmem::find_iter(text, from).count();
    let length = (text.len() - count * from.len()).saturating_add(count.saturating_mul(to.len()));
    if length > max {
        return Answer::TooLong;
    }
    let mut replaced = Vec::with_capacity(length);
    let mut rest = text;
    while let Some(at) = memmem::find(rest, from) {
        let (before, after) = rest.split_at(at);
        replaced.extend_from_slice(before);
        replaced.extend_from_slice(to);
        rest = &after[from.len()..];
    }
    replaced.extend_from_slice(rest);
    Answer::Text(replaced)
}

/// Takes characters of a set away from the start of a text, from its end, or both.
fn trim(given: &[Argument<'_>], start: bool, end: bool) -> Answer {
    let [text, set] = given else { return Answer::Null };
    let (Some(mut text), Some(set)) = (text.bytes(), set.bytes()) else { return Answer::Null };
    let set: HashSet<&[u8]> = characters(set).collect();
    if start {
        while let Some(first) = characters(text).next().filter(|first| set.contains(first)) {
            text = &text[first.len()..];
        }
    }
    if end {
        // A character has at most four bytes.
        while let Some(length) =
            (1..=text.len().min(4)).find(|length| set.contains(&text[text.len() - length..]))
        {
            text = &text[..text.len() - length];
        }
    }
    Answer::Text(text.to_vec())
}

/// The characters of a text, as SQLite tells them apart.
fn characters(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.chunk_by(|_, next| continues(*next))
}

fn like(given: &[Argument<'_>], _: usize) -> Answer {
    let [pattern, text, escape @ ..] = given else { return Answer::Null };
    let mut escaping = 0;
    if let [escape] = escape {
        let Some(escape) = escape.bytes() else { return Answer::Null };
        let mut escape = str::from_utf8(escape).unwrap_or_default().chars();
        escaping = match (escape.next(), escape.next()) {
            (Some(escape), None) if !matches!(escape, '%' | '_') => escape.into(),
            _ => return Answer::Error("ESCAPE expression must be a single character"),
        };
    }
    // SAFETY: both are texts that end in NUL and live through this call.
    matches(pattern, text, |pattern, text| unsafe {
        ffi::sqlite3_strlike(pattern.cast(), text.cast(), escaping)
    })
}

fn glob(given: &[Argument<'_>], _: usize) -> Answer {
    let [pattern, text] = given else { return Answer::Null };
    // SAFETY: as in `like`.
    matches(pattern, text, |pattern, text| unsafe {
        ffi::sqlite3_strglob(pattern.cast(), text.cast())
    })
}

fn matches(
    pattern: &Argument<'_>,
    text: &Argument<'_>,
    differ: impl FnOnce(*const c_uchar, *const c_uchar) -> c_int,
) -> Answer {
    if pattern.bytes().is_some_and(|pattern| pattern.len() > PATTERN) {
        return Answer::Error("LIKE or GLOB pattern too complex");
    }
    let (pattern, text) = (pattern.text(), text.text());
    if pattern.is_null() || text.is_null() {
        return Answer::Null;
    }
    Answer::Integer(usize::from(differ(pattern, text) == 0))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};

    use super::super::sqlite_guard::tests::MEMORY;
    use super::*;

    async fn connect(clock: Option<Clock>) -> SqliteConnection {
        let mut connection = SqliteConnectOptions::new().in_memory(true).connect().await.unwrap();
        if let Some(clock) = clock {
            register(&mut connection.lock_handle().await.unwrap(), &clock).unwrap();
        }
        connection
    }

    /// What an expression is, or why it is nothing.
    async fn ask(connection: &mut SqliteConnection, expression: &str) -> Result<String, String> {
        let query =
            format!("with v(x) as (select {expression}) select typeof(x) || quote(x) from v");
        let answer = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(connection).await;
        answer.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn they_give_what_sqlites_own_give() {
        let _memory = MEMORY.read().await;
        let mut own = connect(None).await;
        let mut ours = connect(Some(Arc::new(|| true))).await;
        let values = [
            "null",
            "''",
            "x''",
            "'a'",
            "'aXbXXc'",
            "'XaX'",
            "'X'",
            "'XX'",
            "'ü🎉X ü'",
            "'🎉'",
            "x'58'",
            "x'615862'",
            "12",
            "121.5",
            "-1",
            "'%X_'",
            "'a%'",
            "'*X*'",
            "'[a-c]*'",
            "'A'",
        ];
        for (name, arguments, _) in FUNCTIONS.iter().filter(|it| it.0 != c"unhex") {
            let name = name.to_str().unwrap();
            for first in values {
                for second in values {
                    let thirds: &[&str] = match (name, arguments) {
                        ("like", 3) => &["'\\'", "'X'", "'🎉'", "null", "''", "'ab'"],
                        ("replace", _) => &["null", "''", "'yy'", "7", "x'58'"],
                        _ => &[""],
                    };
                    for third in thirds {
                        let comma = if third.is_empty() { "" } else { ", " };
                        let expression = format!("{name}({first}, {second}{comma}{third})");
                        assert_eq!(
                            ask(&mut ours, &expression).await,
                            ask(&mut own, &expression).await,
                            "{expression}"
                        );
                    }
                }
            }
        }
        assert_eq!(ask(&mut ours, "unhex('4a')").await.unwrap(), "blobX'4A'");
        assert!(ask(&mut ours, "unhex('4a', ' ')").await.is_err());
        let long = format!("'a' like '{}'", "%a".repeat(129));
        assert!(ask(&mut ours, &long).await.unwrap_err().contains("too complex"));
    }

    #[tokio::test]
    async fn they_take_linear_time() {
        let _memory = MEMORY.read().await;
        let mut connection = connect(Some(Arc::new(|| true))).await;
        let began = Instant::now();
        let a = "replace(hex(zeroblob(250000)), '0', 'a')";
        for expression in [
            format!("instr({a} || {a}, {a} || 'b')"),
            format!("length(replace({a} || {a}, {a} || 'b', ''))"),
            format!("length(trim({a}, replace(hex(zeroblob(125000)), '0', 'b') || 'a'))"),
        ] {
            ask(&mut connection, &expression).await.unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn they_look_at_the_clock_before_each_long_call() {
        let _memory = MEMORY.read().await;
        let looks = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&looks);
        let clock: Clock = Arc::new(move || counting.fetch_add(1, Ordering::Relaxed) < 3);
        let mut connection = connect(Some(clock)).await;
        // Subqueries that are made one: the expression is there 1,024 times.
        let query = (0..10).fold(
            "select a like '%b' as n from (select hex(zeroblob(10000)) as a)".to_owned(),
            |inner, _| format!("select n + n as n from ({inner})"),
        );
        let error = ask(&mut connection, &format!("n from ({query})")).await.unwrap_err();
        assert!(error.contains("interrupted"), "{error}");
        assert_eq!(looks.load(Ordering::Relaxed), 4);
        ask(&mut connection, "'a' like 'a'").await.unwrap();
    }
}
