//! What does not fit, in words: which field, what was wanted, what came. All that is
//! quoted is a stranger's, and is cut and escaped.

use std::fmt::Write as _;

use distri_manifest::nearest;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde::Serialize;
use serde_json::Value;

use crate::text::{cut, plain, quoted};

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Where, as a JSON pointer; empty for the whole.
    pub path: String,
    /// What would fit.
    pub wanted: String,
    /// What is there.
    pub got: String,
    /// Both, and what to do, in a sentence.
    #[serde(skip)]
    pub message: String,
}

/// Bytes of a quoted value or name, of a place, and of a sentence.
const VALUE: usize = 60;
const PLACE: usize = 160;
const SENTENCE: usize = 400;
/// Values and names that are listed.
const LISTED: usize = 12;
/// Things that are told of one value; the rest is counted.
pub(super) const TOLD: usize = 8;
/// Names that the nearest is looked for among.
const KNOWN: usize = 200;

/// What is held against what.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) schema: &'a Value,
    pub(super) value: &'a Value,
    /// What the value as a whole is called: `the input`.
    pub(super) whole: &'a str,
}

impl<'a> Texts<'a> {
    /// How many things an error is about.
    pub(super) fn count(error: &ValidationError<'_>) -> usize {
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected.len(),
            _ => 1,
        }
    }

    /// One error; for several names in one, the first of them.
    pub(super) fn tell(self, error: &ValidationError<'_>) -> Vec<Mismatch> {
        let pointer = error.instance_path().as_str();
        let value = self.value.pointer(pointer).unwrap_or(&Value::Null);
        let place = self.place(pointer);
        let is = |wanted: String| vec![self.mismatch(pointer, wanted, value)];
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let schema = self.beside(error, "properties").and_then(|known| known.get(name));
                let wanted = schema.map_or_else(|| "a value".to_owned(), what);
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                let place = self.place(&pointer);
                vec![Mismatch {
                    message: cut(
                        &format!("{place} is missing: it is required, {wanted}"),
                        SENTENCE,
                    ),
                    path: cut(&pointer, PLACE),
                    wanted,
                    got: "nothing".to_owned(),
                }]
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                self.unknown(error, pointer, unexpected)
            }
            ValidationErrorKind::PropertyNames { error: inner } => {
                let name = inner.instance().as_str().map(|name| quoted(name, VALUE));
                let name = name.unwrap_or_default();
                vec![Mismatch {
                    path: cut(pointer, PLACE),
                    wanted: "other names".to_owned(),
                    got: name.clone(),
                    message: format!("{place} has the name {name}, which no member of it may have"),
                }]
            }
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => {
                self.alternatives(pointer, value, context)
            }
            ValidationErrorKind::FalseSchema => vec![Mismatch {
                path: cut(pointer, PLACE),
                wanted: "nothing".to_owned(),
                got: shown(value),
                message: cut(&format!("{place} must not be there"), SENTENCE),
            }],
            kind => is(wanted(kind)),
        }
    }

    fn mismatch(self, pointer: &str, wanted: String, value: &Value) -> Mismatch {
        let (place, got) = (self.place(pointer), shown(value));
        let advice = advice(&wanted, value).map_or_else(String::new, |it| format!(": {it}"));
        Mismatch {
            message: cut(&format!("{place} must {}, and is {got}{advice}", be(&wanted)), SENTENCE),
            path: cut(pointer, PLACE),
            wanted,
            got,
        }
    }

    /// Names that the schema does not know.
    fn unknown(
        self,
        error: &ValidationError<'_>,
        pointer: &str,
        unexpected: &[String],
    ) -> Vec<Mismatch> {
        let known: Vec<&str> = self
            .beside(error, "properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|known| known.keys())
            .map(String::as_str)
            .take(KNOWN)
            .collect();
        let wanted = if known.is_empty() {
            "no other names".to_owned()
        } else {
            format!(
                "one of {}",
                listed(known.iter().map(|name| format!("`{}`", plain(name, VALUE))))
            )
        };
        let tell = |name: &String| {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            let near = nearest(&cut(name, VALUE), known.iter().copied());
            let near = near.first().map(|near| format!("did you mean `{}`?", plain(near, VALUE)));
            let advice = near.unwrap_or_else(|| match known.as_slice() {
                [] => "nothing is".to_owned(),
                _ => wanted.replace("one of ", "known are "),
            });
            Mismatch {
                message: cut(&format!("{} is not known: {advice}", self.place(&pointer)), SENTENCE),
                path: cut(&pointer, PLACE),
                wanted: wanted.clone(),
                got: self.value.pointer(&pointer).map(shown).unwrap_or_default(),
            }
        };
        unexpected.iter().take(TOLD).map(tell).collect()
    }

    /// A value that fits none of several forms: what they want if that is a type each,
    /// else what is wrong with the one that it comes closest to.
    fn alternatives(
        self,
        pointer: &str,
        value: &Value,
        context: &[Vec<ValidationError<'static>>],
    ) -> Vec<Mismatch> {
        let simple: Option<Vec<String>> = context
            .iter()
            .map(|errors| match errors.as_slice() {
                [error] if error.instance_path().as_str() == pointer => match error.kind() {
                    kind @ (ValidationErrorKind::Type { .. }
                    | ValidationErrorKind::Constant { .. }) => Some(wanted(kind)),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        if let Some(mut forms) = simple.filter(|forms| !forms.is_empty()) {
            forms.dedup();
            forms.truncate(LISTED);
            return vec![self.mismatch(pointer, either(&forms), value)];
        }
        // The one whose errors lie deepest took most of the value.
        let depth = |errors: &Vec<ValidationError<'static>>| {
            errors.iter().map(|error| error.instance_path().as_str().matches('/').count()).min()
        };
        let of_type = |errors: &&Vec<ValidationError<'static>>| {
            !errors.iter().any(|error| {
                error.instance_path().as_str() == pointer
                    && matches!(error.kind(), ValidationErrorKind::Type { .. })
            })
        };
        let mut fit: Vec<_> = context.iter().filter(of_type).collect();
        fit.sort_by_key(|errors| (std::cmp::Reverse(depth(errors)), errors.len()));
        let closest = fit
            .first()
            .and_then(|errors| errors.first())
            .filter(|error| !is_combination(error))
            .and_then(|error| self.tell(error).into_iter().next());
        let (place, count) = (self.place(pointer), context.len());
        let closest =
            closest.map_or_else(String::new, |it| format!("; for the closest, {}", it.message));
        vec![Mismatch {
            path: cut(pointer, PLACE),
            wanted: format!("one of {count} forms"),
            got: shown(value),
            message: cut(
                &format!("{place} has none of the {count} forms that it may have{closest}"),
                SENTENCE,
            ),
        }]
    }

    /// A keyword's value beside the one that an error is about.
    fn beside(self, error: &ValidationError<'_>, keyword: &str) -> Option<&'a Value> {
        let (parent, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.schema.pointer(parent)?.get(keyword)
    }

    /// A place as people write it: `items[3].price`.
    fn place(self, pointer: &str) -> String {
        let mut place = String::new();
        let mut value = Some(self.value);
        for part in pointer.split('/').skip(1) {
            if matches!(value, Some(Value::Array(_))) {
                let _ = write!(place, "[{part}]");
                value = part.parse().ok().and_then(|at: usize| value?.get(at));
                continue;
            }
            let name = part.replace("~1", "/").replace("~0", "~");
            let word = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
            if !word || name.is_empty() {
                let _ = write!(place, "[{}]", quoted(&name, VALUE));
            } else {
                let dot = if place.is_empty() { "" } else { "." };
                let _ = write!(place, "{dot}{}", plain(&name, VALUE));
            }
            value = value.and_then(|value| value.get(&name));
        }
        if place.is_empty() { self.whole.to_owned() } else { format!("`{}`", end(&place, PLACE)) }
    }
}

/// Up to so many bytes of a place's end, which says more than its beginning.
fn end(place: &str, most: usize) -> String {
    let mut from = place.len().saturating_sub(most);
    while !place.is_char_boundary(from) {
        from += 1;
    }
    let dots = if from > 0 { "…" } else { "" };
    format!("{dots}{}", place.get(from..).unwrap_or_default())
}

fn is_combination(error: &ValidationError<'_>) -> bool {
    matches!(
        error.kind(),
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. }
    )
}

/// `a`, `b` and 3 more.
fn listed(all: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", all.join(", "))
}

/// `a`, `b` or `c`.
fn either(all: &[String]) -> String {
    match all.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

fn be(wanted: &str) -> String {
    let verbs = ["have ", "match ", "hold ", "fit ", "not "];
    if verbs.iter().any(|verb| wanted.starts_with(verb)) {
        wanted.to_owned()
    } else {
        format!("be {wanted}")
    }
}

/// A value with its type, for people: `the text "10"`.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {}", cut(&number.to_string(), VALUE)),
        Value::String(text) => format!("the text {}", quoted(text, VALUE)),
        Value::Array(items) => counted("a list of", items.len(), "item"),
        Value::Object(members) => {
            let names = members.keys().take(4).map(|name| format!("`{}`", plain(name, 30)));
            let names: Vec<String> = names.collect();
            let more = if members.len() > names.len() { ", …" } else { "" };
            if names.is_empty() {
                "an empty object".to_owned()
            } else {
                format!("an object with {}{more}", names.join(", "))
            }
        }
    }
}

fn counted(before: &str, count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{before} {count} {what}{s}")
}

fn a_type(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

/// What a schema takes, in a few words.
fn what(schema: &Value) -> String {
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        return format!("one of {}", listed(options.iter().map(brief)));
    }
    let word = |name: &str| {
        Some(match name {
            "array" => "a list",
            "boolean" => "true or false",
            "integer" => "an integer",
            "null" => "null",
            "number" => "a number",
            "object" => "an object",
            "string" => "a string",
            _ => return None,
        })
    };
    match schema.get("type") {
        Some(Value::String(name)) => word(name).unwrap_or("a value").to_owned(),
        Some(Value::Array(names)) => {
            let words = names.iter().filter_map(Value::as_str).filter_map(word);
            either(&words.map(str::to_owned).collect::<Vec<_>>())
        }
        _ => "a value".to_owned(),
    }
}

/// A value as JSON, cut.
fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text, VALUE),
        Value::Array(_) | Value::Object(_) => shown(value),
        other => cut(&other.to_string(), VALUE),
    }
}

