//! Attacks and good calls mixed, for as long as `DISTRI_SOAK_SECONDS` says, two
//! minutes by default: `make soak`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use distri_host::{ErrorKind, ExecutionContext, Host, ToolCall};
use distri_testing::{guest, open_files, status, threads};
use tokio::task::JoinSet;

use crate::bench::Bench;

/// Calls under way at once.
const WORKERS: usize = 6;

/// How long they go on before everything is counted.
const ROUND: Duration = Duration::from_secs(5);

/// The timeout of a call.
const T: Duration = Duration::from_millis(200);

/// From when on memory must not grow, and by how much at most, a minute.
const GROWN: Duration = Duration::from_mins(3);
const SLOPE: f64 = 0.01;

/// What an attack ends with: an answer, or an error of one of these kinds.
struct Attack {
    name: &'static str,
    manifest: &'static str,
    wasm: Vec<u8>,
    ends: &'static [ErrorKind],
    answers: bool,
}

fn attack(name: &'static str, wasm: Vec<u8>, ends: &'static [ErrorKind]) -> Attack {
    Attack { name, manifest: "", wasm, ends, answers: false }
}

fn harmless(name: &'static str, wasm: Vec<u8>) -> Attack {
    Attack { name, manifest: "", wasm, ends: &[], answers: true }
}

/// Answers with its input.
fn echo() -> Vec<u8> {
    guest::tool(
        "(i32.store (i32.const 1024) (i32.load offset=16 (local.get $call)))
         (i32.store (i32.const 1028) (i32.load offset=20 (local.get $call)))",
    )
}

fn attacks() -> Vec<Attack> {
    let host = "distri:plugin/host@0.3.0";
    vec![
        attack("loops", guest::tool("(loop $l (br $l))"), &[ErrorKind::Timeout]),
        attack(
            "hoards",
            guest::tool(
                "(loop $l (local.set $i (memory.grow (i32.const 16)))
                   (memory.fill (i32.mul (local.get $i) (i32.const 65536)) (i32.const 1) (i32.const 1048576))
                   (br $l))",
            ),
            &[ErrorKind::MemoryLimit, ErrorKind::Timeout],
        ),
        attack(
            "tables",
            guest::with_items(
                "(table $t 1 funcref)",
                "(loop $l (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $l))",
            ),
            &[ErrorKind::ResourceLimit],
        ),
        attack(
            "handles",
            guest::with_items(
                "(import \"$root\" \"[waitable-set-new]\" (func $new (result i32)))",
                "(loop $l (drop (call $new)) (br $l))",
            ),
            &[ErrorKind::ResourceLimit, ErrorKind::Timeout],
        ),
        attack("traps", guest::tool("unreachable"), &[ErrorKind::Trap]),
        attack(
            "recurses",
            guest::with_items(
                "(func $f (result i32) (i32.add (call $f) (i32.const 1)))",
                "(drop (call $f))",
            ),
            &[ErrorKind::StackOverflow],
        ),
        attack(
            "answers-too-much",
            guest::with_memory(
                "(memory (export \"memory\") 128)",
                "",
                "(i32.store (i32.const 1024) (i32.const 4096)) (i32.store (i32.const 1028) (i32.const 8000000))",
            ),
            &[ErrorKind::PayloadTooLarge],
        ),
        harmless(
            "answers-nonsense",
            guest::tool("(i32.store (i32.const 1028) (i32.const 3))"),
        ),
        attack(
            "panics-the-host",
            guest::with_items(
                &format!(
                    "(import \"{host}\" \"log\" (func $log (param i32 i32 i32))) (data (i32.const 4096) \"panic\")"
                ),
                "(call $log (i32.const 2) (i32.const 4096) (i32.const 5))",
            ),
            &[ErrorKind::Internal],
        ),
        attack("waits", crate::crowds::asking("never", ""), &[ErrorKind::Timeout]),
        harmless("lingers", crate::instances::lingering()),
        Attack {
            manifest: "[instances]\nmode = \"shared\"\n",
            ..harmless("lingers-shared", crate::instances::lingering())
        },
        harmless(
            "logs",
            guest::with_items(
                &format!("(import \"{host}\" \"log\" (func $log (param i32 i32 i32)))"),
                "(loop $l
                   (call $log (i32.const 2) (i32.const 52) (i32.const 4))
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const 2000))))",
            ),
        ),
        harmless(
            "ping",
            guest::with_items(&guest::calling("pong/go"), "(call $ask) (call $relay)"),
        ),
        harmless(
            "pong",
            guest::with_items(&guest::calling("ping/go"), "(call $ask) (call $relay)"),
        ),
        slow("names-a-tool", crate::names::naming(host, "call-tool", 5, ONE_MORE)),
        slow("names-a-value", crate::names::naming(host, "set-session-value", 5, ONE_MORE)),
        slow("hoards-values", crate::sessions::hoarder(100_000)),
        slow("hoards-small-values", crate::sessions::hoarder(1)),
        slow("hoards-in-a-chain", crate::memory::taking(200, "hoards-in-a-chain/go")),
        Attack {
            manifest: "[instances]\nmode = \"per-session\"\n",
            ..slow("hoards-where-it-is-kept", crate::memory::taking(100, "echo/go"))
        },
    ]
}

