//! A loaded plugin: what it offers, its limits, and its code, which is brought
//! in on the first call.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use distri_manifest::{Capabilities, Instances, Manifest};
use tokio::sync::Semaphore;

use crate::code::{Code, Loader, Start};
use crate::images::{Images, Slot};
use crate::{
    Artifact, ArtifactStore, Error, ErrorKind, ItemInfo, ItemKind, Limits, PluginInfo, Result,
    Script,
};

/// One loaded plugin.
pub(crate) struct Plugin {
    /// Its number among all that this host has loaded.
    pub(crate) id: u64,
    pub(crate) info: PluginInfo,
    pub(crate) limits: Limits,
    /// How long its instances live.
    pub(crate) instances: Instances,
    /// The secrets that its manifest names.
    pub(crate) secrets: Vec<String>,
    /// Root calls that may begin now.
    pub(crate) permits: Semaphore,
    /// Set when it is replaced or unloaded: calls under way finish on it.
    retired: AtomicBool,
    /// Where the code is, for one that was built; the component is `info.digest`.
    built: Option<(Option<Script>, ArtifactStore)>,
    pub(crate) code: Slot,
}

impl Plugin {
    /// A plugin that was built; its code is not touched yet.
    pub(crate) fn built(
        id: u64,
        artifact: Artifact,
        store: ArtifactStore,
        limits: &Limits,
    ) -> Self {
        let info = PluginInfo {
            package: artifact.package,
            version: artifact.version,
            description: artifact.description,
            abi: artifact.abi,
            digest: artifact.component,
            tools: artifact.tools,
            workflows: artifact.workflows,
        };
        let limits = limits.lowered_by(&artifact.limits);
        let mut plugin = Self::new(id, info, limits, artifact.instances, &artifact.capabilities);
        plugin.built = Some((artifact.script, store));
        plugin
    }

    /// A plugin whose code is at hand.
    pub(crate) fn with_code(
        id: u64,
        info: PluginInfo,
        limits: Limits,
        manifest: &Manifest,
        code: Code,
    ) -> Self {
        let instances = manifest.instances.clone();
        let mut plugin = Self::new(id, info, limits, instances, &manifest.capabilities);
        plugin.code = Slot::new(Some(Arc::new(code)));
        plugin
    }

    fn new(
        id: u64,
        info: PluginInfo,
        limits: Limits,
        instances: Instances,
        capabilities: &Capabilities,
    ) -> Self {
        Self {
            id,
            info,
            instances,
            secrets: visible_secrets(capabilities),
            permits: Semaphore::new(limits.plugin_calls.min(Semaphore::MAX_PERMITS)),
            limits,
            retired: AtomicBool::new(false),
            built: None,
            code: Slot::new(None),
        }
    }

    /// Keeps no instance from now on.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// What to instantiate now.
    pub(crate) async fn start(
        self: &Arc<Self>,
        loader: &Arc<Loader>,
        images: &Images,
    ) -> Result<Start> {
        let code = images.code(self, async || self.bring(Arc::clone(loader)).await).await?;
        Ok(code.start())
    }

    /// The code, from the best place there is: the component's image; else, for
    /// a script, the engine's image, while the component is compiled behind it;
    /// else the component, compiled now.
    async fn bring(&self, loader: Arc<Loader>) -> Result<Arc<Code>> {
        let (package, digest) = (self.info.package.clone(), self.info.digest.clone());
        let Some((script, store)) = self.built.clone() else {
            return Err(Error::new(
                ErrorKind::Internal,
                "the plugin has neither code nor artifact",
            ));
        };
        blocking(move || {
            if let Some(image) = loader.cached(&digest) {
                return Ok(Arc::new(Code::new(Start::Image(Arc::new(loader.link(&image)?)))));
            }
            let Some(script) = &script else {
                let component = loader.component(&store.get(&digest)?, &digest)?;
                return Ok(Arc::new(Code::new(Start::Image(Arc::new(loader.link(&component)?)))));
            };
            let engine = match loader.cached(&script.engine) {
                Some(engine) => engine,
                None => loader.component(&store.get(&script.engine)?, &script.engine)?,
            };
            let source: Arc<str> = store.get_text(&script.source)?.into();
            let code = Arc::new(Code::new(Start::Script(Arc::new(loader.link(&engine)?), source)));
            let upgraded = Arc::clone(&code);
            tokio::task::spawn_blocking(move || {
                let image = store
                    .get(&digest)
                    .and_then(|wasm| loader.component(&wasm, &digest))
                    .and_then(|component| loader.link(&component));
                match image {
                    Ok(image) => upgraded.upgrade(image),
                    Err(error) => {
                        tracing::warn!(%error, plugin = %package, "stays on the script engine");
                    }
                }
            });
            Ok(code)
        })
        .await
    }

