//! JSON Schemas of tools: whether they are any, and what does not fit them. Schema
//! and value are both a stranger's: the one is bounded before it is compiled, and
//! what holding them against each other costs is counted. Which value is held
//! against which schema, and when, is the host's to say.

mod fault;
mod meter;
mod survey;
mod text;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, Retrieve, ValidationError, ValidationOptions, Validator};
use serde_json::Value;

pub use crate::fault::SchemaFault;
use crate::meter::{Allowance, BACKTRACKS, Metered, Prices, Seen, Step, Stop};
use crate::survey::{STEP, Survey, survey};
pub use crate::words::Mismatch;
use crate::words::{TOLD, Texts, shown};

/// Stack of a thread that schemas are compiled on, and large values held against
/// them. It is taken as it is needed.
pub const STACK: usize = 64 << 20;

/// What of it the work may use: the rest is for what it calls last.
const STACK_USED: usize = STACK - (4 << 20);

/// Subschemas that may be compiled: references are compiled once or twice.
const COMPILED: u64 = 100_000;

/// Time to compile one.
const COMPILE_TIME: Duration = Duration::from_secs(5);

/// Sizes of compiled patterns, in bytes, and what a byte of text costs with each: a
/// text is gone through in time of its length times the pattern's states, at worst.
const PATTERN_SIZES: [(usize, u64); 2] = [(16 << 10, 2), (256 << 10, 32)];

/// Bytes of an error's place that cost a step: all errors of one value hold 64 MB of
/// them at most.
const PLACE: u64 = 64;

/// How much work holding one value against one schema may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// On a thread that others wait for: some hundred microseconds.
    Little,
    /// On a thread of its own with [`STACK`]: a fraction of a second, several seconds
    /// without optimisation.
    Much,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Fit {
    /// It does.
    Fits,
    /// What does not fit, at most eight of them, and how many more there are.
    Differs(Vec<Mismatch>, usize),
    /// More effort is needed.
    Unknown,
    /// The deadline is over.
    Late,
    /// The validator failed.
    Fault,
}

/// A schema that was compiled.
pub struct Schema {
    validator: Validator<Metered>,
    prices: Prices,
    /// How many subschemas it has: what it takes of memory goes by it.
    pub subschemas: usize,
}

impl Schema {
    /// Compiles a schema of draft 4 to 2020-12, on a thread of its own.
    ///
    /// # Errors
    ///
    /// What its meta-schema refuses, what is above the bounds, references that lead
    /// out of it, and patterns that are none.
    pub fn compile(schema: &Value) -> Result<Self, SchemaFault> {
        on_large_stack(|| Self::compile_here(schema)).unwrap_or_else(|| {
            Err(SchemaFault { place: String::new(), message: "could not be compiled".to_owned() })
        })
    }

    /// The same on this thread, which has a large stack.
    ///
    /// # Errors
    ///
    /// As [`Self::compile`].
    pub fn compile_here(schema: &Value) -> Result<Self, SchemaFault> {
        let allowance = Allowance {
            steps: COMPILED,
            stack: STACK_USED,
            deadline: Instant::now() + COMPILE_TIME,
            prices: Prices::default(),
            whole: None,
        };
        meter::within(allowance, || compile(schema)).unwrap_or_else(|_| {
            Err(SchemaFault {
                place: String::new(),
                message: "is too tangled to be compiled".to_owned(),
            })
        })
    }

    /// Holds a value against it. `original` is the schema as its author wrote it.
    pub fn fit(
        &self,
        original: &Value,
        (whole, value): (&str, &Value),
        effort: Effort,
        deadline: Instant,
    ) -> Fit {
        let (steps, stack) = match effort {
            Effort::Little => (20_000, 512 << 10),
            Effort::Much => (5_000_000, STACK_USED),
        };
        // Copies of the whole value are made where the schema has alternatives.
        let address = std::ptr::from_ref(value).addr();
        let entire = self.prices.backtracks.then(|| (address, size(value) / 16));
        let allowance = Allowance { steps, stack, deadline, prices: self.prices, whole: entire };
        match meter::within(allowance, || self.validator.is_valid(Seen(value))) {
            Ok(true) => return Fit::Fits,
            Ok(false) => {}
            Err(stop) => return stop.into(),
        }
        self.differences(Texts { schema: original, value, whole }, allowance)
    }

