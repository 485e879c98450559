//! The web platform of TypeScript plugins, and what they have of Node: as the
//! standards have it, and only where it is used.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use distri_host::{Artifact, Host, HostServices, LogLevel, LogRecord, ToolCall};
use distri_testing::{MANIFEST, Sandbox, repository, tool};
use distri_workspace::Workspace;
use serde_json::{Value, json};

/// What each fixture checks at least, so that none passes by checking nothing.
const FIXTURES: [(&str, u64); 8] = [
    ("url", 160),
    ("text", 50),
    ("timing", 9),
    ("events", 25),
    ("http", 90),
    ("streams", 9),
    ("path", 35),
    ("files", 120),
];

const FOLDERS: &str = "[capabilities]\nenv = [\"GREETING\"]\n\
    [[capabilities.filesystem]]\nguest = \"/data\"\npath = \"data\"\naccess = \"read-write\"\n\
    [[capabilities.filesystem]]\nguest = \"/fixed\"\npath = \"fixed\"\n";

/// A machine with one variable in its environment.
struct Greeting;

#[async_trait]
impl HostServices for Greeting {
    fn get_variable(&self, name: &str) -> Option<String> {
        (name == "GREETING").then(|| "hello".to_owned())
    }
}

/// A workspace with every fixture as a package.
fn fixtures() -> Sandbox {
    let sandbox = Sandbox::with(&[
        ("fixed/note.txt", "a note\n"),
        ("fixed/sub/x", ""),
        ("data/target.txt", "target"),
    ]);
    let folder = repository().join("cli/tests/e2e/platform");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    for (name, _) in FIXTURES {
        let capabilities = if name == "files" { FOLDERS } else { "" };
        sandbox.write(
            &format!("plugins/{name}/distri.toml"),
            &format!(
                "package = \"{name}\"\nversion = \"0.1.0\"\n\
                 [entrypoints]\nts = \"{name}.ts\"\n{capabilities}"
            ),
        );
        sandbox.write(&format!("plugins/{name}/{name}.ts"), &read(&format!("{name}.ts")));
        sandbox.write(&format!("plugins/{name}/check.ts"), &read("check.ts"));
    }
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, sandbox.path().join(name)).unwrap();
    };
    link("target.txt", "data/in");
    link("/etc/passwd", "data/out");
    sandbox
}

fn packages(workspace: &Workspace) -> Vec<Artifact> {
    workspace.store().catalog().unwrap().packages.into_values().collect()
}

