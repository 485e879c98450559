//! `distri.toml` as types, and how its text becomes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{ByteSize, Capabilities, ManifestError, PackageName, Span, ToolPattern};

/// The manifest's file name.
pub const MANIFEST_FILE: &str = "distri.toml";

/// Most entries of one list of `[capabilities]`: more than a person reads through.
const MAX_LIST: usize = 256;

/// Most folders that a package may ask for: each is a file descriptor per call.
const MAX_FOLDERS: usize = 32;

/// A valid manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The package's name.
    pub package: PackageName,
    /// The package's version.
    pub version: semver::Version,
    /// What the package is for.
    pub description: Option<String>,
    /// An SPDX expression.
    pub license: Option<String>,
    /// Words to find the package by.
    pub keywords: Vec<String>,
    /// Who wrote it, by role.
    pub authors: BTreeMap<String, String>,
    /// Agent files that the package brings, relative to its folder.
    pub agents: Vec<PathBuf>,
    /// Where its code is; none for a package that only brings agents.
    pub entrypoint: Option<Entrypoint>,
    /// How it is built.
    pub build: Build,
    /// Import map: specifier to file or npm package.
    pub imports: BTreeMap<String, String>,
    /// Packages built before this one, whose tools it may call.
    pub dependencies: BTreeMap<PackageName, Dependency>,
    /// What it asks for, the tools of its dependencies included.
    pub capabilities: Capabilities,
    /// Limits below the host's.
    pub limits: LimitRequest,
    /// How long its instances live.
    pub instances: Instances,
}

/// Where a package's code is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entrypoint {
    /// A TypeScript or JavaScript module.
    TypeScript(PathBuf),
    /// A component, or the folder that `cargo` leaves one in.
    Wasm(PathBuf),
}

/// `[build]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Build {
    /// The JavaScript engine of a TypeScript package.
    pub engine: EngineKind,
}

/// The JavaScript engine a TypeScript package is linked with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// `QuickJS`: small, starts in microseconds, needs nothing installed.
    #[default]
    QuickJs,
    /// `SpiderMonkey`, by way of Node and jco.
    StarlingMonkey,
}

/// One of `[dependencies]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// The other package's folder, relative to this one.
    pub path: PathBuf,
}

/// `[limits]`. The host's limits hold; these may only lower them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitRequest {
    /// Wall time of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Time on a processor of one call, with all that it calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Span>,
    /// All linear memories of one instance together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
    /// Elements of all tables of one instance together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_elements: Option<usize>,
    /// Handles that one instance may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handles: Option<usize>,
    /// One JSON value that crosses the boundary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<ByteSize>,
    /// Levels of nesting in such a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_depth: Option<usize>,
    /// Lines that one call may log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<u32>,
    /// Bytes that one call may log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<ByteSize>,
    /// Calls within calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Calls that one call may make in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested_calls: Option<u32>,
    /// Calls of the package from outside that run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_calls: Option<usize>,
}

/// `[instances]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instances {
    /// Fresh per call by default.
    pub mode: InstanceMode,
    /// Calls after which a reused instance is retired; 1000 by default.
    pub max_calls: u32,
}

impl Default for Instances {
    fn default() -> Self {
        Self { mode: InstanceMode::PerCall, max_calls: 1000 }
    }
}

/// How long an instance lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceMode {
    /// For one call. Nothing leaks from one caller to the next.
    #[default]
    PerCall,
    /// For the calls of one session.
    PerSession,
    /// For the calls of everybody.
    Shared,
}

/// The file as it is written, before validation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    package: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    version: Option<Spanned<String>>,
    description: Option<String>,
    license: Option<String>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    authors: BTreeMap<String, String>,
    #[serde(default)]
    agents: Vec<Spanned<PathBuf>>,
    entrypoints: Option<Spanned<Entrypoints>>,
    #[serde(default)]
    build: Build,
    #[serde(default)]
    imports: BTreeMap<String, String>,
    #[serde(default)]
    dependencies: BTreeMap<PackageName, Dependency>,
    #[serde(default)]
    capabilities: Capabilities,
    #[serde(default)]
    limits: LimitRequest,
    #[serde(default)]
    instances: Instances,
    distri: Option<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entrypoints {
    ts: Option<Spanned<PathBuf>>,
    wasm: Option<Spanned<PathBuf>>,
    r#type: Option<Spanned<String>>,
    path: Option<Spanned<PathBuf>>,
}

