//! JSON for people: parts on lines of their own, and numbers as they were written. A
//! value in between would make other numbers of those that it does not hold.

/// How far what is in something stands from its line's beginning.
const INDENT: &str = "  ";

/// The same JSON, indented; none when it is not JSON.
pub(crate) fn pretty(json: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(json).ok()?;
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '[' | '{' | ']' | '}' | ',' | ':' => 1,
            _ => rest
                .find(|c: char| "[]{},:".contains(c) || c.is_ascii_whitespace())
                .unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        rest = after.trim_start();
        match first {
            '[' | '{' if rest.starts_with([']', '}']) => {
                text.push_str(token);
                text.push_str(&rest[..1]);
                rest = rest[1..].trim_start();
            }
            '[' | '{' => {
                depth += 1;
                text.push_str(token);
                line(&mut text, depth);
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push_str(token);
            }
            ',' => {
                text.push(',');
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            // What is escaped and need not be is shown as what it is.
            '"' => text.push_str(
                &serde_json::from_str::<String>(token)
                    .and_then(|string| serde_json::to_string(&string))
                    .unwrap_or_else(|_| token.to_owned()),
            ),
            _ => text.push_str(token),
        }
    }
    Some(text)
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    text.push_str(&INDENT.repeat(depth));
}

/// The bytes of the string that a text begins with, with both its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_usual() {
        for json in [
            r#"{"a":[1,{"b":null,"c":[]},"x\"],[{\\"],"d":{},"e":[[true],[[]]]}"#,
            r#" [ 1 , { "a" : "\u00fc\/ü" } , [ ] , { } ] "#,
            "\"text\"",
            "[]",
            " 7 ",
        ] {
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(pretty(json).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        }
    }

    #[test]
    fn numbers_stay_as_they_are_written() {
        let json = "[340282366920938463463374607431768211455,1e400,-0,0.10000000000000000001,1E5]";
        let shown: String = pretty(json).unwrap().split_ascii_whitespace().collect();
        assert_eq!(shown, json);
        assert_eq!(pretty("[1,"), None);
    }
}
