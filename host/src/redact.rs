//! Secrets' values taken out of what people and machines read of a call: logs,
//! spans and errors.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

/// Shortest value that is looked for. A shorter one would be found in everything,
/// and who can have texts gone through could find it out by trying all there are.
const SHORTEST: usize = 8;

/// Times as much is looked at of the beginning of a text as a reader has room for:
/// values may be longer than the names in their place.
const START: usize = 4;

/// The secrets that a chain of calls has come by.
#[derive(Default)]
pub(crate) struct Secrets {
    known: RwLock<Vec<Secret>>,
}

#[derive(Clone)]
struct Secret {
    /// What stands in its place.
    name: String,
    /// The value, and how JSON and URLs write it.
    forms: Vec<String>,
}

impl Secrets {
    /// Takes this value out from now on.
    pub(crate) fn add(&self, name: &str, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let mut forms = vec![value.to_owned()];
        let json = serde_json::Value::from(value).to_string();
        forms.extend(json.get(1..json.len() - 1).map(str::to_owned));
        forms.push(url::form_urlencoded::byte_serialize(value.as_bytes()).collect());
        // As a host's name.
        forms.push(value.to_ascii_lowercase());
        forms.dedup();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        add(&mut known, Secret { name: format!("[secret {name}]"), forms });
    }

    /// Takes out what another chain has come by.
    pub(crate) fn extend(&self, other: &Self) {
        let more = other.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for secret in more {
            add(&mut known, secret);
        }
    }

    /// The same for the beginning of a text of any length, enough for a reader of
    /// `max` bytes.
    pub(crate) fn redact_start<'a>(&self, text: &'a str, max: usize) -> Cow<'a, str> {
        let longest = || {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.iter().flat_map(|secret| &secret.forms).map(String::len).max().unwrap_or(0)
        };
        let room = max.saturating_mul(START);
        if text.len() <= room {
            return self.redact(text);
        }
        // Where it is cut there may be half a value: so much less is shown.
        let longest = longest();
        let start = text.floor_char_boundary(room.saturating_add(longest));
        let mut start = self.redact(text.get(..start).unwrap_or_default()).into_owned();
        start.truncate(start.floor_char_boundary(start.len().saturating_sub(longest)));
        Cow::Owned(start)
    }

    /// The text with names in place of values.
    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        for secret in known.iter() {
            for form in &secret.forms {
                if text.contains(form.as_str()) {
                    text = Cow::Owned(text.replace(form.as_str(), &secret.name));
                }
            }
        }
        text
    }
}

fn add(known: &mut Vec<Secret>, secret: Secret) {
    if known.iter().any(|other| other.forms == secret.forms) {
        return;
    }
    known.push(secret);
    // A value may hold another: the longer one goes first.
    known.sort_by_key(|secret| std::cmp::Reverse(secret.forms.first().map(String::len)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_replaced_however_it_is_written() {
        let secrets = Secrets::default();
        secrets.add("KEY", "s3\"cr et");
        secrets.add("LONG", "s3\"cr et and more");
        secrets.add("SHORT", "abcdefg");
        assert_eq!(secrets.redact("is s3\"cr et."), "is [secret KEY].");
        assert_eq!(secrets.redact(r#"{"a":"s3\"cr et"}"#), r#"{"a":"[secret KEY]"}"#);
        assert_eq!(secrets.redact("?k=s3%22cr+et"), "?k=[secret KEY]");
        assert_eq!(secrets.redact("s3\"cr et and more"), "[secret LONG]");
        secrets.add("HOST", "S3cretHost");
        assert_eq!(secrets.redact("https://s3crethost.org"), "https://[secret HOST].org");
        let others = Secrets::default();
        others.extend(&secrets);
        assert_eq!(others.redact("S3cretHost"), "[secret HOST]");
        // Of a long text the beginning is enough, and never half a value.
        let long = format!("s3cret-host? S3cretHost {}", "S3cretHost".repeat(1_000));
        for max in 1..100 {
            let start = secrets.redact_start(&long, max);
            assert!(!start.contains("S3cretHo"), "{start}");
            assert!(start.len() >= max.min(long.len()), "{max}: {start}");
            assert!(start.len() < 1_200, "{}", start.len());
        }
        assert!(matches!(secrets.redact("abcdefg"), Cow::Borrowed("abcdefg")));
    }
}
