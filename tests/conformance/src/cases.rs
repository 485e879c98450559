//! The cases. Each names the items that it needs, says what it demands, and fails
//! with what it found instead.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use distri_host::{ErrorKind, ExecutionContext, ItemKind, LogLevel, ToolCall};
use serde_json::{Value, json};

use crate::kit::{HURRIED, KINDS, Kit, REFUSED, SECRET, SUBJECT, value};
use crate::sample::sample;

/// What a case found: nothing wrong, or what.
type Found = Result<(), String>;

/// One thing that every plugin must do.
pub struct Case {
    /// Its name: words with hyphens.
    pub name: &'static str,
    /// What it demands, in a sentence.
    pub about: &'static str,
    /// The tools, and after the word `workflow` the workflows, that it calls.
    pub needs: &'static [&'static str],
    /// Whether it demands that host calls overlap, which those of the sync track
    /// cannot.
    pub(crate) overlaps: bool,
    pub(crate) run: for<'a> fn(&'a Kit) -> Pin<Box<dyn Future<Output = Found> + Send + 'a>>,
}

/// Fails the case unless a condition holds.
macro_rules! demand {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err(format!($($why)+));
        }
    };
}

/// Fails the case unless two values are equal.
macro_rules! equal {
    ($found:expr, $wanted:expr) => {{
        let (found, wanted) = (&$found, &$wanted);
        demand!(found == wanted, "found {found:?} instead of {wanted:?}");
    }};
}

macro_rules! case {
    ($name:literal, $about:literal, [$($need:literal),*], |$kit:ident| $run:block) => {
        case!($name, $about, [$($need),*], false, |$kit| $run)
    };
    ($name:literal, $about:literal, [$($need:literal),*], overlapping, |$kit:ident| $run:block) => {
        case!($name, $about, [$($need),*], true, |$kit| $run)
    };
    ($name:literal, $about:literal, [$($need:literal),*], $overlaps:literal, |$kit:ident| $run:block) => {
        Case {
            name: $name,
            about: $about,
            needs: &[$($need),*],
            overlaps: $overlaps,
            run: |$kit| Box::pin(async move { $run; Ok(()) }),
        }
    };
}

/// A value comes back from `echo` as it is.
async fn echoes(kit: &Kit, input: Value) -> Found {
    let found = kit.value("echo", input.clone()).await?;
    // Languages have one kind of number, or two.
    demand!(alike(&found, &input), "found {found} instead of {input}");
    Ok(())
}

/// Equal, where 1 and 1.0 are the same number.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        _ => a == b,
    }
}

/// The error that a nested call of the subject was told.
async fn told(kit: &Kit, tool: &str, input: Value) -> Result<Value, String> {
    let answer = kit.value(tool, input).await?;
    answer.get("err").cloned().ok_or_else(|| format!("it worked: {answer}"))
}

