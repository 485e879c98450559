//! What JSON cannot say is an error that names the place, never `null` or `{}`.

use distri_host::{Host, ToolCall};
use distri_testing::{MANIFEST, Sandbox};

/// A plugin with one tool per expression, named `t0`, `t1` and so on.
fn plugin(expressions: &[&str]) -> String {
    let tools: Vec<String> = expressions
        .iter()
        .enumerate()
        .map(|(at, expression)| {
            format!(
                "createTool({{ name: \"t{at}\", execute: async () => ({expression}) as any }}),\n"
            )
        })
        .collect();
    format!(
        "import {{ createTool, callTool, callAgent, setSessionValue }} from \"distri/base\";\n\
         class Hidden {{ #x = 1; }}\n\
         class Shown {{ a = 1; f = () => 1; *[Symbol.iterator]() {{}} }}\n\
         const circle: any = {{ a: {{ b: [1] }} }}; circle.a.b.push(circle.a);\n\
         const twice = {{ x: 1 }};\n\
         export default {{ tools: [{}] }};\n",
        tools.concat()
    )
}

async fn answer(host: &Host, at: usize) -> (String, Option<String>) {
    let answer = host.execute_tool("p", &format!("t{at}"), ToolCall::new("{}")).await.unwrap();
    (answer.result, answer.error)
}

#[tokio::test]
async fn what_json_cannot_say_is_told_with_its_place() {
    let told = [
        ("NaN", "`result` is NaN, which JSON cannot say"),
        ("({ stats: { mean: NaN } })", "`result.stats.mean` is NaN, which JSON cannot say"),
        ("[[], [1, -1 / 0]]", "`result[1][1]` is -Infinity"),
        ("({ 'a b': new Number(Infinity) })", "`result[\"a b\"]` is Infinity"),
        ("({ toJSON: () => ({ x: NaN }) })", "`result.x` is NaN"),
        ("({ id: 10n })", "`result.id` is a BigInt, which JSON cannot say: give `String(it)`"),
        ("[Object(1n)]", "`result[0]` is a BigInt"),
        (
            "new Map([[1, 2]])",
            "`result` is a Map, which JSON cannot say: give `Object.fromEntries(map)`",
        ),
        ("({ m: new Set() })", "`result.m` is a Set, which JSON cannot say: give `[...set]`"),
        ("new WeakMap()", "`result` is a WeakMap"),
        ("new WeakRef({})", "`result` is a WeakRef"),
        (
            "({ p: Promise.resolve(1) })",
            "`result.p` is a Promise, which JSON cannot say: `await` it",
        ),
        ("({ p: { then() {}, __proto__: new Hidden() } })", "`await` it"),
        (
            "(function* () { yield 1; })()",
            "`result` is a Generator, which JSON cannot say: collect it: `Array.from(it)`",
        ),
        (
            "(async function* () { yield 1; })()",
            "`result` is an AsyncGenerator, which JSON cannot say: collect it: `await Array.fromAsync(it)`",
        ),
        ("[1].values()", "`result` is an Array Iterator"),
        ("[1].values().map((x) => x)", "collect it: `Array.from(it)`"),
        ("({ next() {}, [Symbol.iterator]() { return this; } })", "`result` is an iterator"),
        ("({ async *[Symbol.asyncIterator]() {} })", "`result` is an async iterator"),
        (
            "new Response('{}')",
            "`result` is a Response, which JSON cannot say: give `await response.json()`",
        ),
        ("[new Request('http://a.example')]", "`result[0]` is a Request"),
        (
            "new Headers()",
            "`result` is a Headers, which JSON cannot say: give `Object.fromEntries(headers)`",
        ),
        ("new URLSearchParams()", "`result` is a URLSearchParams"),
        ("new Response('x').body", "`result` is a ReadableStream, which JSON cannot say: read it"),
        ("new AbortController()", "`result` is an AbortController"),
        ("new TextEncoder()", "`result` is a TextEncoder"),
        ("() => 1", "`result` is a function, which JSON cannot say: call it"),
        ("[() => 1]", "`result[0]` is a function"),
        ("Hidden", "`result` is a function"),
        ("Symbol('s')", "`result` is a symbol"),
        ("[Symbol('s')]", "`result[0]` is a symbol"),
        ("circle", "`result.a.b[1]` is circular"),
        (
            "new Uint8Array(3)",
            "`result` is a Uint8Array, which JSON cannot say: give `Array.from(it)`",
        ),
        ("({ b: new ArrayBuffer(1) })", "`result.b` is an ArrayBuffer"),
        ("new DataView(new ArrayBuffer(1))", "`result` is a DataView"),
        ("/x/g", "`result` is a RegExp"),
        (
            "({ e: new RangeError('x') })",
            "`result.e` is a RangeError, which JSON cannot say: give its `message`, or throw it",
        ),
        ("new Hidden()", "`result` is a Hidden without properties"),
        ("callTool('p/t0', { a: [NaN] })", "`input.a[0]` is NaN"),
        ("callTool({ tool_name: 't0', input: new Map() })", "`input` is a Map"),
        (
            "callAgent({ agent_name: 'a', task: 't', options: { temperature: NaN } })",
            "`options.temperature` is NaN",
        ),
        ("setSessionValue('k', { at: new Map() })", "`value.at` is a Map"),
        ("setSessionValue({ key: 'k', value: () => 1 })", "`value` is a function"),
    ];
    let expressions: Vec<&str> = told.iter().map(|(expression, _)| *expression).collect();
    let sandbox = Sandbox::with_plugin(&plugin(&expressions));
    let host = sandbox.host(());
    for (at, (expression, told)) in told.iter().enumerate() {
        let (result, error) = answer(&host, at).await;
        let error = error.unwrap_or_else(|| panic!("{expression} is {result}"));
        assert!(error.contains(told), "{expression}: {error}");
    }
}

