//! Calls within calls, through the host's API.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distri_host::{AgentCall, ErrorKind, ExecutionContext, Host, HostServices, Result, ToolCall};
use distri_testing::{MANIFEST, Sandbox, tool};
use tokio::sync::{Barrier, Notify};

/// Agents that wait for each other, or for ever.
#[derive(Default)]
struct Agents {
    barrier: Option<Arc<Barrier>>,
    asked: Arc<Notify>,
    block: bool,
}

#[async_trait]
impl HostServices for Agents {
    async fn call_agent(&self, call: AgentCall) -> Result<String> {
        self.asked.notify_one();
        if let Some(barrier) = &self.barrier {
            barrier.wait().await;
        }
        if self.block {
            std::future::pending::<()>().await;
        }
        Ok(format!("{} heard {}", call.name, call.task))
    }
}

/// Waits until the host is doing nothing, or says what it is still doing.
async fn settled(host: &Host) {
    for _ in 0..1000 {
        let activity = host.activity();
        if activity.calls == 0 && activity.instances == 0 && activity.free_permits == 64 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still busy after ten seconds: {:?}", host.activity());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_host_calls_of_one_promise_all_are_pending_together() {
    let sandbox = Sandbox::with_plugin(&tool(
        "both",
        "return Promise.all([callAgent(\"a\", \"1\"), callAgent(\"b\", \"2\")]);",
    ));
    // The barrier opens only when both calls have reached the host.
    let host =
        sandbox.host(Agents { barrier: Some(Arc::new(Barrier::new(2))), ..Agents::default() });
    let answer = host.execute_tool("p", "both", ToolCall::new("{}")).await.unwrap();
    assert_eq!(answer.result, "[\"a heard 1\",\"b heard 2\"]");
    settled(&host).await;
}

/// Three plugins, each of which calls the next; the last asks an agent.
fn chain() -> Sandbox {
    let sandbox = Sandbox::with(&[]);
    let bodies = [
        ("one", "return { one: await callTool(\"two/go\", input) };"),
        ("two", "return { two: await callTool(\"three/go\", input) };"),
        ("three", "return { three: await callAgent(\"oracle\", input.question) };"),
    ];
    for (name, body) in bodies {
        sandbox.write(
            &format!("plugins/{name}/distri.toml"),
            &MANIFEST.replace("\"p\"", &format!("\"{name}\"")),
        );
        sandbox.write(&format!("plugins/{name}/index.ts"), &tool("go", body));
    }
    sandbox
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_three_plugins_deep_answers() {
    let sandbox = chain();
    let host = sandbox.host(Agents::default());
    let answer =
        host.execute_tool("one", "go", ToolCall::new("{\"question\": \"why\"}")).await.unwrap();
    assert_eq!(answer.result, "{\"one\":{\"two\":{\"three\":\"oracle heard why\"}}}");
    settled(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_caller_takes_its_whole_chain_along() {
    let asked = Arc::new(Notify::new());
    let sandbox = chain();
    let agents = Agents { block: true, asked: Arc::clone(&asked), ..Agents::default() };
    let host = sandbox.host(agents);
    for _ in 0..10 {
        let call = host.execute_tool("one", "go", ToolCall::new("{\"question\": \"why\"}"));
        tokio::select! {
            answer = call => panic!("the agent never answers, yet: {answer:?}"),
            () = asked.notified() => {}
        }
        settled(&host).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_ends_at_its_callers_deadline() {
    let sandbox = chain();
    let host = sandbox.host(Agents { block: true, ..Agents::default() });
    let mut call = ToolCall::new("{\"question\": \"why\"}");
    call.deadline = Some(Duration::from_millis(300));
    let began = std::time::Instant::now();
    let error = host.execute_tool("one", "go", call).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    match error {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Timeout),
        // An inner deadline may pass first; the outer plugin then throws what it was told.
        Ok(answer) => assert!(answer.error.unwrap().contains("took longer")),
    }
    settled(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_numbers_differ_between_fresh_instances() {
    let sandbox = Sandbox::with_plugin(&tool("roll", "return [Math.random(), Math.random()];"));
    let host = sandbox.host(());
    let mut rolls = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let answer = host.execute_tool("p", "roll", ToolCall::new("{}")).await.unwrap();
        let roll: Vec<f64> = serde_json::from_str(&answer.result).unwrap();
        assert!(roll.iter().all(|n| (0.0..1.0).contains(n)), "{roll:?}");
        rolls.insert(answer.result);
    }
    assert_eq!(rolls.len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_one_call_is_left_for_the_next() {
    let sandbox = Sandbox::with_plugin(&tool(
        "count",
        "return ((globalThis as any).n = ((globalThis as any).n ?? 0) + 1);",
    ));
    let host = sandbox.host(());
    for _ in 0..3 {
        assert_eq!(host.execute_tool("p", "count", ToolCall::new("{}")).await.unwrap().result, "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_keeps_values_between_calls_and_apart_from_others() {
    let sandbox = Sandbox::with_plugin(&tool(
        "visit",
        "const n = await getSessionValue(\"n\").catch((e: any) => { if (e.kind !== \"not-found\") throw e; return 0; });\n\
         await setSessionValue(\"n\", n + 1);\n\
         return n + 1;",
    ));
    let host = sandbox.host(());
    let visit = async |session: &str| {
        let call =
            ToolCall { context: ExecutionContext::in_session(session), ..ToolCall::new("{}") };
        host.execute_tool("p", "visit", call).await.unwrap().result
    };
    assert_eq!([visit("a").await, visit("a").await, visit("b").await], ["1", "2", "1"]);
    let answer = host.execute_tool("p", "visit", ToolCall::new("{}")).await.unwrap();
    assert!(answer.error.unwrap().contains("not called in a session"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_sees_why_its_callee_failed() {
    let sandbox = Sandbox::with(&[
        ("plugins/p/distri.toml", MANIFEST),
        (
            "plugins/p/index.ts",
            "import { createTool } from \"distri/base\";\n\
             import { callTool } from \"distri/workflow\";\n\
             const ask = async (name: string) => { try { return await callTool(name); } catch (e: any) { return [e.name, e.kind, e.message, e.hint, e.detail?.name]; } };\n\
             export default { tools: [\n\
               createTool({ name: \"fails\", execute: () => { throw new RangeError(\"too far\"); } }),\n\
               createTool({ name: \"asks\", execute: async () => [await ask(\"p/fails\"), await ask(\"p/fial\"), await ask(\"nowhere/x\")] }),\n\
             ] };\n",
        ),
    ]);
    let host = sandbox.host(());
    let answer = host.execute_tool("p", "asks", ToolCall::new("{}")).await.unwrap();
    let told: serde_json::Value = serde_json::from_str(&answer.result).unwrap();
    assert_eq!(
        told[0],
        serde_json::json!(["CallError", "guest-error", "RangeError: too far", null, "RangeError"])
    );
    assert_eq!(told[1][1], "not-found");
    assert_eq!(told[1][3], "did you mean `fails`?");
    assert_eq!(told[2][2], "there is no plugin `nowhere`");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typescript_plugin_sees_its_call_and_its_time() {
    let sandbox = Sandbox::with_plugin(
        "import { createTool } from \"distri/base\";\n\
         export default { tools: [createTool({ name: \"tell\", execute: (input: any, context: any) => ({\n\
           input, params: context.params, ids: [context.session_id, context.sessionId],\n\
           later: Date.now() > 1.7e12, clock: performance.now() >= 0 && performance.now() < 60000,\n\
           random: Math.random() < 1, unicode: \"ü\".normalize(\"NFD\").length,\n\
         }) })] };\n",
    );
    let host = sandbox.host(());
    let mut context = ExecutionContext::in_session("s");
    context.params = "{\"a\": 1}".to_owned();
    let call = ToolCall { context, ..ToolCall::new("{\"x\": [1, 2]}") };
    let answer = host.execute_tool("p", "tell", call).await.unwrap();
    assert!(answer.error.is_none(), "{answer:?}");
    let told: serde_json::Value = serde_json::from_str(&answer.result).unwrap();
    let expected = serde_json::json!({
        "input": { "x": [1, 2] }, "params": { "a": 1 }, "ids": ["s", "s"],
        "later": true, "clock": true, "random": true, "unicode": 2,
    });
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_logs_reaches_the_embedder_line_by_line() {
    use distri_host::{LogLevel, LogRecord};
    use std::sync::Mutex;

    #[derive(Default, Clone)]
    struct Log(Arc<Mutex<Vec<LogRecord>>>);

    impl HostServices for Log {
        fn log(&self, record: LogRecord) {
            self.0.lock().unwrap().push(record);
        }
    }

    let sandbox =
        Sandbox::with_plugin(&tool("talk", "console.warn(\"careful\\nnow\", { a: 1 }); return 1;"));
    let log = Log::default();
    let host = sandbox.host(log.clone());
    host.execute_tool("p", "talk", ToolCall::new("{}")).await.unwrap();
    let records = log.0.lock().unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].level, records[0].message.as_str()),
        (LogLevel::Warn, "careful\\nnow { a: 1 }")
    );
    assert_eq!(records[0].package, "p");
}
