//! Values as PostgreSQL sends and takes them, in its binary formats. They are the
//! types' `*_recv` and `*_send` functions in its sources.

use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgTypeKind};
use sqlx::types::Uuid;
use sqlx::{Encode, Postgres, Type, TypeInfo as _, encode::IsNull, error::BoxDynError};

use crate::postgres::numeric::{decimal, numeric};
use crate::postgres::times::{date, date_from, time, time_from, timestamp, timestamp_from};
use crate::values::Value;

/// The types that have a form here, as `pg_type.dat` numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Bytea,
    Date,
    Float4,
    Float8,
    Int2,
    Int4,
    Int8,
    Jsonb,
    Numeric,
    Oid,
    /// Whatever is sent as its text.
    Text,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
    Void,
}

impl Kind {
    fn of(ty: &PgTypeInfo) -> Option<Self> {
        match ty.kind() {
            PgTypeKind::Domain(base) => return Self::of(base),
            PgTypeKind::Enum(_) => return Some(Self::Text),
            _ => {}
        }
        Some(match ty.oid()?.0 {
            16 => Self::Bool,
            17 => Self::Bytea,
            // "char", name, text, json, xml, unknown, bpchar, varchar
            18 | 19 | 25 | 114 | 142 | 705 | 1042 | 1043 => Self::Text,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            26 => Self::Oid,
            700 => Self::Float4,
            701 => Self::Float8,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::Timestamptz,
            1700 => Self::Numeric,
            2278 => Self::Void,
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            // An extension's types have other numbers in every database.
            _ if ty.name().eq_ignore_ascii_case("citext") => Self::Text,
            _ => return None,
        })
    }
}

/// A value that the server sent; none when its type has no form here.
pub(super) fn decode(ty: &PgTypeInfo, bytes: &[u8]) -> Option<Value> {
    let text = |bytes: &[u8]| Some(Value::Text(str::from_utf8(bytes).ok()?.to_owned()));
    let integer = |bytes: &[u8]| i64::from_be_bytes(bytes.try_into().unwrap_or_default());
    Some(match Kind::of(ty)? {
        Kind::Bool => Value::Boolean(bytes != [0]),
        Kind::Bytea => Value::Blob(bytes.to_vec()),
        Kind::Int2 => Value::Integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Int4 => Value::Integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Int8 => Value::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Oid => Value::Integer(u32::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Float4 => Value::Real(f32::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Float8 => Value::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Text => return text(bytes),
        // The first byte is the format's version.
        Kind::Jsonb => return text(bytes.strip_prefix(&[1])?),
        Kind::Uuid => Value::Text(Uuid::from_slice(bytes).ok()?.to_string()),
        Kind::Numeric => Value::Text(decimal(bytes)?),
        Kind::Date => Value::Text(date(i32::from_be_bytes(bytes.try_into().ok()?))?),
        Kind::Time => Value::Text(time(integer(bytes))?),
        Kind::Timestamp => Value::Text(timestamp(integer(bytes), "")?),
        Kind::Timestamptz => Value::Text(timestamp(integer(bytes), "Z")?),
        Kind::Void => Value::Null,
    })
}

/// A parameter as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    ty: PgTypeInfo,
    /// None for null.
    bytes: Option<Vec<u8>>,
    /// Whether it has its own type, not the one that the statement has for it.
    pub has_own_type: bool,
}

impl Parameter {
    /// A value as the type that the server found its parameter to have; where
    /// that cannot be, as the value's own type: what becomes of that, the server
    /// knows best.
    pub(super) fn new(value: &Value, ty: &PgTypeInfo) -> Self {
        let own = |ty, bytes| Self { ty, bytes: Some(bytes), has_own_type: true };
        if let Some(bytes) = Kind::of(ty).and_then(|kind| encode(value, kind)) {
            return Self { ty: ty.clone(), bytes: Some(bytes), has_own_type: false };
        }
        match value {
            Value::Null => Self { ty: ty.clone(), bytes: None, has_own_type: false },
            Value::Boolean(value) => {
                own(<bool as Type<Postgres>>::type_info(), vec![(*value).into()])
            }
            Value::Integer(value) => {
                own(<i64 as Type<Postgres>>::type_info(), value.to_be_bytes().to_vec())
            }
            Value::Real(value) => {
                own(<f64 as Type<Postgres>>::type_info(), value.to_be_bytes().to_vec())
            }
            Value::LargeInteger(value) | Value::Text(value) => {
                own(<str as Type<Postgres>>::type_info(), value.as_bytes().to_vec())
            }
            Value::Blob(value) => own(<[u8] as Type<Postgres>>::type_info(), value.clone()),
        }
    }
}

fn encode(value: &Value, kind: Kind) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::Boolean(value) => (kind == Kind::Bool).then(|| vec![(*value).into()]),
        Value::Blob(value) => (kind == Kind::Bytea).then(|| value.clone()),
        Value::Integer(value) => encode_integer(*value, kind),
        Value::Real(value) => encode_real(*value, kind),
        Value::LargeInteger(value) | Value::Text(value) => encode_text(value, kind),
    }
}

