//! How deep the brackets of a source are nested, seen without parsing it: a parser
//! goes as deep as they do.

/// More levels than people and bundlers write, and fewer than overflow the stack
/// that sources are parsed on.
pub(crate) const MAX_BRACKETS: usize = 4000;

/// Where a source's brackets are nested too deep, in bytes.
///
/// Strings, comments and templates are told apart from code; regular expressions by
/// what stands before them, as editors do. What is not closed properly is taken to be
/// closed by the next bracket outside it.
pub(crate) fn too_deep(source: &str, max: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut open: Vec<u8> = Vec::new();
    // Whether a `/` would begin a regular expression.
    let mut operand = true;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b'\'' | b'"' => {
                at = skip_string(bytes, at + 1, byte);
                operand = false;
                continue;
            }
            b'`' => {
                let end = skip_template(bytes, at + 1);
                if end.1 {
                    open.push(b'`');
                    operand = true;
                } else {
                    operand = false;
                }
                at = end.0;
                if open.len() > max {
                    return Some(at.saturating_sub(1));
                }
                continue;
            }
            b'/' if next == Some(b'/') => {
                at += bytes.get(at..)?.iter().position(|byte| *byte == b'\n')?;
                continue;
            }
            b'/' if next == Some(b'*') => {
                let rest = bytes.get(at + 2..)?;
                at += 4 + rest.windows(2).position(|pair| pair == b"*/")?;
                continue;
            }
            b'/' if operand => {
                at = skip_regex(bytes, at + 1);
                operand = false;
                continue;
            }
            b'(' | b'[' | b'{' => {
                open.push(byte);
                if open.len() > max {
                    return Some(at);
                }
                operand = true;
            }
            b')' | b']' | b'}' => {
                let opened: &[u8] = match byte {
                    b')' => b"(",
                    b']' => b"[",
                    _ => b"{`",
                };
                // A closing bracket that nothing opened closes nothing.
                if let Some(level) = open.iter().rposition(|bracket| opened.contains(bracket)) {
                    let template = open.get(level) == Some(&b'`');
                    open.truncate(level);
                    if template {
                        let end = skip_template(bytes, at + 1);
                        if end.1 {
                            open.push(b'`');
                        }
                        operand = end.1;
                        at = end.0;
                        continue;
                    }
                }
                operand = byte == b'}';
            }
            _ if byte.is_ascii_whitespace() => {}
            _ if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80 => {
                let word = word(bytes, at);
                operand = matches!(
                    word,
                    b"return" | b"typeof" | b"case" | b"in" | b"of" | b"do" | b"else" | b"void"
                );
                at += word.len();
                continue;
            }
            _ => operand = true,
        }
        at += 1;
    }
    None
}

fn word(bytes: &[u8], at: usize) -> &[u8] {
    let rest = bytes.get(at..).unwrap_or_default();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
    let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
    rest.get(..length.max(1)).unwrap_or_default()
}

/// Behind the string that began with `quote`, or at the end of its line: text between
/// tags may have quotes of its own.
fn skip_string(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' => return at,
            _ if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Behind the next `${` of a template, with true, or behind its end.
fn skip_template(bytes: &[u8], mut at: usize) -> (usize, bool) {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'`' => return (at + 1, false),
            b'$' if bytes.get(at + 1) == Some(&b'{') => return (at + 2, true),
            _ => {}
        }
        at += 1;
    }
    (at, false)
}

/// Behind a regular expression, or at the end of its line.
fn skip_regex(bytes: &[u8], mut at: usize) -> usize {
    let mut class = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' => return at,
            b'[' => class = true,
            b']' => class = false,
            b'/' if !class => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_counted_where_they_are_code() {
        for source in ["[[[[", "({[(", "f(g(h(i(", "`${`${`${`${", "a[(b)=>{c=`${[`"] {
            assert!(too_deep(source, 3).is_some(), "{source}");
        }
        assert_eq!(too_deep("\n[\n [ [", 2), Some(6));
        for source in [
            "'[[[[['",
            "\"\\\"[[[[\" [",
            "// [[[[[\n[",
            "/* [[[[ */ [",
            "`[[[[[`",
            "/[[[[[](((/.test(x)",
            "return /((((/",
            "x = a / b; y = ((c)) / d",
            "<p>don't</p>\n[",
            "()()()()()[][][]{}{}",
            "`${a}${b}${c}${d}${e}`",
            ") ] } } } ((",
            "{ [ ( } { [ ( } { [ ( }",
        ] {
            assert_eq!(too_deep(source, 3), None, "{source}");
        }
    }

    #[test]
    fn any_text_has_an_answer() {
        for source in ["", "'", "`", "/", "/*", "//", "\\", "`${", "`$", "/[", "'\\", "é/é/("] {
            assert_eq!(too_deep(source, 3), None, "{source}");
        }
    }
}
