//! Types that files hold as text, what no such text may hold, and how the files
//! themselves are read.

use std::path::Path;

use crate::ManifestError;

/// Most bytes of a manifest or a policy: far more than people write.
const MAX_FILE: u64 = 1 << 20;

/// The text of a file that a repository may bring: a regular file, and no more of it.
pub(crate) fn load(path: &Path) -> Result<String, ManifestError> {
    distri_files::read_text(path, MAX_FILE)
        .map_err(|source| ManifestError::Read { path: path.to_owned(), source })
}

/// Whether a character moves a cursor, ends a line, reorders the text around it or is
/// not to be seen at all: what is shown to people must not hold it.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || !c.is_ascii()
            && matches!(
                c,
                '\u{ad}'
                    | '\u{34f}'
                    | '\u{61c}'
                    | '\u{180e}'
                    | '\u{200b}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}'
                    | '\u{feff}'
                    | '\u{fff9}'..='\u{fffb}'
                    | '\u{e0000}'..='\u{e007f}'
            )
}

/// Reads and writes types by their `FromStr` and `Display`.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

pub(crate) use as_text;
