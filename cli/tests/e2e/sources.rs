//! What sources may do to the program that bundles them: nothing. Files that lead out
//! of the workspace, that are no files, that are too much or nested too deep are
//! refused by name, and other packages are built.

use std::os::unix::fs::symlink;

use distri_testing::{MANIFEST, Sandbox};

const GOOD: &str = "export default { tools: [{ name: \"t\", execute: () => \"fine\" }] };\n";

/// A workspace with the plugin `p` of this source, and `good`.
fn beside_a_good_one(source: &str) -> Sandbox {
    let sandbox = Sandbox::with_plugin(source);
    sandbox.write("plugins/good/distri.toml", &MANIFEST.replace("\"p\"", "\"good\""));
    sandbox.write("plugins/good/index.ts", GOOD);
    sandbox
}

/// Builds: `p` fails with all of these words, and `good` can be called.
#[track_caller]
fn refused(sandbox: &Sandbox, words: &[&str]) {
    sandbox.distri(&["build"]).fails(1, words);
    assert_eq!(sandbox.distri(&["call", "good/t"]).json(), "fine");
}

#[test]
fn the_bundler_reads_what_was_checked() {
    for (file, import) in [
        ("q?y.txt", "./q?y.txt"),
        ("q#y.txt", "./q#y.txt"),
        ("q%3Fy.txt", "./q%3Fy.txt"),
        ("q y.txt", "./q y.txt"),
        ("Q.txt", "./Q.txt"),
    ] {
        let sandbox = beside_a_good_one(&format!(
            "import text from {import:?};\n\
             export default {{ tools: [{{ name: \"t\", execute: () => text }}] }};\n"
        ));
        let secret = tempfile::tempdir().unwrap();
        std::fs::write(secret.path().join("secret.txt"), "secret").unwrap();
        // What a reader that takes the name for a request would open.
        for other in ["q", "q.txt", "q?y", "q.ts"] {
            symlink(secret.path().join("secret.txt"), sandbox.path().join("plugins/p").join(other))
                .unwrap();
        }
        sandbox.write(&format!("plugins/p/{file}"), "checked");
        let run = sandbox.distri(&["build"]);
        let answer = sandbox.distri(&["call", "p/t"]);
        assert!(!answer.stdout.contains("secret"), "{import}: {run:#?} {answer:#?}");
        if run.code == 0 {
            assert_eq!(answer.json(), "checked", "{import}");
        }
    }
}

#[test]
fn links_out_of_the_workspace_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(outside.path().join("package")).unwrap();
    for (name, text) in [
        ("secret.ts", "export default \"secret\";"),
        ("secret.json", "\"secret\""),
        ("secret.txt", "secret"),
        ("package/package.json", "{ \"main\": \"index.js\" }"),
        ("package/index.js", "module.exports = \"secret\";"),
    ] {
        std::fs::write(outside.path().join(name), text).unwrap();
    }
    for (link, target, import) in [
        ("plugins/p/linked.ts", "secret.ts", "./linked"),
        ("plugins/p/linked.json", "secret.json", "./linked.json"),
        ("plugins/p/linked.txt", "secret.txt", "./linked.txt"),
        ("plugins/p/folder", "", "./folder/secret.ts"),
        ("plugins/p/node_modules", "", "package"),
        ("node_modules/package", "package", "package"),
    ] {
        let source = format!(
            "import secret from {import:?};\n\
             export default {{ tools: [{{ name: \"t\", execute: () => secret }}] }};\n"
        );
        let sandbox = beside_a_good_one(&source);
        let link = sandbox.path().join(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(outside.path().join(target), &link).unwrap();
        refused(&sandbox, &["index.ts:1", "lies outside the workspace and is not read"]);
    }
}

