//! JSON that says what a value is. `serde_json` writes `null` for NaN and the
//! infinities: here they are an error that says where they are.

use std::fmt::{self, Display};

use serde::ser::{self, Serialize};

/// Why a value has no JSON.
#[derive(Debug)]
pub struct Unsayable(String);

impl Display for Unsayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsayable {}

impl ser::Error for Unsayable {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The value as JSON; `root` is what errors call it.
pub(crate) fn to_json(value: &(impl Serialize + ?Sized), root: &str) -> Result<String, Unsayable> {
    let json = serde_json::to_string(value).map_err(ser::Error::custom)?;
    // Where there is no `null`, nothing became one.
    if json.contains("null") {
        value.serialize(&mut Check { path: root.to_owned(), key: None })?;
    }
    Ok(json)
}

/// Goes over a value without writing anything.
struct Check {
    /// Where the value is that is being looked at.
    path: String,
    /// While a map's key is being looked at, its text.
    key: Option<String>,
}

impl Check {
    fn float(&self, value: f64) -> Result<(), Unsayable> {
        if value.is_finite() {
            return Ok(());
        }
        let name = match value {
            _ if value.is_nan() => "NaN",
            _ if value > 0.0 => "Infinity",
            _ => "-Infinity",
        };
        let Self { path, .. } = self;
        Err(Unsayable(format!(
            "`{path}` is {name}, which JSON cannot say: give `None`, or a text, in its place"
        )))
    }

    /// Looks at a part, whose step in the path this is.
    fn part(&mut self, step: &str, value: &(impl Serialize + ?Sized)) -> Result<(), Unsayable> {
        let length = self.path.len();
        self.path.push_str(step);
        value.serialize(&mut *self)?;
        self.path.truncate(length);
        Ok(())
    }
}

/// A step by a name.
fn by_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty()
        && name.chars().all(plain)
        && !name.starts_with(|c: char| c.is_ascii_digit())
    {
        format!(".{name}")
    } else {
        format!("[{name:?}]")
    }
}

/// A list, object or map under way.
struct Parts<'c> {
    check: &'c mut Check,
    /// Of a list: how many were there.
    count: usize,
    /// Of a map: the step to the value that comes next.
    step: String,
    /// How long the path is above this.
    length: usize,
}

impl<'c> Parts<'c> {
    fn new(check: &'c mut Check, variant: Option<&str>) -> Self {
        let length = check.path.len();
        check.path.push_str(&variant.map(by_name).unwrap_or_default());
        Self { check, count: 0, step: String::new(), length }
    }

    fn item(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Unsayable> {
        let step = format!("[{}]", self.count);
        self.count += 1;
        self.check.part(&step, value)
    }

    #[expect(clippy::unnecessary_wraps, reason = "what serde's traits ask for")]
    fn finish(self) -> Result<(), Unsayable> {
        self.check.path.truncate(self.length);
        Ok(())
    }
}

macro_rules! fine {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Unsayable> {
            if let Some(key) = &mut self.key {
                *key = value.to_string();
            }
            Ok(())
        })*
    };
}

impl<'c> ser::Serializer for &'c mut Check {
    type Ok = ();
    type Error = Unsayable;
    type SerializeSeq = Parts<'c>;
    type SerializeTuple = Parts<'c>;
    type SerializeTupleStruct = Parts<'c>;
    type SerializeTupleVariant = Parts<'c>;
    type SerializeMap = Parts<'c>;
    type SerializeStruct = Parts<'c>;
    type SerializeStructVariant = Parts<'c>;

