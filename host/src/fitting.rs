//! Inputs held against an item's `parameters` before its plugin runs, and answers
//! against its `returns`.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::blocking::blocking;
use crate::deadline::within;
use crate::engine::internal;
use crate::frame::Frame;
use crate::outcome::{out_of_cpu, timed_out};
use crate::plugin::Plugin;
use crate::schema::{Effort, Fit, Mismatch, Schema, SchemaFault, on_large_stack};
use crate::schemas::{Compiled, Part};
use crate::{Error, ErrorKind, ItemKind, Result, ToolResult, json as boundary};

/// Bytes of a value that is looked at where the call runs; a larger one goes to a
/// thread that nobody waits for.
const SMALL: usize = 64 << 10;

/// Levels of a value that a thread with a large stack takes.
const LEVELS: usize = 2_000;

/// Checks that need much effort, and schemas that are compiled, at once in this process:
/// a plugin that makes many wait makes its own wait, and no thread that files need.
static HARD: Semaphore = Semaphore::const_new(4);

/// Checks a call's input.
///
/// # Errors
///
/// `invalid-input` with each field that does not fit; `invalid-component` when the
/// item's schema is none.
pub(crate) async fn input(frame: &Frame, plugin: &Arc<Plugin>, text: &str) -> Result<()> {
    check((frame, plugin), Part::Parameters, text).await
}

/// Checks what a call gave, where its item says what it gives. An error is no answer.
///
/// # Errors
///
/// `guest-error` with each field that does not fit.
pub(crate) async fn answer(frame: &Frame, plugin: &Arc<Plugin>, answer: &ToolResult) -> Result<()> {
    match answer.error {
        None => check((frame, plugin), Part::Returns, &answer.result).await,
        Some(_) => Ok(()),
    }
}

/// A call, and what it runs.
type Called<'a> = (&'a Frame, &'a Arc<Plugin>);

async fn check((frame, plugin): Called<'_>, part: Part, text: &str) -> Result<()> {
    let Some(schema) = schema_of(plugin, frame.kind, &frame.item, part) else {
        return Ok(());
    };
    if takes_anything(schema) {
        return Ok(());
    }
    let kept = plugin.schemas.get(frame.kind, &frame.item, part);
    let quick = |compiled| quick_fit(frame, part, (compiled, schema), text);
    let fit = match kept.as_ref().map(quick).transpose()?.flatten() {
        Some(Fit::Fits) => return Ok(()),
        Some(fit) => fit,
        None => {
            let late = |_| timed_out(&frame.name(), &frame.limits);
            let work = fit((frame, plugin), part, (kept, schema), text);
            within(frame.deadline, work).await.map_err(late)??
        }
    };
    let name = frame.name();
    match fit {
        Fit::Fits => Ok(()),
        Fit::Differs(mismatches, more) => Err(differs(&name, part, &mismatches, more)),
        Fit::Unknown => Err(Error::new(
            ErrorKind::Limit,
            format!(
                "{} of `{name}` takes too long to hold against its `{}`",
                part.whole(),
                part.keyword()
            ),
        )
        .with_hint("make the value smaller, or the schema or its patterns simpler")),
        Fit::Late => Err(timed_out(&name, &frame.limits)),
        Fit::Fault => Err(Error::new(
            ErrorKind::Internal,
            format!("{} of `{name}` cannot be held against its schema", part.whole()),
        )),
    }
}

/// Holds a text against a schema here; none when that is not quick.
fn quick_fit(
    frame: &Frame,
    part: Part,
    (compiled, schema): (&Compiled, &Value),
    text: &str,
) -> Result<Option<Fit>> {
    if text.len() > SMALL || boundary::is_deep(text) {
        return Ok(None);
    }
    let what = format_args!("{} of `{}`", part.whole(), frame.shown());
    let fit = hold(compiled, schema, (part, &what, text), Effort::Little, frame.deadline)?;
    Ok((!matches!(fit, Fit::Unknown)).then_some(fit))
}

/// Holds a text against a schema that is not compiled yet, or where that is not quick.
async fn fit(
    (frame, plugin): Called<'_>,
    part: Part,
    (kept, schema): (Option<Compiled>, &Value),
    text: &str,
) -> Result<Fit> {
    let compiled = if let Some(kept) = kept {
        kept
    } else {
        let compiled = compiled((frame, plugin), part).await?;
        if let Some(fit) = quick_fit(frame, part, (&compiled, schema), text)? {
            return Ok(fit);
        }
        compiled
    };
    let what = format!("{} of `{}`", part.whole(), frame.name());
    let deadline = frame.deadline;
    let (called, kind, item) = (Arc::clone(plugin), frame.kind, frame.item.clone());
    let text = text.to_owned();
    charged((frame, plugin), move || {
        let schema = schema_of(&called, kind, &item, part).unwrap_or(&Value::Null);
        hold(&compiled, schema, (part, &what, &text), Effort::Much, deadline)
    })
    .await?
    .unwrap_or(Ok(Fit::Fault))
}

