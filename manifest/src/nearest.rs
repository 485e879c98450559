//! "Did you mean": the known names that are closest to one that is not known.

/// The candidates closest to `name`, best first, at most three.
///
/// A candidate counts as close when its Damerau-Levenshtein distance is at most
/// a third of the longer of the two names, rounded (and at least one edit is always
/// allowed), or when one of the two is a prefix of the other.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let known = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&wanted, &known);
            let longer = wanted.chars().count().max(known.chars().count());
            let allowed = ((longer + 1) / 3).max(1);
            let prefix = wanted.len() >= 3
                && known.len() >= 3
                && (known.starts_with(&wanted) || wanted.starts_with(&known));
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
    fn an_unrelated_name_finds_nothing() {
        assert!(nearest("weather", ["slugify", "word_count"]).is_empty());
        assert_eq!(suggestion("weather", ["slugify"]), None);
    }
}
