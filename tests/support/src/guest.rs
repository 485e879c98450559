//! Hostile guests, written as core modules in WAT and made into components.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// WASI 0.2's output streams, as far as a guest needs them to write.
const WASI_OUTPUT: &str = r"
package wasi:io@0.2.6 {
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream {
            check-write: func() -> result<u64, stream-error>;
            write: func(contents: list<u8>) -> result<_, stream-error>;
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }
}
package wasi:cli@0.2.6 {
    interface stdout {
        use wasi:io/streams@0.2.6.{output-stream};
        get-stdout: func() -> output-stream;
    }
}
";

/// The world of the guests here: a tool, and all that a TypeScript plugin may
/// ask for, and WASI 0.2's standard output.
const WORLD: &str = r"
package hostile:guests;
world guest {
    import distri:plugin/host@0.3.0;
    import distri:plugin/sql@0.3.0;
    import wasi:http/types@0.3.0;
    import wasi:cli/stdout@0.3.0;
    import wasi:cli/stdout@0.2.6;
    import wasi:io/streams@0.2.6;
    export distri:plugin/tool@0.3.0;
}
";

/// Memory, an allocator and `get-tool-info`. The answer of a call lies at 1024:
/// `null`, unless the guest writes another. 64..1024 is a guest's own, and so
/// is everything from 2048 to 65536.
const FRAME: &str = r#"
  (global $top (mut i32) (i32.const 65536))
  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get 3)))
    (block $enough (loop $more
      (br_if $enough (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
      (br $more)))
    (local.get $at))
  (data (i32.const 0) "\20\00\00\00\0f\00\00\00")
  (data (i32.const 32) "[{\"name\":\"go\"}]")
  (data (i32.const 52) "null")
  (data (i32.const 1024) "\34\00\00\00\04\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
  (func (export "distri:plugin/tool@0.3.0#get-tool-info") (result i32) (i32.const 0))
"#;

/// A plugin whose tool `go` runs this body: WAT instructions that leave nothing
/// on the stack. `$call` points to the call: id, name and input, each as pointer
/// and length.
pub fn tool(body: &str) -> Vec<u8> {
    with_items("", body)
}

/// A plugin that describes itself by this JSON. Each of its items runs this body.
pub fn describing(json: &str, body: &str) -> Vec<u8> {
    let escaped = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "\\{byte:02x}").unwrap();
            text
        })
    };
    let bytes = |number: usize| escaped(&u32::try_from(number).unwrap().to_le_bytes());
    let text = escaped(json.as_bytes());
    let (from, end) = (65_536, (65_536 + json.len()).next_multiple_of(65_536));
    let frame = FRAME
        .replace("(i32.const 65536))\n", &format!("(i32.const {end}))\n"))
        .replace(r"\20\00\00\00\0f\00\00\00", &format!("{}{}", bytes(from), bytes(json.len())))
        .replace(
            r#"(data (i32.const 32) "[{\"name\":\"go\"}]")"#,
            &format!("(data (i32.const {from}) \"{text}\")"),
        );
    module(&format!(
        "(module (memory (export \"memory\") {}) {frame}
           (func (export \"distri:plugin/tool@0.3.0#execute-tool\") (param $call i32) (result i32)
             {body}
             (i32.const 1024)))",
        end / 65_536
    ))
}

/// A body that answers with the input, as it came.
pub const ECHO: &str = "(i32.store (i32.const 1024) (i32.load offset=16 (local.get $call)))
    (i32.store (i32.const 1028) (i32.load offset=20 (local.get $call)))";

/// The same, with more items in the module: imports first.
pub fn with_items(items: &str, body: &str) -> Vec<u8> {
    with_memory("(memory (export \"memory\") 1)", items, body)
}

/// The same, with these memories.
pub fn with_memory(memories: &str, items: &str, body: &str) -> Vec<u8> {
    module(&format!(
        "(module {items} {memories} {FRAME}
           (func (export \"distri:plugin/tool@0.3.0#execute-tool\") (param $call i32) (result i32)
             (local $i i32) (local $j i32)
             {body}
             (i32.const 1024)))"
    ))
}

/// A plugin whose tool is lifted with a callback, so that it can go on after its
/// answer: `body` runs first and gives the callback's code.
pub fn with_callback(items: &str, body: &str, callback: &str) -> Vec<u8> {
    module(&format!(
        "(module
           (import \"[export]distri:plugin/tool@0.3.0\" \"[task-return]execute-tool\"
             (func $answer (param i32 i32 i32 i32 i32)))
           {items} (memory (export \"memory\") 1) {FRAME}
           (func $null (call $answer (i32.const 52) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0)))
           (func (export \"[async-lift]distri:plugin/tool@0.3.0#execute-tool\") (param $call i32) (result i32)
             {body})
           (func (export \"[callback][async-lift]distri:plugin/tool@0.3.0#execute-tool\") (param i32 i32 i32) (result i32)
             {callback}))"
    ))
}

/// A component of a core module that follows the world above.
pub fn module(text: &str) -> Vec<u8> {
    let mut wasm = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut resolve = Resolve::default();
    let wit = crate::repository().join("wit/v0.3");
    resolve.push_dir(wit).unwrap();
    let package = resolve.push_str("guest.wit", &format!("{WORLD}{WASI_OUTPUT}")).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&wasm)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap_or_else(|error| panic!("{error:#}\n{text}"))
}

/// The items of a guest that calls the tool of this name with `null`.
pub fn calling(name: &str) -> String {
    format!(
        "(import \"distri:plugin/host@0.3.0\" \"call-tool\" (func $call_tool (param i32 i32 i32 i32 i32)))
         (func $ask
           (memory.init $name (i32.const 64) (i32.const 0) (i32.const {length}))
           (call $call_tool (i32.const 64) (i32.const {length}) (i32.const 52) (i32.const 4) (i32.const 128)))
         ;; Makes the error that it was told, if any, the tool's own.
         (func $relay
           (if (i32.load8_u (i32.const 128)) (then
             (i32.store8 (i32.const 1032) (i32.const 1))
             (i32.store (i32.const 1036) (i32.load (i32.const 140)))
             (i32.store (i32.const 1040) (i32.load (i32.const 144))))))
         (data $name \"{name}\")",
        length = name.len()
    )
}

/// A guest that answers `null`.
pub fn good() -> Vec<u8> {
    tool("")
}
