//! PostgreSQL's dates and times, and ISO 8601: the `*_recv` and `*_send` functions
//! of these types in its sources.

use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

/// PostgreSQL's day 0, 2000-01-01, counted from the first day of the year 1.
const EPOCH: i64 = 730_120;

fn epoch() -> Option<NaiveDate> {
    day(0)
}

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// ISO 8601 from the days since the epoch.
pub(super) fn date(days: i32) -> Option<String> {
    match infinity(days, i32::MIN, i32::MAX) {
        Some(infinity) => Some(infinity.to_owned()),
        None => Some(day(days.into())?.to_string()),
    }
}

fn infinity<T: Copy + PartialEq>(value: T, min: T, max: T) -> Option<&'static str> {
    if value == max {
        Some("infinity")
    } else if value == min {
        Some("-infinity")
    } else {
        None
    }
}

fn day(days: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(days + EPOCH).ok()?)
}

/// A time of day from its microseconds. There is `24:00:00`.
pub(super) fn time(micros: i64) -> Option<String> {
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
pub(super) fn timestamp(micros: i64, zone: &str) -> Option<String> {
    if let Some(infinity) = infinity(micros, i64::MIN, i64::MAX) {
        return Some(infinity.to_owned());
    }
    let (date, time) = (day(micros.div_euclid(DAY))?, time(micros.rem_euclid(DAY))?);
    Some(format!("{date}T{time}{zone}"))
}

/// The time before or after all others that a text names.
fn infinite<T>(text: &str, min: T, max: T) -> Option<T> {
    match text {
        "infinity" => Some(max),
        "-infinity" => Some(min),
        _ => None,
    }
}

/// The days since the epoch.
pub(super) fn date_from(text: &str) -> Option<i32> {
    infinite(text, i32::MIN, i32::MAX).or_else(|| {
        i32::try_from(parse_date(text)?.signed_duration_since(epoch()?).num_days()).ok()
    })
}

/// The microseconds of a time of day.
pub(super) fn time_from(text: &str) -> Option<i64> {
    if text == "24:00:00" {
        return Some(DAY);
    }
    parse_time(text)?.signed_duration_since(NaiveTime::MIN).num_microseconds()
}

/// The microseconds since the epoch; as the server does, a zone is passed over
/// where there is none.
pub(super) fn timestamp_from(text: &str, zoned: bool) -> Option<i64> {
    infinite(text, i64::MIN, i64::MAX).or_else(|| {
        let (local, utc) = parse_timestamp(text)?;
        micros(if zoned { utc } else { local })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_iso_8601_and_back() {
        for text in [
            "2024-02-29T23:59:59.000001Z",
            "1999-12-31T23:59:59.5Z",
            "0001-01-01T00:00:00Z",
            "infinity",
            "-infinity",
        ] {
            assert_eq!(timestamp(timestamp_from(text, true).unwrap(), "Z").as_deref(), Some(text));
        }
        for text in ["2024-02-29", "0001-01-01", "infinity", "-infinity"] {
            assert_eq!(date(date_from(text).unwrap()).as_deref(), Some(text));
        }
        for text in ["00:00:00", "23:59:59.25", "24:00:00"] {
            assert_eq!(time(time_from(text).unwrap()).as_deref(), Some(text));
        }
        let utc = |text| timestamp_from(text, true).unwrap();
        assert_eq!(utc("2024-05-01T12:00:00+02:00"), utc("2024-05-01 10:00"));
        assert_eq!(utc("2024-05-01"), utc("2024-05-01T00:00:00Z"));
        let local = |text| timestamp_from(text, false).unwrap();
        assert_eq!(local("2024-05-01T12:00:00+02:00"), local("2024-05-01T12:00:00"));
        assert_eq!(timestamp_from("yesterday", true), None);
        assert_eq!(time(-1), None);
    }
}
