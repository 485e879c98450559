//! Rows as they come from a database, within their limits.

use distri_call::{Error, ErrorKind, Limits, Result};

use crate::values::{Rows, Value};

/// What a value counts for besides its text or bytes.
const VALUE: usize = 8;

/// Integers that every language's numbers hold, up to this one: JavaScript's are
/// 64-bit reals.
const EXACT: u64 = (1 << 53) - 1;

/// A value as a row has it.
fn portable(value: Value) -> Value {
    match value {
        Value::Integer(value) if value.unsigned_abs() > EXACT => {
            Value::LargeInteger(value.to_string())
        }
        value => value,
    }
}

/// Parameters as databases have them: integers of either kind are one.
///
/// # Errors
///
/// `invalid-input` for one that does not fit into 64 bits.
pub(crate) fn parameters(given: Vec<Value>) -> Result<Vec<Value>> {
    let parameter = |(at, value)| match value {
        Value::LargeInteger(digits) => digits.parse().map(Value::Integer).map_err(|_| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the parameter `${}` is not an integer of 64 bits", at + 1),
            )
        }),
        value => Ok(value),
    };
    given.into_iter().enumerate().map(parameter).collect()
}

/// Checks that a statement and its parameters together are not too long.
pub(crate) fn check(statement: &str, parameters: &[Value], max: usize) -> Result<()> {
    let bytes = parameters.iter().map(size).fold(statement.len(), usize::saturating_add);
    if bytes > max {
        return Err(Error::over(
            ErrorKind::PayloadTooLarge,
            "payload",
            max,
            format!("the statement and its parameters have {bytes} bytes, and at most {max} pass"),
        )
        .with_hint("write less at a time, in a transaction where it belongs together"));
    }
    Ok(())
}

/// Takes rows until one of their limits is reached.
#[derive(Debug)]
pub(crate) struct Collector {
    rows: Rows,
    bytes: usize,
    max_rows: usize,
    max_bytes: usize,
}

impl Collector {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            rows: Rows { columns: Vec::new(), rows: Vec::new() },
            bytes: 0,
            max_rows: limits.rows,
            max_bytes: limits.payload,
        }
    }

    /// Begins with columns of these names and no rows.
    pub(crate) fn begin<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<()> {
        self.rows.rows.clear();
        self.rows.columns = names.map(str::to_owned).collect();
        self.bytes = 0;
        self.count(self.rows.columns.iter().map(String::len).sum())
    }

    /// Checks that there is room for so many bytes, before they are copied.
    pub(crate) fn room(&self, bytes: usize) -> Result<()> {
        if self.bytes.saturating_add(bytes) > self.max_bytes {
            return Err(too_large(self.max_bytes));
        }
        Ok(())
    }

    /// Takes one more row.
    pub(crate) fn push(&mut self, row: Vec<Value>) -> Result<()> {
        let row: Vec<Value> = row.into_iter().map(portable).collect();
        if self.rows.rows.len() >= self.max_rows {
            return Err(Error::over(
                ErrorKind::Limit,
                "rows",
                self.max_rows,
                format!("the query gives more than {} rows", self.max_rows),
            )
            .with_hint("ask for fewer at a time, with `LIMIT`"));
        }
        self.count(row.iter().map(size).sum())?;
        self.rows.rows.push(row);
        Ok(())
    }

    pub(crate) fn finish(self) -> Rows {
        self.rows
    }

    fn count(&mut self, bytes: usize) -> Result<()> {
        self.room(bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

/// The error of rows, or of one value, that have too many bytes.
pub(crate) fn too_large(max: usize) -> Error {
    Error::over(
        ErrorKind::PayloadTooLarge,
        "payload",
        max,
        format!("the query gives more than {max} bytes"),
    )
    .with_hint("ask for fewer rows or columns at a time")
}

fn size(value: &Value) -> usize {
    VALUE
        + match value {
            Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Real(_) => 0,
            Value::LargeInteger(text) | Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(rows: usize, payload: usize) -> Limits {
        let mut limits = Limits::default();
        (limits.payload, limits.rows) = (payload, rows);
        limits
    }

    #[test]
    fn integers_pass_exactly_in_every_language() {
        let mut collector = Collector::new(&limits(10, 1000));
        collector.begin(["a"].into_iter()).unwrap();
        let integers = [0, 9_007_199_254_740_991, 9_007_199_254_740_992, i64::MIN];
        collector.push(integers.map(Value::Integer).to_vec()).unwrap();
        let row = collector.finish().rows.remove(0);
        assert!(
            matches!(&row[..], [Value::Integer(0), Value::Integer(_), Value::LargeInteger(a), Value::LargeInteger(b)]
                if a == "9007199254740992" && b == "-9223372036854775808"),
            "{row:?}"
        );
        let back = parameters(row).unwrap();
        for (value, expected) in back.iter().zip(integers) {
            assert!(matches!(value, Value::Integer(value) if *value == expected), "{value:?}");
        }
        let error = parameters(vec![Value::Null, Value::LargeInteger("1e9".to_owned())]);
        assert_eq!(error.unwrap_err().message(), "the parameter `$2` is not an integer of 64 bits");
    }

    #[test]
    fn a_statement_and_its_parameters_have_a_longest_length() {
        let text = Value::Text("x".repeat(80));
        check("select $1 ;;", std::slice::from_ref(&text), 100).unwrap();
        for (statement, parameters) in
            [("select $1, $2", vec![text.clone(), Value::Null]), (&*"x".repeat(101), vec![])]
        {
            let error = check(statement, &parameters, 100).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
            assert_eq!(error.detail(), Some(r#"{"limit":"payload","max":100}"#));
        }
    }

    #[test]
    fn rows_are_taken_up_to_their_number() {
        let mut collector = Collector::new(&limits(2, 1000));
        collector.begin(["a"].into_iter()).unwrap();
        collector.push(vec![Value::Null]).unwrap();
        collector.push(vec![Value::Integer(1)]).unwrap();
        let error = collector.push(vec![Value::Null]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert_eq!(error.detail(), Some(r#"{"limit":"rows","max":2}"#));
        assert_eq!(collector.finish().rows.len(), 2);
    }

    #[test]
    fn rows_are_taken_up_to_their_bytes() {
        let mut collector = Collector::new(&limits(100, 100));
        collector.begin(["name"].into_iter()).unwrap();
        collector.push(vec![Value::Text("x".repeat(85))]).unwrap();
        let error = collector.push(vec![Value::Null]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
        assert_eq!(error.detail(), Some(r#"{"limit":"payload","max":100}"#));
        // What a second attempt gives counts from the beginning.
        collector.begin(["name"].into_iter()).unwrap();
        collector.push(vec![Value::Blob(vec![0; 80])]).unwrap();
        assert!(collector.begin(["x".repeat(101).as_str()].into_iter()).is_err());
    }
}
