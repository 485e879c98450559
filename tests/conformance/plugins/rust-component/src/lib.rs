//! The reference plugin in Rust by cargo-component, for the sync track.
//!
//! `tests/conformance/README.md` says what each of its items does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

#[allow(warnings)]
mod bindings;

use bindings::distri::plugin::host;
use bindings::distri::plugin::types::{CallError, ExecutionContext, LogLevel, ToolCall, ToolResult};
use bindings::distri::plugin::types::{WorkflowCall, WorkflowResult};
use bindings::exports::distri::plugin::{tool, workflow};

const TOOLS: [&str; 19] = [
    "echo", "context", "fail", "repeat", "bytes", "call_tool", "call_tools", "call_agent",
    "call_agents", "get_session_value", "set_session_value", "log", "print", "count", "random",
    "now", "spin", "hoard", "trap",
];

const WORKFLOWS: [&str; 4] = ["echo", "context", "fail", "call_tool"];

static CALLS: AtomicU32 = AtomicU32::new(0);

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn outcome(result: Result<Value, CallError>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(CallError { kind, message, hint, detail }) => json!({ "err": {
            "kind": kind, "message": message, "hint": hint, "detail": detail.map(|text| parse(&text)),
        }}),
    }
}

fn call_tool(call: &Value) -> Value {
    let result = host::call_tool(&text(&call["name"]), &call["input"].to_string());
    outcome(result.map(|value| parse(&value)))
}

fn call_agent(call: &Value) -> Value {
    let options = call.get("options").map(Value::to_string).unwrap_or_default();
    let result = host::call_agent(&text(&call["name"]), &text(&call["task"]), &options);
    outcome(result.map(Value::String))
}

fn context_of(id: &str, name: &str, context: &ExecutionContext) -> Value {
    let pairs = |pairs: &[(String, String)]| -> Value {
        pairs.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<serde_json::Map<_, _>>().into()
    };
    json!({
        "id": id,
        "name": name,
        "call_id": context.call_id,
        "agent_id": context.agent_id,
        "session_id": context.session_id,
        "task_id": context.task_id,
        "run_id": context.run_id,
        "user_id": context.user_id,
        "params": parse(&context.params),
        "secrets": pairs(&context.secrets),
        "deadline_ms": context.deadline_ms,
        "idempotency_key": context.idempotency_key,
        "metadata": pairs(&context.metadata),
    })
}

fn run(id: String, name: String, input: String, context: ExecutionContext) -> Result<Value, String> {
    let input = parse(&input);
    Ok(match name.as_str() {
        "echo" => input,
        "context" => context_of(&id, &name, &context),
        "fail" => return Err(text(&input["message"])),
        "repeat" => {
            json!(text(&input["text"]).repeat(input["count"].as_u64().unwrap_or_default() as usize))
        }
        "bytes" => json!(text(&input["text"]).len()),
        "call_tool" => call_tool(&input),
        "call_agent" => call_agent(&input),
        "call_tools" | "call_agents" => {
            let calls = input["calls"].as_array().cloned().unwrap_or_default();
            let ask = if name == "call_tools" { call_tool } else { call_agent };
            calls.iter().map(ask).collect()
        }
        "get_session_value" => {
            let value = host::get_session_value(&text(&input["key"]));
            outcome(value.map(|value| value.map(|text| parse(&text)).unwrap_or_default()))
        }
        "set_session_value" => {
            let written = host::set_session_value(&text(&input["key"]), &input["value"].to_string());
            outcome(written.map(|()| Value::Null))
        }
        "log" => {
            let level = match input["level"].as_str() {
                Some("trace") => LogLevel::Trace,
                Some("debug") => LogLevel::Debug,
                Some("warn") => LogLevel::Warn,
                Some("error") => LogLevel::Error,
                _ => LogLevel::Info,
            };
            host::log(level, &text(&input["message"]));
            Value::Null
        }
        "print" => {
            println!("{}", text(&input["text"]));
            Value::Null
        }
        "count" => json!(CALLS.fetch_add(1, Ordering::Relaxed) + 1),
        "random" => {
            use std::hash::{BuildHasher, RandomState};
            json!(RandomState::new().hash_one(0) >> 12)
        }
        "now" => json!(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "hoard" => {
            let mut kept: Vec<Vec<u8>> = Vec::new();
            loop {
                kept.push(vec![120; 1_000_000]);
                std::hint::black_box(&kept);
            }
        }
        "trap" => panic!("as it was asked to"),
        _ => return Err(format!("there is no `{name}`")),
    })
}

fn describe(names: &[&str]) -> String {
    let items = names.iter().map(|name| json!({
        "name": name,
        "description": format!("Reference item `{name}`"),
        "version": "1.0.0",
        "parameters": { "type": "object" },
    }));
    Value::Array(items.collect()).to_string()
}

fn answer(result: Result<Value, String>) -> (String, Option<String>) {
    match result {
        Ok(value) => (value.to_string(), None),
        Err(error) => ("null".to_owned(), Some(error)),
    }
}

struct Plugin;

impl tool::Guest for Plugin {
    fn get_tool_info() -> String {
        describe(&TOOLS)
    }

    fn execute_tool(call: ToolCall, context: ExecutionContext) -> ToolResult {
        let (result, error) = answer(run(call.id, call.name, call.input, context));
        ToolResult { result, error }
    }
}

impl workflow::Guest for Plugin {
    fn get_workflow_info() -> String {
        describe(&WORKFLOWS)
    }

    fn execute_workflow(call: WorkflowCall, context: ExecutionContext) -> WorkflowResult {
        let (result, error) = answer(run(call.id, call.name, call.input, context));
        WorkflowResult { result, error }
    }
}

bindings::export!(Plugin with_types_in bindings);
