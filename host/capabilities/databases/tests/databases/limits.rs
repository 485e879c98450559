//! What statements may take, and that they end.

use std::time::{Duration, Instant};

use distri_host::{ErrorKind, ToolCall};
use serde_json::json;

use crate::{ALL, ENDLESS, READING, Setup, is_error, limits, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_bytes_of_a_query_are_bounded() {
    let setup = Setup::new(&["sql-ts", "sql-rust-sync"], ALL, READING).await;
    setup.prepare("create table t (a integer)").await;
    let numbers = |n: u32| {
        format!(
            "with recursive c(x) as (select 1 union all select x + 1 from c where x < {n}) select x from c"
        )
    };
    for database in setup.names() {
        for guest in ["sql-ts", "sql-rust-sync"] {
            let query = async |statement: &str| {
                setup.run(guest, database, "query", statement, json!([])).await
            };
            assert_eq!(query(&numbers(10_000)).await.as_array().unwrap().len(), 10_000);
            let answer = query(&numbers(10_001)).await;
            is_error(&answer, "limit", "the query gives more than 10000 rows");
            assert_eq!(answer["detail"], json!({ "limit": "rows", "max": 10_000 }));
            let wide = numbers(2_000).replace("select x from", "select x, $1 as y from");
            let input = json!({ "database": database, "do": "query", "statement": wide, "parameters": ["x".repeat(1_000)] });
            let answer = setup.call(guest, "run", &input).await.unwrap();
            is_error(&answer, "payload-too-large", "the query gives more than 1048576 bytes");
            assert_eq!(answer["detail"], json!({ "limit": "payload", "max": 1_048_576 }));
            // One value is too much, too; and an answer that fits follows.
            let one = if database == "pg" {
                "select repeat('x', 200000000)"
            } else {
                "select hex(zeroblob(100000000))"
            };
            is_error(&query(one).await, "payload-too-large", "");
            assert_eq!(query("select 1 as a").await, json!([{ "a": 1 }]));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_ends_with_its_call_and_its_connection_is_free() {
    // With one connection the next statement needs the one before to be over.
    let one = limits(|limits| limits.connections = 1);
    let setup = Setup::with_limits(&["sql-ts", "sql-rust-sync"], ALL, READING, one).await;
    setup.prepare("create table t (a integer)").await;
    for database in setup.names() {
        let statements: &[&str] =
            if database == "pg" { &[ENDLESS, "select pg_sleep(60)"] } else { &[ENDLESS] };
        for (guest, statement) in
            statements.iter().flat_map(|it| [("sql-ts", it), ("sql-rust-sync", it)])
        {
            let input = json!({ "database": database, "do": "query", "statement": statement });
            let began = Instant::now();
            let deadline = Some(Duration::from_secs(1));
            let error = setup.call_within(guest, "run", &input, deadline).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
            assert_eq!(setup.query(database, "select 1 as a").await, json!([{ "a": 1 }]));
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());

            // A call that nobody waits for any more is over at once.
            let host = setup.host.clone();
            let call = tokio::spawn(async move {
                host.execute_tool(guest, "run", ToolCall::new(input.to_string())).await
            });
            tokio::time::sleep(Duration::from_millis(500)).await;
            call.abort();
            let began = Instant::now();
            assert_eq!(setup.query(database, "select 1 as a").await, json!([{ "a": 1 }]));
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
            if let Some(pg) = &setup.pg {
                assert!(
                    pg.is_idle_within(Duration::from_secs(3)).await,
                    "the server still computes for nobody"
                );
            }
        }
    }
}

/// Code that no timeout ends, and that does not look for its client.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_no_end_is_ended() {
    let setup = Setup::new(&["sql-rust"], ALL, ALL).await;
    let Some(pg) = &setup.pg else { return };
    let code = "begin \
                  perform set_config('client_connection_check_interval', '0', false); \
                  loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop; \
                end";
    let ends = async || {
        let statement = format!("do $$ {code} $$");
        let input = json!({ "database": "pg", "do": "execute", "statement": statement });
        let deadline = Some(Duration::from_secs(1));
        let error = setup.call_within("sql-rust", "run", &input, deadline).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
        assert!(pg.is_idle_within(Duration::from_secs(3)).await, "it goes on");
    };
    ends().await;
    // Nor by standing in for what the host asks the server with.
    for (operator, left, right, result) in [
        ("*", "numeric", "integer", "numeric"),
        ("*", "float8", "integer", "float8"),
        ("=", "integer", "integer", "boolean"),
        ("=", "float8", "float8", "boolean"),
    ] {
        for statement in [
            format!(
                "create or replace function mine({left}, {right}) returns {result} language plpgsql as $$ {code} $$"
            ),
            format!(
                "create operator public.{operator} (leftarg = {left}, rightarg = {right}, function = mine)"
            ),
        ] {
            let answer = setup.run("sql-rust", "pg", "execute", &statement, json!([])).await;
            assert_eq!(answer, 0, "{statement}: {answer}");
        }
    }
    let path = "alter role current_user set search_path = public, pg_catalog";
    let answer = setup.run("sql-rust", "pg", "execute", path, json!([])).await;
    assert_eq!(answer, 0, "{answer}");
    ends().await;
    ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sqlite_computes_is_the_calls() {
    let short = limits(|limits| limits.cpu = Duration::from_millis(500));
    let setup = Setup::with_limits(&["sql-ts"], ALL, READING, short).await;
    setup.prepare("create table t (a integer)").await;
    let began = Instant::now();
    let input = json!({ "database": "lite", "do": "query", "statement": ENDLESS });
    // The guest is told, unless it is stopped itself before it can tell.
    let told = match setup.call("sql-ts", "run", &input).await {
        Ok(answer) => answer["detail"].clone(),
        Err(error) => serde_json::from_str(error.detail().unwrap()).unwrap(),
    };
    assert_eq!(told, json!({ "limit": "cpu", "max": 500 }));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_and_connections_are_bounded() {
    let few = limits(|limits| {
        limits.transactions = 2;
        limits.connections = 3;
    });
    let setup = Setup::with_limits(&["sql-ts"], ALL, READING, few).await;
    setup.prepare("create table t (a integer)").await;
    for database in setup.names() {
        let crowd = |size: u32| json!({ "database": database, "size": size, "step": step("query", "select 1 as a") });
        let answers = setup.call("sql-ts", "crowd", &crowd(2)).await.unwrap();
        assert_eq!(answers, json!([[{ "a": 1 }], [{ "a": 1 }]]));
        let answers = setup.call("sql-ts", "crowd", &crowd(3)).await.unwrap();
        let refused: Vec<_> =
            answers.as_array().unwrap().iter().filter(|it| it["kind"] == "limit").collect();
        assert_eq!(refused.len(), 1, "{answers}");
        assert_eq!(refused[0]["detail"], json!({ "limit": "transactions", "max": 2 }));

        // Three calls have all connections; a fourth waits in vain.
        let hold =
            json!({ "database": database, "steps": [step("query", ENDLESS)], "then": "commit" });
        let holders: Vec<_> = (0..3)
            .map(|_| {
                let (host, call) = (setup.host.clone(), ToolCall::new(hold.to_string()));
                tokio::spawn(async move { host.execute_tool("sql-ts", "transact", call).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answer = setup.query(database, "select 1 as a").await;
        is_error(
            &answer,
            "limit",
            &format!("all 3 connections to the database `{database}` stayed busy"),
        );
        assert_eq!(answer["detail"], json!({ "limit": "connections", "max": 3 }));
        for holder in holders {
            holder.abort();
        }
        assert_eq!(setup.query(database, "select 1 as a").await, json!([{ "a": 1 }]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_under_way_are_bounded() {
    let few = limits(|limits| limits.statements = 2);
    let setup = Setup::with_limits(&["sql-ts", "sql-rust-sync"], ALL, READING, few).await;
    setup.prepare("create table t (a integer)").await;
    let slow = "with recursive c(x) as (select 1 union all select x + 1 from c where x < 2000000) \
                select count(*) as n from c";
    for database in setup.names() {
        let crowd = json!({ "database": database, "size": 3, "step": step("query", slow) });
        let answers = setup.call("sql-ts", "crowd", &crowd).await.unwrap();
        let (done, refused): (Vec<_>, Vec<_>) =
            answers.as_array().unwrap().iter().partition(|it| it.is_array());
        assert_eq!((done.len(), refused.len()), (2, 1), "{answers}");
        assert_eq!(refused[0]["kind"], "limit");
        assert_eq!(refused[0]["detail"], json!({ "limit": "statements", "max": 2 }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_is_left_under_way_ends_with_its_call() {
    let asked = format!("{ALL}\n[instances]\nmode = \"shared\"");
    let setup = Setup::new(&["sql-ts"], &asked, ALL).await;
    setup.prepare("create table t (a integer)").await;
    for database in setup.names() {
        for _ in 0..2 {
            let input = json!({ "database": database, "do": "query", "statement": ENDLESS });
            let calls = setup.call("sql-ts", "abandon", &input).await.unwrap();
            assert_eq!(calls, 1, "an instance with a statement under way is kept");
        }
    }
}

/// A host whose memory one row could fill, were it read as a whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_too_large_is_not_taken_into_memory() {
    let setup = Setup::new(&["sql-rust"], ALL, READING).await;
    setup.prepare("create table t (a integer)").await;
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) >> 10
    };
    let a = "hex(zeroblob(500000))";
    let columns = format!("select {a} as a{}", format!(", {a} as a").repeat(1_999));
    for (database, statement) in [
        ("pg", "select repeat('x', 500000000) as x"),
        // So wide, and as wide as its values may be long.
        ("lite", &columns),
        ("lite", &columns.replace("500000", "16000")),
    ] {
        if !setup.names().contains(&database) {
            continue;
        }
        setup.run("sql-rust", database, "query", "select 1 as a", json!([])).await;
        // The highest from now on, where the system tells.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let before = peak();
        let answer = setup.run("sql-rust", database, "query", statement, json!([])).await;
        is_error(&answer, "payload-too-large", "the query gives more than 1048576 bytes");
        eprintln!("{database}: {before} MiB, then {} MiB", peak());
        assert!(peak() < before + 250, "{before} MiB, then {} MiB", peak());
    }
}

/// What no clock of the call's sees: sorting into files, names of parameters, a file that
/// grows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sqlite_takes_beside_time_is_bounded() {
    let small = limits(|limits| limits.package_file_bytes = 4 << 20);
    let setup = Setup::with_limits(&["sql-ts"], ALL, ALL, small).await;
    setup.prepare("create table t (a text)").await;
    let query = async |what: &str, statement: &str, parameters: serde_json::Value| {
        setup.run("sql-ts", "lite", what, statement, parameters).await
    };
    let sorted = "with recursive c(x) as (select 1 union all select x + 1 from c where x < 2000) \
                  select count(*) from (select x, zeroblob(1000000) y from c group by 1, 2)";
    let answer = query("query", sorted, json!([])).await;
    is_error(&answer, "limit", "too much for `lite` at once");
    let many = |n: usize| {
        let names: Vec<String> = (1..=n).map(|n| format!("${n}")).collect();
        (format!("select {}", names.join(", ")), json!(vec![1; n]))
    };
    let (statement, parameters) = many(5_000);
    let answer = query("query", &statement, parameters).await;
    is_error(&answer, "invalid-input", "too many SQL variables");
    let insert = "insert into t values (zeroblob(1000000))";
    let mut grown = 0;
    let full = loop {
        let answer = query("execute", insert, json!([])).await;
        if answer.get("message").is_some() || grown > 20 {
            break answer;
        }
        grown += 1;
    };
    is_error(&full, "limit", "may not grow further");
    assert!((2..=4).contains(&grown), "{grown}: {full}");
    // Nor on other connections, which are opened for those that come together.
    let together = (0..8).map(|_| query("execute", insert, json!([])));
    for answer in futures_util::future::join_all(together).await {
        is_error(&answer, "limit", "may not grow further");
    }
    assert_eq!(
        query("query", "select count(*) as n from t", json!([])).await,
        json!([{ "n": grown }])
    );
}

/// What a database may grow by is for all calls together: for one that goes on while its
/// package is unloaded as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_outlives_its_package_has_no_bounds_of_its_own() {
    let small = limits(|limits| limits.package_file_bytes = 4 << 20);
    let setup = Setup::with_limits(&["sql-ts"], ALL, ALL, small).await;
    setup.prepare("create table t (a text)").await;
    let insert = step("execute", "insert into t values (zeroblob(1000000))");
    let steps = json!({ "database": "lite", "steps": vec![insert; 10] });
    let unloaded = async { setup.host.unload_plugin("sql-ts").unwrap() };
    let (answers, ()) = tokio::join!(setup.call("sql-ts", "each", &steps), unloaded);
    let answers = answers.unwrap();
    let answers = answers.as_array().unwrap();
    let grown = answers.iter().filter(|answer| **answer == 1).count();
    assert!((2..=4).contains(&grown), "{answers:?}");
    is_error(&answers[9], "limit", "may not grow further");
}