#[tokio::test]
async fn what_json_has_a_rule_for_stays() {
    let said = [
        ("({ at: new Date(0) })", r#"{"at":"1970-01-01T00:00:00.000Z"}"#),
        ("({ a: undefined, b: [undefined], c: () => 1 })", r#"{"b":[null]}"#),
        ("undefined", "null"),
        ("null", "null"),
        ("[-0, 1e21, 'ü\\ud800']", "[0,1e+21,\"ü\\ud800\"]"),
        ("Array(2)", "[null,null]"),
        ("new Shown()", r#"{"a":1}"#),
        ("new URL('http://a.example/x')", "\"http://a.example/x\""),
        ("Object.assign(Object.create(null), { a: 1 })", r#"{"a":1}"#),
        ("[new String('s'), new Boolean(false), new Number(1)]", r#"["s",false,1]"#),
        ("new Proxy({ a: [1] }, {})", r#"{"a":[1]}"#),
        ("[twice, twice, { twice }]", r#"[{"x":1},{"x":1},{"twice":{"x":1}}]"#),
        ("new (class List extends Array {})()", "[]"),
        ("Object.groupBy([1, 2], (n) => n)", r#"{"1":[1],"2":[2]}"#),
        ("({ toJSON: () => 5 })", "5"),
        ("[{ toJSON(key: string) { return key; } }]", r#"["0"]"#),
        ("({ next: { next: null } })", r#"{"next":{"next":null}}"#),
    ];
    let expressions: Vec<&str> = said.iter().map(|(expression, _)| *expression).collect();
    let sandbox = Sandbox::with_plugin(&plugin(&expressions));
    let host = sandbox.host(());
    for (at, (expression, said)) in said.iter().enumerate() {
        assert_eq!(answer(&host, at).await, ((*said).to_owned(), None), "{expression}");
    }
}

/// A getter runs once, and what it throws is its own error.
#[tokio::test]
async fn a_value_is_looked_at_once() {
    let sandbox = Sandbox::with_plugin(&plugin(&[
        "(() => { let n = 0; return { get n() { return ++n; }, m: 1 }; })()",
        "({ get n() { throw new Error('mine'); } })",
        "({ a: { b: 1, toJSON() { throw new Error('mine too'); } } })",
    ]));
    let host = sandbox.host(());
    assert_eq!(answer(&host, 0).await, (r#"{"n":1,"m":1}"#.to_owned(), None));
    assert_eq!(answer(&host, 1).await.1.as_deref(), Some("mine"));
    assert_eq!(answer(&host, 2).await.1.as_deref(), Some("mine too"));
}

/// A workflow's result is no other than a tool's.
#[test]
fn the_program_says_where_a_workflow_gave_what_json_cannot_say() {
    let sandbox = Sandbox::with(&[
        ("plugins/p/distri.toml", MANIFEST),
        (
            "plugins/p/index.ts",
            "import { createWorkflow } from \"distri/base\";\n\
             export default { workflows: [createWorkflow({ name: \"w\", execute: () => ({ of: [NaN] }) })] };",
        ),
    ]);
    sandbox.build();
    sandbox.distri(&["run", "p/w"]).fails(1, &["`result.of[0]` is NaN, which JSON cannot say"]);
}