/// The next call is right, and nothing is left of the one before.
async fn recovers(kit: &Kit) -> Found {
    echoes(kit, json!({ "still": "here" })).await?;
    for _ in 0..500 {
        let activity = kit.host.activity();
        if activity.calls == 0 && activity.instances == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(format!("it is still busy: {:?}", kit.host.activity()))
}

/// A context with everything in it.
fn full() -> ExecutionContext {
    let mut context = ExecutionContext::in_session("the session");
    context.agent_id = Some("the agent".to_owned());
    context.task_id = Some("the task".to_owned());
    context.run_id = Some("the run".to_owned());
    context.user_id = Some("ü".to_owned());
    context.params = json!({ "a": [1, { "b": null }] }).to_string();
    context.idempotency_key = Some("once".to_owned());
    context.metadata = vec![("colour".to_owned(), "grün".to_owned())];
    context
}

fn in_context(context: ExecutionContext, input: &Value) -> ToolCall {
    ToolCall { context, ..ToolCall::new(input.to_string()) }
}

/// Items of the reference plugin that do not answer, and are asked last.
const SILENT: [&str; 3] = ["spin", "hoard", "trap"];

/// How many items are asked, and how long each may take.
const ASKED: usize = 16;
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// Asks one item after another until one answers. One that is let off, for its schema
/// lets nothing pass that could be made up, is no proof.
async fn some_item_answers(kit: &Kit) -> Found {
    let tools = kit.info.tools.iter().map(|item| (ItemKind::Tool, item));
    let workflows = kit.info.workflows.iter().map(|item| (ItemKind::Workflow, item));
    let mut items: Vec<_> = tools.chain(workflows).collect();
    items.sort_by_key(|(_, item)| SILENT.contains(&item.name.as_str()));
    let mut why = Vec::new();
    for (kind, item) in items.iter().take(ASKED) {
        let call = ToolCall::new(sample(&item.parameters).to_string()).within(ANSWER_TIME);
        let answer = match kind {
            ItemKind::Tool => kit.host.execute_tool(SUBJECT, item.name.as_str(), call).await,
            ItemKind::Workflow => {
                kit.host.execute_workflow(SUBJECT, item.name.as_str(), call).await
            }
        };
        match answer {
            Ok(_) => return Ok(()),
            Err(error) => why.push(format!("{}: {error}", error.kind())),
        }
    }
    demand!(why.is_empty(), "none of {} answered: {}", why.len(), why.join("; "));
    Ok(())
}

const UNICODE: &str = "é ü ß \u{1F600} \u{202e}אב\u{202c} e\u{301} 你好 \u{0} \u{ffff} \"\\\n\t";

/// Every case, in the order in which they run.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn cases() -> Vec<Case> {
    vec![
        case!("offers-something", "It offers at least one tool or workflow", [], |kit| {
            demand!(
                !kit.info.tools.is_empty() || !kit.info.workflows.is_empty(),
                "it offers nothing"
            );
        }),
        case!("describes-itself-alike", "It says the same of itself each time", [], |kit| {
            let one = kit.host.plugin_info(SUBJECT).map_err(|error| error.to_string())?;
            let other = kit.host.plugin_info(HURRIED).map_err(|error| error.to_string())?;
            demand!(one.tools == other.tools, "its tools differ from one time to the next");
            demand!(one.workflows == other.workflows, "its workflows differ");
        }),
        case!("describes-each-item", "Each item has a description, which agents read", [], |kit| {
            for item in kit.info.tools.iter().chain(&kit.info.workflows) {
                demand!(!item.description.trim().is_empty(), "`{}` has none", item.name);
            }
        }),
        case!(
            "schemas-are-objects",
            "Each item's parameters are the JSON Schema of an object",
            [],
            |kit| {
                for item in kit.info.tools.iter().chain(&kit.info.workflows) {
                    demand!(
                        item.parameters.is_object(),
                        "those of `{}` are {}",
                        item.name,
                        item.parameters
                    );
                }
            }
        ),
        case!(
            "unknown-names-are-refused",
            "The host finds no item that it did not describe",
            [],
            |kit| {
                let answer = kit.call("no_such_tool", json!({})).await;
                demand!(
                    matches!(&answer, Err(error) if error.kind() == ErrorKind::NotFound),
                    "the answer was {answer:?}"
                );
            }
        ),
        case!(
            "calls-are-answered",
            "At least one item answers, with a value or an error, what its schema takes",
            [],
            |kit| { some_item_answers(kit).await? }
        ),
        case!("echo-object", "An object comes back", ["echo"], |kit| {
            echoes(kit, json!({ "a": 1, "b": [true, false, null], "c": { "d": "e" } })).await?;
        }),
        case!("echo-empty", "Empty values come back", ["echo"], |kit| {
            for input in [json!({}), json!({ "a": {}, "b": [], "c": "" })] {
                echoes(kit, input).await?;
            }
        }),
        case!("echo-scalars", "What is not an object comes back too", ["echo"], |kit| {
            for input in [json!(null), json!(true), json!(0), json!(-1.5), json!("text"), json!([])]
            {
                echoes(kit, input).await?;
            }
        }),
        case!("echo-numbers", "Numbers keep their values", ["echo"], |kit| {
            echoes(kit, json!([0, -1, 9_007_199_254_740_991_i64, 0.1, 1e21, -1e-7])).await?;
        }),
        case!("echo-unicode", "Every character comes back", ["echo"], |kit| {
            echoes(kit, json!({ UNICODE: UNICODE })).await?;
        }),
        case!("echo-deep", "A value of a hundred levels comes back", ["echo"], |kit| {
            let deep = (0..100).fold(json!(null), |inner, _| json!([inner]));
            echoes(kit, deep).await?;
        }),
        case!("echo-large", "An input as large as is allowed comes back", ["echo"], |kit| {
            echoes(kit, json!({ "text": "x".repeat(kit.limits.payload - 100) })).await?;
        }),
        case!("large-inputs-are-refused", "A larger input does not reach it", ["echo"], |kit| {
            let answer = kit.call("echo", json!({ "text": "x".repeat(kit.limits.payload) })).await;
            demand!(
                matches!(&answer, Err(error) if error.kind() == ErrorKind::PayloadTooLarge),
                "the answer was {answer:?}"
            );
        }),
        case!("text-is-utf-8", "Text arrives as the bytes that were sent", ["bytes"], |kit| {
            for text in ["", "x", "é", "你好", "\u{1F600}"] {
                equal!(kit.value("bytes", json!({ "text": text })).await?, json!(text.len()));
            }
        }),
        case!("results-may-be-large", "A result of a million bytes arrives", ["repeat"], |kit| {
            let found =
                kit.value("repeat", json!({ "text": "0123456789", "count": 100_000 })).await?;
            demand!(
                found.as_str().is_some_and(|text| text.len() == 1_000_000),
                "it is of another length"
            );
        }),
        case!(
            "larger-results-are-refused",
            "A result above the limit is `payload-too-large`",
            ["repeat", "echo"],
            |kit| {
                let answer =
                    kit.call("repeat", json!({ "text": "0123456789", "count": 300_000 })).await;
                demand!(
                    matches!(&answer, Err(error) if error.kind() == ErrorKind::PayloadTooLarge),
                    "the answer was {:?}",
                    answer.map(|answer| answer.error)
                );
                recovers(kit).await?;
            }
        ),
        case!(
            "failing-is-an-answer",
            "A tool that fails answers with its message",
            ["fail"],
            |kit| {
                let answer = kit.call("fail", json!({ "message": "no such thing" })).await;
                let answer = answer.map_err(|error| error.to_string())?;
                equal!(answer.error.as_deref(), Some("no such thing"));
                demand!(
                    serde_json::from_str::<Value>(&answer.result).is_ok(),
                    "its details are not JSON"
                );
            }
        ),
        case!("failing-in-unicode", "Its message keeps every character", ["fail"], |kit| {
            let message = "ü 你好 \u{1F600}";
            let answer = kit.call("fail", json!({ "message": message })).await;
            let answer = answer.map_err(|error| error.to_string())?;
            equal!(answer.error.as_deref(), Some(message));
        }),
        case!("context-full", "It is told everything that its caller says", ["context"], |kit| {
            let mut call = in_context(full(), &json!({})).within(Duration::from_secs(10));
            call.id.push_str("the call");
            let found = kit.value_of("context", call).await?;
            let wanted = json!({
                "call_id": "the call", "agent_id": "the agent", "session_id": "the session",
                "task_id": "the task", "run_id": "the run", "user_id": "ü",
                "params": { "a": [1, { "b": null }] }, "idempotency_key": "once",
                "metadata": { "colour": "grün" },
            });
            for (key, wanted) in wanted.as_object().into_iter().flatten() {
                demand!(
                    found.get(key) == Some(wanted),
                    "`{key}` is {:?} instead of {wanted}",
                    found.get(key)
                );
            }
        }),
        case!("context-empty", "What its caller does not say is absent", ["context"], |kit| {
            let found = kit.value("context", json!({})).await?;
            for key in ["agent_id", "session_id", "task_id", "run_id", "user_id", "idempotency_key"]
            {
                demand!(found.get(key) == Some(&Value::Null), "`{key}` is {:?}", found.get(key));
            }
            equal!(found.get("params"), Some(&json!({})));
            equal!(found.get("metadata"), Some(&json!({})));
            demand!(
                found["call_id"].as_str().is_some_and(|id| !id.is_empty()),
                "it has no `call_id`"
            );
        }),
        case!(
            "calls-have-ids",
            "Each call has an id of its own, in call and context",
            ["context"],
            |kit| {
                let (one, two) = (
                    kit.value("context", json!({})).await?,
                    kit.value("context", json!({})).await?,
                );
                demand!(
                    one["call_id"] != two["call_id"],
                    "two calls have the id {}",
                    one["call_id"]
                );
                equal!(one["id"], one["call_id"]);
            }
        ),
        case!("context-deadline", "It knows how long it has", ["context"], |kit| {
            let call = ToolCall::new("{}").within(Duration::from_secs(10));
            let left = kit.value_of("context", call).await?["deadline_ms"].as_u64();
            demand!(left.is_some_and(|left| left > 1_000 && left <= 10_000), "it has {left:?} ms");
        }),
        case!(
            "context-secrets",
            "It sees the secrets that were granted, and no others",
            ["context"],
            |kit| {
                equal!(
                    kit.value("context", json!({})).await?["secrets"],
                    json!({ SECRET.0: SECRET.1 })
                );
            }
        ),
        case!("fresh-instances", "Nothing of one call is left for the next", ["count"], |kit| {
            for _ in 0..3 {
                equal!(kit.value("count", json!({})).await?, json!(1));
            }
        }),
        case!("randomness", "Two calls draw different random numbers", ["random"], |kit| {
            let (one, two) =
                (kit.value("random", json!({})).await?, kit.value("random", json!({})).await?);
            demand!(one != two, "both drew {one}");
        }),
        case!("clock", "Its clock is the host's", ["now"], |kit| {
            let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let before = now().unwrap_or_default().as_millis();
            let found = kit.value("now", json!({})).await?.as_f64().unwrap_or_default();
            let after = now().unwrap_or_default().as_millis();
            #[expect(clippy::cast_precision_loss, reason = "far from 2^52 milliseconds")]
            let within = found >= before as f64 - 1.0 && found <= after as f64 + 1.0;
            demand!(within, "found {found}, and it is {before} to {after}");
        }),
        case!(
            "calls-at-once",
            "Eight calls at once are each answered with their own value",
            ["echo"],
            |kit| {
                let mut calls = tokio::task::JoinSet::new();
                for n in 0..8 {
                    let host = kit.host.clone();
                    calls.spawn(async move {
                        (
                            n,
                            value(
                                host.execute_tool(
                                    SUBJECT,
                                    "echo",
                                    ToolCall::new(json!([n]).to_string()),
                                )
                                .await,
                            ),
                        )
                    });
                }
                while let Some(joined) = calls.join_next().await {
                    let (n, found) = joined.map_err(|error| error.to_string())?;
                    let found = found?;
                    demand!(alike(&found, &json!([n])), "found {found} instead of [{n}]");
                }
            }
        ),
        case!("call-tool", "It calls a tool and gets its value", ["call_tool", "echo"], |kit| {
            let input = json!({ "text": UNICODE });
            let found =
                kit.value("call_tool", json!({ "name": "subject/echo", "input": input })).await?;
            equal!(found, json!({ "ok": input }));
        }),
        case!(
            "call-tool-by-bare-name",
            "A bare name means a tool of its own package",
            ["call_tool", "echo"],
            |kit| {
                let found = kit.value("call_tool", json!({ "name": "echo", "input": [] })).await?;
                equal!(found, json!({ "ok": [] }));
            }
        ),
        case!(
            "call-tool-with-colons",
            "`package::tool` means the same",
            ["call_tool", "echo"],
            |kit| {
                let found = kit
                    .value("call_tool", json!({ "name": "hurried::echo", "input": null }))
                    .await?;
                demand!(found.get("ok").is_some(), "found {found}");
            }
        ),
        case!(
            "call-tool-in-its-context",
            "A callee gets its caller's session, and an id of its own",
            ["call_tool", "context"],
            |kit| {
                let call = in_context(full(), &json!({ "name": "context", "input": {} }));
                let found =
                    kit.value_of("call_tool", ToolCall { id: "outer".to_owned(), ..call }).await?;
                let inner = &found["ok"];
                equal!(inner["session_id"], json!("the session"));
                demand!(inner["call_id"] != json!("outer"), "it has its caller's id");
            }
        ),
        case!(
            "call-tool-not-found",
            "A name that nothing has is `not-found`",
            ["call_tool"],
            |kit| {
                let error =
                    told(kit, "call_tool", json!({ "name": "subject/nothing", "input": {} }))
                        .await?;
                equal!(error["kind"], json!("not-found"));
                demand!(error["hint"].is_string(), "there is no hint with the candidates: {error}");
            }
        ),
        case!(
            "call-tool-guest-error",
            "A callee's error is `guest-error`, with its message",
            ["call_tool", "fail"],
            |kit| {
                let input = json!({ "name": "fail", "input": { "message": "no ü" } });
                let error = told(kit, "call_tool", input).await?;
                equal!(error["kind"], json!("guest-error"));
                equal!(error["message"], json!("no ü"));
            }
        ),
        case!(
            "call-tool-denied",
            "What the policy refuses is `denied`",
            ["call_tool", "count"],
            |kit| {
                equal!(
                    told(kit, "call_tool", json!({ "name": REFUSED, "input": {} })).await?["kind"],
                    json!("denied")
                );
            }
        ),
        case!(
            "call-tool-timeout",
            "A callee that takes too long is `timeout`",
            ["call_tool", "spin"],
            |kit| {
                let error =
                    told(kit, "call_tool", json!({ "name": "hurried/spin", "input": {} })).await?;
                equal!(error["kind"], json!("timeout"));
                equal!(error["detail"]["max"], json!(300));
            }
        ),
        case!(
            "call-tool-trap",
            "A callee that traps is `trap`",
            ["call_tool", "trap", "echo"],
            |kit| {
                equal!(
                    told(kit, "call_tool", json!({ "name": "trap", "input": {} })).await?["kind"],
                    json!("trap")
                );
                recovers(kit).await?;
            }
        ),
        case!(
            "call-tool-too-large",
            "A callee's result above the limit is `payload-too-large`",
            ["call_tool", "repeat"],
            |kit| {
                let input = json!({ "name": "repeat", "input": { "text": "0123456789", "count": 300_000 } });
                equal!(told(kit, "call_tool", input).await?["kind"], json!("payload-too-large"));
            }
        ),
        case!(
            "call-tool-too-deep",
            "Calls within calls end at their limit",
            ["call_tool", "echo"],
            |kit| {
                let calls = usize::try_from(kit.limits.depth).unwrap_or_default() + 1;
                let nest = |n: usize| {
                    (0..n).fold(
                        json!({ "name": "echo", "input": 1 }),
                        |inner, _| json!({ "name": "call_tool", "input": inner }),
                    )
                };
                let mut inner = kit.value("call_tool", nest(calls - 2)).await?;
                while let Some(ok) = inner.get("ok") {
                    inner = ok.clone();
                }
                demand!(alike(&inner, &json!(1)), "within the limit: {inner}");
                let mut inner = kit.value("call_tool", nest(calls - 1)).await?;
                while let Some(ok) = inner.get("ok") {
                    inner = ok.clone();
                }
                equal!(inner["err"]["kind"], json!("limit"));
            }
        ),
        case!(
            "call-tools",
            "Several calls each get their own answer, in order",
            ["call_tools", "echo", "fail"],
            |kit| {
                let calls = json!({ "calls": [
                    { "name": "echo", "input": 1 },
                    { "name": "fail", "input": { "message": "two" } },
                    { "name": "echo", "input": 3 },
                ]});
                let found = kit.value("call_tools", calls).await?;
                demand!(
                    alike(&found[0], &json!({ "ok": 1 })) && alike(&found[2], &json!({ "ok": 3 })),
                    "found {found}"
                );
                equal!(found[1]["err"]["message"], json!("two"));
            }
        ),
        case!("call-agent", "It asks an agent and gets its text", ["call_agent"], |kit| {
            let found =
                kit.value("call_agent", json!({ "name": "upper", "task": "grüße" })).await?;
            equal!(found, json!({ "ok": "GRÜSSE" }));
        }),
        case!("call-agent-options", "An agent gets its options", ["call_agent"], |kit| {
            let input = json!({ "name": "options", "task": "", "options": { "a": [1] } });
            let found = kit.value("call_agent", input).await?;
            let options = found["ok"].as_str().and_then(|text| serde_json::from_str(text).ok());
            demand!(
                options.as_ref().is_some_and(|options| alike(options, &json!({ "a": [1] }))),
                "found {found}"
            );
        }),
        case!(
            "call-agent-without-options",
            "Without options they are an empty object",
            ["call_agent"],
            |kit| {
                let found =
                    kit.value("call_agent", json!({ "name": "options", "task": "" })).await?;
                equal!(found, json!({ "ok": "{}" }));
            }
        ),
        case!(
            "call-agent-not-found",
            "An agent that is not there is `not-found`",
            ["call_agent"],
            |kit| {
                equal!(
                    told(kit, "call_agent", json!({ "name": "nobody", "task": "" })).await?["kind"],
                    json!("not-found")
                );
            }
        ),
        case!(
            "every-kind-of-error",
            "Each kind of error arrives with message, hint and detail",
            ["call_agent"],
            |kit| {
                for kind in KINDS {
                    let error =
                        told(kit, "call_agent", json!({ "name": "error", "task": kind.as_str() }))
                            .await?;
                    equal!(error["kind"], json!(kind.as_str()));
                    equal!(error["hint"], json!("what to do"));
                    equal!(error["detail"], json!({ "more": [1] }));
                    // What is the host's fault is told to nobody in detail.
                    if kind != ErrorKind::Internal {
                        equal!(error["message"], json!("what went wrong: ü"));
                    }
                }
            }
        ),
        case!(
            "host-calls-overlap",
            "Two host calls asked together are under way together",
            ["call_agents"],
            overlapping,
            |kit| {
                let meet = json!({ "name": "meet", "task": "" });
                let found = kit.value("call_agents", json!({ "calls": [meet, meet] })).await?;
                equal!(found, json!([{ "ok": "met" }, { "ok": "met" }]));
            }
        ),
        case!(
            "session-values",
            "What it writes into its session it reads in the next call",
            ["get_session_value", "set_session_value"],
            |kit| {
                let session = |id: &str| ExecutionContext::in_session(format!("values-{id}"));
                let input = json!({ "key": "ü", "value": { "a": [UNICODE] } });
                let written =
                    kit.value_of("set_session_value", in_context(session("a"), &input)).await?;
                equal!(written, json!({ "ok": null }));
                let read = json!({ "key": "ü" });
                let found =
                    kit.value_of("get_session_value", in_context(session("a"), &read)).await?;
                equal!(found, json!({ "ok": { "a": [UNICODE] } }));
                let other =
                    kit.value_of("get_session_value", in_context(session("b"), &read)).await?;
                demand!(absent(&other), "another session has {other}");
            }
        ),
        case!(
            "session-values-absent",
            "A value that was not written is absent",
            ["get_session_value"],
            |kit| {
                let context = ExecutionContext::in_session("empty");
                let found = kit
                    .value_of("get_session_value", in_context(context, &json!({ "key": "k" })))
                    .await?;
                demand!(absent(&found), "found {found}");
            }
        ),
        case!(
            "session-values-need-a-session",
            "Without a session there are no values",
            ["get_session_value"],
            |kit| {
                equal!(
                    told(kit, "get_session_value", json!({ "key": "k" })).await?["kind"],
                    json!("invalid-input")
                );
            }
        ),
        case!("log-levels", "What it logs arrives with its level", ["log"], |kit| {
            let levels = [
                ("trace", LogLevel::Trace),
                ("debug", LogLevel::Debug),
                ("info", LogLevel::Info),
                ("warn", LogLevel::Warn),
                ("error", LogLevel::Error),
            ];
            for (name, level) in levels {
                kit.value("log", json!({ "level": name, "message": "grüße" })).await?;
                let logged = kit.logged();
                demand!(
                    logged.iter().any(|line| line.level == level && line.message == "grüße"),
                    "{name}: {logged:?}"
                );
            }
        }),
        case!("log-lines-stay-lines", "A logged line cannot pose as two", ["log"], |kit| {
            kit.value("log", json!({ "level": "info", "message": "a\nb" })).await?;
            let logged = kit.logged();
            demand!(logged.len() == 1 && logged[0].message == "a\\nb", "{logged:?}");
        }),
        case!("output-is-logged", "What it prints is logged", ["print"], |kit| {
            kit.value("print", json!({ "text": "printed" })).await?;
            let logged = kit.logged();
            demand!(logged.iter().any(|line| line.message == "printed"), "{logged:?}");
        }),
        case!(
            "spinning-ends",
            "A tool that never ends is stopped at its deadline",
            ["spin", "echo"],
            |kit| {
                let began = Instant::now();
                let call = ToolCall::new("{}").within(Duration::from_millis(300));
                let answer = kit.host.execute_tool(SUBJECT, "spin", call).await;
                demand!(
                    matches!(&answer, Err(error) if error.kind() == ErrorKind::Timeout),
                    "the answer was {answer:?}"
                );
                demand!(began.elapsed() < Duration::from_secs(2), "it took {:?}", began.elapsed());
                recovers(kit).await?;
            }
        ),
        case!(
            "hoarding-ends",
            "A tool that takes all memory is stopped at its limit",
            ["hoard", "echo"],
            |kit| {
                let answer = kit.call("hoard", json!({})).await;
                demand!(
                    matches!(&answer, Err(error) if error.kind() == ErrorKind::MemoryLimit),
                    "the answer was {answer:?}"
                );
                recovers(kit).await?;
            }
        ),
        case!("trapping-ends", "A trap ends its call and no other", ["trap", "echo"], |kit| {
            let answer = kit.call("trap", json!({})).await;
            demand!(
                matches!(&answer, Err(error) if error.kind() == ErrorKind::Trap),
                "the answer was {answer:?}"
            );
            recovers(kit).await?;
        }),
        case!(
            "cancelled-while-it-waits",
            "A caller that leaves ends a call that waits",
            ["call_agent", "echo"],
            |kit| {
                let host = kit.host.clone();
                let call = tokio::spawn(async move {
                    let input = json!({ "name": "never", "task": "" }).to_string();
                    host.execute_tool(SUBJECT, "call_agent", ToolCall::new(input)).await
                });
                kit.services.asked.notified().await;
                call.abort();
                recovers(kit).await?;
            }
        ),
        case!(
            "cancelled-while-it-computes",
            "A caller that leaves ends a call that computes",
            ["spin", "echo"],
            |kit| {
                let host = kit.host.clone();
                let call = tokio::spawn(async move {
                    host.execute_tool(SUBJECT, "spin", ToolCall::new("{}")).await
                });
                tokio::time::sleep(Duration::from_millis(50)).await;
                call.abort();
                recovers(kit).await?;
            }
        ),
        case!("workflow-echo", "A workflow gives its value", ["workflow echo"], |kit| {
            let call = ToolCall::new(r#"{"a":["ü"]}"#);
            equal!(
                value(kit.host.execute_workflow(SUBJECT, "echo", call).await)?,
                json!({ "a": ["ü"] })
            );
        }),
        case!(
            "workflow-fail",
            "A workflow that fails answers with its message",
            ["workflow fail"],
            |kit| {
                let call = ToolCall::new(r#"{"message":"no ü"}"#);
                let answer = kit.host.execute_workflow(SUBJECT, "fail", call).await;
                let answer = answer.map_err(|error| error.to_string())?;
                equal!(answer.error.as_deref(), Some("no ü"));
            }
        ),
        case!("workflow-context", "A workflow is told who calls", ["workflow context"], |kit| {
            let call = in_context(full(), &json!({}));
            let found = value(kit.host.execute_workflow(SUBJECT, "context", call).await)?;
            equal!(found["session_id"], json!("the session"));
            equal!(found["user_id"], json!("ü"));
        }),
        case!(
            "workflow-calls-tools",
            "A workflow calls tools",
            ["workflow call_tool", "echo"],
            |kit| {
                let call = ToolCall::new(r#"{"name":"echo","input":{"a":1.5}}"#);
                let found = value(kit.host.execute_workflow(SUBJECT, "call_tool", call).await)?;
                equal!(found, json!({ "ok": { "a": 1.5 } }));
            }
        ),
    ]
}

/// A session value that is not there: `null`, or an error that says so.
fn absent(answer: &Value) -> bool {
    answer.get("ok").is_some_and(Value::is_null) || answer["err"]["kind"] == json!("not-found")
}
