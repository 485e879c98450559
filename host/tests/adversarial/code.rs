//! Files that are not what their names say, compiled code that was changed, and
//! components that take for ever to compile.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use distri_host::{CompilerProcess, ErrorKind, Host, Limits, ToolCall};
use distri_testing::{guest, manifest, program};

use crate::bench::Bench;

/// The image in a cache folder that has one.
fn image(cache: &Path) -> PathBuf {
    let files = std::fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ext| ext == "cwasm")).last().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_a_component_is_refused() {
    let bench = Bench::new(|_| {}).await;
    let whole = guest::good();
    let compiled = std::fs::read(image(bench.cache.path())).unwrap();
    let files: [(&str, &[u8]); 6] = [
        ("compiled code", &compiled),
        ("compiled code without its signature", &compiled[..compiled.len() - 32]),
        ("a text", b"export default { tools: [] };"),
        ("nothing", b""),
        ("a truncated component", &whole[..whole.len() - 10]),
        ("half a header", &whole[..6]),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, bytes) in files {
        let path = folder.path().join("bad.wasm");
        std::fs::write(&path, bytes).unwrap();
        let error = bench.host.load_plugin(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{what}: {error}");
    }
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flipped_bits_in_compiled_code_are_noticed() {
    let bench = Bench::new(|_| {}).await;
    let path = image(bench.cache.path());
    let good = std::fs::read(&path).unwrap();
    for n in 0..1000 {
        let at = n * good.len() / 1000;
        let mut bad = good.clone();
        bad[at] ^= 1 << (n % 8);
        // As an attacker would, in a file of its own: another process may have
        // the old one mapped.
        std::fs::remove_file(&path).unwrap();
        std::fs::File::create_new(&path).unwrap().write_all(&bad).unwrap();
        bench.load("again", guest::good()).await.unwrap();
        assert!(std::fs::read(&path).unwrap() == good, "byte {at} is not compiled anew");
        if n % 100 == 0 {
            assert_eq!(bench.call("again").await.unwrap().result, "null");
        }
    }
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_takes_too_long_to_compile_is_given_up() {
    let bench = Bench::new(|_| {}).await;
    let mut limits = Limits::default();
    limits.compile_time = Duration::from_secs(1);
    let compiler = CompilerProcess {
        program: program().to_owned(),
        arguments: vec!["compile-component".to_owned()],
    };
    let cache = tempfile::tempdir().unwrap();
    let host = Host::builder()
        .limits(limits)
        .cache_folder(cache.path())
        .compiler(compiler)
        .build()
        .unwrap();
    // The same program compiles what is well-behaved, and says what is wrong.
    host.load_component(&manifest("good", ""), guest::good()).await.unwrap();
    assert_eq!(host.execute_tool("good", "go", ToolCall::new("1")).await.unwrap().result, "null");
    let broken = guest::good();
    let broken = broken[..broken.len() - 10].to_vec();
    let error = host.load_component(&manifest("bad", ""), broken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidComponent);
    assert!(error.message().contains("not a valid component"), "{error}");

    let slow = slow_to_compile();
    let began = Instant::now();
    let load = tokio::spawn({
        let host = host.clone();
        async move { host.load_component(&manifest("bad", ""), slow).await }
    });
    // Others go on meanwhile.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(host.execute_tool("good", "go", ToolCall::new("1")).await.unwrap().result, "null");
    let error = load.await.unwrap().unwrap_err();
    let elapsed = began.elapsed();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert_eq!(error.detail(), Some(r#"{"limit":"compile_time","max":1000}"#));
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    assert!(children().is_empty(), "the compiler was killed");
    bench.still_good().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_too_large_is_not_compiled() {
    let bench = Bench::new(|limits| limits.component_size = 1 << 20).await;
    let mut wasm = guest::good();
    wasm.resize(2 << 20, 0);
    let began = Instant::now();
    let error = bench.load("bad", wasm).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidComponent);
    assert!(error.message().contains("1048576 are allowed"), "{error}");
    assert!(began.elapsed() < Duration::from_millis(100));
    bench.still_good().await;
}

/// Functions with thousands of variables that are all alive in thousands of
/// blocks: small to write, minutes to compile.
fn slow_to_compile() -> Vec<u8> {
    use std::fmt::Write as _;
    let mut function = String::from("(func (param i32) (result i32) (local");
    function.push_str(&" i32".repeat(3000));
    function.push(')');
    for at in 0..12_000 {
        let (a, b) = (at % 3000 + 1, at * 7 % 3000 + 1);
        let _ = write!(
            function,
            "(if (i32.eq (local.get {a}) (local.get {b}))
               (then (local.set {a} (i32.add (local.get {b}) (local.get 0)))))"
        );
    }
    function.push_str(" (local.get 0))");
    guest::with_items(&function.repeat(8), "")
}

/// The processes that this one started and that are still there.
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        if fields.get(1) == Some(&own.as_str()) {
            found.push(stat);
        }
    }
    found
}

/// What the fuzzer starts from: `fuzz/seeds/load_plugin`, written anew where
/// `DISTRI_BLESS` is set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fuzzers_seeds_are_plugins() {
    let bench = Bench::new(|_| {}).await;
    let seeds = [
        ("good", guest::good()),
        ("calls", guest::with_items(&guest::calling("good/go"), "(call $ask) (call $relay)")),
        ("asks", crate::crowds::asking("nobody", "0")),
        ("lingers", crate::instances::lingering()),
        ("memories", guest::with_memory("(memory (export \"memory\") 1) (memory 2)", "", "")),
        ("table", guest::with_items("(table $t 1 funcref)", "(drop (table.size $t))")),
    ];
    let folder = distri_testing::repository().join("fuzz/seeds/load_plugin");
    for (name, wasm) in seeds {
        let path = folder.join(name).with_extension("wasm");
        if std::env::var_os("DISTRI_BLESS").is_some() {
            std::fs::write(&path, wasm).unwrap();
        }
        let package = bench.host.load_plugin(&path).await.unwrap();
        assert_eq!(bench.call(&package).await.unwrap().result, "null", "{name}");
    }
    bench.still_good().await;
}
