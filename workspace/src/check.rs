//! Checking packages: everything that a build would find, and what it would let
//! pass. Nothing of a plugin runs but its top level and its own description, and
//! no catalog changes.

use std::collections::BTreeSet;

use distri_builder::{Builder, Package};
use distri_host::{Artifact, Host, ItemInfo};
use distri_manifest::{PackageName, suggestion};
use serde_json::Value;

use crate::{Agent, Result, Workspace, WorkspaceError};

/// What is to be said of one package.
#[derive(Debug)]
pub struct PackageCheck {
    /// The package; its folder where the manifest cannot be read.
    pub name: String,
    /// What it would be built to; none when it would not.
    pub artifact: Option<Artifact>,
    /// What keeps it from being built, or from working.
    pub errors: Vec<WorkspaceError>,
    /// What is probably not meant, in a sentence each.
    pub warnings: Vec<String>,
}

impl Workspace {
    /// Checks every package, or the one of this name. The host should have low
    /// limits.
    ///
    /// # Errors
    ///
    /// When the workspace itself cannot be read. What is wrong with single
    /// packages is in what is returned.
    pub async fn check(
        &self,
        host: &Host,
        agents: &[Agent],
        only: Option<&str>,
        mut on: impl FnMut(&PackageCheck),
    ) -> Result<Vec<PackageCheck>> {
        let builder = self.builder(host);
        let catalog = self.catalog().unwrap_or_default();
        let mut known: BTreeSet<PackageName> = catalog.packages.keys().cloned().collect();
        let packages = self.packages()?;
        known.extend(packages.iter().flatten().map(|package| package.manifest.package.clone()));
        let mut checks = Vec::new();
        for package in packages {
            let check = match package {
                Err(error) => PackageCheck {
                    name: String::new(),
                    artifact: None,
                    errors: vec![error],
                    warnings: Vec::new(),
                },
                Ok(package)
                    if only.is_some_and(|only| package.manifest.package.as_str() != only) =>
                {
                    continue;
                }
                Ok(package) => {
                    let mut check = one(&builder, &package, &known, agents).await;
                    let manifest = &package.manifest;
                    let folder = package.folder.strip_prefix(self.root());
                    check.warnings.extend(self.ineffective_limits(
                        &manifest.package,
                        folder.unwrap_or(&package.folder),
                        &manifest.limits,
                        &manifest.instances,
                    ));
                    check
                }
            };
            on(&check);
            checks.push(check);
        }
        Ok(checks)
    }
}

async fn one(
    builder: &Builder,
    package: &Package,
    known: &BTreeSet<PackageName>,
    agents: &[Agent],
) -> PackageCheck {
    let name = package.manifest.package.to_string();
    let mut warnings = capabilities(package, known, agents);
    match builder.build(package, None).await {
        Ok(built) => {
            let artifact = built.artifact;
            for item in artifact.tools.iter().chain(&artifact.workflows) {
                warnings.extend(schema(item));
            }
            PackageCheck { name, artifact: Some(artifact), errors: Vec::new(), warnings }
        }
        Err(error) => PackageCheck { name, artifact: None, errors: vec![error.into()], warnings },
    }
}

/// Names in the manifest that nothing in the workspace has.
fn capabilities(package: &Package, known: &BTreeSet<PackageName>, agents: &[Agent]) -> Vec<String> {
    let mut warnings = Vec::new();
    let asked = &package.manifest.capabilities;
    let packages = || known.iter().map(PackageName::as_str);
    for tool in &asked.tools {
        if let Some(wanted) = tool.package().filter(|package| !known.contains(*package)) {
            let wanted = wanted.as_str();
            let hint = suggestion(wanted, packages()).map(|hint| format!(": {hint}"));
            warnings.push(format!(
                "`[capabilities] tools` asks for `{tool}`, and there is no package `{wanted}`{}",
                hint.unwrap_or_default()
            ));
        }
    }
    let agents = || agents.iter().map(|agent| agent.name.as_str());
    for agent in &asked.agents {
        if agent.as_str() != "*" && !agents().any(|name| agent.matches(name)) {
            let hint = suggestion(agent.as_str(), agents()).map(|hint| format!(": {hint}"));
            warnings.push(format!(
                "`[capabilities] agents` asks for `{agent}`, and there is no such agent{}",
                hint.unwrap_or_default()
            ));
        }
    }
    warnings
}

/// What models stumble over in an item's description and schema.
fn schema(item: &ItemInfo) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |what: String| warnings.push(format!("`{}` {what}", item.name));
    if item.description.trim().is_empty() {
        warn("has no description, which agents read to know what it does".to_owned());
    }
    let Some(parameters) = item.parameters.as_object() else {
        warn(format!("has the parameters `{}`; models call tools with an object", item.parameters));
        return warnings;
    };
    let kind = parameters.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind != "object") {
        warn(format!("takes a `{}`; models call tools with an object", kind.unwrap_or_default()));
    }
    let properties = parameters.get("properties").and_then(Value::as_object);
    let required = parameters.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !properties.is_some_and(|properties| properties.contains_key(name)) {
            warn(format!("requires `{name}`, which its schema does not describe"));
        }
    }
    warnings
}
