//! Any text bundled as a plugin's module: a script, or an error that can be shown. The
//! first byte says what the module is.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (name, text) = match text.split_at_checked(1) {
        Some(("j", text)) => ("mod.json", text),
        Some(("x", text)) => ("mod.tsx", text),
        Some(("s", text)) => ("mod.js", text),
        Some((_, text)) => ("mod.ts", text),
        None => ("mod.ts", text),
    };
    if let Err(error) = distri_builder::bundle_text(name, text) {
        assert!(!error.to_string().is_empty());
    }
});
