//! JSON values as the validator reads them: each look at one is counted, so that no
//! schema and no value, which are both a stranger's, keep it busy for longer than
//! is allowed, whatever the keywords. Knows nothing of schemas.
//!
//! The validator cannot be stopped from outside; what counts unwinds through it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use jsonschema::json::{self, Array, Json, Node, NodeIdentity, Object};
use jsonschema::{JsonType, Keyword, ValidationError};
use serde_json::{Map, Number, Value};

use crate::text;

/// What some work may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// Looks at values; a byte of text that patterns read is several.
    pub(super) steps: u64,
    /// Bytes of stack below where it begins.
    pub(super) stack: usize,
    pub(super) deadline: Instant,
    pub(super) prices: Prices,
    /// The address of the one value that errors are given as it is, if there is one, and
    /// what each costs then.
    pub(super) whole: Option<(usize, u64)>,
}

/// What texts and errors cost with some schema, in steps.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Prices {
    /// A byte of text that patterns are held against.
    pub(super) text: u64,
    /// Whether some pattern needs an engine that tries and goes back.
    pub(super) backtracks: bool,
    /// A byte of a property's name: there may be many patterns for it.
    pub(super) name: u64,
    /// One error: it takes copies of its place and of parts of the schema.
    pub(super) error: u64,
}

/// Why work was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Steps,
    Stack,
    Time,
    /// The validator panicked.
    Fault,
}

/// How many places a pattern may go back to, in one text.
pub(super) const BACKTRACKS: usize = 1_000;

/// Steps between two looks at the clock: some hundred microseconds.
const CLOCK: u32 = 16;

/// Bytes of a text, and entries of a list, that an error holds.
const EXCERPT: usize = 64;

struct Meter {
    left: Cell<u64>,
    base: Cell<usize>,
    stack: Cell<usize>,
    deadline: Cell<Option<Instant>>,
    prices: Cell<Prices>,
    whole: Cell<Option<(usize, u64)>>,
}

thread_local! {
    static METER: Meter = const {
        Meter {
            left: Cell::new(u64::MAX),
            base: Cell::new(0),
            stack: Cell::new(usize::MAX),
            deadline: Cell::new(None),
            prices: Cell::new(Prices { text: 0, backtracks: false, name: 0, error: 0 }),
            whole: Cell::new(None),
        }
    };
}

/// Does some work on this thread within an allowance.
pub(super) fn within<T>(allowance: Allowance, work: impl FnOnce() -> T) -> Result<T, Stop> {
    METER.with(|meter| {
        meter.left.set(allowance.steps);
        meter.base.set(here());
        meter.stack.set(allowance.stack);
        meter.deadline.set(Some(allowance.deadline));
        meter.prices.set(allowance.prices);
        meter.whole.set(allowance.whole);
        // What the work holds is not seen again once it unwound.
        let done = catch_unwind(AssertUnwindSafe(work));
        meter.left.set(u64::MAX);
        meter.stack.set(usize::MAX);
        meter.deadline.set(None);
        meter.prices.set(Prices::default());
        meter.whole.set(None);
        done.map_err(|panic| panic.downcast_ref::<Stop>().copied().unwrap_or(Stop::Fault))
    })
}

/// An address on this thread's stack.
#[inline(never)]
fn here() -> usize {
    let place = 0_u8;
    std::ptr::from_ref(&place).addr()
}

/// Counts steps.
///
/// # Panics
///
/// When there are none left: [`within`] catches it.
fn step(count: u64) {
    METER.with(|meter| {
        let before = meter.left.get();
        // No hook hears of it, and nothing is printed.
        let stop = |why: Stop| -> ! { resume_unwind(Box::new(why)) };
        let Some(left) = before.checked_sub(count) else { stop(Stop::Steps) };
        meter.left.set(left);
        if meter.base.get().abs_diff(here()) > meter.stack.get() {
            stop(Stop::Stack);
        }
        if before >> CLOCK != left >> CLOCK
            && meter.deadline.get().is_some_and(|deadline| deadline <= Instant::now())
        {
            stop(Stop::Time);
        }
    });
}

fn prices() -> Prices {
    METER.with(|meter| meter.prices.get())
}

fn length(text: &str) -> u64 {
    text.len() as u64
}

/// A keyword that every subschema is given: it counts that the subschema was asked,
/// even if it looks at nothing.
pub(super) struct Step;

impl<'i> Keyword<'i, Metered> for Step {
    fn validate(&self, _: Seen<'i>) -> Result<(), ValidationError<'i>> {
        step(1);
        Ok(())
    }

    fn is_valid(&self, _: Seen<'i>) -> bool {
        step(1);
        true
    }
}

/// Counts a subschema that is compiled.
pub(super) fn compiling() {
    step(1);
}

/// JSON that counts who looks at it.
pub(super) struct Metered;

/// A value.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a>(pub(super) &'a Value);

impl Json for Metered {
    type Node<'a> = Seen<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Seen<'_>) -> T) -> T {
        step(1 + length(string) / 16);
        f(Seen(&Value::String(string.to_owned())))
    }
}

