//! What is wrong with a schema.

use crate::text;

/// What is wrong with a JSON Schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{}{message}", self.at())]
pub struct SchemaFault {
    /// Where in the schema, as a JSON pointer; empty for the whole.
    pub place: String,
    /// What is wrong there: the rest of a sentence that begins with the place.
    pub message: String,
}

impl SchemaFault {
    fn at(&self) -> String {
        if self.place.is_empty() {
            String::new()
        } else {
            format!("`{}` ", text::plain(&self.place, 300))
        }
    }
}
