//! Databases that the operator names.
//!
//! ```
//! use distri_guest::sql::{self, SqlError};
//!
//! async fn rename(id: i64, name: &str) -> Result<u64, SqlError> {
//!     let transaction = sql::database("main").begin().await?;
//!     let users = transaction.query("select name from users where id = $1", [id.into()]).await?;
//!     for user in &users {
//!         let old: &str = user.get("name")?;
//!         let log = "insert into renamed (id, old) values ($1, $2)";
//!         transaction.execute(log, [id.into(), old.into()]).await?;
//!     }
//!     let rename = "update users set name = $1 where id = $2";
//!     let changed = transaction.execute(rename, [name.into(), id.into()]).await?;
//!     transaction.commit().await?;
//!     Ok(changed)
//! }
//! ```
//!
//! A statement is one statement; its parameters are `$1`, `$2` and so on, in every
//! database. A plugin reaches the databases that its manifest asks for and the
//! operator grants.

use serde::de::DeserializeOwned;
use serde_json::{Map, json};

use crate::CallError;
use crate::bindings::distri::plugin::{sql, sql_types};

/// Why a statement was not run, or a value is not what was expected.
pub type SqlError = CallError;

/// The database of this name.
pub fn database(name: impl Into<String>) -> Database {
    Database { name: name.into() }
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    name: String,
}

impl Database {
    /// Runs a statement that gives rows, by itself.
    ///
    /// # Errors
    ///
    /// Of the kind `invalid-input` for what the database refuses, with its
    /// `sqlstate` in the detail.
    pub async fn query(
        &self,
        statement: &str,
        parameters: impl Into<Vec<Value>>,
    ) -> Result<Rows, SqlError> {
        Ok(import::query(&self.name, statement, given(parameters)).await?.into())
    }

    /// Runs a statement by itself and gives the number of rows that it changed.
    pub async fn execute(
        &self,
        statement: &str,
        parameters: impl Into<Vec<Value>>,
    ) -> Result<u64, SqlError> {
        Ok(import::execute(&self.name, statement, given(parameters)).await?)
    }

    /// Begins a transaction: statements that are done all together or not at all.
    pub async fn begin(&self) -> Result<Transaction, SqlError> {
        Ok(Transaction { inner: import::begin(&self.name).await? })
    }
}

/// A transaction. Dropped without [`Transaction::commit`], it is rolled back.
/// After a statement of it that failed, nothing else can be done with it.
#[derive(Debug)]
pub struct Transaction {
    inner: sql::Transaction,
}

impl Transaction {
    /// Runs a statement that gives rows.
    pub async fn query(
        &self,
        statement: &str,
        parameters: impl Into<Vec<Value>>,
    ) -> Result<Rows, SqlError> {
        Ok(import::query_in(&self.inner, statement, given(parameters)).await?.into())
    }

    /// Runs a statement and gives the number of rows that it changed.
    pub async fn execute(
        &self,
        statement: &str,
        parameters: impl Into<Vec<Value>>,
    ) -> Result<u64, SqlError> {
        Ok(import::execute_in(&self.inner, statement, given(parameters)).await?)
    }

    /// Makes everything that was done lasting.
    pub async fn commit(self) -> Result<(), SqlError> {
        Ok(import::commit(&self.inner).await?)
    }

    /// Undoes everything that was done.
    pub async fn rollback(self) -> Result<(), SqlError> {
        Ok(import::rollback(&self.inner).await?)
    }
}

/// One value. What a database has besides these is text: times in ISO 8601,
/// decimal numbers, UUIDs, JSON.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "they are their names")]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// What a query gives.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Rows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, each of as many values.
    pub rows: Vec<Vec<Value>>,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [String],
    values: &'a [Value],
}

impl Rows {
    /// The rows, one after another.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }

