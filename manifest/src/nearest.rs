//! "Did you mean": the known names that are closest to one that is not known.

/// Longest name that others are compared with, in bytes. No name that is known is
/// longer, and comparing takes as long as both lengths multiplied.
const LONGEST: usize = 64;

/// Names that are compared at most: a typing error among more is for a search.
const COMPARED: usize = 2_000;

/// The candidates closest to `name`, best first, at most three. None for a name that
/// is longer than any.
///
/// A candidate counts as close when its Damerau-Levenshtein distance is at most
/// a third of the longer of the two names, rounded (and at least one edit is always
/// allowed), or when one of the two is a prefix of the other.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if name.len() > LONGEST {
        return Vec::new();
    }
    let wanted = name.to_lowercase();
    let count = wanted.chars().count();
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .take(COMPARED)
        .filter_map(|candidate| {
            let known = candidate.to_lowercase();
            let known_count = known.chars().count();
            let allowed = ((count.max(known_count) + 1) / 3).max(1);
            let prefix = wanted.len() >= 3
                && known.len() >= 3
                && (known.starts_with(&wanted) || wanted.starts_with(&known));
            // No fewer edits than the lengths differ by.
            if count.abs_diff(known_count) > allowed && !prefix {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&wanted, &known);
            (distance <= allowed || prefix).then_some((distance, candidate))
        })
        .collect();
    close.sort_unstable();
    close.dedup();
    close.into_iter().map(|(_, name)| name).take(3).collect()
}

/// "did you mean `a` or `b`?", or nothing when no candidate is close.
pub fn suggestion<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let close = nearest(name, candidates);
    let (last, rest) = close.split_last()?;
    Some(if rest.is_empty() {
        format!("did you mean `{last}`?")
    } else {
        format!("did you mean `{}` or `{last}`?", rest.join("`, `"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_neighbour() {
        assert_eq!(nearest("slugfy", ["slugify", "word_count"]), ["slugify"]);
        assert_eq!(nearest("descripton", ["description", "version"]), ["description"]);
        assert_eq!(
            suggestion("shasum", ["sha256sum", "shasums", "crc32"]).as_deref(),
            Some("did you mean `shasums` or `sha256sum`?")
        );
    }

    #[test]
    fn a_name_longer_than_any_is_not_compared() {
        let names: Vec<String> = (0..100_000).map(|n| format!("slugify{n}")).collect();
        let long = "slugify".repeat(600_000);
        assert!(nearest(&long, names.iter().map(String::as_str)).is_empty());
        assert!(nearest("slugify1", [long.as_str()]).is_empty());
        let near = nearest("slugify1", names.iter().map(String::as_str));
        assert_eq!(near, ["slugify1", "slugify0", "slugify10"]);
    }

    #[test]
    fn an_unrelated_name_finds_nothing() {
        assert!(nearest("weather", ["slugify", "word_count"]).is_empty());
        assert_eq!(suggestion("weather", ["slugify"]), None);
    }
}