fn hold(
    compiled: &Result<Schema, SchemaFault>,
    schema: &Value,
    (part, what, text): (Part, &dyn Display, &str),
    effort: Effort,
    deadline: Instant,
) -> Result<Fit> {
    let compiled = compiled.as_ref().map_err(|fault| broken(what, part, fault))?;
    let value = boundary::value(text, what, LEVELS, part.kind())?;
    Ok(compiled.fit(schema, (part.whole(), &value), effort, deadline))
}

/// The item's schema, compiled now if it was not.
async fn compiled((frame, plugin): Called<'_>, part: Part) -> Result<Compiled> {
    let (called, kind, item) = (Arc::clone(plugin), frame.kind, frame.item.clone());
    if let Some(kept) = called.schemas.get(kind, &item, part) {
        return Ok(kept);
    }
    let done = charged((frame, plugin), move || {
        // Another call may have compiled it in the meantime.
        if let Some(kept) = called.schemas.get(kind, &item, part) {
            return kept;
        }
        let schema = schema_of(&called, kind, &item, part).unwrap_or(&Value::Bool(true));
        let compiled = Arc::new(Schema::compile_here(schema));
        called.schemas.keep(kind, item, part, &compiled);
        compiled
    });
    let unknown = || internal("the compiler of schemas panicked");
    done.await?.ok_or_else(unknown)
}

/// Does hard work for a call on a thread with a large stack, in the plugin's turn and in
/// one of the places of [`HARD`], which the caller's deadline bounds; none when it
/// panicked. The time that it takes on a processor is the call's.
async fn charged<T: Send + 'static>(
    (frame, plugin): Called<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>> {
    let own = Arc::clone(&plugin.schemas.turn).acquire_owned().await.map_err(internal)?;
    let place = HARD.acquire().await.map_err(internal)?;
    let done = blocking(move || {
        let _turns = (own, place);
        let began = Instant::now();
        Ok(on_large_stack(work).map(|value| (value, began.elapsed())))
    })
    .await?;
    let Some((value, time)) = done else { return Ok(None) };
    frame.cpu.spend(time).map_err(|limit| out_of_cpu(&frame.name(), limit))?;
    Ok(Some(value))
}

fn schema_of<'a>(plugin: &'a Plugin, kind: ItemKind, item: &str, part: Part) -> Option<&'a Value> {
    part.of(plugin.item(kind, item)?)
}

/// Whether a schema has nothing to say. A bare `{"type": "object"}` is what items are
/// given that say nothing of their input, for models to read; what they made of other
/// values was theirs, and stays so.
fn takes_anything(schema: &Value) -> bool {
    match schema {
        Value::Bool(takes) => *takes,
        Value::Object(members) => {
            members.is_empty()
                || members.len() == 1
                    && members.get("type").and_then(Value::as_str) == Some("object")
        }
        _ => false,
    }
}

fn differs(name: &str, part: Part, mismatches: &[Mismatch], more: usize) -> Error {
    let mut said: Vec<String> = mismatches.iter().map(|it| it.message.clone()).collect();
    if more > 0 {
        said.push(format!("and {more} more"));
    }
    let said = said.join("; ");
    let message = match part {
        Part::Parameters => format!("the input of `{name}` does not fit: {said}"),
        Part::Returns => format!("the answer of `{name}` is not what its `returns` says: {said}"),
    };
    let error = Error::new(part.kind(), message)
        .with_detail(json!({ "mismatches": mismatches, "more": more }).to_string());
    match mismatches {
        [one] if part == Part::Parameters && one.path.is_empty() && one.got == "null" => {
            error.with_hint("no input is `{}`")
        }
        _ => error,
    }
}

fn broken(what: &dyn Display, part: Part, fault: &SchemaFault) -> Error {
    let keyword = part.keyword();
    Error::new(
        ErrorKind::InvalidComponent,
        format!("{what} cannot be checked: in its `{keyword}`, {fault}"),
    )
    .with_hint(format!("`distri check` names what is wrong with `{keyword}`"))
}
