//! How a secret's value is written where it is not written as it is: by JSON, in URLs,
//! in hexadecimal, in base64.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Values that are longer, in bytes, are looked for as they are and as JSON has them:
/// every other form is as long again, and no key or token is.
const LONG: usize = 16 << 10;

/// What URLs leave as it is, beside letters and digits: RFC 3986's unreserved ones, what
/// `encodeURIComponent` adds to them, what `encodeURI` does, and forms' own.
const PLAIN: [&[u8]; 4] = [b"-._~", b"-._~!*'()", b"-._~!*'();/?:@&=+$,#", b"*-._"];

/// Bytes of a line of a value that is looked for by itself: shorter ones are said for
/// other reasons.
const LINE: usize = 8;

/// The value and its other forms, each once: of all of it, of what is between white
/// space, and of each of its lines.
pub(crate) fn forms(value: &str) -> Vec<String> {
    let mut all = forms_of(value);
    let trimmed = value.trim();
    if trimmed != value && !trimmed.is_empty() {
        all.extend(forms_of(trimmed));
    }
    if trimmed.contains('\n') && value.len() <= LONG {
        let lines = trimmed.lines().map(str::trim);
        all.extend(lines.filter(|line| line.len() >= LINE).map(str::to_owned));
        all.push(trimmed.lines().collect::<Vec<_>>().join("\r\n"));
    }
    let mut once = std::collections::HashSet::with_capacity(all.len());
    all.retain(|form| once.insert(form.clone()));
    all
}

/// One text and its other forms.
fn forms_of(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    let json = escaped(value);
    forms.push(json.replace('/', "\\/"));
    forms.push(escaped(&json));
    forms.push(json);
    if value.len() <= LONG {
        // As a host's name.
        forms.push(value.to_ascii_lowercase());
        forms.push(in_ascii(value, false));
        forms.push(in_ascii(value, true));
        let bytes = value.as_bytes();
        for upper in [false, true] {
            forms.push(hexadecimal(bytes, "", upper));
            forms.push(hexadecimal(bytes, "%", upper));
            forms.extend(PLAIN.map(|plain| percent(bytes, plain, upper)));
        }
        forms.push(url::form_urlencoded::byte_serialize(bytes).collect());
        forms.extend([STANDARD, URL_SAFE].map(|base| base.encode(bytes)));
        forms.extend((0..3).flat_map(|before| base64(bytes, before)));
    }
    forms
}

/// As JSON has it within quotes.
fn escaped(value: &str) -> String {
    let json = serde_json::Value::from(value).to_string();
    json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// The same by those who write JSON in ASCII.
fn in_ascii(value: &str, upper: bool) -> String {
    let mut text = String::new();
    for c in escaped(value).chars() {
        if c.is_ascii() {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a text does not fail.
            let _ =
                if upper { write!(text, "\\u{unit:04X}") } else { write!(text, "\\u{unit:04x}") };
        }
    }
    text
}

fn hexadecimal(bytes: &[u8], before: &str, upper: bool) -> String {
    let mut text = String::with_capacity(bytes.len() * (before.len() + 2));
    for byte in bytes {
        let _ = if upper {
            write!(text, "{before}{byte:02X}")
        } else {
            write!(text, "{before}{byte:02x}")
        };
    }
    text
}

fn percent(bytes: &[u8], plain: &[u8], upper: bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&hexadecimal(&[byte], "%", upper));
        }
    }
    text
}

/// What of base64 is the value's alone, when so many bytes of a group of three stand
/// before it, in both alphabets. Whatever stands after it decides the last character.
fn base64(bytes: &[u8], before: usize) -> [String; 2] {
    let mut whole = vec![0; before];
    whole.extend_from_slice(bytes);
    let first = (before * 8).div_ceil(6);
    let last = whole.len() * 8 / 6;
    [STANDARD_NO_PAD, URL_SAFE_NO_PAD]
        .map(|base| base.encode(&whole).get(first..last).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Secrets;

    const VALUE: &str = "p\u{e4}ss/w+rd?~\"\u{1f511}\u{ff}\u{fb}>>??";

    fn hides(text: &str) {
        let secrets = Secrets::default();
        secrets.add("KEY", VALUE);
        let shown = secrets.redact(text);
        assert!(shown.contains("[secret KEY]"), "{text} is shown as {shown}");
        assert!(shown.len() < 40, "{text} is shown as {shown}");
    }

    #[test]
    fn a_value_is_found_in_base64_wherever_it_stands() {
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let text = format!("{before}{VALUE}{after}");
                hides(&STANDARD.encode(&text));
                hides(&STANDARD_NO_PAD.encode(&text));
                hides(&URL_SAFE.encode(&text));
                hides(&URL_SAFE_NO_PAD.encode(&text));
            }
        }
    }

    #[test]
    fn a_value_is_found_in_hexadecimal_urls_and_json() {
        let bytes = VALUE.as_bytes();
        for upper in [false, true] {
            hides(&hexadecimal(bytes, "", upper));
            hides(&hexadecimal(bytes, "%", upper));
            hides(&percent(bytes, b"-._~", upper));
            hides(&percent(bytes, b"-_.!~*'()", upper));
            hides(&in_ascii(VALUE, upper));
        }
        hides(&serde_json::to_string(VALUE).unwrap());
        let twice = serde_json::to_string(&serde_json::to_string(VALUE).unwrap()).unwrap();
        hides(&twice);
        hides(&serde_json::to_string(VALUE).unwrap().replace('/', "\\/"));
        hides(&url::form_urlencoded::byte_serialize(bytes).collect::<String>());
    }

    #[test]
    fn what_is_logged_of_a_value_of_several_lines_is_a_form() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nab\n-----END KEY-----\n";
        let found = forms(key);
        for said in [key.trim(), "MIIEvQIBADANBg", "-----BEGIN KEY-----\r\nMIIEvQIBADANBg\r\nab"] {
            assert!(found.iter().any(|form| form.starts_with(said)), "{said}");
        }
        assert!(!found.iter().any(|form| form == "ab"));
        assert!(forms("canary-99\n").contains(&"canary-99".to_owned()));
    }

    #[test]
    fn a_long_value_has_few_forms() {
        assert!(forms(&"\u{e4}".repeat(LONG)).len() <= 4);
        assert!(forms("plain-value-1").len() < 20);
    }
}
