//! Values as PostgreSQL sends and takes them, in its binary formats. They are the
//! types' `*_recv` and `*_send` functions in its sources.

use std::fmt::Write as _;

use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgTypeKind};
use sqlx::types::Uuid;
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use sqlx::{Encode, Postgres, Type, TypeInfo as _, encode::IsNull, error::BoxDynError};

use crate::bindings::Value;

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
    Json,
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
            // "char", name, text, xml, unknown, bpchar, varchar
            18 | 19 | 25 | 142 | 705 | 1042 | 1043 => Self::Text,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            26 => Self::Oid,
            114 => Self::Json,
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
pub(crate) fn decode(ty: &PgTypeInfo, bytes: &[u8]) -> Option<Value> {
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
        Kind::Text | Kind::Json => return text(bytes),
        // The first byte is the format's version.
        Kind::Jsonb => return text(bytes.strip_prefix(&[1])?),
        Kind::Uuid => Value::Text(Uuid::from_slice(bytes).ok()?.to_string()),
        Kind::Numeric => Value::Text(decimal(bytes)?),
        Kind::Date => {
            let days = i32::from_be_bytes(bytes.try_into().ok()?);
            Value::Text(match infinity(days, i32::MIN, i32::MAX) {
                Some(infinity) => infinity.to_owned(),
                None => date(days.into())?.to_string(),
            })
        }
        Kind::Time => Value::Text(time(integer(bytes))?),
        Kind::Timestamp => Value::Text(timestamp(integer(bytes), "")?),
        Kind::Timestamptz => Value::Text(timestamp(integer(bytes), "Z")?),
        Kind::Void => Value::Null,
    })
}

/// PostgreSQL's day 0, 2000-01-01, counted from the first day of the year 1.
const EPOCH: i64 = 730_120;

fn epoch() -> Option<NaiveDate> {
    date(0)
}

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

fn infinity<T: Copy + PartialEq>(value: T, min: T, max: T) -> Option<&'static str> {
    if value == max {
        Some("infinity")
    } else if value == min {
        Some("-infinity")
    } else {
        None
    }
}

fn date(days: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(days + EPOCH).ok()?)
}

/// A time of day from its microseconds. There is `24:00:00`.
fn time(micros: i64) -> Option<String> {
    if !(0..=DAY).contains(&micros) {
        return None;
    }
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    Some(text)
}

/// ISO 8601 from the microseconds since the epoch.
fn timestamp(micros: i64, zone: &str) -> Option<String> {
    if let Some(infinity) = infinity(micros, i64::MIN, i64::MAX) {
        return Some(infinity.to_owned());
    }
    let (date, time) = (date(micros.div_euclid(DAY))?, time(micros.rem_euclid(DAY))?);
    Some(format!("{date}T{time}{zone}"))
}

/// Signs of a `numeric`.
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

/// The text of a `numeric`, as PostgreSQL prints it: groups of four digits, the
/// first of which counts 10000 to the power of the weight.
fn decimal(bytes: &[u8]) -> Option<String> {
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (_, weight, sign, scale) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let sign = match sign {
        0 => "",
        NEGATIVE => "-",
        NAN => return Some("NaN".to_owned()),
        INFINITY => return Some("Infinity".to_owned()),
        NEGATIVE_INFINITY => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    let weight = weight.cast_signed();
    let mut whole = String::new();
    let mut fraction = String::new();
    // Groups of zeros between the point and the first group.
    for _ in weight + 1..0 {
        fraction.push_str("0000");
    }
    let mut place = weight;
    for group in words {
        let to = if place >= 0 { &mut whole } else { &mut fraction };
        let _ = write!(to, "{group:04}");
        place = place.checked_sub(1)?;
    }
    for _ in 0..=place {
        whole.push_str("0000");
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if scale == 0 {
        return Some(format!("{sign}{whole}"));
    }
    let scale = usize::from(scale);
    fraction.truncate(scale);
    Some(format!("{sign}{whole}.{fraction:0<scale$}"))
}

/// Digits of a `numeric` that are written; a longer one is the server's to parse.
const DIGITS: usize = 1_000;

/// A plain decimal number as a `numeric`; none for anything else.
fn numeric(text: &str) -> Option<Vec<u8>> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_plain(whole) || !is_plain(fraction) || digits.len() > DIGITS {
        return None;
    }
    let scale = u16::try_from(fraction.len()).ok()?;
    let padded = format!(
        "{}{whole}{fraction}{}",
        "0".repeat(whole.len().wrapping_neg() % 4),
        "0".repeat(fraction.len().wrapping_neg() % 4)
    );
    let groups = padded.as_bytes().chunks(4);
    let mut groups: Vec<u16> =
        groups.filter_map(|group| str::from_utf8(group).ok()?.parse().ok()).collect();
    let mut weight = i16::try_from(whole.len().div_ceil(4)).ok()? - 1;
    while groups.first() == Some(&0) {
        groups.remove(0);
        weight -= 1;
    }
    while groups.last() == Some(&0) {
        groups.pop();
    }
    if groups.is_empty() {
        weight = 0;
    }
    let negative = negative && !groups.is_empty();
    let count = u16::try_from(groups.len()).ok()?;
    let sign = if negative { NEGATIVE } else { 0 };
    let head = [count, weight.cast_unsigned(), sign, scale];
    Some(head.into_iter().chain(groups).flat_map(u16::to_be_bytes).collect())
}

/// A parameter as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    ty: PgTypeInfo,
    /// None for null.
    bytes: Option<Vec<u8>>,
    /// Whether it has its own type, not the one that the statement has for it.
    pub(crate) has_own_type: bool,
}

