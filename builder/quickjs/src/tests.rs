use wasmparser::{Parser, Payload, Validator};

use super::*;

/// The world's folder, and the engine that setup fetched.
fn made() -> ScriptEngine {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quickjs = std::fs::read(here.join("quickjs.wasm")).unwrap();
    make(&quickjs, &here.join("../../wit/v0.3")).unwrap()
}

#[test]
fn the_engine_that_the_builder_has_is_the_one_that_is_made() {
    let [first, second] = [made(), made()];
    assert_eq!(first.component, second.component, "the same bytes each time");
    let builder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |name: &str| std::fs::read(builder.join(name)).unwrap();
    assert!(read("engine.wasm") == first.component, "run `make setup`");
    assert_eq!(read("engine.js"), first.shim.as_bytes());
    assert_eq!(read("engine.instrumented"), first.instrumented.as_bytes());
}

#[test]
fn the_script_engine_is_the_one_that_was_meant() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quickjs = std::fs::read(here.join("quickjs.wasm")).unwrap();
    let wanted = include_str!("../quickjs.sha256");
    assert_eq!(wanted.split_whitespace().next(), Some(&*hex(&quickjs)));
}

#[test]
fn what_is_stubbed_is_what_the_engine_imports() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quickjs = std::fs::read(here.join("quickjs.wasm")).unwrap();
    let library = Library::read(&quickjs).unwrap();
    for stub in &STUBS {
        let mut imported = library.imported();
        let found = imported.any(|(module, name, _)| (module, name) == (stub.module, stub.name));
        assert!(found, "{} {}", stub.module, stub.name);
    }
}

#[test]
fn the_engine_imports_no_loader_and_no_adapter_and_has_one_memory_of_its_own() {
    let component = made().component;
    let mut memories = 0;
    for payload in Parser::new(0).parse_all(&component) {
        match payload.unwrap() {
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    let name = import.unwrap().name.name;
                    for gone in ["local:", "wasi:filesystem/types@0.2", "wasi:cli/environment@0.2"]
                    {
                        assert!(!name.starts_with(gone), "{name}");
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let module = import.unwrap().module;
                    assert!(module != "wasi_snapshot_preview1" && module != "env", "{module}");
                }
            }
            Payload::MemorySection(section) => memories += section.count(),
            _ => {}
        }
    }
    assert_eq!(memories, 1);
}

/// Two small libraries, by hand: the first has data, a table entry and an exported function
/// that the second calls and takes the address of.
fn libraries() -> [Vec<u8>; 2] {
    let first = r#"(module
        (@dylink.0 (mem-info (memory 20 2) (table 1 0)))
        (import "env" "memory" (memory 1))
        (import "env" "__indirect_function_table" (table 1 funcref))
        (import "env" "__memory_base" (global $base i32))
        (import "env" "__table_base" (global $table i32))
        (import "env" "__stack_pointer" (global $stack (mut i32)))
        (import "gone" "answer" (func $gone (result i32)))
        (import "there" "f" (func $there))
        (global $at i32 global.get $base i32.const 8 i32.add)
        (elem (global.get $table) func $own)
        (data (global.get $base) "first")
        (func $own (export "own") (result i32) global.get $base)
        (func (export "gone") (result i32) call $there call $gone)
        (func (export "at") (result i32) global.get $at)
        (func (export "stack") (result i32) global.get $stack)
        (func (export "__wasm_apply_data_relocs") global.get $base i32.const 7 i32.store8 offset=16)
    )"#;
    let second = r#"(module
        (@dylink.0 (mem-info (memory 4 4) (table 0 0)))
        (import "env" "memory" (memory 1))
        (import "env" "__memory_base" (global $base i32))
        (import "env" "own" (func $own (result i32)))
        (import "GOT.func" "own" (global $address (mut i32)))
        (import "GOT.mem" "__heap_base" (global $heap (mut i32)))
        (import "there" "f" (func $there))
        (data (global.get $base) "2nd")
        (func (export "sum") (result i32) call $own global.get $base i32.add)
        (func (export "address") (result i32) global.get $address)
        (func (export "heap") (result i32) global.get $heap)
        (func (export "__wasm_call_ctors") call $there)
    )"#;
    [first, second].map(|text| wat::parse_str(text).unwrap())
}

#[test]
fn libraries_become_one_module_that_does_the_same() {
    let libraries = libraries();
    let libraries = [&libraries[0], &libraries[1]].map(|wasm| Library::read(wasm).unwrap());
    let stub = Stub { module: "gone", name: "answer", does: &[Instruction::I32Const(42)] };
    let plan = Plan {
        libraries: &libraries,
        stubs: &[stub],
        stack: 1000,
        exported: &|name| !name.starts_with("__wasm"),
    };
    let linked = link(&plan).unwrap();
    Validator::new().validate_all(&linked).unwrap();

    let engine = wasmtime::Engine::default();
    let module = wasmtime::Module::new(&engine, &linked).unwrap();
    let imports: Vec<_> = module.imports().map(|import| import.name().to_owned()).collect();
    assert_eq!(imports, ["f"], "both import it, and it is imported once");
    let mut store = wasmtime::Store::new(&engine, 0);
    let count = wasmtime::Func::wrap(&mut store, |mut calls: wasmtime::Caller<'_, i32>| {
        *calls.data_mut() += 1;
    });
    let instance = wasmtime::Instance::new(&mut store, &module, &[count.into()]).unwrap();
    assert_eq!(*store.data(), 0, "nothing that is imported is called before it may be");
    let mut call = |name: &str| {
        let function = instance.get_typed_func::<(), i32>(&mut store, name).unwrap();
        function.call(&mut store, ()).unwrap()
    };
    // The stack, then the data of each at what it has to be a multiple of, then the heap.
    assert_eq!(call("stack"), 1000);
    assert_eq!([call("own"), call("at")], [1008, 1016]);
    assert_eq!(call("sum"), 1008 + 1040);
    assert_eq!(call("heap"), 1056);
    assert_eq!(call("gone"), 42);
    let address = call("address");
    assert_eq!(address, 2, "behind the first library's entry, which is behind that of nobody");
    let initialise = instance.get_typed_func::<(), ()>(&mut store, "_initialize").unwrap();
    initialise.call(&mut store, ()).unwrap();
    assert_eq!(*store.data(), 2, "one stub call's, and one of the constructor");
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    assert_eq!(&memory.data(&store)[1008..1013], b"first");
    assert_eq!(memory.data(&store)[1024], 7, "addresses are written before anything runs");
    assert_eq!(&memory.data(&store)[1040..1043], b"2nd");
}

#[test]
fn what_no_library_has_is_named() {
    let [first, second] = libraries();
    let [first, second] = [&first, &second].map(|wasm| Library::read(wasm).unwrap());
    let fault = |libraries: &[Library<'_>]| {
        let plan = Plan { libraries, stubs: &[], stack: 16, exported: &|_| true };
        link(&plan).unwrap_err().to_string()
    };
    assert_eq!(fault(&[second]), "no library has `own`");
    let module = wat::parse_str("(module (memory 1))").unwrap();
    assert!(Library::read(&module).err().unwrap().to_string().contains("of its own"));
    drop(first);
}
