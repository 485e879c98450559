//! The records of what was built, and how a catalog of them is read and written.
//!
//! A catalog lies in the workspace, where whoever made the repository may have put
//! one. So each record has a proof beside it: an HMAC with the key in the user's
//! cache folder, over the workspace's root, the package's name and the record's
//! text. A record that this user's build did not make, or made elsewhere, is not
//! used.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use distri_call::digest::hex;
use distri_call::{Error, ErrorKind};
use distri_manifest::{Capabilities, Instances, LimitRequest, PackageName};
use hmac::Mac as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ItemInfo;
use crate::key::Key;

/// The format of the catalog; another number is another format.
const SCHEMA: u32 = 3;

/// The record of one package's build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// The package's name.
    pub package: PackageName,
    /// The package's version.
    pub version: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its folder, relative to the workspace's root.
    pub folder: PathBuf,
    /// `typescript`, `rust` or `component`: what it was built from.
    pub language: String,
    /// The version of the ABI it conforms to, like `0.3.0`.
    pub abi: String,
    /// SHA-256 of the component.
    pub component: String,
    /// Bytes of the component.
    pub size: u64,
    /// For TypeScript: what the component was made of, to say where in it something failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// Its tools.
    pub tools: Vec<ItemInfo>,
    /// Its workflows.
    pub workflows: Vec<ItemInfo>,
    /// What its manifest asks for.
    pub capabilities: Capabilities,
    /// The packages whose plugins may call its tools; none for all that were granted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<PackageName>>,
    /// The limits its manifest asks for.
    pub limits: LimitRequest,
    /// How long its instances live.
    pub instances: Instances,
    /// SHA-256 of the list of files that it was built from, which only builds read.
    pub inputs: String,
    /// What built it. Another builder builds it again.
    pub builder: String,
}

/// The script that a component was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// SHA-256 of the script.
    pub source: String,
    /// SHA-256 of the source map from the script to what it was bundled from.
    pub source_map: String,
}

/// The packages of a workspace that were built.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Catalog {
    /// The packages, by name.
    pub packages: BTreeMap<PackageName, Artifact>,
    /// The packages whose record is not used, and why, as in "the record of `p` …".
    /// `distri build` builds them anew.
    pub refused: BTreeMap<PackageName, String>,
}

/// A catalog as it is on disk. The records stay text until they are proven.
#[derive(Serialize, Deserialize)]
struct Document {
    /// The format's number.
    schema: u32,
    packages: BTreeMap<PackageName, Box<RawValue>>,
    /// By package: the HMAC in hexadecimal.
    #[serde(default)]
    proofs: BTreeMap<PackageName, String>,
}

/// What proves that records were made by this user, for this workspace.
#[derive(Debug, Clone)]
pub struct Prover {
    key: Key,
    root: PathBuf,
}

impl Prover {
    /// For the workspace at `root`, however it was reached.
    pub fn new(key: Key, root: &Path) -> Self {
        Self { key, root: root.canonicalize().unwrap_or_else(|_| root.to_owned()) }
    }

    fn mac(&self, package: &PackageName, record: &str) -> hmac::Hmac<sha2::Sha256> {
        // No file of the cache has this name. Neither a path nor a name has a zero.
        let mut mac = self.key.mac("record");
        mac.update(self.root.as_os_str().as_bytes());
        mac.update(&[0]);
        mac.update(package.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(record.as_bytes());
        mac
    }

    fn prove(&self, package: &PackageName, record: &str) -> String {
        hex(&self.mac(package, record).finalize().into_bytes())
    }

    fn is_proven(&self, package: &PackageName, record: &str, proof: &str) -> bool {
        let bytes: Option<Vec<u8>> = proof
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        bytes.is_some_and(|bytes| self.mac(package, record).verify_slice(&bytes).is_ok())
    }
}

impl Artifact {
    /// The digests of all files that it needs.
    pub fn digests(&self) -> impl Iterator<Item = &str> {
        let script = self.script.iter().flat_map(|script| [&script.source, &script.source_map]);
        // A package of agents only has no component.
        let component = Some(&self.component).filter(|digest| !digest.is_empty());
        script.chain(component).chain([&self.inputs]).map(String::as_str)
    }

