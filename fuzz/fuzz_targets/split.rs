//! Any bytes taken apart: nothing crashes, and what comes apart into two valid parts was
//! valid whole.

#![no_main]

use distri_engine::split::split;
use distri_host::check_shape;
use libfuzzer_sys::fuzz_target;
use wasmparser::Validator;

fuzz_target!(|bytes: &[u8]| {
    // A header saves the fuzzer from finding it.
    for header in [&b"\0asm\x0d\0\x01\0"[..], b""] {
        let wasm = [header, bytes].concat();
        // As the host does: what it takes apart was looked at before.
        if check_shape(&wasm).is_err() {
            continue;
        }
        let Some(parts) = split(&wasm) else { continue };
        let valid = |wasm: &[u8]| Validator::new().validate_all(wasm);
        if valid(&parts.skeleton).is_ok() && valid(&parts.state).is_ok() {
            valid(&wasm).expect("the parts are valid, and so was the whole");
        }
    }
});
