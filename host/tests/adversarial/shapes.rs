//! Components of a shape that parsers recurse over or unfold: nested, chained, in
//! great numbers. Written byte by byte, since no toolchain makes them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use distri_host::{CompilerProcess, ErrorKind, Host, Limits, ToolCall};
use distri_testing::{alone, growth, guest, manifest, program};

use crate::bench::Bench;

/// A number as WebAssembly has it.
fn leb(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(n & 0x7f).unwrap();
        n >>= 7;
        if n == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// The number of a type where one without a number could stand: a signed number.
fn index(n: usize) -> Vec<u8> {
    let mut bytes = leb(n);
    if let Some(last) = bytes.last_mut()
        && *last & 0x40 != 0
    {
        *last |= 0x80;
        bytes.push(0);
    }
    bytes
}

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(body.len()), body].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&leb(text.len())[..], text.as_bytes()].concat()
}

/// A section of `count` items, all in `items`.
fn items(id: u8, count: usize, items: &[u8]) -> Vec<u8> {
    section(id, &[&leb(count)[..], items].concat())
}

fn component(sections: &[Vec<u8>]) -> Vec<u8> {
    [COMPONENT, &sections.concat()].concat()
}

/// A type of a component (0x41) or instance (0x42) in one, and so on.
pub(crate) fn nested_types(depth: usize, kind: u8) -> Vec<u8> {
    let mut body = [kind, 1, 1].repeat(depth);
    body.extend([kind, 0]);
    component(&[items(7, 1, &body)])
}

/// A component in a component, and so on.
pub(crate) fn nested_components(depth: usize) -> Vec<u8> {
    // Backwards, so that what is around is appended.
    let mut reversed: Vec<u8> = COMPONENT.iter().rev().copied().collect();
    for _ in 0..depth {
        let length = leb(reversed.len());
        reversed.extend(length.iter().rev());
        reversed.push(4);
        reversed.extend(COMPONENT.iter().rev());
    }
    reversed.reverse();
    reversed
}

/// A list of lists of lists, each a type of its own, and a function that takes it.
pub(crate) fn chained_types(length: usize, of: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut types = vec![0x70, 0x73];
    for at in 1..length {
        types.extend(of(at - 1));
    }
    let last = index(length - 1);
    let function = [&[0x40, 1][..], &text("a"), &last, &[1, 0]].concat();
    let import = [&[0][..], &text("f"), &[1], &leb(length)].concat();
    component(&[items(7, length, &types), items(7, 1, &function), items(10, 1, &import)])
}

fn list(of: usize) -> Vec<u8> {
    [&[0x70][..], &index(of)].concat()
}

/// Each is two of the one before.
fn pair(of: usize) -> Vec<u8> {
    [&[0x6f, 2][..], &index(of), &index(of)].concat()
}

/// Instances that export each other, one within the next.
fn chained_instances(length: usize) -> Vec<u8> {
    let mut instances = vec![1, 0];
    for at in 1..length {
        instances.extend([&[1, 1, 0][..], &text("a"), &[5], &leb(at - 1)].concat());
    }
    component(&[items(5, length, &instances)])
}

/// Components that each instantiate the one before a thousand times.
fn unfolding(levels: usize) -> Vec<u8> {
    let mut inner = component(&[]);
    for _ in 0..levels {
        let instances = [0, 0, 0].repeat(999);
        inner = component(&[section(4, &inner), items(5, 999, &instances)]);
    }
    inner
}

/// One that instantiates whatever component it is given.
fn unfolding_what_it_is_given() -> Vec<u8> {
    let ty = items(7, 1, &[0x41, 0]);
    let import = items(10, 1, &[&[0][..], &text("c"), &[4, 0]].concat());
    let given = component(&[ty, import, items(5, 1, &[0, 0, 0])]);
    let arg = [&[0, 1, 1][..], &text("c"), &[4, 0]].concat();
    component(&[section(4, &component(&[])), section(4, &given), items(5, 1, &arg)])
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [MODULE, &sections.concat()].concat()
}

