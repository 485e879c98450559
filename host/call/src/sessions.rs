//! Where the values are that plugins keep in a session, and how many there may be.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use distri_manifest::ByteSize;

use crate::{Error, ErrorKind, Limits, Result};

/// What a value, and a session, count for beside their texts, in bytes: what it takes
/// to keep one in memory.
const KEPT: usize = 256;

/// Where the values are that plugins keep in a session.
///
/// A key is `package/key`, with the package whose plugins keep the value, or `*/key`
/// for one that several packages share. The host sees to it that there are not too
/// many, by what it has written since it began.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Reads a session's value, as JSON; none when there is none.
    async fn get(&self, session: &str, key: &str) -> Result<Option<String>>;

    /// Writes a session's value, as JSON, whole or not at all.
    async fn set(&self, session: &str, key: &str, value: String) -> Result<()>;

    /// Told of the session that was used longest ago when all together hold more than
    /// [`Limits::sessions_bytes`](crate::Limits). Who keeps values in memory forgets
    /// that session's; who keeps them elsewhere need not, and does not by default.
    async fn forget(&self, session: &str) -> Result<()> {
        let _ = session;
        Ok(())
    }
}

/// Sessions in memory.
#[derive(Debug, Default)]
pub struct InMemorySessions {
    values: Mutex<HashMap<String, HashMap<String, String>>>,
}

impl InMemorySessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, String>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sessions for InMemorySessions {
    async fn get(&self, session: &str, key: &str) -> Result<Option<String>> {
        Ok(self.lock().get(session).and_then(|values| values.get(key)).cloned())
    }

    async fn set(&self, session: &str, key: &str, value: String) -> Result<()> {
        self.lock().entry(session.to_owned()).or_default().insert(key.to_owned(), value);
        Ok(())
    }

    async fn forget(&self, session: &str) -> Result<()> {
        self.lock().remove(session);
        Ok(())
    }
}

/// What the values of all sessions come to. A bound on what any [`Sessions`] are given
/// to keep.
pub struct Ledger {
    books: Mutex<Books>,
    /// Keys are known by their hashes.
    hasher: RandomState,
    max_values: usize,
    max_bytes: usize,
    max_total: usize,
}

#[derive(Default)]
struct Books {
    sessions: HashMap<String, Session>,
    /// When each session was used last, and which one it is.
    order: BTreeMap<u64, String>,
    now: u64,
    total: usize,
}

#[derive(Default)]
struct Session {
    used: u64,
    bytes: usize,
    /// By who keeps values in it.
    spaces: HashMap<String, Space>,
}

#[derive(Default)]
struct Space {
    bytes: usize,
    values: HashMap<u64, Value>,
}

#[derive(Default, Clone, Copy)]
struct Value {
    bytes: usize,
    /// Writes that are under way. Which of them will be last is not known: the
    /// largest counts.
    writers: u32,
}

/// A write that is under way, until it is dropped.
pub struct Writing<'a> {
    ledger: &'a Ledger,
    session: String,
    space: String,
    key: u64,
    /// Sessions that had to make room: they are to be forgotten.
    pub forgotten: Vec<String>,
}

impl Ledger {
    /// An empty one, with the bounds of these limits.
    pub fn new(limits: &Limits) -> Self {
        Self {
            books: Mutex::default(),
            hasher: RandomState::new(),
            max_values: limits.session_values,
            max_bytes: limits.session_bytes,
            max_total: limits.sessions_bytes,
        }
    }

    /// A session is used.
    pub fn touch(&self, session: &str) {
        let mut books = self.lock();
        if books.sessions.contains_key(session) {
            books.touch(session);
        }
    }

