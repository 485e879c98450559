//! Transactions, however their calls end.

use std::time::{Duration, Instant};

use distri_host::{ErrorKind, ToolCall};
use serde_json::json;

use crate::{ALL, ENDLESS, GUESTS, Setup, is_error, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_are_done_or_undone_however_their_call_ends() {
    let setup = Setup::new(&GUESTS, ALL, ALL).await;
    setup.prepare("create table t (a integer unique); insert into t values (1)").await;
    let count = "select count(*) from t";
    let insert = |value: i32| step("execute", &format!("insert into t values ({value})"));
    let failing =
        |statement: &str| json!({ "do": "execute", "statement": statement, "go_on": true });
    for database in setup.names() {
        for guest in GUESTS {
            let ways: &[&str] = if guest == "sql-ts" {
                &["throw", "hang", "spin", "endless"]
            } else {
                &["rollback", "drop", "panic", "endless"]
            };
            for way in ways {
                let mut steps = vec![insert(2), insert(3)];
                if *way == "endless" {
                    steps.push(step("query", ENDLESS));
                }
                let input = json!({ "database": database, "steps": steps, "then": way });
                let deadline =
                    matches!(*way, "hang" | "spin" | "endless").then(|| Duration::from_secs(1));
                match setup.call_within(guest, "transact", &input, deadline).await {
                    Ok(answer) => assert_eq!(answer["answers"], json!([1, 1]), "{answer}"),
                    Err(error) => assert!(
                        matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Trap),
                        "{error:?}"
                    ),
                }
                // Nothing of it is left, and nothing of it is in the way.
                let began = Instant::now();
                assert_eq!(setup.execute(database, "update t set a = a").await, 1, "{guest} {way}");
                assert!(
                    began.elapsed() < Duration::from_secs(2),
                    "{guest} {way} {:?}",
                    began.elapsed()
                );
                assert_eq!(
                    setup.value(database, count).await.as_deref(),
                    Some("1"),
                    "{guest} {way}"
                );
            }
            // After a failure there is nothing to commit.
            let steps = json!([
                insert(2),
                failing("insert into t values (1)"),
                failing("insert into t values (4)")
            ]);
            let answer = setup.transact(guest, database, steps, "commit").await.unwrap();
            assert_eq!(answer["answers"][1]["detail"]["sqlstate"], "23505", "{answer}");
            is_error(
                &answer["answers"][2],
                "invalid-input",
                "a statement of this transaction failed",
            );
            is_error(&answer["end"], "invalid-input", "it was rolled back");
            assert_eq!(setup.value(database, count).await.as_deref(), Some("1"));
            if database == "lite" {
                // SQLite's own way out of a transaction.
                let steps = json!([
                    insert(2),
                    failing("insert or rollback into t values (1)"),
                    failing("insert into t values (4)")
                ]);
                let answer = setup.transact(guest, database, steps, "commit").await.unwrap();
                is_error(&answer["answers"][2], "invalid-input", "the transaction is over");
                is_error(&answer["end"], "invalid-input", "the transaction is over");
                assert_eq!(setup.value(database, count).await.as_deref(), Some("1"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_ends_with_its_call_on_an_instance_that_is_kept() {
    let asked = format!("{ALL}\n[instances]\nmode = \"shared\"");
    let setup = Setup::new(&GUESTS, &asked, ALL).await;
    setup.prepare("create table t (a integer)").await;
    for database in setup.names() {
        for guest in GUESTS {
            let input = json!({ "database": database, "steps": [step("execute", "insert into t values (1)")] });
            assert_eq!(setup.call(guest, "leave", &input).await.unwrap(), "left");
            let began = Instant::now();
            let answer = setup.run(guest, database, "execute", "delete from t", json!([])).await;
            assert_eq!(answer, 0, "{guest} on {database}");
            assert!(began.elapsed() < Duration::from_secs(2));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_for_long_keeps_nobody_from_writing() {
    let setup = Setup::new(&["sql-ts", "sql-rust"], ALL, ALL).await;
    setup.prepare("create table t (a integer)").await;
    setup.execute("lite", "insert into t values (1)").await;
    let input = json!({ "database": "lite", "do": "query", "statement": ENDLESS.replace("from c)", "from c, t)") });
    let host = setup.host.clone();
    let reading = tokio::spawn(async move {
        host.execute_tool("sql-rust", "run", ToolCall::new(input.to_string())).await
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let began = Instant::now();
    assert_eq!(setup.execute("lite", "insert into t values (2)").await, 1);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(!reading.is_finished());
    reading.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_calls_at_once_each_do_their_part() {
    let setup = Setup::new(&GUESTS, ALL, ALL).await;
    setup.prepare("create table counter (n integer); insert into counter values (0)").await;
    let steps = json!([
        step("query", "select n from counter"),
        step("execute", "update counter set n = n + 1")
    ]);
    for database in setup.names() {
        let calls = (0..8).map(|at| {
            let (setup, steps) = (&setup, &steps);
            async move {
                for _ in 0..5 {
                    let answer = setup
                        .transact(GUESTS[at % 3], database, steps.clone(), "commit")
                        .await
                        .unwrap();
                    assert_eq!(answer["end"], "commit", "{answer}");
                }
            }
        });
        futures_util::future::join_all(calls).await;
        assert_eq!(setup.value(database, "select n from counter").await.as_deref(), Some("40"));
        // Within one call, too.
        let input = json!({ "database": database, "size": 8, "step": step("execute", "update counter set n = n + 1") });
        assert_eq!(
            setup.call("sql-ts", "crowd", &input).await.unwrap(),
            json!([1, 1, 1, 1, 1, 1, 1, 1])
        );
        assert_eq!(setup.value(database, "select n from counter").await.as_deref(), Some("48"));
    }
}
