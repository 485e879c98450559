//! Texts of strangers in messages: cut, so that no message is as long as its cause.

use std::borrow::Cow;

/// Longest reason for not taking a component, in bytes: it may quote a name of a
/// hundred thousand.
pub const REASON: usize = 2 << 10;

/// Longest text that comes from outside and is said in full in a message, in bytes.
pub const SAID: usize = 200;

/// The text, cut at `max` bytes.
pub fn cut(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", text.get(..text.floor_char_boundary(max)).unwrap_or_default()))
}

/// A name as a message says it.
pub fn said(name: &str) -> Cow<'_, str> {
    cut(name, SAID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("äöü", 3), "ä…");
        assert_eq!(said(&"x".repeat(4 << 20)).len(), SAID + '…'.len_utf8());
    }
}