    /// Counts a value that is about to be written, for a session and for whoever keeps
    /// it there.
    ///
    /// # Errors
    ///
    /// `limit` when there would be too many values, or too many bytes of them.
    pub fn write(
        &self,
        session: &str,
        space: &str,
        key: &str,
        value: usize,
    ) -> Result<Writing<'_>> {
        let bytes = key.len().saturating_add(value).saturating_add(KEPT);
        let hash = self.hasher.hash_one(key);
        let mut books = self.lock();
        let held = books.sessions.get(session).and_then(|session| session.spaces.get(space));
        let before = held.and_then(|space| space.values.get(&hash)).copied();
        let (values, held) = held.map_or((0, 0), |space| (space.values.len(), space.bytes));
        if before.is_none() && values >= self.max_values {
            return Err(Error::over(
                ErrorKind::Limit,
                "session_values",
                self.max_values,
                format!("`{space}` keeps {values} values in this session already"),
            )
            .with_hint("write over a value that is there"));
        }
        let Value { bytes: old, writers } = before.unwrap_or_default();
        let new = if writers > 0 { old.max(bytes) } else { bytes };
        if (held - old).saturating_add(new) > self.max_bytes {
            return Err(Error::over(
                ErrorKind::Limit,
                "session_bytes",
                self.max_bytes,
                format!(
                    "the values that `{space}` keeps in this session have more than {} together",
                    ByteSize(self.max_bytes as u64)
                ),
            )
            .with_hint("write over a value that is there, with a smaller one"));
        }
        books.touch(session);
        books.count(session, space, hash, (old, new));
        let mut forgotten = Vec::new();
        while books.total > self.max_total {
            let Some(oldest) = books.oldest_but(session) else { break };
            books.forget(&oldest);
            forgotten.push(oldest);
        }
        Ok(Writing {
            ledger: self,
            session: session.to_owned(),
            space: space.to_owned(),
            key: hash,
            forgotten,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// The session is the one that was used last.
    fn touch(&mut self, name: &str) {
        self.now += 1;
        let session = self.sessions.entry(name.to_owned()).or_default();
        if session.used == 0 {
            session.bytes = name.len().saturating_add(KEPT);
            self.total = self.total.saturating_add(session.bytes);
        }
        self.order.remove(&session.used);
        session.used = self.now;
        self.order.insert(self.now, name.to_owned());
    }

    fn count(&mut self, session: &str, space: &str, key: u64, (old, new): (usize, usize)) {
        let Some(session) = self.sessions.get_mut(session) else { return };
        let space = session.spaces.entry(space.to_owned()).or_default();
        let value = space.values.entry(key).or_default();
        value.bytes = new;
        value.writers = value.writers.saturating_add(1);
        for sum in [&mut space.bytes, &mut session.bytes, &mut self.total] {
            *sum = sum.saturating_sub(old).saturating_add(new);
        }
    }

    fn oldest_but(&self, session: &str) -> Option<String> {
        self.order.values().find(|name| *name != session).cloned()
    }

    fn forget(&mut self, name: &str) {
        if let Some(session) = self.sessions.remove(name) {
            self.order.remove(&session.used);
            self.total = self.total.saturating_sub(session.bytes);
        }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut books = self.ledger.lock();
        let session = books.sessions.get_mut(&self.session);
        let space = session.and_then(|session| session.spaces.get_mut(&self.space));
        if let Some(value) = space.and_then(|space| space.values.get_mut(&self.key)) {
            value.writers = value.writers.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(values: usize, bytes: usize, total: usize) -> Ledger {
        Ledger::new(&Limits {
            session_values: values,
            session_bytes: bytes,
            sessions_bytes: total,
            ..Limits::default()
        })
    }

    fn limit(result: Result<Writing<'_>>) -> String {
        let error = result.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        error.detail().unwrap().to_owned()
    }

    #[test]
    fn values_and_bytes_are_counted_for_each_package_of_a_session() {
        let ledger = ledger(2, 2_000, 100_000);
        drop(ledger.write("s", "p", "a", 100).unwrap());
        drop(ledger.write("s", "p", "b", 100).unwrap());
        assert!(limit(ledger.write("s", "p", "c", 1)).contains("session_values"));
        assert!(limit(ledger.write("s", "p", "a", 1_700)).contains("session_bytes"));
        // Another package, and another session, are not concerned.
        drop(ledger.write("s", "q", "c", 1).unwrap());
        drop(ledger.write("t", "p", "c", 1).unwrap());
        // A smaller value makes room.
        drop(ledger.write("s", "p", "b", 1).unwrap());
        drop(ledger.write("s", "p", "a", 1_400).unwrap());
    }

    #[test]
    fn of_writes_at_once_the_largest_counts() {
        let ledger = ledger(2, 2_000, 100_000);
        let large = ledger.write("s", "p", "a", 1_000).unwrap();
        let small = ledger.write("s", "p", "a", 1).unwrap();
        assert!(limit(ledger.write("s", "p", "b", 500)).contains("session_bytes"));
        drop((large, small));
        drop(ledger.write("s", "p", "a", 1).unwrap());
        drop(ledger.write("s", "p", "b", 500).unwrap());
    }

    #[test]
    fn the_session_used_longest_ago_makes_room() {
        let ledger = ledger(10, 3_000, 3_500);
        drop(ledger.write("one", "p", "k", 500).unwrap());
        drop(ledger.write("two", "p", "k", 500).unwrap());
        ledger.touch("one");
        ledger.touch("never seen");
        let writing = ledger.write("three", "p", "k", 1_400).unwrap();
        assert_eq!(writing.forgotten, ["two"]);
        drop(writing);
        let books = ledger.lock();
        assert_eq!(books.sessions.len(), 2);
        assert_eq!(books.order.len(), 2);
        assert!(books.total <= 3_500, "{}", books.total);
    }
}