/// What an error wants.
fn wanted(kind: &ValidationErrorKind) -> String {
    let limit = |text: &str, limit: &Value| format!("{text} {}", brief(limit));
    let number = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    match kind {
        ValidationErrorKind::Type { kind: TypeKind::Single(kind) } => a_type(*kind).to_owned(),
        ValidationErrorKind::Type { kind: TypeKind::Multiple(kinds) } => {
            either(&kinds.iter().map(|kind| a_type(kind).to_owned()).collect::<Vec<_>>())
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map_or(&[][..], Vec::as_slice);
            format!("one of {}", listed(options.iter().map(brief)))
        }
        ValidationErrorKind::Constant { expected_value } => brief(expected_value),
        ValidationErrorKind::Maximum { limit: max } => limit("at most", max),
        ValidationErrorKind::Minimum { limit: min } => limit("at least", min),
        ValidationErrorKind::ExclusiveMaximum { limit: max } => limit("less than", max),
        ValidationErrorKind::ExclusiveMinimum { limit: min } => limit("more than", min),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        ValidationErrorKind::MaxLength { limit } => {
            counted("have at most", number(*limit), "character")
        }
        ValidationErrorKind::MinLength { limit } => {
            counted("have at least", number(*limit), "character")
        }
        ValidationErrorKind::AdditionalItems { limit } => counted("have at most", *limit, "item"),
        ValidationErrorKind::MaxItems { limit } => counted("have at most", number(*limit), "item"),
        ValidationErrorKind::MinItems { limit } => counted("have at least", number(*limit), "item"),
        ValidationErrorKind::MaxProperties { limit } => {
            counted("have at most", number(*limit), "member")
        }
        ValidationErrorKind::MinProperties { limit } => {
            counted("have at least", number(*limit), "member")
        }
        ValidationErrorKind::UnevaluatedItems { .. } => "have no further items".to_owned(),
        ValidationErrorKind::Pattern { pattern } => {
            format!("match the pattern `{}`", plain(pattern, VALUE))
        }
        ValidationErrorKind::Contains => "hold items of another form too".to_owned(),
        ValidationErrorKind::UniqueItems => "hold no item twice".to_owned(),
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            "fit one of its forms, and no second".to_owned()
        }
        ValidationErrorKind::Not { .. } => "not have the form that its schema excludes".to_owned(),
        other => format!("fit `{}`", plain(other.keyword(), VALUE)),
    }
}

/// What to write instead, where that is plain.
fn advice(wanted: &str, value: &Value) -> Option<String> {
    let text = value.as_str()?;
    if text.len() > VALUE {
        return None;
    }
    if let Some(options) = wanted.strip_prefix("one of ") {
        let options: Vec<&str> = options.split('"').skip(1).step_by(2).collect();
        return nearest(text, options).first().map(|near| format!("did you mean {near:?}?"));
    }
    let parsed: Value = serde_json::from_str(text.trim()).ok()?;
    let fits = match &parsed {
        Value::Number(number) => {
            wanted.contains("a number")
                || wanted.contains("an integer") && (number.is_i64() || number.is_u64())
        }
        Value::Bool(_) => wanted.contains("true or false"),
        Value::Null => wanted.contains("null"),
        Value::Array(_) => wanted.contains("a list"),
        Value::Object(_) => wanted.contains("an object"),
        Value::String(_) => false,
    };
    fits.then(|| format!("write {}", plain(text.trim(), VALUE)))
}
