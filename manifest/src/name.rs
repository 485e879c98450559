//! Names of packages, tools and workflows, checked once and carried as types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// The package that `src/mod.ts` of a workspace is registered as. Reserved.
pub const WORKSPACE_PACKAGE: &str = "workspace";

/// Longest package name: with [`MAX_ITEM`] and the separator it keeps
/// `package__tool` within the 64 characters that model providers accept.
const MAX_PACKAGE: usize = 32;
/// Longest tool or workflow name.
const MAX_ITEM: usize = 30;

/// Characters of what is no name that an error shows.
const SHOWN: usize = 64;

/// Why a name is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a valid {what} name: {rule}")]
pub struct NameError {
    name: String,
    what: &'static str,
    rule: String,
}

/// Checks the shape shared by all names: ASCII words of `first` then
/// alphanumeric characters, joined by single `-` or `_`.
fn check(name: &str, what: &'static str, max: usize, upper: bool) -> Result<(), NameError> {
    let fail = |rule: &str| {
        let mut shown = name.to_owned();
        if let Some((end, _)) = name.char_indices().nth(SHOWN) {
            shown.truncate(end);
            shown.push('…');
        }
        Err(NameError { name: shown, what, rule: rule.to_owned() })
    };
    let letters = if upper { "letters" } else { "lower-case letters" };
    if name.is_empty() {
        return fail("it is empty");
    }
    if name.len() > max {
        return fail(&format!("it has {} characters, {max} are allowed", name.len()));
    }
    let letter = |c: char| c.is_ascii_lowercase() || (upper && c.is_ascii_uppercase());
    if !name.starts_with(letter) {
        return fail(&format!("it must start with one of the {letters} a-z"));
    }
    if let Some(bad) =
        name.chars().find(|&c| !(letter(c) || c.is_ascii_digit() || "-_".contains(c)))
    {
        return fail(&format!("{bad:?} is not allowed; use {letters}, digits, `-` and `_`"));
    }
    if name.split(['-', '_']).any(str::is_empty) {
        return fail("`-` and `_` must stand singly between letters or digits");
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr, $upper:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes a name.
            pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
                let name = name.into();
                check(&name, $what, $max, $upper)?;
                Ok(Self(name))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_type!(
    /// A package name: `[a-z][a-z0-9]*([-_][a-z0-9]+)*`, at most 32 characters.
    PackageName, "package", MAX_PACKAGE, false
);
name_type!(
    /// A tool or workflow name: `[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*`, at
    /// most 30 characters.
    ItemName, "tool or workflow", MAX_ITEM, true
);

/// How somebody names a tool or workflow: `package/item`, `package::item`, or a
/// bare `item`, which the host resolves where it is unambiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRef {
    /// The part before the separator, if there is one.
    pub package: Option<String>,
    /// The item's own name.
    pub item: String,
}

impl ItemRef {
    /// Splits a reference. It does not check that either part is a valid name:
    /// what is looked up and not found is reported as such.
    pub fn parse(reference: &str) -> Self {
        let split = reference.split_once('/').or_else(|| reference.split_once("::"));
        match split {
            Some((package, item)) => {
                Self { package: Some(package.to_owned()), item: item.to_owned() }
            }
            None => Self { package: None, item: reference.to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_names_are_lower_case_words() {
        for good in ["a", "text-tools", "text_tools", "a1-b2", &"x".repeat(32)] {
            assert!(PackageName::new(good).is_ok(), "{good}");
        }
        for bad in
            ["", "A", "1a", "a__b", "a--b", "-a", "a-", "a b", "ä", "a/b", "..", &"x".repeat(33)]
        {
            assert!(PackageName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn item_names_may_have_capitals() {
        for good in ["slugify", "word_count", "getTime", "A"] {
            assert!(ItemName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "1", "a__b", "_a", &"x".repeat(31)] {
            assert!(ItemName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_name_says_why() {
        let error = PackageName::new("Text Tools").unwrap_err().to_string();
        assert_eq!(
            error,
            "`Text Tools` is not a valid package name: it must start with one of the lower-case letters a-z"
        );
    }

    #[test]
    fn references_split_at_either_separator() {
        let both = ItemRef { package: Some("a".into()), item: "b".into() };
        assert_eq!(ItemRef::parse("a/b"), both);
        assert_eq!(ItemRef::parse("a::b"), both);
        assert_eq!(ItemRef::parse("b"), ItemRef { package: None, item: "b".into() });
    }
}