    /// What does not fit: all of it, or, where that is too much, the first.
    fn differences(&self, texts: Texts<'_>, allowance: Allowance) -> Fit {
        let tell = |errors: &[ValidationError<'_>]| {
            let count: usize = errors.iter().map(Texts::count).sum();
            let told: Vec<Mismatch> =
                errors.iter().flat_map(|error| texts.tell(error)).take(TOLD).collect();
            let more = count.saturating_sub(told.len());
            Fit::Differs(told, more)
        };
        let value = Seen(texts.value);
        // Each error holds its place: a long name is in every one below it.
        let place = longest_place(texts.value) as u64 / PLACE;
        let all = Allowance {
            steps: allowance.steps.min(1_000_000),
            prices: Prices {
                error: allowance.prices.error.saturating_add(place),
                ..allowance.prices
            },
            ..allowance
        };
        let told = meter::within(all, || {
            let errors: Vec<_> = self.validator.iter_errors(value).collect();
            if errors.iter().any(is_limit) { Fit::Unknown } else { tell(&errors) }
        });
        match told {
            Ok(told) => return told,
            Err(Stop::Steps | Stop::Stack) if allowance.steps > all.steps => {}
            Err(stop) => return stop.into(),
        }
        let first = Allowance {
            prices: Prices { error: 16, ..allowance.prices },
            steps: allowance.steps.min(1_000_000),
            ..allowance
        };
        let told = meter::within(first, || match self.validator.validate(value) {
            Err(error) if is_limit(&error) => Fit::Unknown,
            Err(error) => tell(&[error]),
            Ok(()) => Fit::Fault,
        });
        told.unwrap_or_else(|stop| match stop {
            // That it does not fit is known; where, would take too long to say.
            Stop::Steps | Stop::Stack => Fit::Differs(vec![self.somewhere(texts)], 0),
            stop => stop.into(),
        })
    }

    fn somewhere(&self, texts: Texts<'_>) -> Mismatch {
        Mismatch {
            path: String::new(),
            wanted: "what its schema says".to_owned(),
            got: shown(texts.value),
            message: format!(
                "{} does not fit its schema of {} parts, in more places than can be told",
                texts.whole, self.subschemas
            ),
        }
    }
}

impl From<Stop> for Fit {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Steps | Stop::Stack => Self::Unknown,
            Stop::Time => Self::Late,
            Stop::Fault => Self::Fault,
        }
    }
}

/// About how many bytes a value has.
fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => 16 + items.iter().map(size).sum::<u64>(),
        Value::Object(members) => {
            16 + members.iter().map(|(name, it)| name.len() as u64 + size(it)).sum::<u64>()
        }
        _ => 16,
    }
}

/// Bytes of the names that lead to the place in a value which is longest to name.
fn longest_place(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(longest_place).max().unwrap_or(0) + 1,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + longest_place(value)).max().unwrap_or(0)
                + 1
        }
        _ => 0,
    }
}

/// Whether a pattern gave up, so that nothing is known of the text.
fn is_limit(error: &ValidationError<'_>) -> bool {
    matches!(
        error.kind(),
        ValidationErrorKind::BacktrackLimitExceeded { .. }
            | ValidationErrorKind::RegexEngineFailure { .. }
    )
}

/// Whether a value is a JSON Schema that the host can hold values against.
///
/// # Errors
///
/// The first thing that is wrong with it, and where.
pub fn check_schema(schema: &Value) -> Result<(), SchemaFault> {
    Schema::compile(schema).map(drop)
}

/// Runs work on a thread with [`STACK`]; none when it panics or there is no thread.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("schema".to_owned()).stack_size(STACK);
        builder.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

/// The draft that a schema says it is of; none when it says nothing.
fn draft(schema: &Value) -> Result<Option<Draft>, SchemaFault> {
    let Some(said) = schema.get("$schema") else { return Ok(None) };
    let name = said.as_str().unwrap_or_default().trim_end_matches('#');
    let path = name.split_once("://json-schema.org/").map_or("", |(_, path)| path);
    Ok(Some(match path {
        "draft-04/schema" => Draft::Draft4,
        "draft-06/schema" => Draft::Draft6,
        "draft-07/schema" => Draft::Draft7,
        "draft/2019-09/schema" => Draft::Draft201909,
        "draft/2020-12/schema" | "schema" => Draft::Draft202012,
        _ => {
            return Err(SchemaFault {
                place: "/$schema".to_owned(),
                message: format!(
                    "is {}, which is no draft that is known: leave it out, or name \
                     \"https://json-schema.org/draft/2020-12/schema\"",
                    text::quoted(&said.to_string(), 100)
                ),
            });
        }
    }))
}

fn compile(schema: &Value) -> Result<Schema, SchemaFault> {
    if let Some(draft) = draft(schema)? {
        return compile_as(draft, schema);
    }
    // Without a word it is the newest, or what most tools wrote before it.
    compile_as(Draft::Draft202012, schema)
        .or_else(|newest| compile_as(Draft::Draft7, schema).map_err(|_| newest))
}

