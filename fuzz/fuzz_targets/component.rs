//! Any bytes as a component, looked at and refused, or compiled, in this process: the
//! look has no recursion and keeps little, and what it lets pass is parsed and
//! explained without a crash. What a plugin then does is another target's.

#![no_main]

use std::sync::LazyLock;

use distri_host::{ErrorKind, Host, Limits, check_shape};
use distri_manifest::Manifest;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

/// Longest error, in bytes.
const ERROR: usize = 16 << 10;

static HOST: LazyLock<(Runtime, Host, Manifest)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut limits = Limits::default();
    limits.memory = 16 << 20;
    limits.concurrent_calls = 4;
    let host = Host::builder().limits(limits).without_cache().build().expect("a host");
    let manifest = "package = \"bad\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"a.wasm\"\n";
    (runtime, host, manifest.parse().expect("a manifest"))
});

fuzz_target!(|bytes: &[u8]| {
    let (runtime, host, manifest) = &*HOST;
    // A header saves the fuzzer from finding it; a core module's is another shape.
    for header in [&b"\0asm\x0d\0\x01\0"[..], b"\0asm\x01\0\0\0", b""] {
        let wasm = [header, bytes].concat();
        let shape = check_shape(&wasm);
        if let Err(error) = &shape {
            assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{error}");
            assert!(error.message().len() <= ERROR);
        }
        if header.starts_with(b"\0asm\x01") {
            continue;
        }
        match runtime.block_on(host.load_component(manifest, wasm)) {
            Ok(package) => {
                assert!(shape.is_ok(), "what is loaded has a shape that is let pass");
                host.unload_plugin(&package).expect("it was loaded");
            }
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
                assert!(error.message().len() <= ERROR, "{}", error.message().len());
            }
        }
    }
});
