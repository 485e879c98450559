//! That nothing of a connection gets to others, or to where it can be read.

use std::time::Duration;

use distri_host::Limits;
use distri_testing::{Transcript, postgres::PASSWORD};
use serde_json::{Value, json};

use crate::{ALL, Setup, is_error, limits, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_session_reaches_the_next_call() {
    let one = limits(|limits| limits.connections = 1);
    let setup = Setup::with_limits(&["sql-ts", "sql-rust"], ALL, ALL, one).await;
    setup.execute("lite", "create table t (a integer)").await;
    setup.execute("lite", "insert into t values (1)").await;
    let last = setup
        .run(
            "sql-ts",
            "lite",
            "execute",
            "insert into t select 1 where last_insert_rowid() > 0",
            json!([]),
        )
        .await;
    assert_eq!(last, 0);
    let Some(pg) = &setup.pg else { return };
    for statement in [
        "select set_config('distri.note', 'mine', false)",
        "select set_config('search_path', 'pg_temp', false)",
        "select pg_advisory_lock(7)",
        "create temp table scratch (a integer)",
        "do $$ begin execute 'prepare mine as select 1'; end $$",
    ] {
        let answer = setup.execute("pg", statement).await;
        assert!(answer.is_number(), "{answer}");
    }
    let left = "select current_setting('distri.note', true) as note, to_regclass('scratch')::text as scratch, \
                (select count(*) from pg_locks where locktype = 'advisory') as locks, \
                (select count(*) from pg_prepared_statements where name = 'mine') as prepared, \
                current_setting('search_path') as path";
    // On the very connection: another plugin has another.
    for access in ["query", "execute"] {
        let answer = setup.run("sql-ts", "pg", access, left, json!([])).await;
        if access == "query" {
            let note = &answer[0]["note"];
            assert!(note.is_null() || note == "", "{answer}");
            assert_eq!(answer[0]["scratch"], Value::Null);
            assert_eq!(answer[0]["locks"], 0);
            assert_eq!(answer[0]["prepared"], 0);
            assert_eq!(answer[0]["path"], "\"$user\", public");
        }
    }
    let left = setup
        .transact(
            "sql-ts",
            "pg",
            json!([step(
                "query",
                "select count(*) as n from pg_prepared_statements where name = 'mine'"
            )]),
            "commit",
        )
        .await
        .unwrap();
    assert_eq!(left["answers"], json!([[{ "n": 0 }]]));
    // Connections tell the operator whose they are, and go with their plugin.
    setup.run("sql-rust", "pg", "query", "select 1 as a", json!([])).await;
    let names = "select string_agg(distinct application_name, ' ' order by application_name) \
                 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    assert_eq!(pg.value(names).await.as_deref(), Some("distri/sql-rust distri/sql-ts"));
    setup.host.unload_plugin("sql-ts").unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pg.value(names).await.as_deref(), Some("distri/sql-rust"));
}

/// On one thread, so that the subscriber sees every task of the host.
#[tokio::test(flavor = "current_thread")]
async fn neither_passwords_nor_statements_are_told_or_logged() {
    let names = ["wrong", "gone", "absent", "unreadable", "odd", "strange", "fleeting"];
    let asks = names.map(|name| format!("{{ name = \"{name}\", access = \"read-write\" }}"));
    let all = ALL.replace("databases = [", &format!("databases = [{}, ", asks.join(", ")));
    let more = |url: Option<String>| {
        let url = url.unwrap_or_else(|| format!("postgres://me:{PASSWORD}@127.0.0.1:1/db"));
        let (role, database) =
            (url.find("test_").map_or("me", |at| url[at..].split(':').next().unwrap()), "db");
        let urls = [
            url.replacen(&format!("{role}:"), "nobody:", 1),
            format!("postgres://{role}:{PASSWORD}@127.0.0.1:1/{database}"),
            url.replace(&format!("localhost/{role}"), "localhost/absent"),
            format!("postgres://{role}:{PASSWORD}@:port/{database}"),
            format!("postgres://{role}@localhost/{database}?pasword={PASSWORD}"),
            format!("mysql://{role}:{PASSWORD}@localhost/{database}"),
            format!("sqlite::memory:?{PASSWORD}"),
        ];
        let define = |(name, url)| format!("[databases.{name}]\nurl = \"{url}\"\n");
        std::iter::zip(names, urls).map(define).collect()
    };
    let setup = Setup::with_databases(&["sql-ts"], &all, &all, Limits::default(), more).await;
    setup.prepare("create table t (a text)").await;
    // Compiles what is not compiled yet, before anything is watched.
    setup.query("lite", "select 1").await;

    let mut told = String::new();
    let (transcript, traced) = Transcript::begin();
    {
        let _traced = traced;
        for name in names {
            for how in ["query", "execute"] {
                let statement = "select 'in a statement'";
                let answer = setup.run("sql-ts", name, how, statement, json!([])).await;
                is_error(&answer, "not-found", &format!("the database `{name}`"));
                told.push_str(&answer.to_string());
            }
        }
        for name in setup.names() {
            let insert = "insert into t values ('in a statement'), ($1)";
            let given = json!(["in a parameter"]);
            assert_eq!(setup.run("sql-ts", name, "execute", insert, given).await, 2);
            let answer = setup.query(name, "select 'in a statement' from nowhere").await;
            is_error(&answer, "invalid-input", "nowhere");
            told.push_str(&answer.to_string());
        }
        if setup.pg.is_some() {
            // What a plugin has the server say, and errors that look like the server's.
            for statement in [
                "do $$ begin raise warning 'in a statement'; end $$",
                "do $$ begin raise exception 'in a statement' using errcode = '57P05'; end $$",
            ] {
                told.push_str(&setup.execute("pg", statement).await.to_string());
            }
        }
    }
    let logged = transcript.text();
    assert!(logged.contains("host_call") && logged.contains("gone"), "{logged}");
    for secret in [PASSWORD, "127.0.0.1", "in a statement", "in a parameter"] {
        assert!(!told.contains(secret), "{secret} in {told}");
        let line = logged.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
