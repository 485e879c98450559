//! What the TOML reader found wrong, in the words of the file: the key, what belongs
//! there, and how it is written. serde says it in Rust's.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ManifestError;
use crate::keys;
use crate::nearest::suggestion;

/// An error of the TOML reader, as one of the file at `path` with this text. `hide`
/// keeps every character of a text at its place, but for what nobody should read.
pub(crate) fn diagnose(
    path: &Path,
    text: &str,
    hide: impl Fn(&str) -> String,
    error: &toml::de::Error,
) -> ManifestError {
    let message = error.message().trim_end();
    let place = error.span().and_then(|span| Place::of(text, &span));
    let (message, help) = if let Some((unknown, known)) = unknown_field(message) {
        (format!("unknown key `{unknown}`"), Some(help_for(unknown, &known)))
    } else if let Some((unknown, known)) = unknown_variant(message) {
        let key = place.as_ref().map_or("it", |place| place.key.as_str());
        let help = suggestion(unknown, known.iter().copied())
            .unwrap_or_else(|| format!("`{key}` is one of \"{}\"", known.join("\", \"")));
        (format!("`{unknown}` is not a value of `{key}`"), Some(help))
    } else if let Some(place) = &place {
        let words = in_plain_words(message, &place.key);
        if words == message {
            // What is wrong with a value says itself how it is written.
            (words, None)
        } else {
            let each = if place.element { "each of " } else { "" };
            let example = keys::example(&place.key);
            (format!("{each}{words}"), example.map(|example| format!("write it like\n{example}")))
        }
    } else {
        (message.replace('\n', ": "), None)
    };
    ManifestError::at(path, &hide(text), error.span(), hide(&message), help)
}

/// A list where a table belongs. serde would take it for the table's values, in order.
pub(crate) fn lists_for_tables(path: &Path, text: &str) -> Result<(), ManifestError> {
    let wrong = |place: &Place| place.list && keys::is_table(&place.key, place.element);
    let Some(place) = all(text).into_iter().find(wrong) else { return Ok(()) };
    let each = if place.element { "each of " } else { "" };
    let message = format!("{each}`{}` must be a table, not a list", place.key);
    let help = keys::example(&place.key).map(|example| format!("write it like\n{example}"));
    Err(ManifestError::at(path, text, Some(place.span), message, help))
}

/// What to do about an unknown key.
fn help_for(unknown: &str, known: &[&str]) -> String {
    if let Some(near) = suggestion(unknown, known.iter().copied()) {
        return near;
    }
    match keys::home(unknown) {
        Some(table) => format!("`{unknown}` belongs in `{table}`"),
        None if known.is_empty() => "no key is allowed here".to_owned(),
        None => format!("the keys allowed here are `{}`", known.join("`, `")),
    }
}

/// A mismatch of types, about `key`; another message as it is.
pub(crate) fn in_plain_words(message: &str, key: &str) -> String {
    if let Some(field) =
        message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'))
    {
        return format!("`{key}` needs `{field}`");
    }
    if message == "wanted string or table" {
        return format!("`{key}` must be text in quotes");
    }
    let mismatch = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "));
    match mismatch {
        Some((found, wanted)) => {
            format!("`{key}` must be {}, not {}", wanted_in_words(wanted), found_in_words(found))
        }
        None => message.to_owned(),
    }
}

fn wanted_in_words(wanted: &str) -> &str {
    match wanted {
        "a sequence" => "a list",
        "a map" => "a table",
        _ if wanted.starts_with("struct ") => "a table",
        "a string" | "string" | "path string" | "a borrowed string" => "text in quotes",
        "usize" | "u8" | "u16" | "u32" | "u64" => "a whole number, 0 or more",
        "a boolean" => "`true` or `false`",
        other => other,
    }
}

fn found_in_words(found: &str) -> String {
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    match kind {
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        "string" => format!("the text {value}"),
        "integer" => format!("the number {value}"),
        "floating" => format!("the number {}", value.trim_start_matches("point ")),
        "boolean" => value.to_owned(),
        _ => found.to_owned(),
    }
}

/// A key or value of the file.
pub(crate) struct Place {
    /// Its path, without the places in lists.
    pub(crate) key: String,
    /// Whether it is one of a list.
    element: bool,
    /// Whether it is a list itself.
    list: bool,
    /// Where its value is.
    pub(crate) span: Range<usize>,
}

impl Place {
    /// What is at this span.
    fn of(text: &str, span: &Range<usize>) -> Option<Self> {
        all(text).into_iter().rev().find(|place| place.span == *span)
    }

    /// The first value of the key with this path.
    pub(crate) fn of_key(text: &str, key: &str) -> Option<Self> {
        all(text).into_iter().find(|place| place.key == key)
    }
}

/// Every value of a file, outer ones first.
fn all(text: &str) -> Vec<Place> {
    let mut places = Vec::new();
    if let Ok(table) = DeTable::parse(text) {
        in_table(table.get_ref(), "", &mut places);
    }
    places
}

fn in_table(table: &DeTable<'_>, path: &str, places: &mut Vec<Place>) {
    for (key, value) in table {
        let key = key.get_ref();
        let key = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
        in_value(value, &key, false, places);
    }
}

fn in_value(value: &Spanned<DeValue<'_>>, key: &str, element: bool, places: &mut Vec<Place>) {
    let list = matches!(value.get_ref(), DeValue::Array(_));
    places.push(Place { key: key.to_owned(), element, list, span: value.span() });
    match value.get_ref() {
        DeValue::Table(table) => in_table(table, key, places),
        DeValue::Array(values) => {
            for value in values {
                in_value(value, key, true, places);
            }
        }
        _ => {}
    }
}

/// The unknown key and the known ones in serde's words ("unknown field `a`,
/// expected one of `b`, `c`"). serde offers them in no other way.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    unknown("unknown field `", message)
}

fn unknown_variant(message: &str) -> Option<(&str, Vec<&str>)> {
    unknown("unknown variant `", message)
}

fn unknown<'a>(prefix: &str, message: &'a str) -> Option<(&'a str, Vec<&'a str>)> {
    let (unknown, expected) = message.strip_prefix(prefix)?.split_once("`, ")?;
    Some((unknown, expected.split('`').skip(1).step_by(2).collect()))
}
