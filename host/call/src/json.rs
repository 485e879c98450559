//! The one check that JSON gets at the boundary: size, depth and syntax. It is
//! not parsed into values, but to be held against a schema; then what is looked at
//! is what every guest would read, and what cannot be read alike is refused.

use std::fmt::Display;

use serde::Deserialize as _;
use serde_json::Value;

use crate::{Error, ErrorKind, Limits, Result};

/// Digits and signs of one number: those of any that fits into 64 bits, several times.
const NUMBER: usize = 400;

/// Levels that are read on any stack: the parser's own bound.
const SHALLOW: usize = 120;

/// What the parser takes for its own when a member is called so.
const PARSERS_OWN: &str = "$serde_json::private::";
/// What to do about a value that is too large, and whose limit it is.
pub const PAYLOAD_HINT: &str = "the limit `payload` bounds every value, and is the host's: \
    a manifest's `[limits]` can only lower it. Give less, or in parts, or write a file and give \
    its path";

/// Checks that `text` is one JSON value within the limits. `what` names it in
/// errors, like "the input of `a/b`"; it is written out for those alone.
pub fn check(text: &str, what: impl Display, limits: &Limits) -> Result<()> {
    check_size(text, &what, limits)?;
    if too_deep(text.as_bytes(), limits.json_depth) {
        return Err(Error::over(
            ErrorKind::InvalidInput,
            "json_depth",
            limits.json_depth,
            format!("{what} is nested more than {} levels deep", limits.json_depth),
        ));
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("{what} is not JSON: {}", without_place(&error.to_string())),
        )
        .with_hint(excerpt(text, error.line(), error.column()))
    })?;
    Ok(())
}

/// Checks that a text is not larger than one value may be.
pub fn check_size(text: &str, what: impl Display, limits: &Limits) -> Result<()> {
    if text.len() > limits.payload {
        return Err(Error::over(
            ErrorKind::PayloadTooLarge,
            "payload",
            limits.payload,
            format!("{what} has {} bytes, {} are allowed", text.len(), limits.payload),
        )
        .with_hint(PAYLOAD_HINT));
    }
    Ok(())
}

/// Whether brackets nest deeper than `max`. Looks at brackets outside strings
/// only, so that it needs no stack and stops at the first excess.
fn too_deep(text: &[u8], max: usize) -> bool {
    if text.len() <= max {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Whether a text nests deeper than can be read on any stack.
pub fn is_deep(text: &str) -> bool {
    too_deep(text.as_bytes(), SHALLOW)
}

/// The value of a text that [`check`] let pass. `what` names it in errors of `kind`.
/// A text that [`is_deep`] needs a large stack.
///
/// # Errors
///
/// For half a character, numbers that no double holds, and more levels than `levels`.
pub fn value(text: &str, what: impl Display, levels: usize, kind: ErrorKind) -> Result<Value> {
    if too_deep(text.as_bytes(), levels) {
        return Err(Error::over(
            kind,
            "json_depth",
            levels,
            format!("{what} is nested more than {levels} levels deep"),
        ));
    }
    if let Some(why) = unreadable(text) {
        return Err(Error::new(kind, format!("{what} {why}")));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    if is_deep(text) {
        reader.disable_recursion_limit();
    }
    Value::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)).map_err(
        |error| {
            let why = without_place(&error.to_string()).to_owned();
            Error::new(kind, format!("{what} is not JSON: {why}")).with_hint(excerpt(
                text,
                error.line(),
                error.column(),
            ))
        },
    )
}

/// What of a text is read differently here and there.
fn unreadable(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let from = at;
        match byte {
            b'"' => {
                at += 1;
                while let Some(&inner) = bytes.get(at)
                    && inner != b'"'
                {
                    at += if inner == b'\\' { 2 } else { 1 };
                }
                at += 1;
                let string = text.get(from..at)?;
                let dollar = string.starts_with("\"$") || string.starts_with("\"\\u0024");
                if dollar
                    && serde_json::from_str::<String>(string)
                        .is_ok_and(|string| string.starts_with(PARSERS_OWN))
                {
                    return Some(format!("holds a name that begins with `{PARSERS_OWN}`"));
                }
            }
            b'-' | b'0'..=b'9' => {
                while bytes
                    .get(at)
                    .is_some_and(|it| matches!(it, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
                {
                    at += 1;
                }
                let number = text.get(from..at)?;
                if number.len() > NUMBER {
                    return Some(format!("holds a number of {} characters", number.len()));
                }
                if number.parse::<f64>().is_ok_and(f64::is_infinite) {
                    return Some(format!(
                        "holds the number {}, which is larger than numbers can be",
                        number.get(..40).unwrap_or(number)
                    ));
                }
            }
            _ => at += 1,
        }
    }
    None
}

/// A syntax error's message without its place, which the hint shows.
fn without_place(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

/// The place of a syntax error: up to 60 characters of its line.
fn excerpt(text: &str, line: usize, column: usize) -> String {
    let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let from = column.saturating_sub(40);
    let part: String = shown.chars().skip(from).take(60).collect();
    format!("at line {line}, column {column}: {part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<ErrorKind> {
        check(text, "the input", &Limits::default()).err().map(|error| error.kind())
    }

    #[test]
    fn any_json_value_passes() {
        for good in [
            "{}",
            "null",
            "\"[[[\"",
            "[1, {\"a\": \"\\\"}\"}]",
            &"[".repeat(128).chars().chain("]".repeat(128).chars()).collect::<String>(),
        ] {
            assert_eq!(kind(good), None, "{good}");
        }
    }

    #[test]
    fn what_is_not_json_says_where() {
        let error = check("{\"text\": oops}", "the input", &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.hint().unwrap().contains("line 1, column 10: {\"text\": oops}"), "{error:?}");
    }

    fn read(text: &str) -> Result<Value> {
        check(text, "the input", &Limits::default())?;
        value(text, "the input", 2_000, ErrorKind::InvalidInput)
    }

    #[test]
    fn what_is_read_is_what_a_guest_reads() {
        for (text, same) in [
            (r#"{"a":1,"a":"x"}"#, r#"{"a":"x"}"#),
            (r#""\u00e9""#, r#""é""#),
            (r#"{"$a":1,"\u0024b":2}"#, r#"{"$a":1,"$b":2}"#),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
        ] {
            assert_eq!(read(text).unwrap(), read(same).unwrap(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
        assert_eq!(read(&deep).unwrap().to_string(), deep);
    }

    #[test]
    fn what_is_read_differently_is_refused() {
        let digits = "9".repeat(1_000_000);
        let tail = format!("0.{digits}");
        for text in [
            r#""\ud800""#,
            r#"["\udc00\ud800"]"#,
            "1e400",
            "[-1E999]",
            &digits,
            &tail,
            r#"{"$serde_json::private::Number":"5"}"#,
            r#"{"\u0024serde_json::private::RawValue":"[1]"}"#,
            r#"{"a":{"$serde_json::private::R\u0061wValue":"[1]"}}"#,
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{}", error.message());
            assert!(error.message().len() < 200, "{error}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        assert_eq!(kind(&"[".repeat(100_000)), Some(ErrorKind::InvalidInput));
        assert_eq!(kind(&format!("\"{}\"", "x".repeat(1 << 20))), Some(ErrorKind::PayloadTooLarge));
    }
}
