//! Inputs held against an item's `parameters` before its plugin runs, and answers
//! against its `returns`.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use distri_call::blocking::blocking;
use distri_call::deadline::within;
use distri_call::error::internal;
use distri_call::frame::Frame;
use distri_call::overrun::{out_of_cpu, timed_out};
use distri_call::{Error, ErrorKind, Result, ToolResult, json as boundary};
use distri_schema::{Effort, Fit, Mismatch, SchemaFault, on_large_stack};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::plugins::item::{Compiled, ItemSchema, Part};
use crate::plugins::plugin::Plugin;

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
    let item = plugin.item(frame.kind, &frame.item);
    let Some(schema) = item.and_then(|item| item.schema(part)) else {
        return Ok(());
    };
    let quick = |compiled: &Arc<Compiled>| quick_fit(frame, part, compiled, text);
    let fit = match schema.compiled().map(quick).transpose()?.flatten() {
        Some(Fit::Fits) => return Ok(()),
        Some(fit) => fit,
        None => {
            let late = |_| timed_out(&frame.name(), &frame.limits);
            // Boxed: most values fit at once, and their calls need no room for the rest.
            let work = Box::pin(fit((frame, plugin), part, schema, text));
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
fn quick_fit(frame: &Frame, part: Part, compiled: &Compiled, text: &str) -> Result<Option<Fit>> {
    if text.len() > SMALL || boundary::is_deep(text) {
        return Ok(None);
    }
    let what = format_args!("{} of `{}`", part.whole(), frame.shown());
    let fit = hold(compiled, (part, &what, text), Effort::Little, frame.deadline)?;
    Ok((!matches!(fit, Fit::Unknown)).then_some(fit))
}

/// Holds a text against a schema that is not compiled yet, or where that is not quick.
async fn fit(called: Called<'_>, part: Part, schema: &ItemSchema, text: &str) -> Result<Fit> {
    let frame = called.0;
    let compiled = if let Some(kept) = schema.compiled() {
        Arc::clone(kept)
    } else {
        let compiled = compiled(called, part).await?;
        if let Some(fit) = quick_fit(frame, part, &compiled, text)? {
            return Ok(fit);
        }
        compiled
    };
    let what = format!("{} of `{}`", part.whole(), frame.name());
    let (deadline, text) = (frame.deadline, text.to_owned());
    charged(called, move || hold(&compiled, (part, &what, &text), Effort::Much, deadline))
        .await?
        .unwrap_or(Ok(Fit::Fault))
}

fn hold(
    compiled: &Compiled,
    (part, what, text): (Part, &dyn Display, &str),
    effort: Effort,
    deadline: Instant,
) -> Result<Fit> {
    let schema = compiled.schema.as_ref().map_err(|fault| broken(what, part, fault))?;
    let value = boundary::value(text, what, LEVELS, part.kind())?;
    Ok(schema.fit(&compiled.original, (part.whole(), &value), effort, deadline))
}

/// The item's schema, compiled now if it was not.
async fn compiled((frame, plugin): Called<'_>, part: Part) -> Result<Arc<Compiled>> {
    let (called, kind, item) = (Arc::clone(plugin), frame.kind, frame.item.clone());
    let unknown = || internal("the compiler of schemas panicked");
    // Another call may have compiled it by the time that it is this one's turn.
    let done = charged((frame, plugin), move || {
        Some(called.item(kind, &item)?.schema(part)?.compile_here(&called.schema_room))
    });
    done.await?.flatten().ok_or_else(unknown)
}

/// Does hard work for a call on a thread with a large stack, in the plugin's turn and in
/// one of the places of [`HARD`], which the caller's deadline bounds; none when it
/// panicked. The time that it takes on a processor is the call's.
async fn charged<T: Send + 'static>(
    (frame, plugin): Called<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>> {
    let own = Arc::clone(&plugin.schema_room.turn).acquire_owned().await.map_err(internal)?;
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