fn compile_as(draft: Draft, schema: &Value) -> Result<Schema, SchemaFault> {
    let lonely = matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
    let survey = survey(schema, lonely)?;
    if let Err(error) = meta(draft).validate(schema) {
        return Err(refused(&error, schema));
    }
    let mut last = None;
    for (size, text) in PATTERN_SIZES {
        match options(draft, size).build(&survey.counted) {
            Ok(validator) => return Ok(compiled(validator, &survey, text)),
            Err(error) if survey.patterns.is_empty() => return Err(refused(&error, schema)),
            Err(error) => last = Some(error),
        }
    }
    // The error does not say which pattern it was.
    let (largest, _) = PATTERN_SIZES[PATTERN_SIZES.len() - 1];
    let alone = |pattern: &String| {
        options(draft, largest).build(&serde_json::json!({ "pattern": pattern })).is_err()
    };
    if let Some((place, pattern)) = survey.patterns.iter().find(|(_, pattern)| alone(pattern)) {
        return Err(SchemaFault {
            place: place.clone(),
            message: format!(
                "`{}` is no regular expression, or one that is too large",
                text::plain(pattern, 100)
            ),
        });
    }
    Err(last.map_or_else(
        || SchemaFault { place: String::new(), message: "could not be compiled".to_owned() },
        |error| refused(&error, schema),
    ))
}

/// The meta-schema of a draft.
fn meta(draft: Draft) -> jsonschema::meta::MetaValidator<'static> {
    match draft {
        Draft::Draft4 => jsonschema::draft4::meta::validator(),
        Draft::Draft6 => jsonschema::draft6::meta::validator(),
        Draft::Draft7 => jsonschema::draft7::meta::validator(),
        Draft::Draft201909 => jsonschema::draft201909::meta::validator(),
        _ => jsonschema::draft202012::meta::validator(),
    }
}

/// Nothing is fetched; `format` and `content…` say what a text is, and are not held
/// against it: what a date is differs from one validator to the next.
fn options(
    draft: Draft,
    pattern_size: usize,
) -> ValidationOptions<'static, Arc<dyn Retrieve>, Metered> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(BACKTRACKS)
        .size_limit(pattern_size)
        .dfa_size_limit(1 << 20);
    ValidationOptions::default()
        .with_draft(draft)
        .offline()
        .should_validate_formats(false)
        .without_content_media_type_support("application/json")
        .without_content_encoding_support("base64")
        .with_pattern_options(patterns)
        .with_keyword(STEP, |_, _, _| {
            meter::compiling();
            Ok(Box::new(Step))
        })
}

fn compiled(validator: Validator<Metered>, survey: &Survey, text: u64) -> Schema {
    let bytes = survey.bytes as u64;
    let backtracks = survey.patterns.iter().any(|(_, pattern)| goes_back(pattern));
    let text = if survey.patterns.is_empty() { 0 } else { text };
    let prices = Prices {
        text,
        backtracks,
        name: text.saturating_mul(survey.name_patterns as u64),
        error: 64 + bytes / 256,
    };
    Schema { validator, prices, subschemas: survey.subschemas }
}

/// Whether a pattern looks around or refers back, so that it is not gone through in
/// one go. Some that do not are taken for one that does.
fn goes_back(pattern: &str) -> bool {
    let mut escaped = false;
    let refers = pattern.chars().any(|c| {
        let found = escaped && (c == 'k' || ('1'..='9').contains(&c));
        escaped = !escaped && c == '\\';
        found
    });
    let looks = ["(?=", "(?!", "(?<=", "(?<!", "(?>", "(?(", "*+", "++", "?+", "}+"];
    refers || looks.iter().any(|look| pattern.contains(look))
}

/// What the meta-schema, or the compiler, refuses.
fn refused(error: &ValidationError<'_>, schema: &Value) -> SchemaFault {
    if let ValidationErrorKind::Referencing(why) = error.kind() {
        return SchemaFault {
            place: String::new(),
            message: format!(
                "has a reference that leads nowhere: {}",
                text::plain(&why.to_string(), 300)
            ),
        };
    }
    let place = error.instance_path().as_str().to_owned();
    let value = schema.pointer(&place).unwrap_or(&Value::Null);
    let keyword = place.rsplit('/').next().unwrap_or_default();
    let message = if keyword == "type" && value.is_string() {
        let types = ["array", "boolean", "integer", "null", "number", "object", "string"];
        let said = value.as_str().unwrap_or_default();
        let near = match said {
            "int" | "long" | "uint" => Some("did you mean `integer`?".to_owned()),
            "float" | "double" => Some("did you mean `number`?".to_owned()),
            "bool" => Some("did you mean `boolean`?".to_owned()),
            "str" | "text" => Some("did you mean `string`?".to_owned()),
            "list" => Some("did you mean `array`?".to_owned()),
            "dict" | "map" => Some("did you mean `object`?".to_owned()),
            said => distri_manifest::suggestion(&text::cut(said, 40), types),
        };
        let near = near.unwrap_or_else(|| format!("there are {}", types.join(", ")));
        format!("is {}, which is no type: {near}", text::quoted(said, 40))
    } else {
        let told = Texts { schema: &Value::Null, value: schema, whole: "it" }.tell(error);
        let wanted = told.first().map_or("something else", |it| it.wanted.as_str());
        match wanted.strip_prefix("have ").or_else(|| wanted.strip_prefix("hold ")) {
            Some(_) => format!("must {wanted}, and is {}", shown(value)),
            None => format!("must be {wanted}, and is {}", shown(value)),
        }
    };
    SchemaFault { place, message }
}

#[cfg(test)]
mod tests;
