use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Module, Store};

use super::*;

/// Data segments as a memory is kept: some letters, at these places.
fn segments(letters: &str) -> String {
    let segment = |(at, letter)| format!("(data (i32.const {}) \"{letter}\")", 1000 * at);
    letters.chars().enumerate().map(segment).collect()
}

/// A module with a memory of `pages`, whose `at` reads a byte of it.
fn module(pages: u32, data: &str) -> String {
    format!(
        "(core module $runtime
            (import \"other\" \"id\" (func $id (param i32) (result i32)))
            (memory (export \"memory\") {pages})
            (global (export \"place\") i32 (i32.const 7))
            (func (export \"at\") (param i32) (result i32)
                (i32.load8_u (call $id (local.get 0))))
            {data})"
    )
}

/// A component with such a module, another one before it, and one behind it that has the
/// memory from it.
fn component(module: &str) -> String {
    format!(
        "(component
            (core module $first (func (export \"id\") (param i32) (result i32) (local.get 0)))
            {module}
            (core module $last
                (import \"runtime\" \"memory\" (memory 2))
                (import \"runtime\" \"at\" (func $at (param i32) (result i32)))
                (func (export \"at\") (param i32) (result i32)
                    (i32.add (call $at (local.get 0)) (memory.size))))
            (core instance $id (instantiate $first))
            (core instance $runtime (instantiate $runtime (with \"other\" (instance $id))))
            (core instance $both
                (export \"memory\" (memory $runtime \"memory\"))
                (export \"at\" (func $runtime \"at\")))
            (core instance $last (instantiate $last (with \"runtime\" (instance $both))))
            (func (export \"at\") (param \"place\" u32) (result u32)
                (canon lift (core func $last \"at\"))))"
    )
}

/// The same within another component.
fn nested(module: &str) -> String {
    let inner = component(module).replacen("(component", "(component $inner", 1);
    format!(
        "(component
            (core module $beside (func (export \"f\")))
            (core instance (instantiate $beside))
            {inner}
            (instance $inner (instantiate $inner))
            (export \"at\" (func $inner \"at\")))"
    )
}

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// What `at` gives for a place, in the component whole and in its two parts.
fn both(wasm: &[u8], place: u32) -> (u32, u32) {
    let engine = Engine::default();
    let whole = Component::from_binary(&engine, wasm).unwrap();
    let Parts { skeleton, state } = split(wasm).unwrap();
    let skeleton = Component::from_binary(&engine, &skeleton).unwrap();
    let mut linker = Linker::new(&engine);
    linker.root().module(STATE, &Module::from_binary(&engine, &state).unwrap()).unwrap();
    let call = |component| {
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, component).unwrap();
        let at = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "at").unwrap();
        at.call(&mut store, (place,)).unwrap().0
    };
    (call(&whole), call(&skeleton))
}

#[test]
fn a_component_in_parts_answers_as_it_does_whole() {
    let inner = module(3, &segments("abcdefgh"));
    for text in [component(&inner), nested(&inner)] {
        let wasm = wasm(&text);
        for (place, found) in [(0, u32::from(b'a')), (7000, u32::from(b'h')), (1, 0)] {
            assert_eq!(both(&wasm, place), (found + 3, found + 3));
        }
    }
}

#[test]
fn what_differs_in_its_memory_alone_shares_its_skeleton() {
    for around in [component, nested] {
        let of = |pages, letters: &str| {
            split(&wasm(&around(&module(pages, &segments(letters))))).unwrap()
        };
        let (one, other) = (of(2, "abcdefgh"), of(17, "hgfedcba and some more"));
        assert!(one.skeleton == other.skeleton);
        assert_ne!(one.state, other.state);
        assert!(!one.skeleton.windows(3).any(|bytes| bytes == [0x0b, 0x01, b'a']));
    }
}

/// A component with an adapter, which has its own place in the memory.
fn adapted(stack: u32, letters: &str) -> Vec<u8> {
    let import = "(import \"runtime\" \"at\" (func $at (param i32) (result i32)))";
    let pushes = format!(
        "{import}
         (global $stack (mut i32) (i32.const {stack}))
         (global $other i64 (i64.const 3))
         (func $push (result i32)
            (global.set $stack (i32.sub (global.get $stack) (i32.const 1)))
            (i32.add (global.get $stack) (i32.wrap_i64 (global.get $other))))"
    );
    let size = "(memory.size)";
    let after = format!("(i32.add (call $push) {size})");
    let text = component(&module(2, &segments(letters)));
    wasm(&text.replace(import, &pushes).replace(size, &after))
}

#[test]
fn variables_beside_the_memory_are_the_states() {
    let (one, other) = (adapted(500, "abcdefgh"), adapted(60_000, "abcdefghi"));
    let of = |wasm: &[u8]| split(wasm).unwrap().skeleton;
    assert!(of(&one) == of(&other));
    for (wasm, stack) in [(one, 500), (other, 60_000)] {
        let wanted = stack - 1 + 3 + 2 + u32::from(b'b');
        assert_eq!(both(&wasm, 1000), (wanted, wanted));
    }
}

#[test]
fn data_that_code_asks_for_stays_with_it() {
    let passive = "(data $kept \"zyx\")
        (func $start (memory.init $kept (i32.const 20) (i32.const 1) (i32.const 2)))
        (start $start)";
    let text = component(&module(2, &format!("{passive}{}", segments("abcdefgh"))));
    assert_eq!(both(&wasm(&text), 20), (u32::from(b'y') + 2, u32::from(b'y') + 2));
}

#[test]
fn what_no_snapshot_is_made_of_stays_whole() {
    let eight = segments("abcdefgh");
    let whole = [
        // A compiler's own data.
        component(&module(2, &segments("abc"))),
        // Data that code knows by its number, behind what is taken out.
        component(&module(2, &format!("{eight}(data \"zyx\")"))),
        // A memory of another kind.
        component(&module(2, &eight).replace("\"memory\") 2", "\"memory\") 2 4 shared")),
        // Data whose place is given from outside.
        component(
            &module(2, &eight)
                .replace("(memory", "(import \"other\" \"base\" (global $base i32)) (memory")
                .replace("(i32.const 7000)", "(global.get $base)"),
        ),
        // Two memories, and a memory of another's.
        component(&module(2, &eight).replace("(global", "(memory 1) (global")),
        // Two instances of it.
        component(&module(2, &eight)).replace(
            "(core instance $both",
            "(core instance (instantiate $runtime (with \"other\" (instance $id))))
             (core instance $both",
        ),
        // Core modules that are handed on.
        component(&module(2, &eight)).replace(
            "(core instance $id",
            "(export \"m\" (core module $first)) (core instance $id",
        ),
        component(&module(2, &eight)).replacen(
            "(component",
            "(component (import \"m\" (core module))",
            1,
        ),
        nested(&module(2, &eight))
            .replace("(component $inner", "(component $inner (alias outer 1 0 (core module))"),
        // Core types where the state's would be, and those who would take it for theirs.
        component(&module(2, &eight)).replacen("(component", "(component (core type (func))", 1),
        component(&module(2, &eight)).replacen(
            "(component",
            "(component (component (core type (func)) (component (alias outer 1 0 (core type))))",
            1,
        ),
        component(&module(2, &eight)).replacen(
            "(component",
            "(component (component (core type (func)) (type (component (alias outer 1 0 (core type)))))",
            1,
        ),
        component(&module(2, &eight)).replacen(
            "(component",
            "(component (component (core type (func)) (core type (module (alias outer 1 0 (type)))))",
            1,
        ),
    ];
    for text in whole {
        let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(split(&wasm), None, "{text}");
    }
    let module = wat::parse_str("(module (memory 1))").unwrap();
    assert_eq!(split(&module), None);
    assert_eq!(split(b"\0asm\x0d\0\x01\0\x01\xff"), None);
    assert_eq!(split(b""), None);
}

/// What the fuzzer starts from: `fuzz/seeds/split`, written anew where `DISTRI_BLESS` is
/// set.
#[test]
fn the_fuzzers_seeds_come_apart() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/split");
    let kept = module(2, &format!("(data \"zyx\"){}", segments("abcdefgh")));
    let [beside, nested] = [component(&kept), nested(&kept)].map(|text| wasm(&text));
    let adapted = adapted(500, "abcdefgh");
    for (name, seed) in [("beside", beside), ("nested", nested), ("adapted", adapted)] {
        let path = folder.join(name).with_extension("wasm");
        if std::env::var_os("DISTRI_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, seed).unwrap();
        }
        assert!(split(&std::fs::read(path).unwrap()).is_some(), "{name}");
    }
}

#[test]
fn what_is_wrong_does_not_become_right() {
    let plain = wasm(&component(&module(2, &segments("abcdefgh"))));
    let engine = Engine::default();
    for wasm in [plain, adapted(500, "abcdefgh")] {
        assert!(split(&wasm).is_some());
        // Every byte as another: whatever comes apart is whole only where it was.
        for at in 8..wasm.len() {
            for flip in [0x01, 0x7f] {
                let mut bad = wasm.clone();
                bad[at] ^= flip;
                let Some(Parts { skeleton, state }) = split(&bad) else { continue };
                let parts = Component::from_binary(&engine, &skeleton).is_ok()
                    && Module::from_binary(&engine, &state).is_ok();
                let whole = Component::from_binary(&engine, &bad);
                assert!(!parts || whole.is_ok(), "byte {at}: {:?}", whole.err());
            }
        }
    }
}
