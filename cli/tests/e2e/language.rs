//! The language that authors write: names, decorators, elements and newer syntax mean
//! what they mean elsewhere, or are refused where they stand.

use distri_testing::{Sandbox, tool};
use serde_json::json;

/// What the tool `t` of this module answers.
#[track_caller]
fn answer(sandbox: &Sandbox) -> serde_json::Value {
    sandbox.build();
    sandbox.distri(&["call", "p/t"]).json()
}

#[test]
fn classes_and_functions_keep_their_names() {
    let sandbox = Sandbox::with_plugin(&format!(
        "import * as other from \"./other.ts\";\n\
         class Twin {{}}\n\
         function helper() {{}}\n\
         const arrow = () => 1;\n\
         class URL extends globalThis.URL {{}}\n\
         class Own {{ static name = \"mine\"; }}\n\
         const Anonymous = class {{}};\n\
         const made = {{ method() {{}}, [\"computed\" as string]: () => 1 }};\n\
         const inner = () => {{ class Twin {{}} return Twin; }};\n\
         {}",
        tool(
            "t",
            "const { Twin: T2, helper: h2, arrow: a2, default: D, Error: E2 } = other;\n\
             return [Twin, T2, helper, h2, arrow, a2, URL, Own, Anonymous, made.method, made.computed, \
             inner(), D, E2, globalThis.URL].map((it: any) => it.name);",
        ),
    ));
    sandbox.write(
        "plugins/p/other.ts",
        "export class Twin {}\nexport function helper() {}\nexport const arrow = () => 2;\n\
         class Mine extends globalThis.Error {}\nexport { Mine as Error };\n\
         export default class Fallback {}\n",
    );
    assert_eq!(
        answer(&sandbox),
        json!([
            "Twin",
            "Twin",
            "helper",
            "helper",
            "arrow",
            "arrow",
            "URL",
            "mine",
            "Anonymous",
            "method",
            "computed",
            "Twin",
            "Fallback",
            "Mine",
            "URL"
        ])
    );
}

#[test]
fn errors_have_their_classes_names() {
    let sandbox = Sandbox::with_plugin(&format!(
        "import {{ find }} from \"./other.ts\";\n\
         export class NotFound extends Error {{ override name = this.constructor.name; }}\n{}",
        tool("t", "if (input.own) throw new NotFound(\"own\"); return find();"),
    ));
    sandbox.write(
        "plugins/p/other.ts",
        "class NotFound extends Error { override name = this.constructor.name; }\n\
         export const find = () => { throw new NotFound(\"theirs\"); };\n",
    );
    sandbox.build();
    sandbox.distri(&["call", "p/t", "--input", "{\"own\":true}"]).fails(1, &["NotFound: own"]);
    sandbox.distri(&["call", "p/t"]).fails(1, &["NotFound: theirs"]);
}

const TSCONFIG: &str = "\u{feff}{\r\n  // as frameworks ask for it\r\n  \"compilerOptions\": { \"experimentalDecorators\": true, \"emitDecoratorMetadata\": true },\r\n}\r\n";

#[test]
fn older_decorators_work_without_an_installed_package() {
    let sandbox = Sandbox::with_plugin(&format!(
        "const seen: string[] = [];\n\
         const mark = (name: string) => (...on: any[]) => {{ seen.push(name + \":\" + String(on[1])); }};\n\
         @mark(\"class\") class A {{\n\
         @mark(\"field\") field: number = 1;\n\
         @mark(\"method\") method(@mark(\"parameter\") a: string): string {{ return a; }}\n\
         @mark(\"get\") get it() {{ return 1; }}\n\
         @mark(\"static\") static s() {{}}\n\
         }}\n\
         class B {{ constructor(@mark(\"made\") readonly a: A) {{}} }}\n{}",
        tool("t", "return [new A().method(\"x\"), new B(new A()).a.field, ...seen.sort()];"),
    ));
    sandbox.write("plugins/p/tsconfig.json", TSCONFIG);
    assert_eq!(
        answer(&sandbox),
        json!([
            "x",
            1,
            "class:undefined",
            "field:field",
            "get:it",
            "made:undefined",
            "method:method",
            "parameter:method",
            "static:s"
        ])
    );
}