impl<'a> Node<'a, Metered> for Seen<'a> {
    type Object = Members<'a>;
    type Array = Items<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        step(1);
        self.0.as_object().map(Members)
    }

    fn as_array(&self) -> Option<Items<'a>> {
        step(1);
        self.0.as_array().map(|items| Items(items))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.0.as_str()?;
        let Prices { text: price, backtracks, .. } = prices();
        let again = if backtracks { length(text).min(BACKTRACKS as u64) } else { 0 };
        let bytes = length(text);
        step(1 + bytes / 64 + bytes.saturating_mul(price).saturating_mul(again + 1));
        Some(Cow::Borrowed(text))
    }

    fn as_number(&self) -> Option<&'a Number> {
        step(1);
        match self.0 {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        step(1);
        self.0.as_bool()
    }

    fn is_null(&self) -> bool {
        step(1);
        self.0.is_null()
    }

    fn json_type(&self) -> JsonType {
        step(1);
        match self.0 {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn string_length(&self) -> Option<u64> {
        let text = self.0.as_str()?;
        step(1 + length(text) / 16);
        Some(text.chars().count() as u64)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        equal(self.0, expected)
    }

    /// Errors alone ask for this: they are given what a message can show, for there may
    /// be many of them and the value may be large. The validator looks for the place
    /// of a pattern that gave up in the whole value.
    fn to_value(&self) -> Cow<'a, Value> {
        step(prices().error);
        if let Some((whole, price)) = METER.with(|meter| meter.whole.get())
            && whole == std::ptr::from_ref(self.0).addr()
        {
            step(price);
            return Cow::Borrowed(self.0);
        }
        match self.0 {
            Value::String(string) if string.len() > EXCERPT => {
                Cow::Owned(Value::String(text::cut(string, EXCERPT)))
            }
            Value::Array(_) => Cow::Owned(Value::Array(Vec::new())),
            Value::Object(_) => Cow::Owned(Value::Object(Map::new())),
            small => Cow::Borrowed(small),
        }
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.0).addr()))
    }
}

/// An object.
pub(super) struct Members<'a>(&'a Map<String, Value>);

/// Its members, one after another.
pub(super) struct MembersIter<'a>(serde_json::map::Iter<'a>, u64);

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, Seen<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.0.next()?;
        step(1 + length(name) / 64 + length(name).saturating_mul(self.1));
        Some((name, Seen(value)))
    }
}

impl<'a> Object<'a, Metered> for Members<'a> {
    type Node = Seen<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &String) -> Option<Seen<'a>> {
        step(1 + length(key) / 64);
        self.0.get(key).map(Seen)
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter(self.0.iter(), prices().name)
    }
}

/// An array.
pub(super) struct Items<'a>(&'a [Value]);

/// Its elements, one after another.
pub(super) struct ItemsIter<'a>(std::slice::Iter<'a, Value>);

impl<'a> Iterator for ItemsIter<'a> {
    type Item = Seen<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        step(1);
        self.0.next().map(Seen)
    }
}

impl<'a> Array<'a, Metered> for Items<'a> {
    type Node = Seen<'a>;
    type ElementsIter = ItemsIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> ItemsIter<'a> {
        ItemsIter(self.0.iter())
    }

    /// By a text of each element that equal ones share. The validator's own hashes can be
    /// made to collide.
    fn is_unique(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.0.len());
        self.0.iter().all(|element| {
            let mut key = String::new();
            canonical(element, &mut key);
            seen.insert(key)
        })
    }
}

/// Whether two values are equal as JSON Schema has it: 1 is 1.0, members have no order.
fn equal(left: &Value, right: &Value) -> bool {
    step(1);
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => json::cmp::equal_numbers(&left, right),
        (Value::String(left), Value::String(right)) => {
            step(length(left) / 64);
            left == right
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| equal(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, l)| right.get(key).is_some_and(|r| equal(l, r)))
        }
        (left, right) => left == right,
    }
}

/// Writes a value so that equal ones are equal texts.
fn canonical(value: &Value, out: &mut String) {
    use std::fmt::Write as _;
    step(1);
    match value {
        Value::Number(number) => match whole(number) {
            Some(number) => drop(write!(out, "{number}")),
            // 1.50 is 1.5.
            None => drop(write!(out, "{:?}", number.as_f64())),
        },
        Value::String(string) => {
            step(length(string) / 16);
            // With its length before it, nothing in it can be taken for what follows.
            let _ = write!(out, "\"{}:{string}", string.len());
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            step(members.len() as u64);
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, member) in members {
                step(1 + length(name) / 16);
                let _ = write!(out, "{}:{name}", name.len());
                canonical(member, out);
                out.push(',');
            }
            out.push('}');
        }
        other => drop(write!(out, "{other}")),
    }
}

/// The number as an integer, if it is one: `1.0` is `1`.
fn whole(number: &Number) -> Option<i128> {
    if let Some(number) = number.as_i64() {
        return Some(i128::from(number));
    }
    if let Some(number) = number.as_u64() {
        return Some(i128::from(number));
    }
    let number = number.as_f64()?;
    // Beyond it no integer of the other two kinds is.
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^65")]
    (number.fract() == 0.0 && number.abs() < 36_893_488_147_419_103_232.0).then_some(number as i128)
}