#[test]
fn a_ready_made_component_does_not_lead_out_of_the_workspace() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("plugin.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let sandbox = beside_a_good_one("");
    sandbox.write(
        "plugins/p/distri.toml",
        &MANIFEST.replace("ts = \"index.ts\"", "wasm = \"p.wasm\""),
    );
    symlink(outside.path().join("plugin.wasm"), sandbox.path().join("plugins/p/p.wasm")).unwrap();
    refused(&sandbox, &["p.wasm", "outside the workspace"]);
}

/// Nothing waits for a writer, and nothing is read on and on.
#[test]
fn what_is_no_file_or_too_large_is_refused() {
    let import = |name: &str| format!("import it from \"./{name}\";\n{GOOD}console.log(it);\n");
    let sandbox = beside_a_good_one(&import("pipe.ts"));
    let fifo = |path: &str| {
        let path = sandbox.path().join(path);
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    fifo("plugins/p/pipe.ts");
    refused(&sandbox, &["index.ts:1", "./pipe.ts"]);

    sandbox.write("plugins/p/index.ts", &import("huge.ts"));
    let huge = std::fs::File::create(sandbox.path().join("plugins/p/huge.ts")).unwrap();
    huge.set_len(4 << 30).unwrap();
    refused(&sandbox, &["huge.ts", "more than"]);

    // Files that only say how modules are found.
    sandbox.write("plugins/p/index.ts", GOOD);
    for name in ["tsconfig.json", "package.json"] {
        fifo(&format!("plugins/p/{name}"));
    }
    sandbox.build();
    for name in ["tsconfig.json", "package.json"] {
        let path = sandbox.path().join("plugins/p").join(name);
        std::fs::remove_file(&path).unwrap();
        std::fs::File::create(&path).unwrap().set_len(4 << 30).unwrap();
    }
    assert_ne!(sandbox.distri(&["build"]).code, -1);
    for (name, text) in
        [("tsconfig.json", "[".repeat(100_000)), ("package.json", "[".repeat(100_000))]
    {
        std::fs::remove_file(sandbox.path().join("plugins/p/tsconfig.json")).unwrap_or_default();
        std::fs::remove_file(sandbox.path().join("plugins/p/package.json")).unwrap_or_default();
        sandbox.write(&format!("plugins/p/{name}"), &text);
        sandbox.write("plugins/p/index.ts", &format!("import \"./other.ts\";\n{GOOD}"));
        sandbox.write("plugins/p/other.ts", "export {};");
        refused(&sandbox, &[name]);
    }
}

#[test]
fn deep_sources_are_refused_at_their_place() {
    let many = |text: &str| text.repeat(1500);
    for (what, source) in [
        ("brackets", format!("\nexport const x = {}{};", many("["), many("]"))),
        ("parentheses", format!("\nexport const x = {}1{};", many("("), many(")"))),
        ("templates", format!("\nexport const x = {}1{};", many("`${"), many("}`"))),
        ("operators", format!("\nexport const x = {}1;", many("!"))),
        ("sums", format!("\nexport const x = {}1;", many("globalThis.a+"))),
        ("powers", format!("\nexport const x = {}1;", many("1**"))),
        (
            "labels",
            format!(
                "\n{}{{}};",
                (0..1500).map(|at| format!("a{at}:")).collect::<Vec<_>>().concat()
            ),
        ),
        ("objects", format!("\nexport const x = {}1{};", many("{a:"), many("}"))),
        ("elements", format!("\nexport const x = {}{};", many("<a>"), many("</a>"))),
        ("types", format!("\nexport type X = {}1{};", many("A<"), many(">"))),
        ("conditional types", format!("\nexport type X<T> = {}1;", many("T extends 1 ? 2 : "))),
        ("arrows", format!("\nexport const x = {}1;", many("a=>"))),
        ("optional chains", format!("\nexport const x = globalThis{};", many("?.a"))),
        ("conditions", format!("\nexport const x = {}1;", many("globalThis.a?1:"))),
        ("ifs", format!("\n{};", many("if(globalThis.a)"))),
        ("else ifs", format!("\n{}{{}}", many("if(globalThis.a){}else "))),
        ("blocks", format!("\n{}{}", many("{"), many("}"))),
        ("functions", format!("\n{}{}", many("function f(){"), many("}"))),
        ("classes", format!("\nexport const x = {}{};", many("class{static a="), many("}"))),
        ("assignments", format!("\nlet a: any; {}1;", many("a="))),
        ("awaits", format!("\nexport const f = async () => {}1;", many("await "))),
        ("news", format!("\nexport const x = () => {}A;", many("new "))),
        ("casts", format!("\nexport const x = 1{};", many(" as any"))),
        ("expressions", format!("\nexport const x = /{}{}/;", many("("), many(")"))),
    ] {
        let sandbox = beside_a_good_one(&format!("import \"./deep\";\n{GOOD}"));
        sandbox.write("plugins/p/deep.tsx", &source);
        let run = sandbox.distri(&["build"]);
        assert!([0, 1].contains(&run.code), "{what}: {run:#?}");
        assert!(run.code == 0 || run.stderr.contains("deep.tsx:"), "{what}: {run:#?}");
        assert_eq!(sandbox.distri(&["call", "good/t"]).json(), "fine", "{what}");
    }
}

/// Deeper than any stack is: the process that bundles ends, and it is known at what.
#[test]
fn what_ends_the_bundler_is_named() {
    for (what, text) in
        [("brackets", "["), ("operators", "!"), ("arrows", "a=>"), ("elements", "<a>")]
    {
        let sandbox = beside_a_good_one(&format!("import \"./deep\";\n{GOOD}"));
        let source = format!("export const x = {}", text.repeat(3_000_000 / text.len()));
        sandbox.write("plugins/p/deep.tsx", &source);
        sandbox.distri(&["build"]).fails(1, &["deep.tsx:"]);
        assert_eq!(sandbox.distri(&["call", "good/t"]).json(), "fine", "{what}");
    }
}

#[test]
fn too_much_source_is_refused() {
    let sandbox = beside_a_good_one(&format!("import \"./long\";\n{GOOD}"));
    sandbox.write("plugins/p/long.ts", &"export {};\n".repeat(21 << 17));
    refused(&sandbox, &["long.ts", "more than 8388608 bytes"]);

    let imports: Vec<String> = (0..10_000).map(|at| format!("import \"./m/{at}\";\n")).collect();
    let imports = imports.concat();
    sandbox.write("plugins/p/long.ts", &imports);
    for at in 0..10_000 {
        sandbox.write(&format!("plugins/p/m/{at}.ts"), "export {};");
    }
    refused(&sandbox, &["one module too many: a plugin may have 8192"]);
}

#[test]
fn wrong_json_is_refused_by_its_file_and_line() {
    for (json, words) in [
        ("{\r\n\"a\": oops }", "words.json:2"),
        ("", "words.json:1"),
        (&*"[".repeat(100_000), "words.json:1"),
    ] {
        let sandbox = beside_a_good_one(&format!(
            "import words from \"./words.json\";\nconsole.log(words);\n{GOOD}"
        ));
        sandbox.write("plugins/p/words.json", json);
        refused(&sandbox, &[words, "this is not JSON"]);
    }
}

#[test]
fn a_top_level_that_computes_for_ever_is_ended() {
    for body in ["for (;;);", "/^(a+)+$/.test(\"a\".repeat(40) + \"b\");"] {
        let sandbox = beside_a_good_one(&format!("{body}\n{GOOD}"));
        refused(&sandbox, &["the top level of", "index.ts", "computes for too long"]);
    }
}

#[test]
fn sources_that_are_not_utf_8_are_refused_by_their_line() {
    let sandbox = beside_a_good_one(&format!("import \"./latin\";\n{GOOD}"));
    std::fs::write(sandbox.path().join("plugins/p/latin.ts"), b"export {};\n// \xe9\n").unwrap();
    refused(&sandbox, &["latin.ts", "not UTF-8 in line 2"]);
}
