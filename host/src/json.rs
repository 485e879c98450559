//! The one check that JSON gets at the boundary: size, depth and syntax. It is
//! not parsed into values; nobody here needs its parts.

use crate::{Error, ErrorKind, Limits, Result};

/// What to do about a value that is too large, and whose limit it is.
pub(crate) const PAYLOAD_HINT: &str = "the limit `payload` bounds every value, and is the host's: \
    a manifest's `[limits]` can only lower it. Give less, or in parts, or write a file and give \
    its path";

/// Checks that `text` is one JSON value within the limits. `what` names it in
/// errors, like "the input of `a/b`".
pub(crate) fn check(text: &str, what: &str, limits: &Limits) -> Result<()> {
    check_size(text, what, limits)?;
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
pub(crate) fn check_size(text: &str, what: &str, limits: &Limits) -> Result<()> {
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

    #[test]
    fn depth_and_size_are_bounded() {
        assert_eq!(kind(&"[".repeat(100_000)), Some(ErrorKind::InvalidInput));
        assert_eq!(kind(&format!("\"{}\"", "x".repeat(1 << 20))), Some(ErrorKind::PayloadTooLarge));
    }
}