impl Parameter {
    /// A value as the type that the server found its parameter to have; where
    /// that cannot be, as the value's own type: what becomes of that, the server
    /// knows best.
    pub(crate) fn new(value: &Value, ty: &PgTypeInfo) -> Self {
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
        Kind::Text | Kind::Json => value.as_bytes().to_vec(),
        Kind::Jsonb => [&[1], value.as_bytes()].concat(),
        Kind::Bool => vec![value.parse::<bool>().ok()?.into()],
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid => {
            return encode_integer(value.parse().ok()?, kind);
        }
        Kind::Float4 | Kind::Float8 => return encode_real(value.parse().ok()?, kind),
        Kind::Numeric => return numeric(value),
        Kind::Uuid => Uuid::parse_str(value).ok()?.as_bytes().to_vec(),
        Kind::Date => {
            let days = parse_date(value)?.signed_duration_since(epoch()?).num_days();
            i32::try_from(days).ok()?.to_be_bytes().to_vec()
        }
        Kind::Time => {
            let since = parse_time(value)?.signed_duration_since(NaiveTime::MIN);
            since.num_microseconds()?.to_be_bytes().to_vec()
        }
        // As the server does, a zone is passed over.
        Kind::Timestamp => micros(parse_timestamp(value)?.0)?.to_be_bytes().to_vec(),
        Kind::Timestamptz => micros(parse_timestamp(value)?.1)?.to_be_bytes().to_vec(),
        Kind::Bytea | Kind::Void => return None,
    })
}

fn micros(time: NaiveDateTime) -> Option<i64> {
    time.signed_duration_since(epoch()?.and_time(NaiveTime::MIN)).num_microseconds()
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

fn parse_time(text: &str) -> Option<NaiveTime> {
    let with_seconds = NaiveTime::parse_from_str(text, "%H:%M:%S%.f");
    with_seconds.or_else(|_| NaiveTime::parse_from_str(text, "%H:%M")).ok()
}

/// A time in ISO 8601, as it is written and in UTC; without a zone it is in UTC,
/// like the host's sessions.
fn parse_timestamp(text: &str) -> Option<(NaiveDateTime, NaiveDateTime)> {
    if let Ok(zoned) = DateTime::parse_from_rfc3339(text) {
        return Some((zoned.naive_local(), zoned.naive_utc()));
    }
    let time = match text.split_once(['T', ' ']) {
        Some((date, time)) => parse_date(date)?.and_time(parse_time(time)?),
        None => parse_date(text)?.and_time(NaiveTime::MIN),
    };
    Some((time, time))
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
    fn decimal_numbers_keep_every_digit_and_their_scale() {
        for text in [
            "0",
            "1",
            "-1",
            "10000",
            "12345678",
            "0.5",
            "-0.00012",
            "1.50",
            "10000.0001",
            "123456789012345678901234567890.123456789012345678901234567890",
            "100000000",
            "0.00",
        ] {
            assert_eq!(decimal(&numeric(text).unwrap()).as_deref(), Some(text));
        }
        // Three tenths, as `numeric_send` writes them.
        let sent: Vec<u8> =
            [1, 0xffff, 0, 1, 3000].into_iter().flat_map(u16::to_be_bytes).collect();
        assert_eq!(numeric("0.3").unwrap(), sent);
        assert_eq!(decimal(&sent).as_deref(), Some("0.3"));
        assert_eq!(decimal(&[0, 0, 0, 0, 0xc0, 0, 0, 0]).as_deref(), Some("NaN"));
        for text in ["", "-", ".5", "1e5", "NaN", "1.2.3", "--1", "1_000", &"9".repeat(1001)] {
            assert_eq!(numeric(text), None, "{text}");
        }
        assert_eq!(decimal(&[0]), None);
    }

    #[test]
    fn times_are_iso_8601_and_back() {
        for (text, kind) in [
            ("2024-02-29T23:59:59.000001Z", Kind::Timestamptz),
            ("1999-12-31T23:59:59.5Z", Kind::Timestamptz),
            ("0001-01-01T00:00:00Z", Kind::Timestamptz),
        ] {
            let bytes = encode_text(text, kind).unwrap();
            let micros = i64::from_be_bytes(bytes.try_into().unwrap());
            assert_eq!(timestamp(micros, "Z").as_deref(), Some(text));
        }
        let micros = |text| encode_text(text, Kind::Timestamptz).unwrap();
        assert_eq!(micros("2024-05-01T12:00:00+02:00"), micros("2024-05-01 10:00"));
        assert_eq!(micros("2024-05-01"), micros("2024-05-01T00:00:00Z"));
        let local = |text| encode_text(text, Kind::Timestamp).unwrap();
        assert_eq!(local("2024-05-01T12:00:00+02:00"), local("2024-05-01T12:00:00"));
        assert_eq!(encode_text("yesterday", Kind::Timestamptz), None);
        assert_eq!(timestamp(i64::MAX, "Z").as_deref(), Some("infinity"));
        assert_eq!(time(DAY).as_deref(), Some("24:00:00"));
        assert_eq!(time(-1), None);
    }

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