    fine! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unsayable> {
        self.serialize_f64(value.into())
    }
    fn serialize_f64(self, value: f64) -> Result<(), Unsayable> {
        if let Some(key) = &mut self.key {
            *key = value.to_string();
        }
        self.float(value)
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unsayable> {
        Ok(())
    }
    fn serialize_none(self) -> Result<(), Unsayable> {
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unsayable> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Unsayable> {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unsayable> {
        Ok(())
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unsayable> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unsayable> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unsayable> {
        self.part(&by_name(variant), value)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'c>, Unsayable> {
        Ok(Parts::new(self, None))
    }
    fn serialize_tuple(self, _: usize) -> Result<Parts<'c>, Unsayable> {
        Ok(Parts::new(self, None))
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'c>, Unsayable> {
        Ok(Parts::new(self, None))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'c>, Unsayable> {
        Ok(Parts::new(self, Some(variant)))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'c>, Unsayable> {
        Ok(Parts::new(self, None))
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'c>, Unsayable> {
        Ok(Parts::new(self, None))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'c>, Unsayable> {
        Ok(Parts::new(self, Some(variant)))
    }
}

macro_rules! parts {
    (items: $($trait:ident $method:ident),*; fields: $($fields:ident),*) => {
        $(impl ser::$trait for Parts<'_> {
            type Ok = ();
            type Error = Unsayable;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsayable> {
                self.item(value)
            }
            fn end(self) -> Result<(), Unsayable> {
                self.finish()
            }
        })*
        $(impl ser::$fields for Parts<'_> {
            type Ok = ();
            type Error = Unsayable;
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Unsayable> {
                self.check.part(&by_name(key), value)
            }
            fn end(self) -> Result<(), Unsayable> {
                self.finish()
            }
        })*
    };
}

parts! {
    items: SerializeSeq serialize_element, SerializeTuple serialize_element,
        SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field;
    fields: SerializeStruct, SerializeStructVariant
}

impl ser::SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Unsayable;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unsayable> {
        self.check.key = Some(String::new());
        key.serialize(&mut *self.check)?;
        self.step = by_name(&self.check.key.take().unwrap_or_default());
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsayable> {
        self.check.part(&self.step, value)
    }
    fn end(self) -> Result<(), Unsayable> {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(serde::Serialize, Default)]
    struct Stats {
        count: u64,
        mean: Option<f64>,
        rest: Vec<(f32, Kind)>,
        by_name: BTreeMap<String, f64>,
        by_number: BTreeMap<i128, [f64; 1]>,
    }

    #[derive(serde::Serialize)]
    enum Kind {
        None,
        One(f64),
        Two(f64, f64),
        Named { x: f64 },
    }

    fn refused(value: &impl Serialize) -> String {
        to_json(value, "result").unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_finite_is_named_by_its_place() {
        let stats = Stats { mean: Some(f64::NAN), ..Stats::default() };
        assert_eq!(
            refused(&stats),
            "`result.mean` is NaN, which JSON cannot say: give `None`, or a text, in its place"
        );
        let kinds = [
            (Kind::One(f64::INFINITY), "`result[0].rest[0][1].One` is Infinity"),
            (Kind::Two(0.0, f64::NEG_INFINITY), "`result[0].rest[0][1].Two[1]` is -Infinity"),
            (Kind::Named { x: f64::NAN }, "`result[0].rest[0][1].Named.x` is NaN"),
        ];
        for (kind, told) in kinds {
            let stats = Stats { rest: vec![(1.0, kind)], ..Stats::default() };
            assert!(refused(&[stats]).starts_with(told), "{told}");
        }
        let by_name = BTreeMap::from([("a".to_owned(), 1.0), ("b c".to_owned(), f64::NAN)]);
        let stats = Stats { by_name, ..Stats::default() };
        assert!(refused(&stats).starts_with(r#"`result.by_name["b c"]` is NaN"#));
        let stats = Stats { by_number: BTreeMap::from([(7, [f64::NAN])]), ..Stats::default() };
        assert!(refused(&stats).starts_with(r#"`result.by_number["7"][0]` is NaN"#));
        assert!(refused(&f32::NAN).starts_with("`result` is NaN"));
    }

    #[test]
    fn what_is_nothing_is_null_and_integers_are_exact() {
        let stats = Stats { rest: vec![(0.1, Kind::None)], ..Stats::default() };
        assert_eq!(
            to_json(&stats, "result").unwrap(),
            r#"{"count":0,"mean":null,"rest":[[0.1,"None"]],"by_name":{},"by_number":{}}"#
        );
        let integers = (u64::MAX, i64::MIN, u128::MAX, (), None::<u8>, "null");
        assert_eq!(
            to_json(&integers, "result").unwrap(),
            "[18446744073709551615,-9223372036854775808,340282366920938463463374607431768211455,null,null,\"null\"]"
        );
    }
}
