//! Tools and workflows as values: what the macros make of functions.

use std::any::Any;
use std::error::Error;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde_json::{Value, json};

use crate::bindings::distri::plugin::types::ExecutionContext;
use crate::{CallError, Context};

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
pub fn outcome<T: Serialize, E: Display + 'static>(result: Result<T, E>) -> Answer {
    match result {
        Ok(value) => succeed(value),
        Err(error) => fail(error),
    }
}

/// The answer of a function that failed. Where it was the host that refused something,
/// its hint goes along.
pub fn fail(error: impl Display + 'static) -> Answer {
    let text = error.to_string();
    let Some(said) = said_by_host(&error).cloned().or_else(|| denial_in(&text)) else {
        return ("null".to_owned(), Some(text));
    };
    let CallError { kind, message, hint, detail } = said;
    let detail = detail.and_then(|detail| serde_json::from_str::<Value>(&detail).ok());
    let details = json!({
        "name": "CallError",
        "message": message,
        "kind": kind,
        "hint": &hint,
        "detail": detail,
    });
    // What an HTTP client makes of a denial is its text in quotes, twice over.
    let text = if text.contains(DENIAL) { message } else { text };
    // The hint has a place of its own.
    let text = hint.map_or_else(|| text.clone(), |hint| text.replace(&format!("; {hint}"), ""));
    (details.to_string(), Some(text))
}

/// What the host said, where the error is that or carries it.
fn said_by_host(error: &dyn Any) -> Option<&CallError> {
    let carried = || error.downcast_ref::<Box<dyn Error>>()?.downcast_ref();
    let sent = || error.downcast_ref::<Box<dyn Error + Send + Sync>>()?.downcast_ref();
    error.downcast_ref().or_else(carried).or_else(sent)
}

/// How a denial of the host's begins in the text of an error of `wasi:http`, which has
/// no other place for it: `kind: message; hint`.
const DENIAL: &str = "InternalError(Some(\"";

/// The denial in such a text.
fn denial_in(text: &str) -> Option<CallError> {
    let (_, rest) = text.split_once(DENIAL)?;
    let (quoted, _) = rest.rsplit_once("\"))")?;
    let words: String = serde_json::from_str(&format!("\"{quoted}\"")).ok()?;
    let (kind, said) = words.split_once(": ")?;
    if kind.is_empty() || !kind.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
        return None;
    }
    let (message, hint) = match said.split_once("; ") {
        Some((message, hint)) => (message, Some(hint.to_owned())),
        None => (said, None),
    };
    Some(CallError { kind: kind.to_owned(), message: message.to_owned(), hint, detail: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> CallError {
        CallError {
            kind: "denied".to_owned(),
            message: "`p` may not reach `http://a.example`".to_owned(),
            hint: Some("add `hosts = [\"http://a.example\"]`".to_owned()),
            detail: Some(r#"{"capability":"network"}"#.to_owned()),
        }
    }

    #[test]
    fn what_the_host_refused_keeps_its_hint() {
        let CallError { kind, message, hint, .. } = denied();
        // What clients make of it, like waki.
        let told = format!("{kind}: {message}; {}", hint.as_deref().unwrap());
        let of_client = format!("ErrorCode::InternalError(Some({told:?}))");
        let boxed: Box<dyn Error> = denied().into();
        let sent: Box<dyn Error + Send + Sync> = denied().into();
        let answers = [fail(denied()), fail(boxed), fail(sent), fail(of_client)];
        for (at, (details, text)) in answers.into_iter().enumerate() {
            let details: Value = serde_json::from_str(&details).unwrap();
            assert_eq!(text.unwrap(), message);
            assert_eq!(details["hint"], json!(hint));
            assert_eq!(details["kind"], "denied");
            // The last one has words alone.
            let capability = if at < 3 { json!("network") } else { Value::Null };
            assert_eq!(details["detail"]["capability"], capability);
        }
    }

    #[test]
    fn other_errors_are_their_text() {
        for text in ["no", "InternalError(Some(\"{", "InternalError(Some(\"{x}\"))"] {
            assert_eq!(fail(text.to_owned()), ("null".to_owned(), Some(text.to_owned())));
        }
    }
}