/// One more parameter of a call: a text.
const ONE_MORE: &str = "(i32.const 52) (i32.const 4)";

/// What answers, or takes too long, or needs more than there is left.
fn slow(name: &'static str, wasm: Vec<u8>) -> Attack {
    let ends = &[ErrorKind::Timeout, ErrorKind::MemoryLimit, ErrorKind::Limit];
    Attack { name, manifest: "", wasm, ends, answers: true }
}

/// Components that are refused, few and small enough to be loaded in every round.
fn refused() -> Vec<(String, Vec<u8>)> {
    let mut shapes = crate::shapes::shapes();
    shapes.retain(|(_, wasm)| wasm.len() < 400_000);
    shapes.push((
        "wrong imports".to_owned(),
        crate::shapes::wrong_imports(1_000, |at| format!("a:b/c{at}")),
    ));
    shapes
}

/// What one kind of call did.
type Tally = BTreeMap<(&'static str, &'static str), u64>;

/// Numbers that look random and are the same in every run of a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        // Numerical Recipes' linear congruential generator.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

async fn work(host: Host, attacks: Arc<Vec<Attack>>, next: Arc<AtomicU64>, end: Instant) -> Tally {
    let mut tally = Tally::new();
    let mut dice = Dice(next.fetch_add(1, Ordering::Relaxed));
    while Instant::now() < end {
        let n = next.fetch_add(1, Ordering::Relaxed);
        // Every other call is a good one, on a fresh, a shared or a session's instance.
        if dice.below(2) == 0 {
            let name = ["echo", "echo-shared", "echo-session"][dice.below(3)];
            let context = ExecutionContext::in_session(format!("session-{n}"));
            let call = ToolCall { context, ..ToolCall::new(n.to_string()) };
            let answer = host.execute_tool(name, "go", call).await;
            assert_eq!(answer.unwrap().result, n.to_string(), "{name}");
            *tally.entry((name, "ok")).or_default() += 1;
            continue;
        }
        let attack = &attacks[dice.below(attacks.len())];
        let context = ExecutionContext::in_session(format!("attack-{}", n % 50));
        let call = ToolCall { context, ..ToolCall::new("null").within(T) };
        let call = host.execute_tool(attack.name, "go", call);
        // Some callers leave.
        let patience = if dice.below(4) == 0 { T / 10 } else { 100 * T };
        let Ok(answer) = tokio::time::timeout(patience, call).await else {
            assert!(patience < T, "`{}` did not end", attack.name);
            *tally.entry((attack.name, "left")).or_default() += 1;
            continue;
        };
        let outcome = match answer {
            Ok(_) if attack.answers => "ok",
            Ok(answer) => panic!("`{}` answered {answer:?}", attack.name),
            Err(error) if attack.ends.contains(&error.kind()) => error.kind().as_str(),
            Err(error) => panic!("`{}` ended with {error}", attack.name),
        };
        *tally.entry((attack.name, outcome)).or_default() += 1;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `make soak`"]
async fn soak() {
    // The panics that it asks for itself are not worth a line each.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.to_string().contains("a log that panics") {
            hook(panic);
        }
    }));
    let seconds = std::env::var("DISTRI_SOAK_SECONDS").ok();
    let length = Duration::from_secs(seconds.map_or(120, |text| text.parse().unwrap()));
    let bench = Bench::new(|limits| {
        limits.memory = 16 << 20;
        limits.depth = 4;
        limits.kept_instances = 8;
        limits.sessions_bytes = 8 << 20;
    })
    .await;
    let attacks = Arc::new(attacks());
    let shapes = refused();
    for attack in attacks.iter() {
        bench.load_with(attack.name, attack.manifest, attack.wasm.clone()).await.unwrap();
    }
    bench.load("echo", echo()).await.unwrap();
    let kept = ["echo-shared", "echo-session"];
    let (began, next) = (Instant::now(), Arc::new(AtomicU64::new(1)));
    let mut total = Tally::new();
    let mut samples = Vec::new();
    while began.elapsed() < length {
        // Also replaces the plugins that keep instances, and their instances with them.
        for (name, mode) in kept.iter().zip(["shared", "per-session"]) {
            let mode = format!("[instances]\nmode = \"{mode}\"\n");
            bench.load_with(name, &mode, echo()).await.unwrap();
        }
        let end = Instant::now() + ROUND;
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let (attacks, next) = (Arc::clone(&attacks), Arc::clone(&next));
            workers.spawn(work(bench.host.clone(), attacks, next, end));
        }
        for tally in workers.join_all().await {
            for (key, count) in tally {
                *total.entry(key).or_default() += count;
            }
        }
        for name in kept {
            bench.host.unload_plugin(name).unwrap();
        }
        for keeps in attacks.iter().filter(|attack| !attack.manifest.is_empty()) {
            bench.host.unload_plugin(keeps.name).unwrap();
            bench.load_with(keeps.name, keeps.manifest, keeps.wasm.clone()).await.unwrap();
        }
        for (what, wasm) in &shapes {
            let error = bench.load("refused", wasm.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{what}: {error}");
        }
        bench.still_good().await;
        bench.services.log.lock().unwrap().clear();
        samples.push((began.elapsed(), open_files(), threads(), status("VmRSS:")));
    }

    for ((name, outcome), count) in &total {
        eprintln!("{name:<20}{outcome:<18}{count:>8}");
    }
    for (at, files, threads, resident) in &samples {
        eprintln!(
            "{:>4} s  {files} files  {threads} threads  {} KiB",
            at.as_secs(),
            resident >> 10
        );
    }
    for attack in attacks.iter() {
        let met = |outcome: &str| total.contains_key(&(attack.name, outcome));
        assert!(met("ok") || attack.ends.iter().any(|kind| met(kind.as_str())), "{}", attack.name);
    }
    // The first half starts every thread that there will be.
    let (first, later) = samples.split_at(samples.len().div_ceil(2));
    let most = |samples: &[(Duration, usize, usize, usize)]| {
        let files = samples.iter().map(|sample| sample.1).max();
        (files, samples.iter().map(|sample| sample.2).max())
    };
    if !later.is_empty() {
        let ((files, threads), (files_later, threads_later)) = (most(first), most(later));
        assert!(files_later <= files, "open files: {files:?}, later {files_later:?}");
        assert!(threads_later <= threads, "threads: {threads:?}, later {threads_later:?}");
    }
    let grown: Vec<(f64, f64)> = samples
        .iter()
        .filter(|(at, ..)| *at >= GROWN)
        .map(|(at, .., resident)| (at.as_secs_f64() / 60.0, float(*resident)))
        .collect();
    // A slope over less than five minutes says nothing.
    if length >= GROWN + Duration::from_mins(5) {
        let slope = slope(&grown);
        eprintln!("memory grows by {:.2} % a minute", slope * 100.0);
        assert!(slope < SLOPE, "memory grows by {:.2} % a minute", slope * 100.0);
    }
}

/// Exact for what is counted here.
#[expect(clippy::cast_precision_loss, reason = "far from 2^52")]
fn float(number: usize) -> f64 {
    number as f64
}

/// The slope of the line through these points, relative to their mean.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = float(points.len());
    let mean = |part: fn(&(f64, f64)) -> f64| points.iter().map(part).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let covariance: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let variance: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    covariance / variance / y
}
