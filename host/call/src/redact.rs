//! Secrets' values taken out of what people and machines read of a call: logs,
//! spans and errors.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::forms::forms;

/// Shortest value that is looked for. A shorter one would be found in everything,
/// and who can have texts gone through could find it out by trying all there are.
pub const SHORTEST: usize = 8;

/// Values that are looked for at once. An embedder may have a new one for every call,
/// and an instance that is kept remembers all: the oldest are forgotten.
const MOST: usize = 256;

/// Times as much is looked at of the beginning of a text as a reader has room for:
/// values may be longer than the names in their place.
const START: usize = 4;

/// The secrets that a chain of calls has come by.
#[derive(Default)]
pub struct Secrets(RwLock<Known>);

#[derive(Default)]
struct Known {
    secrets: Vec<Secret>,
    /// What finds them all in one pass; made when it is first needed.
    finder: Option<Arc<Finder>>,
}

#[derive(Clone)]
struct Secret {
    /// What stands in its place.
    name: Arc<str>,
    /// The value, and how it is written elsewhere.
    forms: Arc<[String]>,
}

struct Finder {
    /// None when they are too many bytes: then nothing is shown.
    automaton: Option<AhoCorasick>,
    /// What stands in the place of each form.
    names: Vec<Arc<str>>,
    longest: usize,
}

impl Secrets {
    /// Takes this value out from now on.
    pub fn add(&self, name: &str, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let name = format!("[secret {name}]").into();
        let secret = Secret { name, forms: forms(value).into() };
        self.0.write().unwrap_or_else(PoisonError::into_inner).add(secret);
    }

    /// Takes out what another chain has come by.
    pub fn extend(&self, other: &Self) {
        let more = other.0.read().unwrap_or_else(PoisonError::into_inner).secrets.clone();
        if more.is_empty() {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for secret in more {
            known.add(secret);
        }
    }

    /// The text with names in place of values.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.finder() {
            Some(finder) => finder.replace(text),
            None => Cow::Borrowed(text),
        }
    }

    /// The same for the beginning of a text of any length, enough for a reader of
    /// `max` bytes.
    pub fn redact_start<'a>(&self, text: &'a str, max: usize) -> Cow<'a, str> {
        let room = max.saturating_mul(START);
        if text.len() <= room {
            return self.redact(text);
        }
        // Where it is cut there may be half a value: so much less is shown.
        let longest = self.finder().map_or(0, |finder| finder.longest);
        let start = text.floor_char_boundary(room.saturating_add(longest));
        let mut start = self.redact(text.get(..start).unwrap_or_default()).into_owned();
        start.truncate(start.floor_char_boundary(start.len().saturating_sub(longest)));
        Cow::Owned(start)
    }

    /// None when nothing is to be found.
    fn finder(&self) -> Option<Arc<Finder>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.secrets.is_empty() || known.finder.is_some() {
            return known.finder.clone();
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let finder = Arc::new(Finder::of(&known.secrets));
        known.finder = Some(Arc::clone(&finder));
        Some(finder)
    }
}

impl Known {
    fn add(&mut self, secret: Secret) {
        if self.secrets.iter().any(|other| other.forms == secret.forms) {
            return;
        }
        if self.secrets.len() >= MOST {
            self.secrets.remove(0);
        }
        self.secrets.push(secret);
        self.finder = None;
    }
}

impl Finder {
    fn of(secrets: &[Secret]) -> Self {
        let all = || {
            secrets.iter().flat_map(|secret| secret.forms.iter().map(move |form| (secret, form)))
        };
        let automaton = AhoCorasick::builder()
            // A value may hold another: the longer one goes first.
            .match_kind(MatchKind::LeftmostLongest)
            // The quickest to make: most calls look through a few lines.
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .build(all().map(|(_, form)| form));
        Self {
            automaton: automaton.ok(),
            names: all().map(|(secret, _)| Arc::clone(&secret.name)).collect(),
            longest: all().map(|(_, form)| form.len()).max().unwrap_or(0),
        }
    }

    fn replace<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(automaton) = &self.automaton else { return Cow::Borrowed("[secret]") };
        let mut shown = String::new();
        let mut end = 0;
        for found in automaton.find_iter(text) {
            // Forms are text: they begin and end where characters do.
            shown.push_str(text.get(end..found.start()).unwrap_or_default());
            shown.push_str(
                self.names.get(found.pattern().as_usize()).map_or("[secret]", |name| name),
            );
            end = found.end();
        }
        if end == 0 {
            return Cow::Borrowed(text);
        }
        shown.push_str(text.get(end..).unwrap_or_default());
        Cow::Owned(shown)
    }
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

    #[test]
    fn as_many_values_are_kept_as_there_may_be() {
        let secrets = Secrets::default();
        for at in 0..=MOST {
            secrets.add("KEY", &format!("a secret of number {at}."));
        }
        assert_eq!(secrets.redact("a secret of number 1."), "[secret KEY]");
        assert_eq!(secrets.redact("a secret of number 0."), "a secret of number 0.");
        assert_eq!(secrets.redact(&format!("a secret of number {MOST}.")), "[secret KEY]");
    }
}