    /// The item of this kind and name, or of this alias.
    pub(crate) fn item(&self, kind: ItemKind, name: &str) -> Option<&ItemInfo> {
        let items = self.info.items(kind);
        items
            .iter()
            .find(|item| item.name.as_str() == name)
            .or_else(|| items.iter().find(|item| item.aliases.iter().any(|alias| alias == name)))
    }
}

/// The secrets whose values the plugin itself sees: not those that are bound to
/// a host.
fn visible_secrets(capabilities: &Capabilities) -> Vec<String> {
    let visible = capabilities.secrets.iter().filter(|secret| secret.host.is_none());
    visible.map(|secret| secret.name.clone()).collect()
}

/// Runs blocking work off the async workers.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(crate::engine::internal(error)))
}

/// The items in what a plugin says of itself: a JSON array of them, or one.
pub(crate) fn parse_items(kind: ItemKind, json: Option<String>) -> Result<Vec<ItemInfo>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let what = kind.as_str();
    let bad = |why: String| {
        Error::new(ErrorKind::InvalidComponent, format!("`get-{what}-info` {why}"))
            .with_hint("it gives a JSON array of `{name, description, version, parameters}`")
    };
    let value: serde_json::Value = serde_json::from_str(&json)
        .map_err(|error| bad(format!("gave what is not JSON: {error}")))?;
    let items = match value {
        serde_json::Value::Array(items) => items,
        one => vec![one],
    };
    let items: Vec<ItemInfo> = items
        .into_iter()
        .enumerate()
        .map(|(at, item)| {
            serde_json::from_value(item)
                .map_err(|error| bad(format!("gave a wrong item {at}: {error}")))
        })
        .collect::<Result<_>>()?;
    let mut names = BTreeSet::new();
    for item in &items {
        let aliases = item.aliases.iter().map(String::as_str);
        for name in std::iter::once(item.name.as_str()).chain(aliases) {
            if !names.insert(name) {
                return Err(bad(format!("gave `{name}` twice")));
            }
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Vec<ItemInfo>> {
        parse_items(ItemKind::Tool, Some(json.to_owned()))
    }

    #[test]
    fn one_item_or_many_are_taken() {
        assert_eq!(parse(r#"{"name":"a"}"#).unwrap().len(), 1);
        assert_eq!(
            parse(r#"[{"name":"a","description":"x","version":"1","parameters":{}},{"name":"b"}]"#)
                .unwrap()
                .len(),
            2
        );
        assert_eq!(parse("[]").unwrap(), []);
        assert_eq!(parse_items(ItemKind::Tool, None).unwrap(), []);
    }

    #[test]
    fn wrong_items_are_refused_with_their_place() {
        for (json, expected) in [
            ("oops", "not JSON"),
            ("[{}]", "wrong item 0"),
            (r#"[{"name":"a b"}]"#, "not a valid tool or workflow name"),
            (r#"[{"name":"a"},{"name":"a"}]"#, "`a` twice"),
        ] {
            let error = parse(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidComponent);
            assert!(error.message().contains(expected), "{error}");
        }
    }
}