    /// Its record, which can be read back.
    fn record(&self) -> Result<Box<RawValue>, String> {
        let failed = |error: serde_json::Error| {
            format!("the record of `{}` could not be read back: {error}", self.package)
        };
        let record = serde_json::to_string(self).map_err(failed)?;
        // What is nested deeper than the reader goes could never be read again.
        serde_json::from_str::<Self>(&record).map_err(failed)?;
        RawValue::from_string(record).map_err(failed)
    }

    /// Checks that a catalog can hold its record.
    ///
    /// # Errors
    ///
    /// `invalid-component` with why it could not be read back.
    pub fn check(&self) -> distri_call::Result<()> {
        self.record().map(drop).map_err(|why| Error::new(ErrorKind::InvalidComponent, why))
    }

    /// Why it cannot be a record of this package's, if it cannot.
    fn fault(&self, package: &PackageName) -> Option<String> {
        if let Some(bad) = self.digests().find(|digest| !is_digest(digest)) {
            return Some(format!("is damaged: {bad:?} is not a digest"));
        }
        (self.package != *package).then(|| format!("is damaged: it is of `{}`", self.package))
    }
}

impl Catalog {
    /// The digests of all files that its packages need.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &str> {
        self.packages.values().flat_map(Artifact::digests)
    }

    /// Refuses a package whose record is not used.
    ///
    /// # Errors
    ///
    /// `invalid-component` with why, and what to do about it.
    pub fn proven(&self, package: &str) -> distri_call::Result<()> {
        let Some(why) = self.refused.get(package) else { return Ok(()) };
        Err(Error::new(
            ErrorKind::InvalidComponent,
            format!("the record of `{package}` {why}, and is not used"),
        )
        .with_hint("run `distri build`: it builds the package anew"))
    }

    /// Reads a catalog's text.
    ///
    /// # Errors
    ///
    /// Why the text is none.
    pub(crate) fn read(text: &str, prover: &Prover) -> Result<Self, String> {
        // The reader's own words may quote what no catalog holds.
        let damaged = |error: serde_json::Error| {
            format!("is damaged in line {}, column {}", error.line(), error.column())
        };
        let document: Document = serde_json::from_str(text).map_err(damaged)?;
        if document.schema != SCHEMA {
            return Err(format!("has format {}, this program reads {SCHEMA}", document.schema));
        }
        let mut catalog = Self::default();
        for (package, record) in document.packages {
            let proof = document.proofs.get(&package).map_or("", String::as_str);
            let artifact: Option<Artifact> = serde_json::from_str(record.get()).ok();
            let fault = artifact.as_ref().and_then(|artifact| artifact.fault(&package));
            match (artifact, fault) {
                (_, Some(fault)) => drop(catalog.refused.insert(package, fault)),
                (Some(artifact), None) if prover.is_proven(&package, record.get(), proof) => {
                    catalog.packages.insert(package, artifact);
                }
                _ => {
                    let why = "was not made by a build of yours here".to_owned();
                    catalog.refused.insert(package, why);
                }
            }
        }
        Ok(catalog)
    }

    /// The catalog as text, with a proof of each record.
    ///
    /// # Errors
    ///
    /// Which package's record could not be read back, and why.
    pub(crate) fn write(&self, prover: &Prover) -> Result<String, String> {
        let mut document =
            Document { schema: SCHEMA, packages: BTreeMap::new(), proofs: BTreeMap::new() };
        for (package, artifact) in &self.packages {
            let record = artifact.record()?;
            document.proofs.insert(package.clone(), prover.prove(package, record.get()));
            document.packages.insert(package.clone(), record);
        }
        serde_json::to_string_pretty(&document).map_err(|error| error.to_string())
    }
}