/// `[distri]`: what the package needs of the program that runs it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    engine: Option<Spanned<String>>,
}

impl Manifest {
    /// Reads and checks the manifest at `path`.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        Self::parse(path, &crate::text::load(path)?)
    }

    /// Checks a manifest's text. `path` is only named in errors.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        let document: Document =
            toml::from_str(text).map_err(|error| ManifestError::from_toml(path, text, &error))?;
        Validator { path, text }.manifest(document)
    }
}

impl FromStr for Manifest {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        Self::parse(Path::new(MANIFEST_FILE), text)
    }
}

/// Turns a document into a manifest; knows the text, for errors.
struct Validator<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Validator<'_> {
    fn error<T>(
        &self,
        at: &Spanned<T>,
        message: impl Into<String>,
        help: Option<&str>,
    ) -> ManifestError {
        ManifestError::at(self.path, self.text, Some(at.span()), message, help.map(str::to_owned))
    }

    fn missing(&self, message: &str, help: &str) -> ManifestError {
        ManifestError::at(self.path, self.text, None, message, Some(help.to_owned()))
    }

    fn manifest(&self, document: Document) -> Result<Manifest, ManifestError> {
        let package = match (document.package, document.name) {
            (Some(package), None) | (None, Some(package)) => package,
            (Some(_), Some(name)) => {
                return Err(self.error(
                    &name,
                    "`package` and `name` are both given",
                    Some("they mean the same: keep `package`"),
                ));
            }
            (None, None) => {
                return Err(self.missing(
                    "`package` is missing",
                    "add the package's name at the top, like `package = \"weather\"`",
                ));
            }
        };
        let package = PackageName::new(package.as_ref().as_str())
            .map_err(|error| self.error(&package, error.to_string(), None))?;

        let version = document.version.ok_or_else(|| {
            self.missing("`version` is missing", "add one at the top, like `version = \"0.1.0\"`")
        })?;
        let version = semver::Version::parse(version.as_ref()).map_err(|error| {
            self.error(
                &version,
                format!("`{}` is not a version: {error}", version.as_ref()),
                Some("write it like \"0.1.0\""),
            )
        })?;

        if let Some(engine) = document.distri.and_then(|distri| distri.engine) {
            self.requirement(&engine)?;
        }
        self.lists(&document.capabilities)?;
        let entrypoint = document.entrypoints.map(|at| self.entrypoint(at)).transpose()?;
        let agents = document
            .agents
            .into_iter()
            .map(|agent| self.inside(agent))
            .collect::<Result<Vec<_>, _>>()?;
        if entrypoint.is_none() && agents.is_empty() {
            return Err(self.missing(
                "the package has neither code nor agents",
                "add `[entrypoints]` with `ts = \"ts/index.ts\"` or `wasm = \"…\"`, or `agents = [\"…\"]`",
            ));
        }

        Ok(Manifest {
            package,
            version,
            description: document.description,
            license: document.license,
            keywords: document.keywords,
            authors: document.authors,
            agents,
            entrypoint,
            build: document.build,
            imports: document.imports,
            capabilities: with_dependencies(document.capabilities, &document.dependencies),
            dependencies: document.dependencies,
            limits: document.limits,
            instances: document.instances,
        })
    }

    /// What is asked for is held in memory for every package, and its folders are
    /// opened for every call: bounded.
    fn lists(&self, asked: &Capabilities) -> Result<(), ManifestError> {
        let fail = |message: String| {
            let help = "split the package, or ask with `*`".to_owned();
            Err(ManifestError::at(self.path, self.text, None, message, Some(help)))
        };
        let lengths = [
            asked.tools.len(),
            asked.agents.len(),
            asked.secrets.len(),
            asked.env.len(),
            asked.network.hosts.len(),
            asked.databases.len(),
        ];
        if lengths.into_iter().any(|length| length > MAX_LIST) {
            return fail(format!("a list of `[capabilities]` has more than {MAX_LIST} entries"));
        }
        if asked.filesystem.len() > MAX_FOLDERS {
            return fail(format!("the package asks for more than {MAX_FOLDERS} folders"));
        }
        let mut seen = BTreeSet::new();
        match asked.filesystem.iter().find(|folder| !seen.insert(&folder.guest)) {
            Some(twice) => fail(format!("two folders have the guest path `{}`", twice.guest)),
            None => Ok(()),
        }
    }

    /// `[distri] engine = ">=0.1.0"` must accept this version.
    fn requirement(&self, engine: &Spanned<String>) -> Result<(), ManifestError> {
        let own = env!("CARGO_PKG_VERSION");
        let accepts = semver::VersionReq::parse(engine.as_ref()).map_err(|error| {
            self.error(engine, error.to_string(), Some("write it like \">=0.1.0\""))
        })?;
        let own_version = semver::Version::parse(own)
            .map_err(|error| self.error(engine, error.to_string(), None))?;
        if accepts.matches(&own_version) {
            Ok(())
        } else {
            Err(self.error(
                engine,
                format!("the package needs distri {accepts}, this is {own}"),
                Some("install a distri version that the package accepts"),
            ))
        }
    }

    fn entrypoint(&self, at: Spanned<Entrypoints>) -> Result<Entrypoint, ManifestError> {
        let span = at.span();
        let entry = at.into_inner();
        match entry {
            Entrypoints { ts: Some(ts), wasm: None, r#type: None, path: None } => {
                Ok(Entrypoint::TypeScript(self.inside(ts)?))
            }
            Entrypoints { ts: None, wasm: Some(wasm), r#type: None, path: None } => {
                Ok(Entrypoint::Wasm(self.inside(wasm)?))
            }
            Entrypoints { ts: None, wasm: None, r#type: Some(kind), path: Some(path) } => {
                let path = self.inside(path)?;
                match kind.as_ref().as_str() {
                    "ts" | "js" => Ok(Entrypoint::TypeScript(path)),
                    "wasm" => Ok(Entrypoint::Wasm(path)),
                    other => Err(self.error(
                        &kind,
                        format!("`{other}` is not a kind of entry point"),
                        Some("use \"ts\" or \"wasm\""),
                    )),
                }
            }
            _ => Err(ManifestError::at(
                self.path,
                self.text,
                Some(span),
                "`[entrypoints]` must name exactly one entry point",
                Some(
                    "write `ts = \"…\"`, or `wasm = \"…\"`, or `type = \"ts\"` with `path = \"…\"`"
                        .into(),
                ),
            )),
        }
    }

    /// A path of the package must stay inside it.
    fn inside(&self, path: Spanned<PathBuf>) -> Result<PathBuf, ManifestError> {
        let stays = path
            .as_ref()
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if stays && !path.as_ref().as_os_str().is_empty() {
            Ok(path.into_inner())
        } else {
            Err(self.error(
                &path,
                format!("`{}` does not lie inside the package", path.as_ref().display()),
                Some("use a path relative to the manifest's folder, without `..`"),
            ))
        }
    }
}

