//! A tool or workflow of a loaded plugin. Of a thousand plugins most are never called:
//! until then their schemas are text, which is a tenth of what they are as values.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use distri_artifact::ItemInfo;
use distri_call::ErrorKind;
use distri_manifest::ItemName;
use distri_schema::{Schema, SchemaFault};
use serde_json::Value;
use tokio::sync::Semaphore;

/// Subschemas that a plugin's compiled schemas may have together, to be kept: half a
/// kilobyte each. What is above is compiled for each call.
const KEPT: usize = 10_000;

/// An item as its plugin keeps it.
pub(crate) struct Item {
    pub(crate) name: ItemName,
    aliases: Box<[String]>,
    description: Box<str>,
    version: Option<Box<str>>,
    parameters: ItemSchema,
    returns: Option<ItemSchema>,
}

impl Item {
    /// Whether it answers to this name beside its own.
    pub(crate) fn is_also(&self, name: &str) -> bool {
        self.aliases.iter().any(|alias| alias == name)
    }

    /// One of its schemas, if it has it and it has something to say.
    pub(crate) fn schema(&self, part: Part) -> Option<&ItemSchema> {
        let schema = match part {
            Part::Parameters => Some(&self.parameters),
            Part::Returns => self.returns.as_ref(),
        };
        schema.filter(|schema| !schema.takes_anything)
    }

    /// What it says of itself.
    pub(crate) fn info(&self) -> ItemInfo {
        ItemInfo {
            name: self.name.clone(),
            description: self.description.to_string(),
            version: self.version.as_deref().map(str::to_owned),
            parameters: self.parameters.value(),
            returns: self.returns.as_ref().map(ItemSchema::value),
            aliases: self.aliases.to_vec(),
        }
    }
}

impl From<ItemInfo> for Item {
    fn from(info: ItemInfo) -> Self {
        Self {
            name: info.name,
            aliases: info.aliases.into(),
            description: info.description.into(),
            version: info.version.map(Into::into),
            parameters: ItemSchema::new(&info.parameters),
            returns: info.returns.as_ref().map(ItemSchema::new),
        }
    }
}

/// Which of an item's schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Parameters,
    Returns,
}

impl Part {
    pub(crate) const fn keyword(self) -> &'static str {
        match self {
            Self::Parameters => "parameters",
            Self::Returns => "returns",
        }
    }

    pub(crate) const fn whole(self) -> &'static str {
        match self {
            Self::Parameters => "the input",
            Self::Returns => "the answer",
        }
    }

    /// What a value is that does not fit: whose fault it is.
    pub(crate) const fn kind(self) -> ErrorKind {
        match self {
            Self::Parameters => ErrorKind::InvalidInput,
            Self::Returns => ErrorKind::GuestError,
        }
    }
}

/// A JSON Schema, and what it was compiled to.
pub(crate) struct Compiled {
    pub(crate) original: Value,
    pub(crate) schema: Result<Schema, SchemaFault>,
}

/// A schema of an item's: text, and compiled from its first use on.
pub(crate) struct ItemSchema {
    text: Box<str>,
    takes_anything: bool,
    compiled: OnceLock<Arc<Compiled>>,
}

impl ItemSchema {
    fn new(schema: &Value) -> Self {
        let takes_anything = takes_anything(schema);
        Self { text: schema.to_string().into(), takes_anything, compiled: OnceLock::new() }
    }

    fn value(&self) -> Value {
        // It was a value's.
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// What it was compiled to, if it was and that was kept.
    pub(crate) fn compiled(&self) -> Option<&Arc<Compiled>> {
        self.compiled.get()
    }

    /// Compiles it on this thread, which has a large stack, unless it was.
    pub(crate) fn compile_here(&self, kept: &SchemaRoom) -> Arc<Compiled> {
        if let Some(compiled) = self.compiled.get() {
            return Arc::clone(compiled);
        }
        let original = self.value();
        let schema = Schema::compile_here(&original);
        let size = schema.as_ref().map_or(0, |schema| schema.subschemas);
        let compiled = Arc::new(Compiled { original, schema });
        if kept.try_add(size) {
            // Whoever was first is as good.
            let _ = self.compiled.set(Arc::clone(&compiled));
        }
        compiled
    }
}

/// Whether a schema has nothing to say. A bare `{"type": "object"}` is what items are
/// given that say nothing of their input, for models to read; what they made of other
/// values was theirs, and stays so.
fn takes_anything(schema: &Value) -> bool {
    match schema {
        Value::Bool(takes) => *takes,
        Value::Object(members) => {
            members.is_empty()
                || members.len() == 1
                    && members.get("type").and_then(Value::as_str) == Some("object")
        }
        _ => false,
    }
}

/// What a plugin's compiled schemas take.
pub(crate) struct SchemaRoom {
    subschemas: AtomicUsize,
    /// The plugin's own place to compile in: it waits for itself, and others do not wait
    /// for it.
    pub(crate) turn: Arc<Semaphore>,
}

impl Default for SchemaRoom {
    fn default() -> Self {
        Self { subschemas: AtomicUsize::new(0), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl SchemaRoom {
    /// Takes room for so many more; says whether there is.
    fn try_add(&self, subschemas: usize) -> bool {
        let add = |taken: usize| taken.checked_add(subschemas).filter(|sum| *sum <= KEPT);
        self.subschemas.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_item_says_of_itself_is_kept_as_it_was() {
        let info: ItemInfo = serde_json::from_value(json!({
            "name": "a",
            "description": "does it",
            "version": "1.0",
            "parameters": { "z": 0.1, "a": [1e300, 18_446_744_073_709_551_615_u64, "\u{1F600}"] },
            "returns": true,
            "aliases": ["b_c", "b.c"],
        }))
        .unwrap();
        let item = Item::from(info.clone());
        assert_eq!(item.info(), info);
        assert_eq!(item.info().parameters.to_string(), info.parameters.to_string());
        assert!(item.is_also("b.c") && !item.is_also("a"));
        assert!(item.schema(Part::Returns).is_none(), "it has nothing to say");
    }

    #[test]
    fn schemas_are_kept_up_to_a_bound_for_a_plugin() {
        let kept = SchemaRoom::default();
        assert!(kept.try_add(KEPT - 1) && kept.try_add(1) && !kept.try_add(1));
        assert!(!kept.try_add(usize::MAX));
        assert!(kept.try_add(0));
    }
}
