//! What can be told of a statement by its words: that it is one, that a plugin
//! may run it, how many parameters it takes, and whether it writes. That it does
//! no more than it may is not told by words: the database sees to it.

mod tokens;

use std::iter::Peekable;

use distri_call::{Error, ErrorKind, Result};
use distri_manifest::Access;

use crate::dialect::Dialect;
use crate::statement::tokens::{Token, Tokens};

/// A statement that a plugin may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub text: String,
    /// The access that its words ask for.
    pub access: Access,
    /// Whether the number of rows that it changes means anything.
    pub counts: bool,
}

/// What a statement may begin with.
const READING: &[&str] = &["SELECT", "VALUES", "WITH", "EXPLAIN"];
const READING_SQLITE: &[&str] = &["PRAGMA"];
const READING_POSTGRES: &[&str] = &["TABLE", "SHOW"];
const WRITING: &[&str] =
    &["INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "ANALYZE", "REINDEX"];
const WRITING_SQLITE: &[&str] = &["REPLACE"];
const WRITING_POSTGRES: &[&str] = &[
    "CALL", "COMMENT", "DO", "GRANT", "LOCK", "MERGE", "REFRESH", "REVOKE", "SECURITY", "TRUNCATE",
];

/// Those whose changed rows a database counts.
const COUNTING: &[&str] = &["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"];

/// What begins and ends transactions.
const TRANSACTIONS: &[&str] =
    &["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"];

/// What outlives the statement in the session of a database, or leaves the
/// session; others have the connection next.
const SESSIONS: &[&str] = &[
    "ATTACH",
    "CLOSE",
    "COPY",
    "DEALLOCATE",
    "DECLARE",
    "DETACH",
    "DISCARD",
    "EXECUTE",
    "FETCH",
    "LISTEN",
    "LOAD",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "REASSIGN",
    "RESET",
    "SET",
    "UNLISTEN",
    "VACUUM",
];

impl Statement {
    /// Looks at a statement that is to run with so many parameters.
    ///
    /// # Errors
    ///
    /// `invalid-input` for what is not one statement that a plugin may run, and
    /// for another number of parameters than it has.
    pub(crate) fn parse(text: String, parameters: usize, dialect: Dialect) -> Result<Self> {
        if text.contains('\0') {
            return Err(refused("the statement has a NUL character"));
        }
        let seen = Seen::look(&text, dialect)?;
        let first = seen.first.as_deref().unwrap_or_default();
        let is = |all: &[&str], sqlite: &[&str], postgres: &[&str]| {
            let own = if dialect == Dialect::Sqlite { sqlite } else { postgres };
            all.contains(&first) || own.contains(&first)
        };
        let access = if is(READING, READING_SQLITE, READING_POSTGRES) {
            let writes = matches!(first, "WITH" | "EXPLAIN") && seen.writes;
            if writes || seen.locks { Access::ReadWrite } else { Access::Read }
        } else if is(WRITING, WRITING_SQLITE, WRITING_POSTGRES) {
            Access::ReadWrite
        } else {
            return Err(not_for_plugins(first));
        };
        if seen.placeholders != parameters {
            let placeholders = match seen.placeholders {
                0 => "no placeholders".to_owned(),
                1 => "the placeholder `$1`".to_owned(),
                highest => format!("the placeholders `$1` to `${highest}`"),
            };
            return Err(refused(format!(
                "the statement has {placeholders}, and the number of parameters is {parameters}"
            )));
        }
        let counts = COUNTING.contains(&first) || (first == "WITH" && seen.writes);
        Ok(Self { text, access, counts })
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

fn not_for_plugins(first: &str) -> Error {
    if first.is_empty() {
        return refused("the statement does not begin with a word of SQL");
    }
    let error = refused(format!("`{first}` is not a statement that a plugin may run"));
    if TRANSACTIONS.contains(&first) {
        error.with_hint("a transaction is begun with `begin` and ended with `commit` or `rollback`")
    } else if SESSIONS.contains(&first) {
        error.with_hint("a connection is lent for single statements: nothing of it can be changed")
    } else {
        error
    }
}

/// What a walk over a statement's words has seen.
#[derive(Debug, Default)]
struct Seen {
    /// The first word, in capitals.
    first: Option<String>,
    /// The highest placeholder.
    placeholders: usize,
    /// Somewhere it inserts, updates, deletes or merges.
    writes: bool,
    /// It locks the rows that it reads.
    locks: bool,
}

impl Seen {
    fn look(text: &str, dialect: Dialect) -> Result<Self> {
        let mut seen = Self::default();
        let mut tokens = Tokens::of(text, dialect).peekable();
        let mut body = Body::default();
        // The word just before, in capitals; empty after anything else.
        let mut before = String::new();
        while let Some(token) = tokens.next() {
            match token {
                Token::Word(word) => {
                    let word = word.to_ascii_uppercase();
                    body.word(&before, &word, dialect);
                    seen.writes |= matches!(
                        (before.as_str(), word.as_str()),
                        ("INSERT", "INTO" | "OR")
                            | ("REPLACE" | "MERGE", "INTO")
                            | ("DELETE", "FROM")
                            | (_, "UPDATE")
                    );
                    seen.locks |= dialect == Dialect::Postgres
                        && before == "FOR"
                        && matches!(word.as_str(), "UPDATE" | "SHARE" | "NO" | "KEY");
                    seen.first.get_or_insert_with(|| word.clone());
                    before = word;
                    continue;
                }
                Token::Placeholder(number) => seen.placeholders = seen.placeholders.max(number),
                Token::OtherPlaceholder(name) => {
                    return Err(refused(format!("`{name}` is not a placeholder"))
                        .with_hint("parameters are `$1`, `$2` and so on, in every database"));
                }
                Token::End => {
                    if body.ends(&before) {
                        only_ends(&mut tokens)?;
                    }
                }
                // `(SELECT 1) UNION (SELECT 2)` begins with its first word.
                Token::Open => {}
                Token::Other => {
                    seen.first.get_or_insert_default();
                }
            }
            before.clear();
        }
        Ok(seen)
    }
}

/// Checks that nothing follows a statement's end.
fn only_ends<'a>(tokens: &mut Peekable<impl Iterator<Item = Token<'a>>>) -> Result<()> {
    while tokens.next_if_eq(&Token::End).is_some() {}
    if tokens.peek().is_some() {
        return Err(refused("there is more than one statement")
            .with_hint("run them one by one, in a transaction where they belong together"));
    }
    Ok(())
}

/// Statements that have statements in them, each with its semicolon.
#[derive(Debug, Default)]
enum Body {
    #[default]
    Start,
    /// `CREATE`, or `CREATE TEMP`.
    Create,
    None,
    /// SQLite's `CREATE TRIGGER … BEGIN …; …; END`; whether the last token was a
    /// semicolon, or `END` after one.
    Trigger {
        semicolon: bool,
        end: bool,
    },
    /// PostgreSQL's `CREATE FUNCTION … BEGIN ATOMIC …; END`. The server itself
    /// refuses a second statement.
    Atomic,
}

impl Body {
    fn word(&mut self, before: &str, word: &str, dialect: Dialect) {
        match self {
            Self::Start if word == "CREATE" => *self = Self::Create,
            Self::Start => *self = Self::None,
            Self::Create if dialect == Dialect::Sqlite => match word {
                "TEMP" | "TEMPORARY" => {}
                "TRIGGER" => *self = Self::Trigger { semicolon: false, end: false },
                _ => *self = Self::None,
            },
            Self::Create if before == "BEGIN" && word == "ATOMIC" => *self = Self::Atomic,
            Self::Trigger { semicolon, end } => {
                *end = *semicolon && word == "END";
                *semicolon = false;
            }
            Self::Create | Self::None | Self::Atomic => {}
        }
    }

    /// Whether a semicolon here ends the statement. `before` is the word just
    /// before it, if there is one.
    fn ends(&mut self, before: &str) -> bool {
        match self {
            Self::Trigger { semicolon, end } => {
                let ends = *end && before == "END";
                *semicolon = true;
                *end = false;
                ends
            }
            Self::Atomic => false,
            Self::Start | Self::Create | Self::None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Dialect; 2] = [Dialect::Sqlite, Dialect::Postgres];

    fn parse(text: &str, parameters: usize, dialect: Dialect) -> Result<Statement> {
        Statement::parse(text.to_owned(), parameters, dialect)
    }

    fn access(text: &str, dialect: Dialect) -> Access {
        parse(text, 0, dialect).unwrap().access
    }

    #[track_caller]
    fn refusal(text: &str, dialect: Dialect) -> String {
        let error = parse(text, 0, dialect).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.message().to_owned()
    }

    #[test]
    fn words_tell_reading_from_writing() {
        for dialect in BOTH {
            for text in [
                "select 1",
                "  SELECT update_time FROM t -- delete from t",
                "with x as (select 1) select replace(a, 'insert into', '') from x",
                "/* c */ values (1);",
                "explain select 1",
            ] {
                assert_eq!(access(text, dialect), Access::Read, "{text}");
            }
            for text in [
                "insert into t values (1)",
                "update t set a = 1",
                "with x as (select 1) insert into t select * from x",
                "explain delete from t",
                "create table t (a int)",
            ] {
                assert_eq!(access(text, dialect), Access::ReadWrite, "{text}");
            }
        }
        let locking = "select * from t for update";
        assert_eq!(access(locking, Dialect::Postgres), Access::ReadWrite);
        assert_eq!(access("(select 1) union (select 2)", Dialect::Postgres), Access::Read);
        assert_eq!(access("pragma table_info(t)", Dialect::Sqlite), Access::Read);
        assert!(parse("insert into t values ($1)", 1, Dialect::Sqlite).unwrap().counts);
        assert!(!parse("create table t (a)", 0, Dialect::Sqlite).unwrap().counts);
    }

    #[test]
    fn what_controls_transactions_and_sessions_is_refused_by_its_first_word() {
        for dialect in BOTH {
            for word in TRANSACTIONS.iter().chain(SESSIONS) {
                for text in [
                    word.to_ascii_lowercase(),
                    format!("/* SELECT */ -- SELECT\n {word} x"),
                    format!("; ;{word} x"),
                ] {
                    let message = refusal(&text, dialect);
                    let named = format!("`{word}` is not a statement that a plugin may run");
                    let after = "there is more than one statement";
                    assert!(message == named || message == after, "{text}: {message}");
                }
            }
            for text in ["", "  -- nothing\n", ";", "$1", "'x'", "\u{feff}COMMIT", "1"] {
                refusal(text, dialect);
            }
        }
        // Comments nest in one of them.
        assert!(refusal("/* /* */ COMMIT -- */\nSELECT 1", Dialect::Sqlite).contains("`COMMIT`"));
        assert!(refusal("/* /* */ SELECT 1 */ COMMIT", Dialect::Postgres).contains("`COMMIT`"));
        assert!(refusal("--\rCOMMIT", Dialect::Postgres).contains("`COMMIT`"));
        refusal("PRAGMA query_only = 0", Dialect::Postgres);
        refusal("SHOW x", Dialect::Sqlite);
    }

    #[test]
    fn one_statement_is_one_wherever_its_semicolons_are() {
        for dialect in BOTH {
            for text in ["select ';'", "select \";\" ; -- ; x\n ; /* ; */", "select 1;;"] {
                parse(text, 0, dialect).unwrap();
            }
            for text in ["select 1; select 2", "select 1;;drop table t", "select 'a''';select 2"] {
                assert_eq!(refusal(text, dialect), "there is more than one statement", "{text}");
            }
        }
        for text in [
            "create trigger t after insert on a begin update b set x = case y when 1 then 2 end; delete from c; end",
            "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;",
            "select `;`, [;]",
        ] {
            parse(text, 0, Dialect::Sqlite).unwrap();
        }
        let two = "create trigger t after insert on a begin select 1; end; drop table a";
        assert_eq!(refusal(two, Dialect::Sqlite), "there is more than one statement");
        for text in [
            "select $$;$$, $a$ ; $$ ; $a$, e'\\';', 'x'",
            "create function f() returns int begin atomic; select 1; end",
            "do $body$ begin perform 1; end $body$",
        ] {
            parse(text, 0, Dialect::Postgres).unwrap();
        }
        let two = "select E'\\\\'; select ';'";
        assert_eq!(refusal(two, Dialect::Postgres), "there is more than one statement");
        assert_eq!(refusal("select $a$;$a$;x", Dialect::Sqlite), "`$a$` is not a placeholder");
    }

    #[test]
    fn placeholders_are_numbered_and_all_given() {
        for dialect in BOTH {
            parse("select $2, $1, '$9', a$3", 2, dialect).unwrap();
            let error = parse("select $1, $3", 2, dialect).unwrap_err();
            assert_eq!(
                error.message(),
                "the statement has the placeholders `$1` to `$3`, and the number of parameters is 2"
            );
            for text in ["select $0", "select $99999999999999999999", "select $65536"] {
                assert!(refusal(text, dialect).contains("is not a placeholder"), "{text}");
            }
        }
        for text in ["select ?", "select ?1", "select :a", "select @a", "select $a", "select $1a"] {
            assert!(refusal(text, Dialect::Sqlite).contains("is not a placeholder"), "{text}");
        }
        parse("select a::text, b ? 'x', c @> d, e[1:2]", 0, Dialect::Postgres).unwrap();
        assert_eq!(refusal("select 1\0", Dialect::Sqlite), "the statement has a NUL character");
    }
}