fn encode_integer(value: i64, kind: Kind) -> Option<Vec<u8>> {
    Some(match kind {
        Kind::Int2 => i16::try_from(value).ok()?.to_be_bytes().to_vec(),
        Kind::Int4 => i32::try_from(value).ok()?.to_be_bytes().to_vec(),
        Kind::Int8 => value.to_be_bytes().to_vec(),
        Kind::Oid => u32::try_from(value).ok()?.to_be_bytes().to_vec(),
        #[expect(clippy::cast_precision_loss, reason = "what a number in a column of reals is")]
        Kind::Float4 | Kind::Float8 => return encode_real(value as f64, kind),
        Kind::Numeric => return numeric(&value.to_string()),
        _ => return None,
    })
}

fn encode_real(value: f64, kind: Kind) -> Option<Vec<u8>> {
    Some(match kind {
        #[expect(clippy::cast_possible_truncation, reason = "what a number in such a column is")]
        Kind::Float4 => (value as f32).to_be_bytes().to_vec(),
        Kind::Float8 => value.to_be_bytes().to_vec(),
        Kind::Numeric => return numeric(&value.to_string()),
        _ => return None,
    })
}

fn encode_text(value: &str, kind: Kind) -> Option<Vec<u8>> {
    Some(match kind {
        Kind::Text => value.as_bytes().to_vec(),
        Kind::Jsonb => [&[1], value.as_bytes()].concat(),
        Kind::Bool => vec![value.parse::<bool>().ok()?.into()],
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid => {
            return encode_integer(value.parse().ok()?, kind);
        }
        Kind::Float4 | Kind::Float8 => return encode_real(value.parse().ok()?, kind),
        Kind::Numeric => return numeric(value),
        Kind::Uuid => Uuid::parse_str(value).ok()?.as_bytes().to_vec(),
        Kind::Date => date_from(value)?.to_be_bytes().to_vec(),
        Kind::Time => time_from(value)?.to_be_bytes().to_vec(),
        Kind::Timestamp => timestamp_from(value, false)?.to_be_bytes().to_vec(),
        Kind::Timestamptz => timestamp_from(value, true)?.to_be_bytes().to_vec(),
        Kind::Bytea | Kind::Void => return None,
    })
}

impl Type<Postgres> for Parameter {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Parameter {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(bytes) = &self.bytes else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.ty.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_the_type_that_its_place_has_or_keeps_its_own() {
        let int4 = <i32 as Type<Postgres>>::type_info();
        let number = Parameter::new(&Value::Integer(7), &int4);
        assert_eq!((number.bytes, number.has_own_type), (Some(vec![0, 0, 0, 7]), false));
        let large = Parameter::new(&Value::Integer(1 << 40), &int4);
        assert!(large.has_own_type);
        assert_eq!(large.bytes.unwrap().len(), 8);
        let text = Parameter::new(&Value::Integer(7), &<str as Type<Postgres>>::type_info());
        assert!(text.has_own_type, "a number is not silently made a text");
        assert_eq!(Parameter::new(&Value::Null, &int4).bytes, None);
    }
}