fn of_module(module: &[u8]) -> Vec<u8> {
    component(&[section(1, module)])
}

/// Everything that nests, chains, unfolds or comes in great numbers.
pub(crate) fn shapes() -> Vec<(String, Vec<u8>)> {
    let mut shapes = Vec::new();
    for depth in [40, 1_000, 10_000, 100_000, 1_000_000] {
        shapes.push((format!("{depth} nested component types"), nested_types(depth, 0x41)));
        shapes.push((format!("{depth} nested instance types"), nested_types(depth, 0x42)));
    }
    for depth in [40, 1_000, 10_000, 100_000] {
        shapes.push((format!("{depth} nested components"), nested_components(depth)));
    }
    for length in [1_000, 10_000, 100_000] {
        shapes.push((format!("{length} lists of lists"), chained_types(length, list)));
        shapes.push((format!("{length} chained instances"), chained_instances(length)));
    }
    shapes.push(("pairs of pairs".to_owned(), chained_types(400, pair)));
    for levels in [2, 3, 6] {
        shapes.push((format!("{levels} levels of 999 instances"), unfolding(levels)));
    }
    shapes.push(("a component that is given one".to_owned(), unfolding_what_it_is_given()));
    let many = 900_000;
    let functions = [0x60, 0, 0].repeat(many);
    shapes.push(("flat core types".to_owned(), of_module(&module(&[items(1, many, &functions)]))));
    let group = [&[0x4e][..], &leb(many), &functions].concat();
    shapes.push(("a group of core types".to_owned(), of_module(&module(&[items(1, 1, &group)]))));
    shapes.push(("core types of a component".to_owned(), component(&[items(3, many, &functions)])));
    let declared = [&[0x50][..], &leb(99_999), &[1, 0x60, 0, 0].repeat(99_999)].concat();
    let declared = items(3, 20, &declared.repeat(20));
    shapes.push(("types of modules".to_owned(), component(&[declared])));
    shapes.push(("flat types".to_owned(), component(&[items(7, many, &vec![0x73; many])])));
    let declarations = [&[0x42][..], &leb(many), &[1, 0x73].repeat(many)].concat();
    shapes.push(("flat declarations".to_owned(), component(&[items(7, 1, &declarations)])));
    let group = [&[0x4e][..], &leb(usize::try_from(u32::MAX).unwrap())].concat();
    shapes
        .push(("a group that is not there".to_owned(), of_module(&module(&[items(1, 1, &group)]))));
    shapes
}

fn without_compiler(cache: &std::path::Path) -> Host {
    Host::builder().cache_folder(cache).build().unwrap()
}

pub(crate) fn compiler() -> CompilerProcess {
    CompilerProcess {
        program: program().to_owned(),
        arguments: vec!["compile-component".to_owned()],
    }
}

/// In this process, on a thread whose stack is small, as an embedder's may be.
#[test]
fn what_nests_or_unfolds_is_refused_in_the_hosts_own_process() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(512 << 10)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let bench = Bench::new(|_| {}).await;
        for (what, wasm) in shapes() {
            let began = Instant::now();
            let (error, grown) = growth(bench.load("bad", wasm)).await;
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{what}: {error}");
            assert!(error.message().len() < 16 << 10, "{what}");
            assert!(grown < 256 << 20, "{what}: {} MiB", grown >> 20);
            assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", began.elapsed());
        }
        bench.still_good().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nests_or_unfolds_is_refused_in_a_compilers_process() {
    let _alone = alone().await;
    let cache = tempfile::tempdir().unwrap();
    let host = Host::builder().cache_folder(cache.path()).compiler(compiler()).build().unwrap();
    for (what, wasm) in shapes() {
        let error = host.load_component(&manifest("bad", ""), wasm).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{what}: {error}");
        assert!(!error.message().contains("without an answer"), "{what}: {error}");
    }
    host.load_component(&manifest("good", ""), guest::good()).await.unwrap();
    assert_eq!(host.execute_tool("good", "go", ToolCall::new("1")).await.unwrap().result, "null");
}

