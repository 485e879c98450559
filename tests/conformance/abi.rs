//! The WIT and what conforms to it: golden copies, complete refusals, and the two
//! tracks side by side.

use distri_host::{AgentCall, ErrorKind, Host, HostServices, Result, ToolCall, Wit};
use distri_manifest::Manifest;
use wit_component::{ComponentEncoder, StringEncoding, WitPrinter, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

use crate::repository;

/// A version of the WIT without its comments, all on one page.
fn printed(wit: &Wit) -> String {
    let mut resolve = Resolve::default();
    for (name, text) in wit.deps {
        resolve.push_source(name, text).unwrap();
    }
    let mut sources = SourceMap::default();
    for (name, text) in wit.files {
        sources.push_str(name, *text);
    }
    let package = resolve.push_group(sources.parse().map_err(|(_, error)| error).unwrap()).unwrap();
    let mut printer = WitPrinter::default();
    printer.emit_docs(false);
    printer.print(&resolve, package, &[]).unwrap();
    printer.output.to_string()
}

/// Until the first tag `DISTRI_BLESS` writes them anew, with a page in
/// `docs/decisions` that says why. From then on they stay.
#[test]
fn no_version_of_the_wit_changes_by_accident() {
    for wit in Wit::ALL {
        let path = repository().join(format!("tests/conformance/golden/{}.wit", wit.version));
        let text = printed(&wit);
        if std::env::var_os("DISTRI_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{}", path.display());
    }
}

/// Both versions have the same shape: the sync one is the async one without the
/// word.
#[test]
fn both_tracks_have_the_same_shape() {
    let [sync, on_async] = Wit::ALL;
    for (name, text) in sync.files {
        let (_, other) = on_async.files.iter().find(|(other, _)| other == name).unwrap();
        let other = other.replace("@0.3.0", "@0.2.0").replace("async func", "func");
        assert_eq!(*text, other, "{name}");
    }
}

/// Every item of the WIT says what it is.
#[test]
fn every_item_of_the_wit_is_documented() {
    for (name, text) in Wit::ALL.iter().flat_map(|wit| wit.files) {
        let mut documented = false;
        let mut inside_cases = false;
        for line in text.lines().map(str::trim) {
            let declares = line.contains(": func(")
                || line.contains(": async func(")
                || ["interface ", "record ", "enum ", "world "]
                    .iter()
                    .any(|word| line.starts_with(word))
                || (inside_cases && line.ends_with(',') && line.contains(": "));
            assert!(!declares || documented, "{name}: `{line}` has no comment");
            inside_cases = line.starts_with("record ") || (inside_cases && line != "}");
            documented = line.starts_with("///");
        }
    }
}

fn manifest(name: &str) -> Manifest {
    format!(
        "package = \"{name}\"\nversion = \"1.0.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n\
         [capabilities]\ntools = [\"*\"]\nagents = [\"*\"]\n"
    )
    .parse()
    .unwrap()
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(repository().join("tests/conformance/golden").join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn components_of_both_tracks_call_each_other() {
    let host = Host::builder().build().unwrap();
    for (name, file) in [("two", "rust-0.2.wasm"), ("three", "rust-0.3.wasm")] {
        host.load_component(&manifest(name), golden(file)).await.unwrap();
    }
    assert_eq!(host.plugin_info("two").unwrap().abi, "0.2.0");
    assert_eq!(host.plugin_info("three").unwrap().abi, "0.3.0");
    for (caller, callee) in [("two", "three"), ("three", "two")] {
        // There and back again.
        let input = format!(
            r#"{{"name":"{callee}/call_tool","input":{{"name":"{caller}/echo","input":{{"from":"{caller}"}}}}}}"#
        );
        let answer = host.execute_tool(caller, "call_tool", ToolCall::new(input)).await.unwrap();
        assert_eq!(answer.error, None);
        assert_eq!(answer.result, format!(r#"{{"ok":{{"ok":{{"from":"{caller}"}}}}}}"#));
    }
}

/// Opens when eight ask.
struct Meeting(tokio::sync::Barrier);

#[async_trait::async_trait]
impl HostServices for Meeting {
    async fn call_agent(&self, _: AgentCall) -> Result<String> {
        self.0.wait().await;
        Ok("met".to_owned())
    }
}

/// On one thread eight guests wait for the same thing: were one of them to hold
/// the thread, none would ever go on.
#[tokio::test(flavor = "current_thread")]
async fn a_waiting_guest_of_either_track_holds_no_thread() {
    for file in ["rust-0.2.wasm", "rust-0.3.wasm"] {
        let services = Meeting(tokio::sync::Barrier::new(8));
        let host = Host::builder().services(services).build().unwrap();
        host.load_component(&manifest("p"), golden(file)).await.unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let host = host.clone();
            let call = ToolCall::new(r#"{"name":"a","task":""}"#);
            calls.spawn(async move { host.execute_tool("p", "call_agent", call).await });
        }
        while let Some(call) = calls.join_next().await {
            assert_eq!(call.unwrap().unwrap().result, r#"{"ok":"met"}"#, "{file}");
        }
    }
}

/// A component with no code that has these imports and exports.
fn component_of(wit: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("wrong.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("wrong")).unwrap();
    let mangling = wit_parser::ManglingAndAbi::Standard32;
    let mut module = wit_component::dummy_module(&resolve, world, mangling);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_every_defect_at_once() {
    let wasm = component_of(
        r"
        package wrong:plugin;
        world wrong {
            import acme:db/store@1.0.0;
            import distri:plugin/host@0.9.0;
            import distri:plugin/host@0.2.0;
            import wasi:keyvalue/store@0.2.0;
            export distri:plugin/tool@0.2.0;
        }
        package acme:db@1.0.0 { interface store { get: func() -> string; } }
        package wasi:keyvalue@0.2.0 { interface store { get: func() -> string; } }
        package distri:plugin@0.9.0 { interface host { call-tool: func(); } }
        package distri:plugin@0.2.0 {
            interface host { call-tool: func(name: string) -> string; fly: func(); }
            interface tool {
                record tool-call { id: string, name: string }
                execute-tool: func(call: tool-call) -> string;
            }
        }",
    );
    let host = Host::builder().without_cache().build().unwrap();
    let error = host.load_component(&manifest("wrong"), wasm).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidComponent);
    let expected = [
        "for 7 reasons",
        "it imports `acme:db/store@1.0.0`, which this host does not have",
        "it imports `distri:plugin/host@0.9.0`; this host serves `distri:plugin@0.2.0` and `distri:plugin@0.3.0`",
        "`call-tool` of `distri:plugin/host@0.2.0` is `func(name: string) -> string`; the world expects `func(name: string, input: string) -> result<string, call-error>`: it takes 1 parameters, and must take 2",
        "it imports `fly` of `distri:plugin/host@0.2.0`, which has only",
        "it imports `wasi:keyvalue/store@0.2.0`",
        "`distri:plugin/tool@0.2.0` has no `get-tool-info`; the world expects `func() -> string`",
        "`execute-tool` of `distri:plugin/tool@0.2.0`",
    ];
    for text in expected {
        assert!(error.message().contains(text), "no {text:?} in {}", error.message());
    }
}

/// Its own WIT of `distri:plugin/sql`, with this value and this end of a transaction.
fn with_databases(value: &str, commit: &str) -> Vec<u8> {
    component_of(&format!(
        "package wrong:plugin;
        world wrong {{ import distri:plugin/sql@0.2.0; export distri:plugin/tool@0.2.0; }}
        package distri:plugin@0.2.0 {{
            interface tool {{ go: func(); }}
            interface types {{
                record call-error {{ kind: string, message: string, hint: option<string>, detail: option<string> }}
            }}
            interface sql-types {{
                variant value {{ {value} }}
                record rows {{ columns: list<string>, rows: list<list<value>> }}
            }}
            interface sql {{
                use types.{{call-error}};
                use sql-types.{{value, rows}};
                resource transaction {{
                    query: func(statement: string, parameters: list<value>) -> result<rows, call-error>;
                    commit: {commit};
                }}
                begin: func(database: string) -> result<transaction, call-error>;
            }}
        }}"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_compares_variants_and_resources() {
    let host = Host::builder().without_cache().build().unwrap();
    let value = "null, boolean(bool), integer(s64), large-integer(string), real(f64), text(string), blob(list<u8>)";
    let commit = "func() -> result<_, call-error>";
    for (value, commit, expected) in [
        (value, commit, None),
        (
            &value.replace("real(f64)", "real(f32)"),
            commit,
            Some("in `parameters`, case `real` of `value`: `f32` must be `f64`"),
        ),
        (
            &value.replace("null, ", ""),
            commit,
            Some("`value` must have the cases `null`, `boolean`, `integer`"),
        ),
        (
            value,
            "func(hard: bool) -> result<_, call-error>",
            Some("`[method]transaction.commit` of `distri:plugin/sql@0.2.0`"),
        ),
    ] {
        let wasm = with_databases(value, commit);
        let error = host.load_component(&manifest("wrong"), wasm).await.unwrap_err();
        let message = error.message();
        assert!(message.contains("has no `get-tool-info`"), "{message}");
        match expected {
            Some(expected) => assert!(message.contains(expected), "no {expected:?} in {message}"),
            None => assert!(!message.contains("/sql@"), "{message}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_no_plugin_is_told_what_one_is() {
    let host = Host::builder().without_cache().build().unwrap();
    for (wit, expected) in [
        ("package wrong:plugin; world wrong {}", "it exports nothing; a plugin exports"),
        (
            "package wrong:plugin; world wrong { export distri:plugin/tool@0.4.0; } \
             package distri:plugin@0.4.0 { interface tool { go: func(); } }",
            "it exports `distri:plugin/tool@0.4.0`; this host serves",
        ),
    ] {
        let error = host.load_component(&manifest("wrong"), component_of(wit)).await.unwrap_err();
        assert!(error.message().contains(expected), "{}", error.message());
    }
}
