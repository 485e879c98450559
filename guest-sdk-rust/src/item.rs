//! Tools and workflows as values: what the macros make of functions.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde_json::{Value, json};

use crate::Context;
use crate::bindings::distri::plugin::types::ExecutionContext;

/// What a call gives: the result as JSON, and the error.
pub type Answer = (String, Option<String>);

/// A call under way.
pub type Call = Pin<Box<dyn Future<Output = Answer>>>;

/// A tool or workflow. `#[tool]` and `#[workflow]` make them.
pub struct Item {
    /// The function's name.
    pub name: &'static str,
    /// Its doc comment.
    pub description: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// The JSON Schema of its input.
    pub parameters: fn() -> Value,
    /// Parses the input and runs the function.
    pub run: fn(String, Context) -> Call,
}

/// The JSON that `get-*-info` gives.
pub fn describe(items: &[Item]) -> String {
    let items: Vec<Value> = items
        .iter()
        .map(|item| {
            json!({
                "name": item.name,
                "description": item.description,
                "version": item.version,
                "parameters": (item.parameters)(),
            })
        })
        .collect();
    Value::Array(items).to_string()
}

/// Runs the item of this name.
pub async fn execute(
    items: Vec<Item>,
    name: String,
    input: String,
    context: ExecutionContext,
) -> Answer {
    match items.iter().find(|item| item.name == name) {
        Some(item) => (item.run)(input, context.into()).await,
        None => fail(format!("there is no `{name}`")),
    }
}

/// Runs a future that never waits, as those of the sync track.
///
/// # Panics
///
/// When it waits all the same: for what, nothing here could tell.
pub fn finish<T>(work: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(work).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => {
            panic!("a plugin of the sync track waits for something that is not a host call")
        }
    }
}

/// The answer of a function that returned a value.
pub fn succeed(value: impl Serialize) -> Answer {
    match crate::json::to_json(&value, "result") {
        Ok(result) => (result, None),
        Err(error) => fail(error),
    }
}

/// The answer of a function that returned a `Result`.
pub fn outcome<T: Serialize, E: Display>(result: Result<T, E>) -> Answer {
    match result {
        Ok(value) => succeed(value),
        Err(error) => fail(error),
    }
}

/// The answer of a function that failed.
pub fn fail(error: impl Display) -> Answer {
    ("null".to_owned(), Some(error.to_string()))
}