async fn run(host: &Host, package: &str) -> Value {
    let answer = host.execute_tool(package, "run", ToolCall::new("{}")).await.unwrap();
    assert_eq!(answer.error, None, "{package}: {}", answer.result);
    serde_json::from_str(&answer.result).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platform_is_as_its_standards_have_it() {
    let sandbox = fixtures();
    sandbox.build();
    let workspace = Workspace::at(sandbox.path().to_owned());
    let policy = Sandbox::policy("[packages.files]\nenv = [\"GREETING\"]\n");
    let host = Host::builder().policy(policy).services(Greeting).build().unwrap();
    host.load_artifacts(packages(&workspace), &workspace.store());
    for (name, checks) in FIXTURES {
        let told = run(&host, name).await;
        assert_eq!(told["wrong"], json!([]), "{name}");
        assert!(told["checks"].as_u64().unwrap() >= checks, "{name}: {told}");
    }
}

#[derive(Default, Clone)]
struct Log(Arc<Mutex<Vec<LogRecord>>>);

impl HostServices for Log {
    fn log(&self, record: LogRecord) {
        self.0.lock().unwrap().push(record);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_shows_values_and_follows_directives() {
    let lines = [
        ("console.log('%s is %d, %i and %f', 'x', '4.5', '4.5', '4.5')", "x is 4.5, 4 and 4.5"),
        ("console.log('%o %O %j %%', { a: 1 }, [1], { b: 2 })", r#"{ a: 1 } [1] {"b":2} %"#),
        ("console.log('100%', 'sure', '%s')", "100% sure %s"),
        ("console.log('%c colour', 'color: red', 'more')", " colour more"),
        ("console.log('%s')", "%s"),
        (
            "console.log({ a: [1, 'x', null, undefined], 'b-c': { d: { e: { f: 1 } } } })",
            r#"{ a: [1, "x", null, undefined], "b-c": { d: { e: [Object] } } }"#,
        ),
        (
            "console.log(new Map([['k', new Set([1])]]), Symbol('s'), 10n, -0, () => 1, class A {})",
            r#"Map(1) { "k" => Set(1) { 1 } } Symbol(s) 10n -0 [function (anonymous)] [class A]"#,
        ),
        ("const a: any = { n: 1 }; a.self = a; console.log(a)", "{ n: 1, self: [Circular] }"),
        (
            "console.log(new Uint8Array(3), new (class Point { x = 1 })(), Object.create(null))",
            "Uint8Array(3) [0, 0, 0] Point { x: 1 } [Object: null prototype] {}",
        ),
        (
            "console.log(new Date(0), /a/g, new URL('http://a.example/'))",
            r#"1970-01-01T00:00:00.000Z /a/g URL "http://a.example/""#,
        ),
        (
            "console.log(Array.from({ length: 200 }, () => 0).length, new Array(102).fill(7))",
            &format!("200 [{}… 2 more]", "7, ".repeat(100)),
        ),
        (
            "console.assert(1 === 1, 'no'); console.assert(false, 'no %s', 'way')",
            "Assertion failed: no way",
        ),
        (
            "console.count(); console.count(); console.countReset(); console.count('x')",
            "default: 1|default: 2|x: 1",
        ),
        (
            "console.group('g', 1); console.log('in'); console.group(); console.log('deep'); \
          console.groupEnd(); console.groupEnd(); console.log('out')",
            "g 1|  in|    deep|out",
        ),
        (
            "console.table([{ a: 1, b: 'x' }, { a: 22 }])",
            r#"(index) | a  | b|0       | 1  | "x"|1       | 22 |"#,
        ),
        (
            "console.table(['x', 1]); console.table(5)",
            r#"(index) | Values|0       | "x"|1       | 1|5"#,
        ),
        ("console.dir({ a: 1 }); console.log()", "{ a: 1 }|"),
        (
            "const e: any = Object.assign(new Error('x', { cause: 1 }), { code: 'C', n: undefined }); e.stack = 'at'; console.log(e)",
            r#"Error: x\nat { code: "C", [cause]: 1 }"#,
        ),
        (
            "const e: any = new AggregateError([1, 'x'], 'all'); e.stack = ''; console.log(e)",
            r#"AggregateError: all { [errors]: [1, "x"] }"#,
        ),
        (
            "console.log(new Response('x', { status: 201 }), new Headers({ a: '1' }), new Request('http://a.example'))",
            concat!(
                r#"Response { status: 201, statusText: "", url: "", "#,
                r#"headers: Headers { "content-type": "text/plain;charset=UTF-8" } } "#,
                r#"Headers { a: "1" } "#,
                r#"Request { method: "GET", url: "http://a.example/", headers: Headers {} }"#,
            ),
        ),
    ];
    let each = |(code, _): &(&str, &str)| format!("{{ {code}; }} console.debug('--');\n");
    let body: Vec<String> = lines.iter().map(each).collect();
    let sandbox = Sandbox::with_plugin(&tool("talk", &body.concat()));
    let log = Log::default();
    let host = sandbox.host(log.clone());
    host.execute_tool("p", "talk", ToolCall::new("{}")).await.unwrap();
    let records = log.0.lock().unwrap();
    let said: Vec<&str> = records.iter().map(|record| record.message.as_str()).collect();
    let said = said.join("|");
    let said: Vec<&str> = said.split("|--").map(|part| part.trim_start_matches('|')).collect();
    for ((code, expected), said) in lines.iter().zip(&said) {
        assert_eq!(said, expected, "{code}");
    }
    assert_eq!(said.len(), lines.len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_catches_is_logged_with_where_it_happened() {
    let sandbox = Sandbox::with_plugin(&tool(
        "faulty",
        "setTimeout(() => { throw new RangeError('in a timer', { cause: new Error('deep') }); }, 1);\n\
         const target = new EventTarget();\n\
         target.addEventListener('x', () => { throw new TypeError('in a listener'); });\n\
         target.dispatchEvent(new Event('x'));\n\
         await new Promise((go) => setTimeout(go, 10));\n\
         return 'goes on';",
    ));
    let log = Log::default();
    let host = sandbox.host(log.clone());
    let answer = host.execute_tool("p", "faulty", ToolCall::new("{}")).await.unwrap();
    assert_eq!(answer.result, "\"goes on\"");
    let records = log.0.lock().unwrap();
    assert_eq!(records.len(), 2, "{records:?}");
    for (record, said) in records.iter().zip(["TypeError: in a listener", "RangeError: in a timer"])
    {
        assert_eq!(record.level, LogLevel::Error);
        assert!(record.message.starts_with(&format!("Uncaught {said}\\n")), "{record:?}");
    }
    assert!(records[1].message.contains("[cause]: Error: deep"), "{records:?}");
}

/// What has halves of characters in it reaches the host with others in their place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halves_of_characters_do_no_harm() {
    let code = "const half = \"hello 😀\".slice(0, 7);\n\
         console.log(half);\n\
         await setSessionValue(half, half);\n\
         const kinds = [];\n\
         for (const act of [() => callTool(half), () => callAgent(half, half), () => database(half).query(half, [half])])\n\
           await act().catch((error: any) => kinds.push(error.kind));\n\
         if (input.throws) throw new Error(half);\n\
         return [await getSessionValue(\"hello \\ufffd\"), kinds.length, half];";
    let import = "import { database } from \"distri/sql\";\nexport default";
    let sandbox = Sandbox::with_plugin(&tool("t", code).replace("export default", import));
    let log = Log::default();
    let host = sandbox.host(log.clone());
    let call = async |input: &str| {
        let mut call = ToolCall::new(input);
        call.context.session_id = Some("s".to_owned());
        host.execute_tool("p", "t", call).await.unwrap()
    };
    let answer = call("{}").await;
    let value: Value = serde_json::from_str(&answer.result.replace("\\ud83d", "half")).unwrap();
    assert_eq!(value, json!(["hello half", 3, "hello half"]));
    assert_eq!(log.0.lock().unwrap()[0].message, "hello \u{fffd}");
    assert_eq!(call(r#"{"throws":true}"#).await.error.unwrap(), "hello \u{fffd}");
}

/// What was refused keeps what a program and a person can do about it.
#[test]
fn a_denial_that_nobody_catches_keeps_its_hint() {
    let sandbox = at_top_level("");
    sandbox.write(
        "plugins/p/index.ts",
        &tool(
            "t",
            "if (input.several) throw new AggregateError([new TypeError(\"one\"), 2], \"all\");\n\
             await fs.readFile(\"/etc/passwd\");",
        )
        .replace("export default", "import * as fs from \"node:fs/promises\";\nexport default"),
    );
    sandbox.build();
    let run = sandbox.distri(&["call", "p/t"]);
    run.fails(1, &["EACCES: permission denied, open '/etc/passwd'", "hint:", "guest = \"/etc\""]);
    let detail = |input: &str| {
        let run = sandbox.distri(&["call", "p/t", "--json", "--input", input]);
        serde_json::from_str::<Value>(&run.stdout).unwrap()["error"]["detail"].clone()
    };
    let denied = detail("{}");
    assert_eq!((&denied["kind"], &denied["code"]), (&json!("denied"), &json!("EACCES")));
    let errors = &detail(r#"{"several":true}"#)["errors"];
    assert_eq!((&errors[0]["message"], &errors[1]["message"]), (&json!("one"), &json!("2")));
}

/// A plugin that answers at its top level.
fn at_top_level(code: &str) -> Sandbox {
    Sandbox::with_plugin(&format!(
        "import * as fs from \"node:fs/promises\";\n{code}\n\
         export default {{ tools: [{{ name: \"t\", description: \"\", execute: () => fs && 1 }}] }};\n"
    ))
}

#[test]
fn what_reaches_outside_is_refused_while_a_plugin_is_built() {
    for (code, what) in [
        ("fetch(\"http://127.0.0.1/\");", "fetch()"),
        ("setTimeout(() => {}, 1);", "setTimeout()"),
        ("setInterval(() => {}, 1);", "setInterval()"),
        ("setImmediate(() => {});", "setImmediate()"),
        ("AbortSignal.timeout(1);", "setTimeout()"),
        ("await fs.readFile(\"/data/x\");", "open()"),
        ("await fs.stat(\"/data/x\");", "stat()"),
        ("new TextDecoder().decode(new Uint8Array(1), { stream: true });", "TextDecoder.decode()"),
        ("globalThis.chance = Math.random();", "Math.random()"),
    ] {
        let run = at_top_level(code).distri(&["build"]);
        assert_eq!(run.code, 1, "{code}: {run:#?}");
        run.fails(1, &[what, "is not available at a module's top level"]);
        assert!(run.stderr.contains("index.ts:2"), "{code}: {run:#?}");
    }
}

#[test]
fn what_needs_nothing_from_outside_may_be_used_while_a_plugin_is_built() {
    let sandbox = Sandbox::with_plugin(
        "const url = new URL(\"x?a=1\", \"http://a.example\");\n\
         const text = new TextDecoder().decode(new TextEncoder().encode(url.href));\n\
         const request = new Request(url, { method: \"POST\", body: text, signal: new AbortController().signal });\n\
         const response = new Response(\"x\", { headers: { a: \"b\" } });\n\
         export default { tools: [{ name: \"t\", description: \"\", execute: async () => [await request.text(), await response.text()] }] };\n",
    );
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/t"]).json(), json!(["http://a.example/x?a=1", "x"]));
}

/// The size of the component that this module becomes, in bytes.
fn size(source: &str) -> u64 {
    let sandbox = Sandbox::with_plugin(source);
    let report = sandbox.distri(&["build", "--json"]).json();
    report["packages"][0]["bytes"].as_u64().unwrap()
}

#[test]
fn a_plugin_pays_for_what_it_uses() {
    let plain = size(&tool("t", "return 1;"));
    // Its words are no use of anything.
    let words = "return 'fetch a Request and a Response from a URL after setTimeout';";
    let talkative = size(&tool("t", words));
    assert!(talkative < plain + 5_000, "{plain} {talkative}");
    let urls = size(&tool("t", "return new URL(input.url).host;"));
    assert!(urls > plain + 10_000 && urls < plain + 250_000, "{plain} {urls}");
    let fetching = size(&tool("t", "return (await fetch(input.url)).json();"));
    assert!(fetching > plain + 300_000 && fetching < plain + 1_200_000, "{plain} {fetching}");
    eprintln!("plain {plain}, with URL {urls}, with fetch {fetching}");
}

/// However a program takes them, what it finds are the platform's.
#[test]
fn globals_are_there_in_every_way_that_programs_look_for_them() {
    let sandbox = Sandbox::with_plugin(&tool(
        "t",
        "const library = require_global();\n\
         return [typeof fetch, typeof globalThis[\"Headers\"], library(\"URL\"), library(\"TextDecoder\"),\n\
           typeof self, Object.keys(globalThis).includes(\"fetch\")];",
    ).replace("export default", "import require_global from \"library\";\nexport default"));
    sandbox.write(
        "plugins/p/node_modules/library/package.json",
        "{\"name\":\"library\",\"main\":\"index.js\"}",
    );
    sandbox.write(
        "plugins/p/node_modules/library/index.js",
        "var root = typeof globalThis === 'object' ? globalThis : Function('return this')();\n\
         var names = { URL: 1, TextDecoder: 1 };\n\
         module.exports = () => (name) => name in names && typeof root[name];\n",
    );
    sandbox.build();
    assert_eq!(
        sandbox.distri(&["call", "p/t"]).json(),
        json!(["function", "function", "function", "function", "object", false])
    );
    // What a program puts in a global's place is what everybody calls.
    let sandbox = Sandbox::with_plugin(&tool(
        "t",
        "globalThis.fetch = (async (url: any) => new Response(\"not \" + url)) as any;\n\
         return (await fetch(\"http://a.example\")).text();",
    ));
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/t"]).json(), json!("not http://a.example"));
}

#[test]
fn modules_of_node_that_are_not_there_are_named_with_those_that_are() {
    let sandbox =
        Sandbox::with_plugin("import net from \"node:net\";\nexport default { tools: [], net };\n");
    let run = sandbox.distri(&["build"]);
    run.fails(
        1,
        &["Could not resolve 'node:net'", "index.ts:1", "`node:fs/promises`, `node:path`"],
    );
    // A package of that name comes before ours.
    let sandbox =
        Sandbox::with_plugin(&format!("import path from \"path\";\n{}", tool("t", "return path;")));
    sandbox.write(
        "plugins/p/node_modules/path/package.json",
        "{\"name\":\"path\",\"main\":\"index.js\"}",
    );
    sandbox.write("plugins/p/node_modules/path/index.js", "module.exports = 'of its own';\n");
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/t"]).json(), json!("of its own"));
}

/// A timer that is still pending ends with its call: the instance is not kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_timer_neither_delays_an_answer_nor_meets_the_next_call() {
    let source = tool(
        "t",
        "const shared: any = globalThis;\n\
         shared.calls = (shared.calls ?? 0) + 1;\n\
         if (input.pending) setTimeout(() => { shared.late = true; }, 20);\n\
         if (input.wait) await new Promise((go) => setTimeout(go, 60));\n\
         return [shared.calls, shared.late === true];",
    );
    let sandbox = Sandbox::with_plugin(&source);
    sandbox.write("plugins/p/distri.toml", &format!("{MANIFEST}[instances]\nmode = \"shared\"\n"));
    let host = sandbox.host(());
    let call = async |input: Value| -> Value {
        let answer = host.execute_tool("p", "t", ToolCall::new(input.to_string())).await.unwrap();
        serde_json::from_str(&answer.result).unwrap()
    };
    assert_eq!(call(json!({})).await, json!([1, false]));
    assert_eq!(call(json!({})).await, json!([2, false]), "an instance at rest is kept");
    assert_eq!(call(json!({ "pending": true })).await, json!([3, false]));
    assert_eq!(call(json!({ "wait": true })).await, json!([1, false]), "a busy one is not");
    assert_eq!(
        call(json!({ "wait": true })).await,
        json!([2, false]),
        "a timer that ran is no hindrance"
    );
}

/// Timers that nobody needs any more end with the call, and its instance serves the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_that_are_over_do_not_cost_an_instance() {
    let source = tool(
        "t",
        "const shared: any = globalThis;\n\
         shared.calls = (shared.calls ?? 0) + 1;\n\
         for (let i = 0; i < input.timeouts; i++) AbortSignal.timeout(30_000 - i);\n\
         for (let i = 0; i < input.cleared; i++) clearTimeout(setTimeout(() => {}, 30_000 - i));\n\
         if (input.raced) {\n\
           let late;\n\
           await Promise.race([new Promise((go) => setTimeout(go, 5)), new Promise((go) => { late = setTimeout(go, 30_000); })]);\n\
           clearTimeout(late);\n\
         }\n\
         return shared.calls;",
    );
    let sandbox = Sandbox::with_plugin(&source);
    sandbox.write("plugins/p/distri.toml", &format!("{MANIFEST}[instances]\nmode = \"shared\"\n"));
    let host = sandbox.host(());
    let inputs = [
        json!({ "timeouts": 1 }),
        json!({ "timeouts": 3, "cleared": 3 }),
        json!({ "cleared": 20_000 }),
        json!({ "raced": true }),
        json!({}),
    ];
    for (at, input) in inputs.iter().enumerate() {
        let call = ToolCall::new(input.to_string());
        let answer = host.execute_tool("p", "t", call).await.unwrap();
        assert_eq!(answer.result, (at + 1).to_string(), "after {:?}", inputs.get(at.max(1) - 1));
    }
}

/// Decoders are handles of the host's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decoders_are_bounded_like_other_handles() {
    let sandbox = Sandbox::with_plugin(&tool(
        "t",
        "const all = [];\n\
         for (let i = 0; i < input.count; i++) {\n\
           const decoder = new TextDecoder();\n\
           decoder.decode(new Uint8Array([0xe2]), { stream: true });\n\
           if (input.end) decoder.decode();\n\
           all.push(decoder);\n\
         }\n\
         return all.length;",
    ));
    let host = sandbox.host(());
    let call =
        async |input: Value| host.execute_tool("p", "t", ToolCall::new(input.to_string())).await;
    assert_eq!(call(json!({ "count": 20_000, "end": true })).await.unwrap().result, "20000");
    let error = call(json!({ "count": 20_000 })).await.unwrap_err();
    assert_eq!(error.kind(), distri_host::ErrorKind::ResourceLimit, "{error}");
}
