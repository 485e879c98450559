//! The reference plugin in Rust, through the SDK.
//!
//! `tests/conformance/README.md` says what each of its items does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use distri_guest::{CallError, Context, export_plugin, tool, workflow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

static CALLS: AtomicU32 = AtomicU32::new(0);

/// A tool to call.
#[derive(Deserialize, JsonSchema)]
struct Call {
    name: String,
    #[serde(default)]
    input: Value,
}

/// An agent to ask.
#[derive(Deserialize, JsonSchema)]
struct Task {
    name: String,
    task: String,
    options: Option<Value>,
}

/// What the host gave, as `{"ok": …}` or `{"err": …}`.
fn outcome<T: Serialize>(result: Result<T, CallError>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(error) => {
            let detail: Value =
                error.detail.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            json!({ "err": {
                "kind": error.kind,
                "message": error.message,
                "hint": error.hint,
                "detail": detail,
            }})
        }
    }
}

async fn ask_tool(call: Call) -> Value {
    outcome(distri_guest::call_tool::<Value>(&call.name, &call.input).await)
}

async fn ask_agent(task: Task) -> Value {
    outcome(match &task.options {
        Some(options) => distri_guest::call_agent_with(&task.name, &task.task, options).await,
        None => distri_guest::call_agent(&task.name, &task.task).await,
    })
}

fn context_of(context: &Context) -> Value {
    json!({
        "id": context.call_id,
        "call_id": context.call_id,
        "agent_id": context.agent_id,
        "session_id": context.session_id,
        "task_id": context.task_id,
        "run_id": context.run_id,
        "user_id": context.user_id,
        "params": context.params,
        "secrets": context.secrets,
        "deadline_ms": context.deadline.map(|deadline| deadline.as_millis() as u64),
        "idempotency_key": context.idempotency_key,
        "metadata": context.metadata,
    })
}

mod tools {
    use super::*;

    /// Reference item `echo`
    #[tool]
    pub fn echo(input: Value) -> Value {
        input
    }

    /// Reference item `context`
    #[tool]
    pub fn context(context: Context) -> Value {
        context_of(&context)
    }

    /// Reference item `fail`
    #[tool]
    pub fn fail(message: String) -> Result<(), String> {
        Err(message)
    }

    /// Reference item `repeat`
    #[tool]
    pub fn repeat(text: String, count: usize) -> String {
        text.repeat(count)
    }

    /// Reference item `bytes`
    #[tool]
    pub fn bytes(text: String) -> usize {
        text.len()
    }

    /// Reference item `call_tool`
    #[tool]
    pub async fn call_tool(input: Call) -> Value {
        ask_tool(input).await
    }

    /// Reference item `call_tools`
    #[tool]
    pub async fn call_tools(calls: Vec<Call>) -> Vec<Value> {
        distri_guest::join_all(calls.into_iter().map(ask_tool)).await
    }

    /// Reference item `call_agent`
    #[tool]
    pub async fn call_agent(input: Task) -> Value {
        ask_agent(input).await
    }

    /// Reference item `call_agents`
    #[tool]
    pub async fn call_agents(calls: Vec<Task>) -> Vec<Value> {
        distri_guest::join_all(calls.into_iter().map(ask_agent)).await
    }

    /// Reference item `get_session_value`
    #[tool]
    pub async fn get_session_value(key: String) -> Value {
        outcome(distri_guest::get_session_value::<Value>(&key).await)
    }

    /// Reference item `set_session_value`
    #[tool]
    pub async fn set_session_value(key: String, value: Value) -> Value {
        outcome(distri_guest::set_session_value(&key, &value).await)
    }

    /// Reference item `log`
    #[tool]
    pub fn log(level: String, message: String) -> Result<(), String> {
        let level: ::log::Level = level.parse().map_err(|_| format!("no level `{level}`"))?;
        distri_guest::init_log();
        ::log::log!(level, "{message}");
        Ok(())
    }

    /// Reference item `print`
    #[tool]
    pub fn print(text: String) {
        println!("{text}");
    }

    /// Reference item `count`
    #[tool]
    pub fn count() -> u32 {
        CALLS.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Reference item `random`
    #[tool]
    pub fn random() -> u64 {
        // The standard library seeds its hash maps from the host's randomness.
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(0) >> 12
    }

    /// Reference item `now`
    #[tool]
    pub fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
    }

    /// Reference item `spin`
    #[tool]
    pub fn spin() {
        loop {
            std::hint::spin_loop();
        }
    }

    /// Reference item `hoard`
    #[tool]
    pub fn hoard() {
        let mut kept: Vec<Vec<u8>> = Vec::new();
        loop {
            kept.push(vec![120; 1_000_000]);
            std::hint::black_box(&kept);
        }
    }

    /// Reference item `trap`
    #[tool]
    pub fn trap() {
        panic!("as it was asked to");
    }
}

mod workflows {
    use super::*;

    /// Reference item `echo`
    #[workflow]
    pub fn echo(input: Value) -> Value {
        input
    }

    /// Reference item `context`
    #[workflow]
    pub fn context(context: Context) -> Value {
        context_of(&context)
    }

    /// Reference item `fail`
    #[workflow]
    pub fn fail(message: String) -> Result<(), String> {
        Err(message)
    }

    /// Reference item `call_tool`
    #[workflow]
    pub async fn call_tool(input: Call) -> Value {
        ask_tool(input).await
    }
}

export_plugin! {
    tools: [
        tools::echo, tools::context, tools::fail, tools::repeat, tools::bytes, tools::call_tool,
        tools::call_tools, tools::call_agent, tools::call_agents, tools::get_session_value,
        tools::set_session_value, tools::log, tools::print, tools::count, tools::random,
        tools::now, tools::spin, tools::hoard, tools::trap,
    ],
    workflows: [workflows::echo, workflows::context, workflows::fail, workflows::call_tool],
}
