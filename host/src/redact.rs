//! Secrets' values taken out of what people and machines read of a call: logs,
//! spans and errors.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

/// Shortest value that is looked for. A shorter one would be found in everything,
/// and who can have texts gone through could find it out by trying all there are.
const SHORTEST: usize = 8;

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
        assert!(matches!(secrets.redact("abcdefg"), Cow::Borrowed("abcdefg")));
    }
}