/// Whether a text is a SHA-256 in hexadecimal: digests name files, and the
/// catalog is not trusted to name others.
pub fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::CacheFolder;

    fn prover(folder: &Path, root: &str) -> Prover {
        let key = CacheFolder::At(folder.to_owned()).open().unwrap().1;
        Prover::new(key, Path::new(root))
    }

    fn catalog() -> Catalog {
        let package: PackageName = "p".parse().unwrap();
        let artifact = Artifact {
            package: package.clone(),
            version: "0.1.0".to_owned(),
            description: None,
            folder: "plugins/p".into(),
            language: "component".to_owned(),
            abi: "0.3.0".to_owned(),
            component: "0".repeat(64),
            size: 8,
            script: None,
            tools: Vec::new(),
            workflows: Vec::new(),
            callers: None,
            capabilities: Capabilities::default(),
            limits: LimitRequest::default(),
            instances: Instances::default(),
            inputs: "1".repeat(64),
            builder: "test".to_owned(),
        };
        Catalog { packages: [(package, artifact)].into(), ..Catalog::default() }
    }

    #[test]
    fn a_record_is_of_its_user_its_workspace_and_its_package() {
        let [mine, theirs] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let prover_here = prover(mine.path(), "/here");
        let text = catalog().write(&prover_here).unwrap();
        assert_eq!(Catalog::read(&text, &prover_here).unwrap(), catalog());
        let refused = |text: &str, prover: &Prover| {
            let read = Catalog::read(text, prover).unwrap();
            assert!(read.packages.is_empty(), "{text}");
            read.refused.into_values().next().unwrap()
        };
        let why = refused(&text, &prover(theirs.path(), "/here"));
        assert_eq!(why, "was not made by a build of yours here");
        refused(&text, &prover(mine.path(), "/there"));
        refused(&text.replace("plugins/p", "plugins/q"), &prover_here);
        refused(&text.replace("proofs", "other"), &prover_here);
        let renamed = text.replace("\"p\":", "\"q\":");
        assert_eq!(refused(&renamed, &prover_here), "is damaged: it is of `p`");
        let why = refused(&text.replace(&"0".repeat(64), "../../passwd"), &prover_here);
        assert!(why.contains("is not a digest"), "{why}");
    }

    #[test]
    fn a_catalog_that_is_none_is_an_error_that_quotes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let prover = prover(folder.path(), "/here");
        let nested = |text: &str| format!("{}{text}", "[".repeat(100_000));
        let deep =
            format!("{{\"schema\":3,\"packages\":{{\"p\":{}}}}}", nested(&"]".repeat(100_000)));
        let read = Catalog::read(&deep, &prover).unwrap();
        assert_eq!(read.refused.len(), 1, "what is nested too deeply is not looked into");
        for text in [
            "",
            "{",
            &nested(""),
            "{\"schema\":2,\"packages\":{}}",
            "{\"schema\":3,\"packages\":\"a canary\"}",
            "{\"schema\":3,\"packages\":{},\"packages\":{}}",
            "{\"schema\":3,\"packages\":{\"../a canary\":{}}}",
        ] {
            let error = Catalog::read(text, &prover).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
        let twice = "{\"schema\":3,\"packages\":{\"p\":1,\"p\":2}}";
        assert!(Catalog::read(twice, &prover).unwrap().packages.is_empty());
    }

    #[test]
    fn a_record_that_could_not_be_read_back_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut catalog = catalog();
        let mut parameters = serde_json::Value::Null;
        for _ in 0..126 {
            parameters = serde_json::Value::Array(vec![parameters]);
        }
        let tool = serde_json::json!({ "name": "t" });
        for artifact in catalog.packages.values_mut() {
            let mut tool: ItemInfo = serde_json::from_value(tool.clone()).unwrap();
            tool.parameters.clone_from(&parameters);
            artifact.tools.push(tool);
        }
        let why = catalog.write(&prover(folder.path(), "/here")).unwrap_err();
        assert!(why.contains("the record of `p`") && why.contains("recursion limit"), "{why}");
    }
}
