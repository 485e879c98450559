//! The loaded plugins, and how a name finds one. A generation never changes:
//! loading makes a new one, and calls under way keep theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use distri_call::package::Package;
use distri_call::text::said;
use distri_call::{Error, ErrorKind, ItemKind, Result};
use distri_manifest::{ItemRef, PackageName, nearest, suggestion};

use crate::plugins::item::Item;
use crate::plugins::plugin::Plugin;

/// All plugins that are loaded at one moment.
#[derive(Clone, Default)]
pub(crate) struct Generation {
    plugins: BTreeMap<PackageName, Arc<Plugin>>,
    /// What their calls know of them.
    packages: Arc<[Arc<Package>]>,
}

impl Generation {
    /// Adds plugins, and returns those that they replace.
    pub(crate) fn add(&mut self, plugins: impl Iterator<Item = Plugin>) -> Vec<Arc<Plugin>> {
        let add = |mut plugin: Plugin| {
            let name = plugin.package.name.clone();
            if let Some(before) = self.plugins.get(&name) {
                plugin.calls = Arc::clone(&before.calls);
            }
            self.plugins.insert(name, Arc::new(plugin))
        };
        let replaced = plugins.filter_map(add).collect();
        self.list_packages();
        replaced
    }

    /// Removes a plugin.
    pub(crate) fn remove(&mut self, package: &str) -> Result<Arc<Plugin>> {
        let plugin = Arc::clone(self.plugin(package)?);
        self.plugins.remove(package);
        self.list_packages();
        Ok(plugin)
    }

    fn list_packages(&mut self) {
        self.packages = self.plugins().map(|plugin| Arc::clone(&plugin.package)).collect();
    }

    /// The packages of all plugins.
    pub(crate) fn packages(&self) -> &Arc<[Arc<Package>]> {
        &self.packages
    }

    pub(crate) fn plugins(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.plugins.values()
    }

    /// The plugin of this name.
    pub(crate) fn plugin(&self, package: &str) -> Result<&Arc<Plugin>> {
        self.plugin_for(package, None)
    }

    /// The same, for a plugin that calls: it is told of no package that it asks nothing of.
    fn plugin_for(&self, package: &str, caller: Option<&Package>) -> Result<&Arc<Plugin>> {
        self.plugins.get(package).ok_or_else(|| {
            let names = self.plugins.keys().map(PackageName::as_str);
            let names = names.filter(|name| caller.is_none_or(|caller| caller.grant.knows(name)));
            not_found(
                format!("there is no plugin `{}`", said(package)),
                package,
                names,
                "loaded are",
            )
        })
    }

    /// The item of this kind in a plugin, and its own name.
    pub(crate) fn item(
        &self,
        package: &str,
        kind: ItemKind,
        item: &str,
    ) -> Result<(&Arc<Plugin>, String)> {
        self.item_for(package, kind, item, None)
    }

    /// The same, for a plugin that calls: it is told of nothing that it may not call.
    fn item_for(
        &self,
        package: &str,
        kind: ItemKind,
        item: &str,
        caller: Option<&Package>,
    ) -> Result<(&Arc<Plugin>, String)> {
        let plugin = self.plugin_for(package, caller)?;
        if let Some(item) = plugin.item(kind, item) {
            return Ok((plugin, item.name.to_string()));
        }
        let other = match kind {
            ItemKind::Tool => ItemKind::Workflow,
            ItemKind::Workflow => ItemKind::Tool,
        };
        if plugin.item(other, item).is_some() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("`{package}/{item}` is a {}, not a {}", other.as_str(), kind.as_str()),
            )
            .with_hint(match other {
                ItemKind::Tool => format!("call it as a tool, like `distri call {package}/{item}`"),
                ItemKind::Workflow => {
                    format!("run it as a workflow, like `distri run {package}/{item}`")
                }
            }));
        }
        let items = plugin.items(kind).iter();
        let names =
            items.filter(|item| visible(caller, plugin, item)).map(|item| item.name.as_str());
        Err(not_found(
            format!("`{package}` has no {} `{}`", kind.as_str(), said(item)),
            item,
            names,
            "it has",
        ))
    }

    /// Finds what a reference means: exactly named; else, for a bare name, in
    /// the caller's own package; else in the only package that has it.
    pub(crate) fn resolve<'a>(
        &'a self,
        reference: &str,
        kind: ItemKind,
        caller: Option<&Package>,
    ) -> Result<(&'a Arc<Plugin>, String)> {
        let ItemRef { package, item } = ItemRef::parse(reference);
        if let Some(package) = package {
            return self.item_for(&package, kind, &item, caller);
        }
        if let Some(plugin) = caller.and_then(|caller| self.plugins.get(&caller.name))
            && let Some(found) = plugin.item(kind, &item)
        {
            return Ok((plugin, found.name.to_string()));
        }
        // What the caller may not call is not there, and makes no name ambiguous.
        let having: Vec<(&Arc<Plugin>, &Item)> = self
            .plugins
            .values()
            .filter_map(|plugin| Some((plugin, plugin.item(kind, &item)?)))
            .filter(|(plugin, found)| visible(caller, plugin, found))
            .collect();
        match having.as_slice() {
            [(plugin, found)] => Ok((plugin, found.name.to_string())),
            [] => {
                let names: Vec<String> = self
                    .plugins
                    .values()
                    .flat_map(|plugin| {
                        let package = &plugin.package.name;
                        let items = plugin.items(kind).iter();
                        items
                            .filter(|item| visible(caller, plugin, item))
                            .map(move |item| format!("{package}/{}", item.name))
                    })
                    .collect();
                let bare = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
                let bares: Vec<String> = names.iter().map(|name| bare(name)).collect();
                let near = nearest(&item, bares.iter().map(String::as_str));
                let close =
                    names.iter().zip(&bares).filter(|(_, bare)| near.contains(&bare.as_str()));
                let close: Vec<&str> = close.map(|(name, _)| name.as_str()).take(SHOWN).collect();
                let error = Error::new(
                    ErrorKind::NotFound,
                    format!("there is no {} `{}`", kind.as_str(), said(&item)),
                );
                Err(match close.as_slice() {
                    [] => error.with_hint(listed("there are", names.iter().map(String::as_str))),
                    close => error.with_hint(format!("did you mean `{}`?", close.join("` or `"))),
                })
            }
            many => {
                let names: Vec<String> = many
                    .iter()
                    .take(SHOWN)
                    .map(|(plugin, _)| format!("`{}/{item}`", plugin.package.name))
                    .collect();
                Err(Error::new(ErrorKind::NotFound, format!("`{}` is ambiguous", said(&item)))
                    .with_hint(format!("write {}", names.join(" or "))))
            }
        }
    }
}

/// Whether a caller may know of an item: everybody but a plugin knows of all.
fn visible(caller: Option<&Package>, plugin: &Plugin, item: &Item) -> bool {
    caller.is_none_or(|caller| {
        caller.grant.allows_tool(plugin.package.name.as_str(), item.name.as_str())
    })
}

/// A `not-found` error with the nearest names, else with all there are.
fn not_found<'a>(
    message: String,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    have: &str,
) -> Error {
    let hint = suggestion(name, known.clone()).unwrap_or_else(|| listed(have, known));
    Error::new(ErrorKind::NotFound, message).with_hint(hint)
}

/// Names that an error lists at most.
const SHOWN: usize = 20;

/// "`have` `a`, `b`", and how many more there are.
fn listed<'a>(have: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = known.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return format!("{have} none");
    }
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{have} {}{more}", names.join(", "))
}