/// Naming a dependency asks for its tools, unless some of them are asked for by name.
fn with_dependencies(
    mut asked: Capabilities,
    dependencies: &BTreeMap<PackageName, Dependency>,
) -> Capabilities {
    for package in dependencies.keys() {
        if !asked.tools.iter().any(|tool| tool.package() == Some(package)) {
            asked.tools.push(ToolPattern::all_of(package.clone()));
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Access;

    fn parse(text: &str) -> Result<Manifest, ManifestError> {
        text.parse()
    }

    fn problem(text: &str) -> (String, Option<String>, Option<usize>) {
        let error = parse(text).unwrap_err();
        let line = error.line();
        match error {
            ManifestError::Invalid { message, help, .. } => (message, help, line),
            other => panic!("{other}"),
        }
    }

    const HEAD: &str = "package = \"p\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"mod.ts\"\n";

    #[test]
    fn the_whole_form_reads() {
        let manifest = parse(
            r#"
            package = "weather"
            version = "0.1.0"
            description = "Forecasts"
            license = "MIT"
            keywords = ["weather"]
            agents = ["agents/poet.md"]
            [distri]
            engine = ">=0.1.0"
            [authors]
            primary = "Ada"
            [entrypoints]
            ts = "ts/index.ts"
            [build]
            engine = "quickjs"
            [imports]
            "https://deno.land/x/foo/mod.ts" = "npm:foo"
            [dependencies]
            units = { path = "../units" }
            [capabilities]
            tools = ["units/*"]
            agents = ["poet_agent"]
            secrets = ["WEATHER_API_KEY", { name = "TOKEN", host = "api.x.com", header = "Authorization", format = "Bearer {}" }]
            env = ["LANG"]
            [capabilities.network]
            hosts = ["https://api.weather.example", "*.googleapis.com:443"]
            [[capabilities.filesystem]]
            guest = "/data"
            path = "data"
            access = "read-write"
            [limits]
            memory = "64MiB"
            timeout = "10s"
            [instances]
            mode = "shared"
            "#,
        )
        .unwrap();
        assert_eq!(manifest.entrypoint, Some(Entrypoint::TypeScript("ts/index.ts".into())));
        assert!(manifest.capabilities.secrets[1].bound.as_ref().unwrap().host.names(
            "https",
            "api.x.com",
            443
        ));
        assert_eq!(manifest.capabilities.filesystem[0].access, Access::ReadWrite);
        assert_eq!(manifest.limits.memory, Some(ByteSize(64 << 20)));
        assert_eq!(manifest.instances, Instances { mode: InstanceMode::Shared, max_calls: 1000 });
    }

    #[test]
    fn the_older_form_reads() {
        let manifest = parse(
            "name = \"slack\"\nversion = \"1.2.3\"\n[entrypoints]\ntype = \"ts\"\npath = \"src/mod.ts\"\n",
        )
        .unwrap();
        assert_eq!(manifest.package.as_str(), "slack");
        assert_eq!(manifest.entrypoint, Some(Entrypoint::TypeScript("src/mod.ts".into())));
    }

    #[test]
    fn a_misspelt_key_names_its_line_and_the_nearest_key() {
        let (message, help, line) = problem(
            "package = \"p\"\nversion = \"0.1.0\"\ndescripton = \"x\"\n[entrypoints]\nts = \"mod.ts\"\n",
        );
        assert_eq!(message, "unknown key `descripton`");
        assert_eq!(help.as_deref(), Some("did you mean `description`?"));
        assert_eq!(line, Some(3));

        let (message, help, line) = problem(&format!("{HEAD}[capabilities]\ntool = [\"a/b\"]\n"));
        assert_eq!(message, "unknown key `tool`");
        assert_eq!(help.as_deref(), Some("did you mean `tools`?"));
        assert_eq!(line, Some(6));
    }

    #[test]
    fn what_is_asked_for_is_bounded() {
        let many = vec!["\"a/*\""; 300].join(", ");
        assert!(problem(&format!("{HEAD}[capabilities]\ntools = [{many}]\n")).0.contains("256"));
        let folder = "[[capabilities.filesystem]]\nguest = \"/x\"\npath = \"a\"\n";
        let (message, ..) = problem(&format!("{HEAD}{folder}{folder}"));
        assert_eq!(message, "two folders have the guest path `/x`");
    }

    #[test]
    fn broken_toml_names_its_line() {
        let (_, _, line) = problem("package = \"p\"\nversion = \n");
        assert_eq!(line, Some(2));
    }

    #[test]
    fn paths_stay_inside_the_package() {
        for path in ["../mod.ts", "/etc/passwd", "a/../../b.ts", ""] {
            let (message, ..) = problem(&format!(
                "package = \"p\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"{path}\"\n"
            ));
            assert!(message.contains("does not lie inside"), "{message}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(problem("version = \"0.1.0\"").0, "`package` is missing");
        assert_eq!(problem("package = \"p\"").0, "`version` is missing");
        assert_eq!(
            problem("package = \"p\"\nversion = \"0.1.0\"").0,
            "the package has neither code nor agents"
        );
        assert!(problem("package = \"p\"\nversion = \"1\"").0.contains("is not a version"));
        assert!(
            problem("package = \"P\"\nversion = \"1.0.0\"").0.contains("not a valid package name")
        );
    }

    #[test]
    fn a_package_for_a_later_distri_is_refused() {
        let (message, ..) = problem(&format!("{HEAD}[distri]\nengine = \">=99\"\n"));
        assert!(message.contains("the package needs distri >=99"), "{message}");
    }
}
