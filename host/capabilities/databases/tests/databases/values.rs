//! What plugins read and write, and that it is the same everywhere.

use serde_json::{Value, json};

use crate::{ALL, GUESTS, Setup, is_error, step};

/// Uses a table from its first row to its last, and gives what it saw.
async fn use_it(setup: &Setup, guest: &str, database: &str) -> Vec<Value> {
    let run = async |how: &str, statement: &str, parameters: Value| {
        setup.run(guest, database, how, statement, parameters).await
    };
    let insert =
        "insert into users (id, name, admin, score, photo, parent) values ($1, $2, $3, $4, $5, $6)";
    let mut outcome = vec![
        run("execute", insert, json!([1, "Ada Ü 🎉", true, 1.5, { "blob": [0, 255, 10] }, null]))
            .await,
        run("execute", insert, json!([2, "Bob", false, 2, null, 1])).await,
        run("query", "select * from users where id >= $1 order by id limit $2", json!([1, 10]))
            .await,
        run("query", "select * from users where false", json!([])).await,
        run(
            "query",
            "insert into users (id, name) values ($1, 'Cy') returning id, admin",
            json!([3]),
        )
        .await,
        run("execute", "update users set score = $2 where score < $1", json!([2.5, 9.25])).await,
        run("execute", "delete from users where id = $1", json!([99])).await,
        run("query", "select count(*) as n, max(score) as best from users", json!([])).await,
        run("query", "select name from users where admin = $1 and parent is null", json!([true]))
            .await,
    ];
    // What is refused says why in the same way.
    let orphan = "insert into users (id, name, parent) values (4, $1, $2)";
    for (statement, parameters, state) in [
        (insert, json!([8, "Bob", null, null, null, null]), "23505"),
        (orphan, json!(["Dee", 77]), "23503"),
        (orphan, json!([null, null]), "23502"),
    ] {
        let answer = run("execute", statement, parameters).await;
        let (kind, detail) = (&answer["kind"], &answer["detail"]);
        assert_eq!(
            (kind, &detail["sqlstate"]),
            (&json!("invalid-input"), &json!(state)),
            "{answer}"
        );
    }
    let answer = run("query", "selec 1", json!([])).await;
    is_error(&answer, "invalid-input", "`SELEC` is not a statement that a plugin may run");
    let answer = run("query", "select 1 from nowhere", json!([])).await;
    is_error(&answer, "invalid-input", "nowhere");
    let answer = run("query", "select $1", json!([])).await;
    is_error(&answer, "invalid-input", "the number of parameters is 0");

    let steps = json!([
        step("execute", "delete from users where parent is not null"),
        step("query", "select count(*) as n from users")
    ]);
    outcome.push(setup.transact(guest, database, steps.clone(), "commit").await.unwrap());
    outcome.push(run("query", "select count(*) as n from users", json!([])).await);
    assert_eq!(run("execute", "delete from users", json!([])).await, 2);
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_code_uses_sqlite_and_postgresql_on_both_tracks() {
    let setup = Setup::new(&GUESTS, ALL, ALL).await;
    setup
        .prepare(
            "create table users (id integer primary key, name text not null unique, admin boolean, \
             score double precision, photo bytea, parent integer references users (id));",
        )
        .await;
    let mut outcomes = Vec::new();
    for database in setup.names() {
        for guest in GUESTS {
            outcomes.push((database, guest, use_it(&setup, guest, database).await));
        }
    }
    let (_, _, first) = &outcomes[0];
    assert_eq!(
        first[2],
        json!([
            { "id": 1, "name": "Ada Ü 🎉", "admin": true, "score": 1.5, "photo": { "blob": [0, 255, 10] }, "parent": null },
            { "id": 2, "name": "Bob", "admin": false, "score": 2, "photo": null, "parent": 1 },
        ])
    );
    assert_eq!(
        first[4..9],
        [
            json!([{ "id": 3, "admin": null }]),
            json!(2),
            json!(0),
            json!([{ "n": 3, "best": 9.25 }]),
            json!([{ "name": "Ada Ü 🎉" }])
        ]
    );
    for (database, guest, outcome) in &outcomes {
        // A whole real is one number in JavaScript.
        assert_eq!(
            json!(outcome).to_string().replace("2.0", "2"),
            json!(first).to_string().replace("2.0", "2"),
            "{guest} on {database}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_keep_what_they_are() {
    let setup = Setup::new(&GUESTS, ALL, ALL).await;
    setup.prepare("create table v (i bigint, r double precision, t text)").await;
    let large = |integer: i64| json!({ "integer": integer.to_string() });
    for database in setup.names() {
        for guest in GUESTS {
            for (integer, shown) in [
                (large(9_007_199_254_740_993), large(9_007_199_254_740_993)),
                (large(i64::MIN), large(i64::MIN)),
                (large(42), json!(42)),
                (json!(9_007_199_254_740_991_i64), json!(9_007_199_254_740_991_i64)),
            ] {
                let insert = "insert into v (i, r, t) values ($1, 0.1, 'it''s')";
                assert_eq!(
                    setup.run(guest, database, "execute", insert, json!([integer])).await,
                    1
                );
                let select = "select i, r, t from v where i = $1";
                let rows = setup.run(guest, database, "query", select, json!([integer])).await;
                assert_eq!(
                    rows,
                    json!([{ "i": shown, "r": 0.1, "t": "it's" }]),
                    "{guest} {database}"
                );
                setup.run(guest, database, "execute", "delete from v", json!([])).await;
            }
            let answer = setup
                .run(guest, database, "query", "select cast($1 as bigint) as i", json!([large(7)]))
                .await;
            assert_eq!(answer, json!([{ "i": 7 }]));
        }
        // Bytes are text only where they are text.
        let text = "cast($1 as text)";
        let rows = setup
            .run("sql-ts", database, "query", &format!("select {text} as t"), json!(["ü\u{1f389}"]))
            .await;
        assert_eq!(rows, json!([{ "t": "ü🎉" }]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_postgresql_have_its_types_both_ways() {
    let setup = Setup::new(&GUESTS, ALL, ALL).await;
    let Some(pg) = &setup.pg else { return };
    pg.admin(
        "create type mood as enum ('sad', 'happy'); create domain age as integer check (value > 0); \
         create extension if not exists citext; \
         create table all_types (s smallint, i integer, f real, n numeric(40, 10), b bytea, u uuid, j json, \
           k jsonb, d date, h time, l timestamp, z timestamptz, m mood, a age, c char(4), v varchar(9), x citext); \
         grant all on all_types to public",
    )
    .await;
    let values = json!([
        1, 2, 2.5, "12345678901234567890123456789.0123456789", { "blob": [0, 1] },
        "123e4567-e89b-12d3-a456-426614174000", "{\"a\": 1}", "{\"b\":2}", "2024-02-29", "23:59:59.5",
        "2024-02-29T01:02:03", "2024-02-29T01:02:03.004+01:00", "happy", 30, "ab", "cd", "Ef"
    ]);
    let insert =
        "insert into all_types values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)";
    for guest in GUESTS {
        assert_eq!(setup.run(guest, "pg", "execute", insert, values.clone()).await, 1, "{guest}");
        let rows = setup.run(guest, "pg", "query", "select * from all_types", json!([])).await;
        assert_eq!(
            rows,
            json!([{
                "s": 1, "i": 2, "f": 2.5, "n": "12345678901234567890123456789.0123456789",
                "b": { "blob": [0, 1] }, "u": "123e4567-e89b-12d3-a456-426614174000",
                "j": "{\"a\": 1}", "k": "{\"b\": 2}", "d": "2024-02-29", "h": "23:59:59.5",
                "l": "2024-02-29T01:02:03", "z": "2024-02-29T00:02:03.004Z", "m": "happy", "a": 30,
                "c": "ab  ", "v": "cd", "x": "Ef"
            }])
        );
        // The server parses what it is told to.
        let casts = "select $1::timestamptz as z, $2::interval::text as i, $3::int[] = array[1, 2] as a, $4 as n, $5::int4 + 1 as m, pg_sleep(0) as v";
        let rows = setup
            .run(
                guest,
                "pg",
                "query",
                casts,
                json!(["2024-05-01 10:00+02", "1 day", "{1,2}", 5, 6]),
            )
            .await;
        assert_eq!(
            rows,
            json!([{ "z": "2024-05-01T08:00:00Z", "i": "1 day", "a": true, "n": 5, "m": 7, "v": null }])
        );
        // And finds what it is given by what it means.
        let find = "select count(*) as n from all_types where z < $1 and u = $2 and n > $3 and m = $4 and d = $5 and i < $6 and f < $7";
        let given = json!([
            "2024-03-01T00:00:00.000Z",
            "123E4567E89B12D3A456426614174000",
            1.5,
            "happy",
            "2024-02-29",
            2.5,
            3
        ]);
        assert_eq!(setup.run(guest, "pg", "query", find, given).await, json!([{ "n": 1 }]));
        setup.run(guest, "pg", "execute", "delete from all_types", json!([])).await;
        for (select, column, ty) in [
            ("select interval '1 day' as pause", "pause", "interval"),
            ("select array[1, 2] as list", "list", "int4[]"),
        ] {
            let answer = setup.run(guest, "pg", "query", select, json!([])).await;
            is_error(
                &answer,
                "invalid-input",
                &format!("the column `{column}` has the type `{ty}`"),
            );
            assert!(
                answer["hint"].as_str().unwrap().contains(&format!("{column}::text")),
                "{answer}"
            );
        }
        let answer =
            setup.run(guest, "pg", "query", "select $1::int4", json!([5_000_000_000_i64])).await;
        is_error(&answer, "invalid-input", "integer out of range");
    }
}
