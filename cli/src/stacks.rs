//! The stacks of TypeScript plugins, at their places in the plugins' sources: in errors,
//! and in what plugins log.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use distri_builder::StackMap;
use distri_workspace::Workspace;
use serde_json::Value;

/// How deep errors have causes: the SDK passes on no more.
const CAUSES: usize = 16;

/// In how many log lines stacks are looked up: a plugin may write them without end,
/// and this is no time of its call's.
const LOGGED: usize = 50;

/// What the places of a script look like to its engine.
const SCRIPT: &str = "user.js:";

/// The stack maps of a workspace's packages, read when one is needed.
pub(crate) struct Stacks {
    workspace: Workspace,
    maps: Mutex<HashMap<String, Option<Arc<StackMap>>>>,
    logged: AtomicUsize,
}

impl Stacks {
    pub(crate) fn of(workspace: &Workspace) -> Self {
        Self { workspace: workspace.clone(), maps: Mutex::default(), logged: AtomicUsize::new(0) }
    }

    /// Where each part of a TypeScript plugin's script came from.
    pub(crate) fn map(&self, package: &str) -> Option<Arc<StackMap>> {
        let mut maps = self.maps.lock().unwrap_or_else(PoisonError::into_inner);
        let map = maps.entry(package.to_owned()).or_insert_with(|| {
            let catalog = self.workspace.catalog().ok()?;
            let artifact = catalog.packages.get(package)?;
            let built = artifact.script.as_ref()?;
            let store = self.workspace.store();
            let (map, script) = (store.get_text(&built.source_map), store.get_text(&built.source));
            let folder = self.workspace.root().join(&artifact.folder);
            StackMap::new(&map.ok()?, &script.ok()?, &folder).map(Arc::new)
        });
        map.clone()
    }

    /// Puts the stacks of a package's error, and of those that caused it, at their places
    /// in the sources; so too of an error of a plugin that it called.
    pub(crate) fn put_in_sources(&self, package: &str, error: &mut Value) {
        self.put(package, error, 0);
    }

    fn put(&self, package: &str, error: &mut Value, depth: usize) {
        if depth > CAUSES {
            return;
        }
        let message = error["message"].as_str().unwrap_or_default().to_owned();
        if let Some(Value::String(stack)) = error.get_mut("stack")
            && let Some(map) = self.map(package)
        {
            *stack = map.mapped(&message, stack);
        }
        if let Some(cause) = error.get_mut("cause") {
            self.put(package, cause, depth + 1);
        }
        for error in error.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
            self.put(package, error, depth + 1);
        }
        if let Some(called) = error.get_mut("detail")
            && let Some((package, _)) = item(called).and_then(|item| item.split_once('/'))
        {
            let package = package.to_owned();
            self.put(&package, called, depth + 1);
        }
    }

    /// A log line of a package, with the stacks in it mapped.
    pub(crate) fn in_log(&self, package: &str, text: String) -> String {
        if !text.contains(SCRIPT) || self.logged.fetch_add(1, Ordering::Relaxed) >= LOGGED {
            return text;
        }
        let Some(map) = self.map(package) else { return text };
        // The host makes one line of what a plugin logs at once.
        map.mapped_text(&text.replace("\\n", "\n")).replace('\n', "\\n")
    }
}

/// What a TypeScript plugin threw, at the line that threw it.
pub(crate) fn locate(
    map: &StackMap,
    message: &str,
    detail: &Value,
) -> Option<Box<dyn miette::Diagnostic>> {
    let stack = detail.get("stack")?.as_str()?;
    Some(Box::new(map.error(message, stack)?))
}

/// The package and the item that an error in an error's details is of.
pub(crate) fn item(detail: &Value) -> Option<&str> {
    detail.get("item")?.as_str()
}
