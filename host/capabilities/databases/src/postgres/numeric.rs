//! PostgreSQL's `numeric` and its text: `numeric_recv` and `numeric_send` in its
//! sources.

use std::fmt::Write as _;

/// Signs of a `numeric`.
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

/// The text of a `numeric`, as PostgreSQL prints it: groups of four digits, the
/// first of which counts 10000 to the power of the weight.
pub(super) fn decimal(bytes: &[u8]) -> Option<String> {
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
    // A group's place may be beyond what 16 bits count.
    let weight = i32::from(weight.cast_signed());
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
        place -= 1;
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

/// A plain decimal number, or what `decimal` gives besides, as a `numeric`; none
/// for anything else.
pub(super) fn numeric(text: &str) -> Option<Vec<u8>> {
    let special = |sign: u16| [0, 0, sign, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    match text {
        "NaN" => return Some(special(NAN)),
        "Infinity" => return Some(special(INFINITY)),
        "-Infinity" => return Some(special(NEGATIVE_INFINITY)),
        _ => {}
    }
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
            "NaN",
            "Infinity",
            "-Infinity",
        ] {
            assert_eq!(decimal(&numeric(text).unwrap()).as_deref(), Some(text));
        }
        // Three tenths, as `numeric_send` writes them.
        let sent: Vec<u8> =
            [1, 0xffff, 0, 1, 3000].into_iter().flat_map(u16::to_be_bytes).collect();
        assert_eq!(numeric("0.3").unwrap(), sent);
        assert_eq!(decimal(&sent).as_deref(), Some("0.3"));
        assert_eq!(decimal(&[0, 0, 0, 0, 0xc0, 0, 0, 0]).as_deref(), Some("NaN"));
        for text in ["", "-", ".5", "1e5", "inf", "1.2.3", "--1", "1_000", &"9".repeat(1001)] {
            assert_eq!(numeric(text), None, "{text}");
        }
        assert_eq!(decimal(&[0]), None);
        // Its weight is the highest that there is.
        let sent = [1, 0x7fff, 0, 0, 9].into_iter().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        assert_eq!(decimal(&sent).map(|text| text.len()), Some(1 + 4 * 32_767));
    }
}
