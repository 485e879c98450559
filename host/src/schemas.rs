//! The compiled schemas of a plugin's items. They are compiled at their first use, one
//! at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::schema::{Schema, SchemaFault};
use crate::{ErrorKind, ItemInfo, ItemKind};

/// Subschemas that a plugin's compiled schemas may have together, to be kept: half a
/// kilobyte each. What is above is compiled for each call.
const KEPT: usize = 10_000;

/// Which of an item's schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Parameters,
    Returns,
}

impl Part {
    pub(crate) fn of(self, item: &ItemInfo) -> Option<&Value> {
        match self {
            Self::Parameters => Some(&item.parameters),
            Self::Returns => item.returns.as_ref(),
        }
    }

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

pub(crate) type Compiled = Arc<Result<Schema, SchemaFault>>;

/// A plugin's schemas, compiled: of tools or not, which of them, and by item.
pub(crate) struct Schemas {
    compiled: Mutex<BTreeMap<(bool, Part), HashMap<String, Compiled>>>,
    /// The plugin's own place: it waits for itself, and others do not wait for it.
    pub(crate) turn: Arc<Semaphore>,
}

impl Default for Schemas {
    fn default() -> Self {
        Self { compiled: Mutex::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Schemas {
    pub(crate) fn get(&self, kind: ItemKind, item: &str, part: Part) -> Option<Compiled> {
        let kept = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(kind == ItemKind::Tool, part))?.get(item).cloned()
    }

    pub(crate) fn keep(&self, kind: ItemKind, item: String, part: Part, schema: &Compiled) {
        let mut kept = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let size = |schema: &Compiled| schema.as_ref().as_ref().map_or(0, |it| it.subschemas);
        if kept.values().flat_map(HashMap::values).map(size).sum::<usize>() + size(schema) <= KEPT {
            let of_part = kept.entry((kind == ItemKind::Tool, part)).or_default();
            of_part.insert(item, Arc::clone(schema));
        }
    }
}