#[test]
fn what_is_not_translated_is_refused_where_it_stands() {
    for (source, words) in [
        ("class A {\n  @loud m() {}\n}", ["index.ts:3", "decorators"]),
        ("class A {\n  accessor a = 1;\n}", ["index.ts:3", "`accessor`"]),
        (
            "import fs from \"fs\";\nfs.readFileSync(\"x\");",
            ["index.ts:3", "`node:fs` has no `readFileSync`"],
        ),
        (
            "import { readFileSync } from \"node:fs\";\nreadFileSync(\"x\");",
            ["index.ts:2", "readFileSync"],
        ),
    ] {
        let sandbox = Sandbox::with_plugin(&format!(
            "const loud: any = 1;\n{source}\nexport default {{ tools: [] }};\n"
        ));
        sandbox.distri(&["build"]).fails(1, &words);
    }
}

#[test]
fn elements_without_a_library_are_refused_where_they_stand() {
    let sandbox = Sandbox::with_plugin(&tool("t", "return (await import(\"./page\")).page;"));
    let page = "\nexport const page =\n  <p>hello</p>;\n";
    sandbox.write("plugins/p/page.tsx", page);
    sandbox.distri(&["build"]).fails(1, &["page.tsx:3", "react/jsx-runtime", "@jsxRuntime"]);
    let h = "const h = (name: string, _: unknown, ...inside: string[]) => name + inside.join();\n";
    sandbox.write("plugins/p/page.tsx", &format!("/** @jsxRuntime classic @jsx h */\n{h}{page}"));
    assert_eq!(answer(&sandbox), "phello");
}

#[test]
fn newer_syntax_is_translated() {
    let sandbox = Sandbox::with_plugin(&format!(
        "enum Colour {{ Red = 1, Green }}\n\
         const enum Size {{ S = \"s\" }}\n\
         namespace Space {{ export const inside = 3; }}\n\
         class Thing {{ #x = 1; static {{ Thing.made = 4; }} static made = 0; has() {{ return #x in this; }}\n\
         constructor(public field: number) {{}} }}\n{}",
        tool(
            "t",
            "const order: string[] = [];\n\
             { using a = { [Symbol.dispose]() { order.push(\"a\"); } };\n\
             await using b = { async [Symbol.asyncDispose]() { order.push(\"b\"); } };\n\
             order.push(\"body\"); }\n\
             const o: any = null; let n: any; n ??= 5;\n\
             return [Colour.Green, Size.S, Space.inside, new Thing(2).field, Thing.made, new Thing(1).has(),\n\
             o?.a?.() ?? 6, n, 2 ** 3, 1_000, [1, 2].at(-1), /(?<y>\\d+)/v.exec(\"y7\")!.groups!.y, order] satisfies unknown[];",
        ),
    ));
    assert_eq!(
        answer(&sandbox),
        json!([2, "s", 3, 2, 0, true, 6, 5, 8, 1000, 2, "7", ["body", "b", "a"]])
    );
}

/// A mark and the line ends of another system change nothing.
#[test]
fn marks_and_line_ends_of_editors_are_taken_as_they_are_meant() {
    let module = tool("t", "return [words.length, text, more];");
    let source = format!(
        "import words from \"./words.json\";\nimport more from \"./more.ts\";\nconst text = `one\ntwo`;\n{module}"
    );
    let windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let sandbox = Sandbox::with_plugin(&windows(&source));
    sandbox.write("plugins/p/distri.toml", &windows(distri_testing::MANIFEST));
    sandbox.write("plugins/p/words.json", &windows("[\"a\",\n\"b\"]\n"));
    sandbox.write("plugins/p/more.ts", &windows("\nexport default 3;\n"));
    sandbox.write("plugins/p/package.json", &windows("{ \"type\": \"module\" }\n"));
    assert_eq!(answer(&sandbox), json!([2, "one\ntwo", 3]));
    sandbox.write("input.json", &windows("{ \"a\": 1 }\n"));
    assert_eq!(sandbox.distri(&["call", "p/t", "--input", "@input.json"]).code, 0);
    sandbox.write(
        "plugins/p/more.ts",
        &windows("\n\nthrow new Error(\"here\");\nexport default 1;\n"),
    );
    sandbox.distri(&["build"]).fails(1, &["more.ts:3"]);
}