/// What is within the bounds is taken as far as it goes, with room to spare on the
/// stack: it is parsed, and then it is no plugin. Some of it is too much for a parser,
/// which panics.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_just_within_the_bounds_is_parsed() {
    let bench = Bench::new(|_| {}).await;
    let near = [
        nested_types(30, 0x41),
        nested_types(30, 0x42),
        nested_components(31),
        chained_types(480, list),
        chained_types(15, pair),
        chained_instances(480),
    ];
    for wasm in near {
        let error = bench.load("bad", wasm).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{error}");
        assert!(!error.message().contains("more than"), "{error}");
    }
    bench.still_good().await;
}

/// A component that imports what no host has, so many times: an instance without
/// anything for a name with a `/`, a function without parameters for others.
pub(crate) fn wrong_imports(count: usize, name: impl Fn(usize) -> String) -> Vec<u8> {
    let mut imports = Vec::new();
    for at in 0..count {
        let name = name(at);
        let kind = if name.contains('/') { [5, 0] } else { [1, 1] };
        imports.extend([&[0][..], &text(&name), &kind].concat());
    }
    let types = [0x42, 0, 0x40, 0, 1, 0];
    component(&[items(7, 2, &types), items(10, count, &imports)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_short_however_much_is_wrong() {
    let bench = Bench::new(|_| {}).await;
    let cache = tempfile::tempdir().unwrap();
    let compiling =
        Host::builder().cache_folder(cache.path()).compiler(compiler()).build().unwrap();
    let many = wrong_imports(99_000, |at| format!("f{at}"));
    let versions = wrong_imports(900, |at| format!("distri:plugin/host{at}@0.3.{at}"));
    let long = wrong_imports(3, |at| format!("a:b{at}/{}", "c".repeat(90_000)));
    let plain = wrong_imports(3, |at| format!("{}{at}", "c".repeat(90_000)));
    for (what, wasm) in [("many", many), ("versions", versions), ("long", long), ("plain", plain)] {
        for host in [&bench.host, &compiling] {
            let loaded = host.load_component(&manifest("bad", ""), wasm.clone()).await;
            let error = loaded.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{what}: {error}");
            let hint = error.hint().map_or(0, str::len);
            assert!(error.message().len() + hint <= 16 << 10, "{what}: {}", error.message().len());
            if what == "many" {
                assert!(error.message().contains("for 99001 reasons"), "{error}");
                assert!(error.message().contains("- and 98977 more"), "{error}");
            }
        }
    }
    bench.still_good().await;
}

/// A small function that takes a compiler gigabytes: all of many variables are other
/// ones in each of many loops.
pub(crate) fn hungry() -> Vec<u8> {
    let (loops, variables) = (2_000, 2_000);
    let mut body = "loop ".repeat(loops);
    for at in 0..variables {
        write!(body, "local.get {at} i32.const 1 i32.add local.set {at} ").unwrap();
    }
    for at in 0..loops {
        write!(body, "local.get {at} br_if {at} ").unwrap();
    }
    body += &"end ".repeat(loops);
    let locals = "i32 ".repeat(variables);
    guest::with_items(&format!("(func (export \"f\") (local {locals}) {body})"), "")
}

/// One compiler may take so much memory, and says so when it is too little.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_takes_too_much_memory_to_compile_is_given_up() {
    let bench = Bench::new(|_| {}).await;
    let mut limits = Limits::default();
    limits.compile_memory = 256 << 20;
    let cache = tempfile::tempdir().unwrap();
    let host = Host::builder()
        .limits(limits)
        .cache_folder(cache.path())
        .compiler(compiler())
        .build()
        .unwrap();
    host.load_component(&manifest("good", ""), guest::good()).await.unwrap();
    let (loaded, grown) = growth(host.load_component(&manifest("bad", ""), hungry())).await;
    let error = loaded.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert_eq!(error.detail(), Some(r#"{"limit":"compile_memory","max":268435456}"#));
    assert!(grown < 64 << 20, "{} MiB", grown >> 20);
    assert_eq!(host.execute_tool("good", "go", ToolCall::new("1")).await.unwrap().result, "null");
    bench.still_good().await;
}

/// Compilers that this test's process has running.
fn children() -> usize {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap();
    let child = |entry: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        let parent = stat.rsplit(") ").next()?.split(' ').nth(1)?.to_owned();
        (stat.contains("(distri)") && parent == own).then_some(())
    };
    processes.filter_map(child).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_components_at_once_start_as_many_compilers_as_there_is_room_for() {
    let _alone = alone().await;
    let cache = tempfile::tempdir().unwrap();
    let host = Host::builder().cache_folder(cache.path()).compiler(compiler()).build().unwrap();
    let host = Arc::new(host);
    let mut loads = tokio::task::JoinSet::new();
    for at in 0..30 {
        let host = Arc::clone(&host);
        loads.spawn(async move {
            let wasm = guest::tool(&format!("(drop (i32.const {at}))"));
            host.load_component(&manifest(&format!("good{at}"), ""), wasm).await
        });
    }
    let mut most = 0;
    while !loads.is_empty() {
        most = most.max(children());
        while let Some(loaded) = loads.try_join_next() {
            loaded.unwrap().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let processors = std::thread::available_parallelism().unwrap().get();
    assert!((1..=processors).contains(&most), "{most} compilers on {processors} processors");
    assert_eq!(host.loaded_plugins().len(), 30);
}

/// Core modules that a builder makes components of bring types of components with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nests_in_a_core_modules_custom_section_is_refused() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("plugins/bad");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(
        package.join("distri.toml"),
        "package = \"bad\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n",
    )
    .unwrap();
    let embedded = [
        nested_types(100_000, 0x41),
        nested_types(100_000, 0x42),
        nested_components(10_000),
        chained_types(100_000, list),
        component(&[items(7, 900_000, &vec![0x73; 900_000])]),
    ];
    for types in embedded {
        let custom = [text("component-type:bad"), types].concat();
        std::fs::write(package.join("plugin.wasm"), module(&[section(0, &custom)])).unwrap();
        let built = std::process::Command::new(program())
            .args(["build", "-C"])
            .arg(folder.path())
            .env("XDG_CACHE_HOME", folder.path().join("cache"))
            .env("XDG_CONFIG_HOME", folder.path().join("config"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        assert_eq!(built.status.code(), Some(1), "{said}");
        assert!(said.contains("the core module cannot become a component"), "{said}");
    }
}

/// One cache folder may be used by hosts with and without a compiler's process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_compilers_process_made_is_what_this_process_would_make() {
    let _alone = alone().await;
    let cache = tempfile::tempdir().unwrap();
    let host = Host::builder().cache_folder(cache.path()).compiler(compiler()).build().unwrap();
    host.load_component(&manifest("good", ""), guest::good()).await.unwrap();
    let digest = distri_host::digest(&guest::good());
    assert!(without_compiler(cache.path()).is_compiled(&digest));
}

/// What the fuzzer of refusals starts from: `fuzz/seeds/component`, written anew where
/// `DISTRI_BLESS` is set.
#[test]
fn the_fuzzers_seeds_are_shapes() {
    let seeds = [
        ("types", nested_types(40, 0x41)),
        ("instance-types", nested_types(20, 0x42)),
        ("components", nested_components(20)),
        ("lists", chained_types(600, list)),
        ("pairs", chained_types(12, pair)),
        ("instances", chained_instances(20)),
        ("unfolds", unfolding(2)),
        ("given", unfolding_what_it_is_given()),
        ("imports", wrong_imports(40, |at| format!("distri:plugin/host@0.3.{at}"))),
        ("good", guest::good()),
    ];
    let folder = distri_testing::repository().join("fuzz/seeds/component");
    for (name, wasm) in seeds {
        let path = folder.join(format!("{name}.wasm"));
        if std::env::var_os("DISTRI_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &wasm).unwrap();
        }
        // What a guest of text is made to is the toolchain's to say.
        assert!(name == "good" || std::fs::read(&path).unwrap() == wasm, "{name}");
    }
}
