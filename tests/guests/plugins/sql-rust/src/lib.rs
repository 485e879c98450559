//! Does with databases what its input says, and tells what came of it: what the
//! plugin in TypeScript beside this one does.

use distri_guest::sql::{self, Database, Rows, SqlError, Transaction, Value};
use distri_guest::{export_plugin, tool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// A statement.
#[derive(Deserialize, JsonSchema)]
struct Step {
    r#do: String,
    statement: String,
    #[serde(default)]
    parameters: Vec<Json>,
    /// Goes on when it fails.
    #[serde(default)]
    go_on: bool,
}

fn given(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64().into(),
        },
        Json::String(text) => text.into(),
        Json::Object(object) => match object.get("blob") {
            Some(bytes) => serde_json::from_value::<Vec<u8>>(bytes.clone()).unwrap().into(),
            None => object["integer"].as_str().unwrap().parse::<i64>().unwrap().into(),
        },
        Json::Array(_) => unreachable!(),
    }
}

fn shown(value: &Value) -> Json {
    // What a number of JavaScript's can tell from its neighbours.
    const EXACT: u64 = (1 << 53) - 1;
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Integer(value) if value.unsigned_abs() > EXACT => {
            json!({ "integer": value.to_string() })
        }
        Value::Integer(value) => json!(value),
        Value::Real(value) => json!(value),
        Value::Text(value) => json!(value),
        Value::Blob(value) => json!({ "blob": value }),
    }
}

fn objects(rows: &Rows) -> Json {
    let object = |row: &Vec<Value>| {
        rows.columns.iter().cloned().zip(row.iter().map(shown)).collect::<serde_json::Map<_, _>>()
    };
    rows.rows.iter().map(object).map(Json::Object).collect()
}

fn told(error: SqlError) -> Json {
    let SqlError { kind, message, hint, detail, .. } = error;
    let detail: Option<Json> = detail.map(|detail| serde_json::from_str(&detail).unwrap());
    json!({ "kind": kind, "message": message, "hint": hint, "detail": detail })
}

macro_rules! take {
    ($on:ty, $name:ident) => {
        async fn $name(on: &$on, step: &Step) -> Result<Json, SqlError> {
            let parameters: Vec<Value> = step.parameters.iter().map(given).collect();
            match step.r#do.as_str() {
                "execute" => Ok(json!(on.execute(&step.statement, parameters).await?)),
                _ => Ok(objects(&on.query(&step.statement, parameters).await?)),
            }
        }
    };
}

take!(Database, take);
take!(Transaction, take_in);

/// Runs a statement by itself.
#[tool]
async fn run(database: String, r#do: String, statement: String, parameters: Option<Vec<Json>>) -> Json {
    let step = Step { r#do, statement, parameters: parameters.unwrap_or_default(), go_on: false };
    take(&sql::database(database), &step).await.unwrap_or_else(told)
}

/// Runs statements in a transaction, and ends it.
#[tool]
async fn transact(database: String, steps: Vec<Step>, then: String) -> Json {
    let mut answers = Vec::new();
    let end = all(&sql::database(database), &steps, &then, &mut answers).await;
    json!({ "answers": answers, "end": end.map_or_else(told, Json::from) })
}

async fn all(
    database: &Database,
    steps: &[Step],
    then: &str,
    answers: &mut Vec<Json>,
) -> Result<&'static str, SqlError> {
    let transaction = database.begin().await?;
    for step in steps {
        match take_in(&transaction, step).await {
            Err(error) if step.go_on => answers.push(told(error)),
            answer => answers.push(answer?),
        }
    }
    match then {
        "commit" => transaction.commit().await.map(|()| "commit"),
        "rollback" => transaction.rollback().await.map(|()| "rollback"),
        "drop" => Ok("drop"),
        _ => panic!("on purpose"),
    }
}

/// Answers while a transaction is open.
#[tool]
async fn leave(database: String, steps: Vec<Step>) -> &'static str {
    let transaction = sql::database(database).begin().await.unwrap();
    for step in &steps {
        take_in(&transaction, step).await.unwrap();
    }
    // Never dropped.
    std::mem::forget(transaction);
    "left"
}

export_plugin! { tools: [run, transact, leave] }