    /// The rows as values of a type that has the columns as its fields.
    ///
    /// # Errors
    ///
    /// Of the kind `invalid-input` when one does not fit.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<Vec<T>, SqlError> {
        let parse = |row: Row<'_>| {
            let fields = row.columns.iter().cloned().zip(row.values.iter().map(to_json));
            let object = serde_json::Value::Object(fields.collect::<Map<_, _>>());
            serde_json::from_value(object).map_err(|error| unfit(error.to_string()))
        };
        self.iter().map(parse).collect()
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = Row<'a>;
    type IntoIter = Box<dyn Iterator<Item = Row<'a>> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl<'a> Row<'a> {
    /// The value of a column, as a type: a number, a `bool`, a `&str`, a `&[u8]`,
    /// or an `Option` of one for a column that may be null.
    ///
    /// # Errors
    ///
    /// Of the kind `invalid-input` when there is no such column, or its value is
    /// of another type.
    pub fn get<T: TryFrom<&'a Value, Error = SqlError>>(
        &self,
        column: &str,
    ) -> Result<T, SqlError> {
        let at = self.columns.iter().position(|name| name == column);
        let value = at.and_then(|at| self.values.get(at));
        T::try_from(value.ok_or_else(|| unfit(format!("there is no column `{column}`")))?)
    }
}

fn unfit(message: String) -> SqlError {
    SqlError { kind: "invalid-input".to_owned(), message, hint: None, detail: None }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => json!(null),
        Value::Boolean(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Real(value) => json!(value),
        Value::Text(value) => json!(value),
        Value::Blob(value) => json!(value),
    }
}

macro_rules! values {
    ($($type:ty, $variant:ident, $from:expr;)*) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant($from(value))
            }
        })*
    };
}

values! {
    bool, Boolean, |it| it;
    i64, Integer, |it| it;
    i32, Integer, i64::from;
    i16, Integer, i64::from;
    i8, Integer, i64::from;
    u32, Integer, i64::from;
    u16, Integer, i64::from;
    u8, Integer, i64::from;
    f64, Real, |it| it;
    f32, Real, f64::from;
    String, Text, |it| it;
    &str, Text, str::to_owned;
    &String, Text, String::clone;
    Vec<u8>, Blob, |it| it;
    &[u8], Blob, <[u8]>::to_vec;
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! types {
    ($($type:ty: $what:literal, $($pattern:pat => $value:expr),+;)*) => {
        $(impl<'a> TryFrom<&'a Value> for $type {
            type Error = SqlError;

            fn try_from(value: &'a Value) -> Result<Self, SqlError> {
                match value {
                    $($pattern => Ok($value),)+
                    other => Err(unfit(format!("{other:?} is not {}", $what))),
                }
            }
        }

        impl<'a> TryFrom<&'a Value> for Option<$type> {
            type Error = SqlError;

            fn try_from(value: &'a Value) -> Result<Self, SqlError> {
                match value {
                    Value::Null => Ok(None),
                    value => value.try_into().map(Some),
                }
            }
        })*
    };
}

types! {
    bool: "a boolean", Value::Boolean(value) => *value;
    i64: "an integer", Value::Integer(value) => *value;
    f64: "a number", Value::Real(value) => *value, Value::Integer(value) => real(*value);
    &'a str: "text", Value::Text(value) => value;
    String: "text", Value::Text(value) => value.clone();
    &'a [u8]: "a blob", Value::Blob(value) => value;
    Vec<u8>: "a blob", Value::Blob(value) => value.clone();
}

/// What an integer is where a real is asked for.
#[expect(clippy::cast_precision_loss, reason = "a real has no more")]
fn real(integer: i64) -> f64 {
    integer as f64
}

impl From<Value> for sql_types::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Boolean(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Real(value) => Self::Real(value),
            Value::Text(value) => Self::Text(value),
            Value::Blob(value) => Self::Blob(value),
        }
    }
}

impl From<sql_types::Value> for Value {
    fn from(value: sql_types::Value) -> Self {
        match value {
            sql_types::Value::Null => Self::Null,
            sql_types::Value::Boolean(value) => Self::Boolean(value),
            sql_types::Value::Integer(value) => Self::Integer(value),
            sql_types::Value::LargeInteger(digits) => match digits.parse() {
                Ok(value) => Self::Integer(value),
                Err(_) => Self::Text(digits),
            },
            sql_types::Value::Real(value) => Self::Real(value),
            sql_types::Value::Text(value) => Self::Text(value),
            sql_types::Value::Blob(value) => Self::Blob(value),
        }
    }
}

