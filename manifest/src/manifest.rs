//! `distri.toml` as types, and how its text becomes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::diagnose::{Place, diagnose, lists_for_tables};
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
    /// The packages whose plugins may call its tools; none for all that were granted them.
    pub callers: Option<Vec<PackageName>>,
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
pub(crate) struct Document {
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
    callers: Option<Vec<PackageName>>,
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
        let text = distri_files::without_mark(text);
        lists_for_tables(path, text)?;
        let document: Document =
            toml::from_str(text).map_err(|error| diagnose(path, text, str::to_owned, &error))?;
        Validator { path, text }.manifest(document)
    }
}

impl FromStr for Manifest {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        Self::parse(Path::new(MANIFEST_FILE), text)
    }
}

/// The line, counting from 1, and its text, where the manifest at `path` has this key
/// of `[limits]`.
pub fn limit_line(path: &Path, key: &str) -> Option<(usize, String)> {
    let text = crate::text::load(path).ok()?;
    let place = Place::of_key(&text, &format!("limits.{key}"))?;
    let line = text.get(..place.span.start)?.matches('\n').count();
    Some((line + 1, text.lines().nth(line)?.trim().to_owned()))
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

    /// What is missing at the top of the file, which an error is to name.
    fn missing(&self, message: &str, help: &str) -> ManifestError {
        ManifestError::at(self.path, self.text, None, message, Some(help.to_owned()))
    }

    /// An error about the key with this path.
    fn about(&self, key: &str, message: String, help: &str) -> ManifestError {
        let span = Place::of_key(self.text, key).map(|place| place.span);
        ManifestError::at(self.path, self.text, span, message, Some(help.to_owned()))
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
        self.lists(&document.capabilities, document.callers.as_ref())?;
        self.limits(&document.limits, &document.instances)?;
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
            callers: document.callers,
            limits: document.limits,
            instances: document.instances,
        })
    }

    /// What is asked for is held in memory for every package, and its folders are
    /// opened for every call: bounded.
    fn lists(
        &self,
        asked: &Capabilities,
        callers: Option<&Vec<PackageName>>,
    ) -> Result<(), ManifestError> {
        let help = "split the package, or ask with `*`";
        let lengths = [
            ("tools", asked.tools.len()),
            ("agents", asked.agents.len()),
            ("secrets", asked.secrets.len()),
            ("env", asked.env.len()),
            ("network.hosts", asked.network.hosts.len()),
            ("databases", asked.databases.len()),
        ];
        if let Some((key, _)) = lengths.into_iter().find(|(_, length)| *length > MAX_LIST) {
            let message = format!("`capabilities.{key}` has more than {MAX_LIST} entries");
            return Err(self.about(&format!("capabilities.{key}"), message, help));
        }
        if callers.is_some_and(|callers| callers.len() > MAX_LIST) {
            let message = format!("`callers` has more than {MAX_LIST} entries");
            return Err(self.about("callers", message, "name fewer, or leave it out for all"));
        }
        let folders = "capabilities.filesystem";
        if asked.filesystem.len() > MAX_FOLDERS {
            let message = format!("the package asks for more than {MAX_FOLDERS} folders");
            return Err(self.about(folders, message, help));
        }
        let mut seen = BTreeSet::new();
        match asked.filesystem.iter().find(|folder| !seen.insert(&folder.guest)) {
            Some(twice) => {
                let message = format!("two folders have the guest path `{}`", twice.guest);
                Err(self.about(folders, message, "give one of them another `guest`"))
            }
            None => Ok(()),
        }
    }

    /// Limits under which no call could be made are a slip.
    fn limits(&self, limits: &LimitRequest, instances: &Instances) -> Result<(), ManifestError> {
        let LimitRequest { timeout, cpu, memory, payload, json_depth, concurrent_calls, .. } =
            limits;
        let none = [
            ("limits.timeout", timeout.is_some_and(|span| span.0.is_zero())),
            ("limits.cpu", cpu.is_some_and(|span| span.0.is_zero())),
            ("limits.memory", *memory == Some(ByteSize(0))),
            ("limits.payload", *payload == Some(ByteSize(0))),
            ("limits.json_depth", *json_depth == Some(0)),
            ("limits.concurrent_calls", *concurrent_calls == Some(0)),
            ("instances.max_calls", instances.max_calls == 0),
        ];
        match none.into_iter().find(|(_, zero)| *zero) {
            Some((key, _)) => Err(self.about(
                key,
                format!("`{key}` is 0: no call could be made"),
                "give it a value, or leave it out for the host's",
            )),
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
            callers = ["travel"]
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
        assert_eq!(manifest.callers, Some(vec!["travel".parse().unwrap()]));
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
        let (message, _, line) = problem(&format!("{HEAD}[capabilities]\ntools = [{many}]\n"));
        assert!(message.contains("256"), "{message}");
        assert_eq!(line, Some(6));
        let folder = "[[capabilities.filesystem]]\nguest = \"/x\"\npath = \"a\"\n";
        let (message, ..) = problem(&format!("{HEAD}{folder}{folder}"));
        assert_eq!(message, "two folders have the guest path `/x`");
    }

    #[test]
    fn callers_are_packages() {
        assert_eq!(parse(HEAD).unwrap().callers, None);
        assert_eq!(parse(&format!("callers = []\n{HEAD}")).unwrap().callers, Some(Vec::new()));
        let (message, _, line) = problem(&format!("callers = [\"a/b\"]\n{HEAD}"));
        assert!(message.contains("not a valid package name"), "{message}");
        assert_eq!(line, Some(1));
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
        for (text, missing, line) in [
            ("version = \"0.1.0\"", "package", "package = \"weather\""),
            ("package = \"p\"", "version", "version = \"0.1.0\""),
            ("", "package", "package = \"weather\""),
        ] {
            let (message, help, at) = problem(text);
            assert_eq!(message, format!("`{missing}` is missing"));
            assert!(help.unwrap().contains(line));
            assert_eq!(at, Some(1));
        }
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
    fn a_wrong_type_is_told_in_the_manifests_words() {
        for (text, words, advice, at) in [
            (
                "[capabilities]\nnetwork = [\"a.org\"]",
                "`capabilities.network` must be a table, not a list",
                "[capabilities.network]\nhosts = [\"api.example.com\"]",
                6,
            ),
            (
                "[dependencies]\nnope = \"1.0\"",
                "`dependencies.nope` must be a table, not the text \"1.0\"",
                "units = { path = \"../units\" }",
                6,
            ),
            (
                "[dependencies]\nnope = {}",
                "`dependencies.nope` needs `path`",
                "units = { path = \"../units\" }",
                6,
            ),
            (
                "[capabilities]\ntools = \"a/b\"",
                "`capabilities.tools` must be a list, not the text \"a/b\"",
                "tools = [\"units/*\"]",
                6,
            ),
            (
                "[capabilities]\ntools = [1]",
                "each of `capabilities.tools` must be text in quotes, not the number `1`",
                "tools = [\"units/*\"]",
                6,
            ),
            (
                "[limits]\nhandles = -1",
                "`limits.handles` must be a whole number, 0 or more, not the number `-1`",
                "handles = 100",
                6,
            ),
            (
                "[limits]\ndepth = 99999999999",
                "`limits.depth` must be a whole number, 0 or more, not the number `99999999999`",
                "depth = 4",
                6,
            ),
            (
                "[limits]\nmemory = 64",
                "`limits.memory` must be text in quotes, not the number `64`",
                "memory = \"64MiB\"",
                6,
            ),
            (
                "[limits]\nlog_lines = \"many\"",
                "`limits.log_lines` must be a whole number, 0 or more, not the text \"many\"",
                "log_lines = 100",
                6,
            ),
            (
                "[limits]\nlog_lines = 1.5",
                "`limits.log_lines` must be a whole number, 0 or more, not the number `1.5`",
                "log_lines = 100",
                6,
            ),
            (
                "[instances]\nmode = \"per-sesion\"",
                "`per-sesion` is not a value of `instances.mode`",
                "did you mean `per-session`?",
                6,
            ),
            ("[build]\nengine = true", "`build.engine`", "", 6),
            (
                "[imports]\na = 1",
                "`imports.a` must be text in quotes, not the number `1`",
                "npm:foo",
                6,
            ),
            (
                "[[capabilities.filesystem]]\nguest = \"/x\"",
                "`capabilities.filesystem` needs `path`",
                "path = \"data\"",
                5,
            ),
            (
                "[capabilities]\nsecrets = [1]",
                "each of `capabilities.secrets` must be a secret's name, or a table",
                "WEATHER_API_KEY",
                6,
            ),
            ("timeout = \"5s\"", "unknown key `timeout`", "`timeout` belongs in `[limits]`", 5),
            (
                "[limits]\ntimeout = \"0s\"",
                "`limits.timeout` is 0: no call could be made",
                "leave it out",
                6,
            ),
            ("[limits]\ntimeout = \"-5s\"", "`-5s` is not a time", "", 6),
        ] {
            let (message, help, line) = problem(&format!("{HEAD}{text}\n"));
            assert!(message.contains(words), "{text}: {message}");
            assert!(help.unwrap_or_default().contains(advice), "{text}");
            assert_eq!(line, Some(at), "{text}");
        }
        let (message, ..) = problem("package = [\"p\"]\nversion = \"0.1.0\"\n");
        assert_eq!(message, "`package` must be text in quotes, not a list");
        let (message, _, line) = problem("capabilities = \"all\"\npackage = \"p\"\n");
        assert_eq!(message, "`capabilities` must be a table, not the text \"all\"");
        assert_eq!(line, Some(1));
    }

    #[test]
    fn a_file_that_is_no_text_or_no_file_is_named_with_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(MANIFEST_FILE);
        let load = || {
            let error = Manifest::load(&path).unwrap_err();
            let ManifestError::Read { source, .. } = &error else { panic!("{error}") };
            assert!(error.to_string().contains("distri.toml"), "{error}");
            source.to_string()
        };
        std::fs::create_dir(&path).unwrap();
        assert!(load().contains("is a folder"));
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, b"package = \"p\"\n# \xff\n").unwrap();
        assert!(load().contains("line 2"));
        std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
        assert!(load().contains("more than"));
        let text = HEAD.replace('\n', "\r\n");
        std::fs::write(&path, format!("\u{feff}{text}[limits]\r\ndepth = 3\r\n")).unwrap();
        let manifest = Manifest::load(&path).unwrap();
        assert_eq!((manifest.package.as_str(), manifest.limits.depth), ("p", Some(3)));
        assert_eq!(limit_line(&path, "depth"), Some((6, "depth = 3".to_owned())));
    }

    #[test]
    fn a_package_for_a_later_distri_is_refused() {
        let (message, ..) = problem(&format!("{HEAD}[distri]\nengine = \">=99\"\n"));
        assert!(message.contains("the package needs distri >=99"), "{message}");
    }
}
