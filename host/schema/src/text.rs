//! A stranger's texts as messages show them: short, on one line, in plain sight.

use std::fmt::Write as _;

/// Up to so many bytes of a text, and an ellipsis for the rest.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// The same with everything escaped that moves a cursor or turns a line around.
pub(super) fn plain(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for c in cut(text, most).chars() {
        if distri_manifest::is_control(c) {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The same as JSON.
pub(super) fn quoted(text: &str, most: usize) -> String {
    plain(&serde_json::Value::from(cut(text, most)).to_string(), usize::MAX)
}