impl From<sql_types::Rows> for Rows {
    fn from(sql_types::Rows { columns, rows }: sql_types::Rows) -> Self {
        let row = |row: Vec<sql_types::Value>| row.into_iter().map(Into::into).collect();
        Self { columns, rows: rows.into_iter().map(row).collect() }
    }
}

fn given(parameters: impl Into<Vec<Value>>) -> Vec<sql_types::Value> {
    parameters.into().into_iter().map(Into::into).collect()
}

/// The host's functions as futures, on either track.
mod import {
    use crate::bindings::distri::plugin::sql::{self, Transaction};
    use crate::bindings::distri::plugin::sql_types::{Rows, Value};
    use crate::bindings::distri::plugin::types::CallError;

    macro_rules! import {
        ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty {
            async => $waiting:expr, sync => $direct:expr
        })*) => {
            $(
                #[cfg(not(feature = "sync"))]
                pub(crate) async fn $name($($argument: $type),*) -> Result<$result, CallError> {
                    $waiting.await
                }

                #[cfg(feature = "sync")]
                #[expect(clippy::unused_async, reason = "the same functions as on the async track")]
                pub(crate) async fn $name($($argument: $type),*) -> Result<$result, CallError> {
                    $direct
                }
            )*
        };
    }

    import! {
        query(name: &str, statement: &str, parameters: Vec<Value>) -> Rows {
            async => sql::query(name.to_owned(), statement.to_owned(), parameters),
            sync => sql::query(name, statement, &parameters)
        }
        execute(name: &str, statement: &str, parameters: Vec<Value>) -> u64 {
            async => sql::execute(name.to_owned(), statement.to_owned(), parameters),
            sync => sql::execute(name, statement, &parameters)
        }
        begin(name: &str) -> Transaction {
            async => sql::begin(name.to_owned()),
            sync => sql::begin(name)
        }
        query_in(transaction: &Transaction, statement: &str, parameters: Vec<Value>) -> Rows {
            async => transaction.query(statement.to_owned(), parameters),
            sync => transaction.query(statement, &parameters)
        }
        execute_in(transaction: &Transaction, statement: &str, parameters: Vec<Value>) -> u64 {
            async => transaction.execute(statement.to_owned(), parameters),
            sync => transaction.execute(statement, &parameters)
        }
        commit(transaction: &Transaction) -> () {
            async => transaction.commit(),
            sync => transaction.commit()
        }
        rollback(transaction: &Transaction) -> () {
            async => transaction.rollback(),
            sync => transaction.rollback()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let columns = ["id", "name", "part"].map(str::to_owned).to_vec();
        let row = vec![7.into(), "Ada".into(), Value::Null];
        Rows { columns, rows: vec![row] }
    }

    #[test]
    fn a_row_gives_its_values_as_types() {
        let rows = rows();
        let row = rows.iter().next().unwrap();
        assert_eq!(row.get("id"), Ok(7_i64));
        assert_eq!(row.get("id"), Ok(7.0_f64));
        assert_eq!(row.get("name"), Ok("Ada"));
        assert_eq!(row.get("part"), Ok(None::<&[u8]>));
        assert_eq!(row.get::<bool>("id").unwrap_err().message, "Integer(7) is not a boolean");
        assert_eq!(row.get::<i64>("ID").unwrap_err().message, "there is no column `ID`");
    }

    #[test]
    fn rows_become_values_of_a_type() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct User {
            id: u8,
            name: String,
            part: Option<f64>,
        }
        let users: Vec<User> = rows().parse().unwrap();
        assert_eq!(users, [User { id: 7, name: "Ada".to_owned(), part: None }]);
        assert_eq!(rows().parse::<(i64,)>().unwrap_err().kind, "invalid-input");
    }
}
