//! Any text read as a manifest and as a policy: one, or an error that can be shown.

#![no_main]

use distri_manifest::{Manifest, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = text.parse::<Manifest>() {
        assert!(!error.to_string().is_empty());
    }
    if let Err(error) = text.parse::<Policy>() {
        assert!(!error.to_string().is_empty());
    }
});
