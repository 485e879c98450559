//! What plugins must not reach: without a grant, beyond reading, beside their tables.

use std::path::Path;

use serde_json::json;

use crate::{ALL, GUESTS, READING, Setup, is_error, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_without_a_grant_is_denied_on_both_tracks() {
    let none = Setup::new(&GUESTS, "tools = []", ALL).await;
    let asking = Setup::new(&GUESTS, ALL, "").await;
    let reading = Setup::new(&GUESTS, ALL, READING).await;
    reading.prepare("create table t (a integer); insert into t values (1)").await;
    for guest in GUESTS {
        for database in none.names() {
            for (how, statement) in
                [("query", "select 1 as a"), ("execute", "create table x (a integer)")]
            {
                let answer = none.run(guest, database, how, statement, json!([])).await;
                is_error(&answer, "denied", "its manifest does not ask for it");
                let answer = asking.run(guest, database, how, statement, json!([])).await;
                is_error(&answer, "denied", "it asks, and nothing grants it");
                assert_eq!(answer["detail"]["capability"], "databases");
                assert_eq!(answer["detail"]["target"], database);
            }
            let answer = asking.transact(guest, database, json!([]), "commit").await.unwrap();
            is_error(&answer["end"], "denied", "nothing grants it");

            // Reading is granted.
            assert_eq!(
                reading.run(guest, database, "query", "select a from t", json!([])).await,
                json!([{ "a": 1 }])
            );
            let steps = json!([step("query", "select a from t")]);
            let answer = reading.transact(guest, database, steps, "commit").await.unwrap();
            assert_eq!(answer, json!({ "answers": [[{ "a": 1 }]], "end": "commit" }));
            for answer in [
                reading.run(guest, database, "execute", "delete from t", json!([])).await,
                reading.run(guest, database, "query", "delete from t returning a", json!([])).await,
                reading
                    .transact(guest, database, json!([step("execute", "delete from t")]), "commit")
                    .await
                    .unwrap()["end"]
                    .clone(),
            ] {
                is_error(&answer, "denied", "may not write to the database");
                assert_eq!(answer["detail"]["missing"], "grant");
                let hint = answer["hint"].as_str().unwrap();
                assert!(hint.contains("access = \"read-write\""), "{hint}");
            }
            assert_eq!(
                reading.value(database, "select count(*) from t").await.as_deref(),
                Some("1")
            );
        }
    }
    assert!(!none.lite.exists() && !asking.lite.exists(), "a denied plugin makes no file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_nobody_defined_says_how_to() {
    let all = ALL.replace("\"lite\"", "\"other\"");
    let setup = Setup::new(&["sql-ts"], &all, &all).await;
    let answer = setup.query("other", "select 1").await;
    is_error(&answer, "not-found", "there is no database `other`");
    let hint = answer["hint"].as_str().unwrap();
    assert!(hint.contains("[databases.other]") && hint.contains("url = \"sqlite:"), "{hint}");
    let answer = setup.query("nobody", "select 1").await;
    is_error(&answer, "denied", "`nobody`");
}

/// What reading must not be able to do. The first word refuses some, the database
/// the others.
const ESCAPES_OF_SQLITE: &[(&str, &str, &str)] = &[
    ("invalid-input", "COMMIT", "`COMMIT`"),
    ("invalid-input", "/* */ -- \n attach ':memory:' as x", "`ATTACH`"),
    ("invalid-input", "detach main", "`DETACH`"),
    ("invalid-input", "vacuum into '/tmp/stolen.db'", "`VACUUM`"),
    ("invalid-input", "savepoint a", "`SAVEPOINT`"),
    ("invalid-input", "begin", "`BEGIN`"),
    ("invalid-input", "select 1; delete from t", "more than one statement"),
    ("denied", "pragma writable_schema = 1", "not authorized"),
    ("denied", "pragma journal_mode = delete", "not authorized"),
    ("denied", "pragma query_only = 0", "not authorized"),
    ("denied", "pragma user_version = 7", "not authorized"),
    ("denied", "pragma database_list", "not authorized"),
    ("denied", "select * from pragma_database_list", "not authorized"),
    ("denied", "select load_extension('/lib/x.so')", "not authorized"),
    ("denied", "with x as (select 1) delete from t", "may not write"),
    ("denied", "create temp table s (a)", "may not write"),
    ("denied", "explain delete from t", "may not write"),
];

const ESCAPES_OF_POSTGRESQL: &[(&str, &str, &str)] = &[
    ("invalid-input", "COMMIT", "`COMMIT`"),
    ("invalid-input", "/* /* */ select */ rollback", "`ROLLBACK`"),
    ("invalid-input", "abort", "`ABORT`"),
    ("invalid-input", "set transaction read write", "`SET`"),
    ("invalid-input", "start transaction read write", "`START`"),
    ("invalid-input", "set session characteristics as transaction read write", "`SET`"),
    ("invalid-input", "reset all", "`RESET`"),
    ("invalid-input", "discard all", "`DISCARD`"),
    ("invalid-input", "prepare transaction 'x'", "`PREPARE`"),
    ("invalid-input", "prepare x as delete from t", "`PREPARE`"),
    ("invalid-input", "execute x", "`EXECUTE`"),
    ("invalid-input", "listen x", "`LISTEN`"),
    ("invalid-input", "copy t to '/tmp/stolen'", "`COPY`"),
    ("invalid-input", "select 1; delete from t", "more than one statement"),
    (
        "invalid-input",
        "select set_config('transaction_read_only', 'off', true)",
        "before any query",
    ),
    (
        "invalid-input",
        "select set_config('transaction_read_only', 'off', false)",
        "before any query",
    ),
    ("denied", "select sneak()", "read-only transaction"),
    ("denied", "select nextval('counter')", "read-only transaction"),
    ("denied", "select * into s from t", "read-only transaction"),
    ("denied", "with x as (delete from t returning a) select * from x", "may not write"),
    ("denied", "select a from t for update", "may not write"),
    ("denied", "do $$ begin delete from t; end $$", "may not write"),
    ("denied", "explain analyze delete from t", "may not write"),
    ("denied", "create temp table s (a integer)", "may not write"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_is_all_that_a_reader_can_do() {
    let setup = Setup::new(&["sql-ts", "sql-rust-sync"], ALL, READING).await;
    setup.prepare("create table t (a integer); insert into t values (1)").await;
    let before = std::fs::read(&setup.lite).unwrap();
    if let Some(pg) = &setup.pg {
        pg.admin(
            "create sequence counter; grant all on sequence counter to public; \
             create function sneak() returns void language sql as 'delete from t'",
        )
        .await;
    }
    for database in setup.names() {
        let escapes = if database == "lite" { ESCAPES_OF_SQLITE } else { ESCAPES_OF_POSTGRESQL };
        for guest in ["sql-ts", "sql-rust-sync"] {
            for (kind, statement, text) in escapes {
                let answer = setup.run(guest, database, "query", statement, json!([])).await;
                is_error(&answer, kind, text);
                // Nor after another statement, or in spite of what it did.
                let steps = json!([step("query", "select a from t"), step("query", statement)]);
                let answer = setup.transact(guest, database, steps, "commit").await.unwrap();
                is_error(&answer["end"], kind, text);
            }
            // Not by a setting, either: the transaction that reads is the host's.
            if database == "pg" {
                let steps = json!([
                    step(
                        "query",
                        "select set_config('default_transaction_read_only', 'off', false)"
                    ),
                    step("query", "select sneak()"),
                ]);
                let answer = setup.transact(guest, database, steps, "commit").await.unwrap();
                is_error(&answer["end"], "denied", "read-only transaction");
            }
        }
        // Older servers let a reader make large objects: what reads is never committed.
        if let ("pg", Some(pg)) = (database, &setup.pg) {
            setup.query("pg", "select lo_from_bytea(0, 'x')").await;
            let objects = pg.value("select count(*) from pg_largeobject_metadata").await;
            assert_eq!(objects.as_deref(), Some("0"));
        }
        assert_eq!(setup.value(database, "select count(*) from t").await.as_deref(), Some("1"));
    }
    assert!(std::fs::read(&setup.lite).unwrap() == before, "the file is as it was");
    assert!(!Path::new("/tmp/stolen.db").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_writes_its_tables_and_nothing_beside_them() {
    let setup = Setup::new(&["sql-ts"], ALL, ALL).await;
    setup.prepare("create table t (a integer); insert into t values (1)").await;
    let other = setup.root().join("other.db");
    let other = other.display();
    for statement in [
        &format!("attach '{other}' as o"),
        &format!("vacuum into '{other}'"),
        "vacuum",
        "pragma writable_schema = 1",
        "pragma temp_store_directory = '/tmp'",
        "create temp table s (a)",
        "create temp view s as select 1",
        "update sqlite_schema set sql = 'create table t (b)'",
        "delete from sqlite_master",
        "insert into sqlite_sequence values ('t', 9)",
        "select load_extension('x')",
        "create virtual table words using fts5 (word)",
        "commit",
        "begin; delete from t",
    ] {
        let answer = setup.execute("lite", statement).await;
        assert!(
            answer["kind"] == "denied" || answer["kind"] == "invalid-input",
            "{statement}: {answer}"
        );
    }
    assert_eq!(setup.query("lite", "select * from t").await, json!([{ "a": 1 }]));
    assert!(!setup.root().join("other.db").exists());
    // What a plugin does to tables of its own is done.
    for statement in [
        "create table notes (id integer primary key autoincrement, text text)",
        "create index notes_text on notes (text)",
        "alter table notes add column tag text default 'x'",
        "alter table notes rename column tag to label",
        "create view labels as select label from notes",
        "create table log (id integer)",
        "create trigger logged after insert on notes begin insert into log values (new.id); delete from log where id < 0; end",
        "insert into notes (text) values ('a'), ('b')",
        "analyze",
        "reindex",
        "drop view labels",
    ] {
        let answer = setup.execute("lite", statement).await;
        assert!(answer.is_number(), "{statement}: {answer}");
    }
    assert_eq!(setup.query("lite", "select count(*) as n from log").await, json!([{ "n": 2 }]));
    assert_eq!(setup.query("lite", "pragma table_info(log)").await[0]["name"], "id");
    assert_eq!(
        setup.query("lite", "select name from pragma_table_info('log')").await,
        json!([{ "name": "id" }])
    );

    let Some(pg) = &setup.pg else { return };
    for (statement, kind) in [
        ("create table notes (id serial primary key, text text)", None),
        ("do $$ begin insert into notes (text) values ('a'); end $$", None),
        ("truncate notes", None),
        ("do $$ begin commit; end $$", Some("invalid-input")),
        ("vacuum", Some("invalid-input")),
        ("create role other", Some("denied")),
        ("alter system set fsync = on", Some("invalid-input")),
        ("select pg_read_file('/etc/passwd')", Some("denied")),
        ("copy notes from program 'id'", Some("invalid-input")),
    ] {
        let answer = setup.execute("pg", statement).await;
        match kind {
            None => assert!(answer.is_number(), "{statement}: {answer}"),
            Some(kind) => is_error(&answer, kind, ""),
        }
    }
    assert_eq!(pg.value("select count(*) from notes").await.as_deref(), Some("0"));
}
