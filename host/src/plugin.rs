//! A loaded plugin: what it offers, its limits, and its code, which is brought
//! in on the first call.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::code::{Code, Loader, Start};
use crate::{
    Artifact, ArtifactStore, Error, ErrorKind, ItemInfo, ItemKind, Limits, PluginInfo, Result,
};

/// One loaded plugin.
pub(crate) struct Plugin {
    pub(crate) info: PluginInfo,
    pub(crate) limits: Limits,
    /// Where the code is, for one that was built.
    built: Option<(Artifact, ArtifactStore)>,
    code: OnceCell<Arc<Code>>,
}

impl Plugin {
    /// A plugin that was built; its code is not touched yet.
    pub(crate) fn built(artifact: Artifact, store: ArtifactStore, limits: &Limits) -> Self {
        let info = PluginInfo {
            package: artifact.package.clone(),
            version: artifact.version.clone(),
            description: artifact.description.clone(),
            digest: artifact.component.clone(),
            tools: artifact.tools.clone(),
            workflows: artifact.workflows.clone(),
        };
        let limits = limits.lowered_by(&artifact.limits);
        Self { info, limits, built: Some((artifact, store)), code: OnceCell::new() }
    }

    /// A plugin whose code is at hand.
    pub(crate) fn with_code(info: PluginInfo, limits: Limits, code: Code) -> Self {
        Self { info, limits, built: None, code: OnceCell::new_with(Some(Arc::new(code))) }
    }

    /// What to instantiate now.
    pub(crate) async fn start(&self, loader: &Arc<Loader>) -> Result<Start> {
        let code = self.code.get_or_try_init(|| self.bring(Arc::clone(loader))).await?;
        Ok(code.start())
    }

    /// The code, from the best place there is: the component's image; else, for
    /// a script, the engine's image, while the component is compiled behind it;
    /// else the component, compiled now.
    async fn bring(&self, loader: Arc<Loader>) -> Result<Arc<Code>> {
        let Some((artifact, store)) = self.built.clone() else {
            return Err(Error::new(
                ErrorKind::Internal,
                "the plugin has neither code nor artifact",
            ));
        };
        blocking(move || {
            if let Some(image) = loader.cached(&artifact.component) {
                return Ok(Arc::new(Code::new(Start::Image(Arc::new(loader.link(&image)?)))));
            }
            let Some(script) = &artifact.script else {
                let wasm = store.get(&artifact.component)?;
                let component = loader.component(&wasm, &artifact.component)?;
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
                    .get(&artifact.component)
                    .and_then(|wasm| loader.component(&wasm, &artifact.component))
                    .and_then(|component| loader.link(&component));
                match image {
                    Ok(image) => upgraded.upgrade(image),
                    Err(error) => tracing::warn!(%error, plugin = %artifact.package, "stays on the script engine"),
                }
            });
            Ok(code)
        })
        .await
    }

    /// The item of this kind and name.
    pub(crate) fn item(&self, kind: ItemKind, name: &str) -> Option<&ItemInfo> {
        self.info.items(kind).iter().find(|item| item.name.as_str() == name)
    }
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
        if !names.insert(item.name.as_str()) {
            return Err(bad(format!("gave `{}` twice", item.name)));
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
