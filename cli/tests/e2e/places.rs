//! Where a plugin failed: each failure names its file and line.

use distri_testing::{MANIFEST, Sandbox, tool};
use serde_json::Value;

#[test]
fn each_failure_names_its_line() {
    let mut lost = Vec::new();
    for (what, body) in [
        ("a field of undefined", "const none: any = undefined;\nreturn none.field; // here"),
        (
            "a field after a call",
            "const parsed: any = JSON.parse(\"null\");\nreturn parsed.field; // here",
        ),
        ("a length", "const first: any = Object.keys(input)[0];\nreturn first.length; // here"),
        (
            "an element",
            "const none: any = undefined;\nconst key = \"a\";\nreturn none[key]; // here",
        ),
        ("a call", "const none: any = 1;\nJSON.parse(\"1\");\nnone(); // here"),
        ("a method", "const it: any = {};\nJSON.parse(\"1\");\nit.missing(); // here"),
        (
            "a destructured field",
            "const none: any = undefined;\nconst { a } = none; // here\nreturn a;",
        ),
        ("a new", "const none: any = 1;\nreturn new none(); // here"),
        ("a write", "const none: any = undefined;\nJSON.parse(\"1\");\nnone.a = 1; // here"),
        ("a frozen field", "const it: any = Object.freeze({ a: 1 });\nit.a = 2; // here"),
        (
            "a spread",
            "const none: any = input.none;\nif (none) return 1;\nreturn [...none]; // here",
        ),
        ("a loop", "const none: any = 1;\nfor (const x of none) { // here\n}"),
        (
            "too early",
            "JSON.parse(\"1\");\nconst at = late + 1; // here\nconst late: number = 1; return at;",
        ),
        ("a name that there is not", "JSON.parse(\"1\");\nreturn (nowhere as any) + 1; // here"),
        ("an operator", "const big: any = 1n;\nJSON.parse(\"1\");\nreturn big + 1; // here"),
        ("after a wait", "const none: any = undefined;\nawait null;\nreturn none.field; // here"),
        (
            "within a callback",
            "const none: any = undefined;\n[1].forEach(() => {\n  none.field; // here\n});",
        ),
        ("in", "const none: any = 1;\nJSON.parse(\"1\");\nreturn \"a\" in none; // here"),
        ("thrown", "JSON.parse(\"1\");\nthrow new RangeError(\"x\"); // here"),
        ("JSON", "const text = \"{bad\";\nreturn JSON.parse(text); // here"),
    ] {
        let source = tool("t", body);
        let line = source.lines().position(|line| line.contains("// here")).unwrap() + 1;
        let sandbox = Sandbox::with_plugin(&source);
        sandbox.build();
        let run = sandbox.distri(&["call", "p/t"]);
        assert_eq!(run.code, 1, "{what}: {run:#?}");
        if !run.stderr.contains(&format!("index.ts:{line}:")) {
            lost.push((what, line, run.stderr));
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn every_frame_and_cause_is_at_its_place() {
    let sandbox = Sandbox::with_plugin(&format!(
        "import {{ inner }} from \"./inner.ts\";\n{}",
        tool(
            "t",
            "try {\n  inner();\n} catch (cause) {\n  throw new Error(\"outer\", { cause });\n}"
        )
    ));
    sandbox.write(
        "plugins/p/inner.ts",
        "export function inner() {\n  deeper();\n}\nfunction deeper() {\n  throw new TypeError(\"why\");\n}\n",
    );
    sandbox.build();
    let run = sandbox.distri(&["call", "p/t", "--json"]);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    let detail = &answer["error"]["detail"];
    let stack = detail["stack"].as_str().unwrap();
    assert!(stack.contains("index.ts:8:"), "{stack}");
    let cause = detail["cause"]["stack"].as_str().unwrap();
    assert!(cause.contains("at deeper (") && cause.contains("inner.ts:5:"), "{cause}");
    assert!(cause.contains("at inner (") && cause.contains("inner.ts:2:"), "{cause}");
    assert!(cause.contains("index.ts:6:"), "{cause}");
    assert!(!run.stdout.contains("componentize-qjs"), "{run:#?}");
    let run = sandbox.distri(&["call", "p/t"]);
    run.fails(1, &["outer", "index.ts:8", "caused by", "why", "inner.ts:5"]);
}

/// The engine counts bytes, a source map counts UTF-16 units.
#[test]
fn text_of_any_language_moves_no_place() {
    let party = "\u{1f389}é字\\u2028\\u000d".repeat(40);
    let body = format!(
        "console.error(\"{party}\", new Error(\"logged\"));\n\
         const none: any = input.none;\n\
         if (input.deep) {{ return [\"{party}\", none.field]; }}\n\
         throw new Error(\"thrown {party}\" + other(`{party}`));"
    );
    let sandbox = Sandbox::with_plugin(&format!(
        "const other = (text: string) => text.length;\n{}",
        tool("t", &body)
    ));
    sandbox.write("plugins/p/other.ts", &format!("export const it = \"{party}\";\n"));
    sandbox.build();
    let place = |line: usize, text: &str| {
        let source = std::fs::read_to_string(sandbox.path().join("plugins/p/index.ts")).unwrap();
        let row = source.lines().nth(line - 1).unwrap();
        assert!(row.contains(text), "{row}");
        format!("index.ts:{line}:")
    };
    let run = sandbox.distri(&["call", "p/t"]);
    let logged = run.stderr.lines().find(|line| line.contains("logged")).unwrap();
    assert!(logged.contains(&place(5, "logged")) && !logged.contains("user.js"), "{logged}");
    run.fails(1, &[&place(8, "thrown"), "· "]);
    let run = sandbox.distri(&["call", "p/t", "--input", r#"{"deep":1}"#]);
    run.fails(1, &[&place(7, "none.field")]);

    // At the top level, which the builder asks who it is that wants the time.
    let source = format!("const it = \"{party}\";\n{}", tool("t", "return it;"));
    let born = source.replacen(";\n", ";\nconst born = Date.now();\n", 1);
    sandbox.write("plugins/p/index.ts", &born.replace("return it", "return it + born"));
    sandbox.distri(&["build"]).fails(1, &["index.ts:2:", "Date.now()"]);
}

/// What comes with the host's answer, from the callee's place to the caller's.
#[test]
fn an_error_of_the_hosts_has_the_place_of_who_asked() {
    let lines = [
        "import { callTool, getSessionValue } from \"distri/workflow\";",
        "import { readFile } from \"node:fs/promises\";",
        "import { createTool } from \"distri/base\";",
        "const tool = (name: string, execute: () => unknown) => createTool({ name, execute });",
        "export default { tools: [",
        "  tool(\"fails\", () => { throw new RangeError(\"too far\"); }),",
        "  tool(\"asks\", async () => { await null; return await callTool(\"p/fails\"); }),",
        "  tool(\"passes\", async () => { return await callTool(\"p/asks\"); }),",
        "  tool(\"misses\", async () => { return await callTool(\"p/nowhere\"); }),",
        "  tool(\"empty\", async () => { return await getSessionValue(\"none\"); }),",
        "  tool(\"reads\", async () => { await null; return await readFile(\"/data/none\"); }),",
        "  tool(\"fetches\", async () => { await null; return await fetch(\"https://a.invalid\"); }),",
        "  tool(\"nameless\", async () => { return await callTool(undefined as any); }),",
        "] };\n",
    ];
    let sandbox = Sandbox::with_plugin(&lines.join("\n"));
    sandbox.write(
        "plugins/p/distri.toml",
        &format!("{MANIFEST}filesystem = [{{ guest = \"/data\", path = \"data\" }}]\n"),
    );
    std::fs::create_dir(sandbox.path().join("data")).unwrap();
    sandbox.build();
    for (name, line, words) in [
        ("asks", 7, "in: `p/fails` at /"),
        ("passes", 8, "in: `p/asks` at /"),
        ("misses", 9, "nowhere"),
        ("empty", 10, "no value `none`"),
        ("reads", 11, "ENOENT"),
        ("fetches", 12, "https://a.invalid"),
        ("nameless", 13, "the tool is undefined"),
    ] {
        let run = sandbox.distri(&["call", &format!("p/{name}")]);
        run.fails(1, &[&format!("index.ts:{line}:"), words]);
    }
    let run = sandbox.distri(&["call", "p/passes", "--json"]);
    let error = &serde_json::from_str::<Value>(&run.stdout).unwrap()["error"];
    assert_eq!(error["chain"], serde_json::json!(["p/passes", "p/asks", "p/fails"]), "{error:#}");
    assert_eq!(error["message"], "RangeError: too far", "{error:#}");
    let stacks =
        [&error["detail"], &error["detail"]["detail"], &error["detail"]["detail"]["detail"]];
    for (detail, line) in stacks.into_iter().zip([8, 7, 6]) {
        let stack = detail["stack"].as_str().unwrap();
        assert!(stack.contains(&format!("index.ts:{line}:")), "{line}: {error:#}");
        assert!(!stack.contains("user.js"), "{error:#}");
    }
}
