//! What a module's top level asks for while the plugin is built: what would be true of
//! the build for ever is refused where it is asked for.

use distri_testing::{Sandbox, tool};
use serde_json::json;

#[test]
fn the_clock_is_refused_at_the_top_level() {
    for (line, words) in [
        ("const it = new Date().getFullYear();", "new Date()"),
        ("const it = Date.now();", "Date.now()"),
        ("const it = Date();", "Date()"),
        ("const it = performance.now();", "performance.now()"),
        ("const it = performance.timeOrigin;", "performance.timeOrigin"),
        ("class it { static made = new Date(); }", "new Date()"),
        ("const f = (at = Date.now()) => at; const it = f();", "Date.now()"),
        ("class Mine extends Date {} const it = new Mine();", "new Date()"),
        ("const now = Date.now; const it = now();", "Date.now()"),
        ("const it = [1].map(() => new Date());", "new Date()"),
    ] {
        let sandbox = Sandbox::with_plugin(&format!("\n\n{line}\n{}", tool("t", "return it;")));
        sandbox.distri(&["build"]).fails(1, &["index.ts:3", words, "top level"]);
    }
}

#[test]
fn dates_that_are_made_of_something_are_dates() {
    let sandbox = Sandbox::with_plugin(&format!(
        "const day = new Date(2020, 0, 2, 3);\n\
         const parsed = new Date(\"2021-02-03T04:05:06Z\");\n\
         class Mine extends Date {{ year() {{ return this.getFullYear(); }} }}\n\
         const mine = new Mine(0);\n{}",
        tool(
            "t",
            "const now = new Date(), age = Date.now() - +now;\n\
             return [day.toISOString(), parsed.getTime(), mine.year(), mine instanceof Date, mine.constructor.name,\n\
             Date.UTC(2020), Date.parse(\"2020-01-01\"), Date.name, Date.length, day.constructor === Date,\n\
             now.getFullYear() > 2025, age >= 0 && age < 1e4, typeof Date(), performance.now() >= 0,\n\
             Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1e4, structured(day)];\n\
             function structured(date: Date) { return JSON.stringify({ date }); }",
        ),
    ));
    sandbox.build();
    assert_eq!(
        sandbox.distri(&["call", "p/t"]).json(),
        json!([
            "2020-01-02T03:00:00.000Z",
            1_612_325_106_000_i64,
            1970,
            true,
            "Mine",
            1_577_836_800_000_i64,
            1_577_836_800_000_i64,
            "Date",
            7,
            true,
            true,
            true,
            "string",
            true,
            true,
            "{\"date\":\"2020-01-02T03:00:00.000Z\"}"
        ])
    );
}

/// A package is not the author's to mend: it is named, and works.
#[test]
fn a_package_that_asks_for_the_time_is_named_and_works() {
    let sandbox = Sandbox::with_plugin(&format!(
        "import {{ since }} from \"ticking\";\n{}",
        tool("t", "return [typeof since(), process.env.NODE_ENV];"),
    ));
    sandbox.write("plugins/p/node_modules/ticking/package.json", "{ \"main\": \"index.js\" }");
    sandbox.write(
        "plugins/p/node_modules/ticking/index.js",
        "const started = Date.now();\n\
         const debug = process.env.DEBUG;\n\
         exports.since = () => debug ?? Date.now() - started;\n",
    );
    let run = sandbox.build();
    assert!(run.stderr.contains("`ticking` asks for the time"), "{run:#?}");
    assert!(run.stderr.contains("index.js:1"), "{run:#?}");
    assert_eq!(sandbox.distri(&["call", "p/t"]).json(), json!(["number", "production"]));
    // The author's own module is held to it all the same.
    sandbox.write(
        "plugins/p/index.ts",
        &format!("import \"ticking\";\nconst at = Date.now();\n{}", tool("t", "return at;")),
    );
    sandbox.distri(&["build"]).fails(1, &["index.ts:2", "Date.now()"]);
}

#[test]
fn a_package_that_asks_for_chance_is_named_and_calls_have_their_own() {
    let sandbox = Sandbox::with_plugin(&format!(
        "import {{ tag, next }} from \"lucky\";\n{}",
        tool("t", "return [tag, next(), Math.random()];"),
    ));
    sandbox.write("plugins/p/node_modules/lucky/package.json", "{ \"main\": \"index.js\" }");
    sandbox.write(
        "plugins/p/node_modules/lucky/index.js",
        "exports.tag = Math.random().toString(36).slice(2);\nexports.next = () => Math.random();\n",
    );
    let run = sandbox.build();
    assert!(run.stderr.contains("`lucky` asks for a random number"), "{run:#?}");
    let [one, other] = [(), ()].map(|()| sandbox.distri(&["call", "p/t"]).json());
    assert_eq!(one[0], other[0], "what it kept when it was loaded");
    let numbers = [&one[1], &one[2], &other[1], &other[2]].map(ToString::to_string);
    let different: std::collections::BTreeSet<_> = numbers.iter().collect();
    assert_eq!(different.len(), 4, "{numbers:?}");
    sandbox.write(
        "plugins/p/index.ts",
        &format!("const n = Math.random();\n{}", tool("t", "return n;")),
    );
    sandbox.distri(&["build"]).fails(1, &["index.ts:1", "Math.random()"]);
}

#[test]
fn what_is_thrown_at_the_top_level_is_told_whatever_it_is() {
    for (thrown, words) in [
        ("\"so it is\"", "threw the text \"so it is\""),
        ("undefined", "threw undefined"),
        ("null", "threw null"),
        ("42", "threw 42"),
        ("{ code: 1 }", "threw a value of the type Object"),
    ] {
        let source = format!("throw {thrown};\n{}", tool("t", "return 1;"));
        let run = Sandbox::with_plugin(&source).distri(&["build"]);
        run.fails(1, &["index.ts", words, "throw an `Error`"]);
    }
}

#[test]
fn the_environment_is_refused_at_the_top_level() {
    for (line, words) in [
        ("const it = process.env.API_KEY;", "process.env.API_KEY"),
        ("const { API_KEY: it } = process.env;", "process.env.API_KEY"),
        ("const it = { ...process.env };", "process.env"),
        ("const it = \"HOME\" in process.env;", "process.env"),
    ] {
        let sandbox = Sandbox::with_plugin(&format!("\n{line}\n{}", tool("t", "return it;")));
        // The engine has no place for what a pattern reads.
        let place = if line.starts_with("const {") { "index.ts" } else { "index.ts:2" };
        sandbox.distri(&["build"]).fails(1, &[place, words, "top level"]);
    }
}

#[test]
fn waiting_at_the_top_level_for_what_never_comes_is_told() {
    let sandbox = Sandbox::with_plugin(&format!(
        "await new Promise(() => {{}});\n{}",
        tool("t", "return 1;")
    ));
    sandbox.distri(&["build"]).fails(1, &["top level", "index.ts", "never comes"]);
    let sandbox = Sandbox::with_plugin(&format!(
        "const ready = await Promise.resolve(5);\n{}",
        tool("t", "return ready;")
    ));
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "p/t"]).json(), 5);
}

#[test]
fn a_call_that_waits_for_what_never_comes_is_told() {
    let sandbox = Sandbox::with_plugin(&tool("t", "await new Promise(() => {});"));
    sandbox.build();
    sandbox.distri(&["call", "p/t"]).fails(1, &["p/t", "waits for something that never comes"]);
}
