//! What a run used of what there is, and the least manifests that it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use distri_host::Capability;
use distri_manifest::{Access, Capabilities, HostPattern, SecretRequest};
use serde::Serialize;

/// Most different uses of a package that are noted: a plugin must not fill memory
/// with names that it makes up.
const MAX_USES: usize = 1000;

/// Bytes of one that is noted: no name of anything that there is has more.
const MAX_USE: usize = 1 << 10;

/// Bytes of all that are noted of a package.
const MAX_BYTES: usize = 64 << 10;
/// Most chains of calls of a package that are noted, and bytes of one: as many as
/// somebody reads.
const MAX_CHAINS: usize = 100;
const MAX_CHAIN: usize = 1 << 10;

/// Takes note of what plugins ask for while they run.
#[derive(Debug, Default)]
pub struct Audit {
    packages: Mutex<BTreeMap<String, Uses>>,
}

/// What one package asked for: each with whether it was let.
#[derive(Debug, Default, Clone)]
struct Uses {
    seen: BTreeMap<Use, bool>,
    bytes: usize,
    /// Those that were let, and those that were refused, that there is no room for.
    more: [usize; 2],
    /// The calls that led to what was asked for on behalf of others, and what it was.
    chains: BTreeSet<String>,
}

/// One thing that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Tool(String),
    Agent(String),
    Secret {
        name: String,
        seen: bool,
    },
    Env(String),
    Network(String),
    Filesystem {
        path: String,
        guest: String,
        access: Access,
    },
    Database {
        name: String,
        access: Access,
    },
    /// What only later hosts have.
    Other(String),
}

impl From<Capability<'_>> for Use {
    fn from(capability: Capability<'_>) -> Self {
        match capability {
            Capability::Tool(name) => Self::Tool(name.to_owned()),
            Capability::Agent(name) => Self::Agent(name.to_owned()),
            Capability::Secret(name) => Self::Secret { name: name.to_owned(), seen: true },
            Capability::BoundSecret { name, .. } => {
                Self::Secret { name: name.to_owned(), seen: false }
            }
            Capability::Env(name) => Self::Env(name.to_owned()),
            Capability::Filesystem { guest, path, access } => {
                Self::Filesystem { guest: guest.to_owned(), path: path.to_owned(), access }
            }
            Capability::Database { name, access } => {
                Self::Database { name: name.to_owned(), access }
            }
            Capability::Network(origin) => Self::Network(
                origin
                    .parse()
                    .map_or_else(|_| origin.to_owned(), |host: HostPattern| host.to_string()),
            ),
            other => Self::Other(format!("{} {}", other.kind(), other.target())),
        }
    }
}

/// What one package used and what was refused, and the least `[capabilities]`
/// that let it all.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PackageAudit {
    /// The package.
    pub package: String,
    /// What it used.
    pub used: Vec<String>,
    /// What it asked for and was refused.
    pub refused: Vec<String>,
    /// What it asked for when other plugins had called it: who called whom, and what.
    pub chains: Vec<String>,
    /// The lines of its manifest.
    pub manifest: String,
}

impl Audit {
    /// Takes note; for [`HostServices::observe_use`](distri_host::HostServices::observe_use).
    pub fn observe(&self, package: &str, capability: Capability<'_>, granted: bool) {
        let mut packages = self.packages.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = packages.entry(package.to_owned()).or_default();
        let bytes = capability.target().len();
        if bytes > MAX_USE {
            uses.more[usize::from(!granted)] += 1;
            return;
        }
        let one = Use::from(capability);
        if let Some(seen) = uses.seen.get_mut(&one) {
            *seen &= granted;
        } else if uses.seen.len() >= MAX_USES || uses.bytes + bytes > MAX_BYTES {
            uses.more[usize::from(!granted)] += 1;
        } else {
            uses.bytes += bytes;
            uses.seen.insert(one, granted);
        }
    }

    /// Takes note of the calls that led to a use, the package's own last.
    pub fn observe_chain(&self, package: &str, chain: &[String], capability: Capability<'_>) {
        if chain.len() < 2 {
            return;
        }
        let chain = format!("{}: {}", chain.join(" -> "), Use::from(capability).describe());
        let mut packages = self.packages.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = packages.entry(package.to_owned()).or_default();
        if chain.len() <= MAX_CHAIN && uses.chains.len() < MAX_CHAINS {
            uses.chains.insert(chain);
        }
    }

    /// What was noted, by package. `asked` is what a package's manifest asks for,
    /// for what a use does not tell, like the header that a secret is sent in.
    pub fn report(&self, asked: impl Fn(&str) -> Option<Capabilities>) -> Vec<PackageAudit> {
        let packages = self.packages.lock().unwrap_or_else(PoisonError::into_inner);
        let report = packages.iter().map(|(package, uses)| {
            let of = |granted: bool| {
                let more = uses.more[usize::from(!granted)];
                let more = (more > 0).then(|| format!("{more} more, which are not listed"));
                let uses = uses.seen.iter().filter(move |(_, was)| **was == granted);
                uses.map(|(one, _)| one.describe()).chain(more).collect()
            };
            PackageAudit {
                package: package.clone(),
                used: of(true),
                refused: of(false),
                chains: uses.chains.iter().cloned().collect(),
                manifest: uses.manifest(&asked(package).unwrap_or_default()),
            }
        });
        report.collect()
    }
}

impl Use {
    fn describe(&self) -> String {
        match self {
            Self::Tool(name) => format!("tool {name}"),
            Self::Agent(name) => format!("agent {name}"),
            Self::Secret { name, .. } => format!("secret {name}"),
            Self::Other(what) => what.clone(),
            Self::Env(name) => format!("environment variable {name}"),
            Self::Network(host) => format!("network {host}"),
            Self::Filesystem { path, access, .. } => format!("folder {path} ({})", access.as_str()),
            Self::Database { name, access } => format!("database {name} ({})", access.as_str()),
        }
    }
}

impl Uses {
    /// The least `[capabilities]` as TOML.
    fn manifest(&self, asked: &Capabilities) -> String {
        let mut lists: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut hosts = Vec::new();
        let mut databases: BTreeMap<&str, Access> = BTreeMap::new();
        let mut folders: BTreeMap<(&str, &str), Access> = BTreeMap::new();
        let mut requests: BTreeSet<&SecretRequest> = BTreeSet::new();
        for one in self.seen.keys() {
            match one {
                Use::Tool(name) => lists.entry("tools").or_default().push(quoted(name)),
                Use::Agent(name) => lists.entry("agents").or_default().push(quoted(name)),
                Use::Env(name) => lists.entry("env").or_default().push(quoted(name)),
                Use::Network(host) => hosts.push(quoted(host)),
                // A secret is asked for as it was: the use does not tell how it is sent.
                Use::Secret { name, seen } => {
                    requests.extend(asked.secrets.iter().filter(|secret| {
                        secret.name.as_str() == name && secret.bound.is_none() == *seen
                    }));
                }
                Use::Other(_) => {}
                Use::Filesystem { path, guest, access } => {
                    let widest = folders.entry((guest, path)).or_default();
                    *widest = (*widest).max(*access);
                }
                Use::Database { name, access } => {
                    let widest = databases.entry(name).or_default();
                    *widest = (*widest).max(*access);
                }
            }
        }
        lists.entry("secrets").or_default().extend(requests.into_iter().map(secret));
        let databases = databases.into_iter().map(|(name, access)| match access {
            Access::Read => format!("{{ name = {} }}", quoted(name)),
            Access::ReadWrite => {
                format!("{{ name = {}, access = {} }}", quoted(name), quoted(access.as_str()))
            }
        });
        lists.entry("databases").or_default().extend(databases);

        let mut own = String::new();
        for key in ["tools", "agents", "secrets", "env", "databases"] {
            if let Some(list) = lists.get(key).filter(|list| !list.is_empty()) {
                let _ = writeln!(own, "{key} = [{}]", list.join(", "));
            }
        }
        let mut tables = Vec::new();
        if !own.is_empty() {
            tables.push(format!("[capabilities]\n{own}"));
        }
        if !hosts.is_empty() {
            tables.push(format!("[capabilities.network]\nhosts = [{}]\n", hosts.join(", ")));
        }
        tables.extend(folders.into_iter().map(|((guest, path), access)| {
            format!(
                "[[capabilities.filesystem]]\nguest = {}\npath = {}\naccess = {}\n",
                quoted(guest),
                quoted(path),
                quoted(access.as_str())
            )
        }));
        tables.join("\n")
    }
}

fn secret(request: &SecretRequest) -> String {
    match &request.bound {
        None => quoted(request.name.as_str()),
        Some(bound) => format!(
            "{{ name = {}, host = {}, header = {}, format = {} }}",
            quoted(request.name.as_str()),
            quoted(&bound.host.to_string()),
            quoted(&bound.header),
            quoted(&bound.format)
        ),
    }
}

/// A string as TOML has it: JSON's escapes are among TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_bounded_in_bytes() {
        let audit = Audit::default();
        for n in 0..200 {
            audit.observe("p", Capability::Network(&format!("{n}{}", "x".repeat(3 << 20))), false);
        }
        for n in 0..2_000 {
            let name = format!("{n}{}", "x".repeat(1_000));
            audit.observe("p", Capability::Agent(&name), false);
            audit.observe("p", Capability::Agent("poet"), true);
        }
        let [report] = audit.report(|_| None).try_into().unwrap();
        let text = serde_json::to_string(&report).unwrap();
        assert!(text.len() < 4 * MAX_BYTES, "{}", text.len());
        assert_eq!(report.used, ["agent poet"]);
        assert!(report.refused.last().unwrap().ends_with("more, which are not listed"));
    }

    #[test]
    fn who_called_whom_is_noted_when_somebody_did() {
        let audit = Audit::default();
        let host = Capability::Network("https://bank.example:443");
        let chain = ["notes/steal".to_owned(), "bank/pay".to_owned()];
        audit.observe("bank", host, true);
        audit.observe_chain("bank", &chain[1..], host);
        audit.observe_chain("bank", &chain, host);
        audit.observe_chain("bank", &chain, Capability::Agent(&"x".repeat(3 << 20)));
        let [report] = audit.report(|_| None).try_into().unwrap();
        assert_eq!(report.chains, ["notes/steal -> bank/pay: network https://bank.example"]);
    }

    #[test]
    fn the_least_manifest_is_one_that_asks_for_what_was_used() {
        let manifest = r#"
tools = ["a/b"]
agents = ["poet"]
secrets = ["KEY", { name = "TOKEN", host = "https://x.org", header = "Authorization", format = "Bearer {}" }]
env = ["LANG"]
databases = [{ name = "main", access = "read-write" }]
network.hosts = ["https://x.org", "http://localhost:8080"]
filesystem = [{ guest = "/data", path = "data", access = "read" }]
"#;
        let asked: Capabilities = toml::from_str(manifest).unwrap();
        let audit = Audit::default();
        let folder = Capability::Filesystem { guest: "/data", path: "data", access: Access::Read };
        for (capability, granted) in [
            (Capability::Tool("a/b"), true),
            (Capability::Tool("a/b"), true),
            (Capability::Agent("poet"), false),
            (Capability::Secret("KEY"), true),
            (Capability::BoundSecret { name: "TOKEN", host: "https://x.org:443" }, true),
            (Capability::Env("LANG"), true),
            (Capability::Database { name: "main", access: Access::Read }, true),
            (Capability::Database { name: "main", access: Access::ReadWrite }, true),
            (Capability::Network("https://x.org:443"), true),
            (Capability::Network("http://localhost:8080"), true),
            (folder, true),
        ] {
            audit.observe("p", capability, granted);
        }
        let [report] = audit.report(|_| Some(asked.clone())).try_into().unwrap();
        assert_eq!(report.refused, ["agent poet"]);
        let table: toml::Table = toml::from_str(&report.manifest).unwrap();
        let mut least: Capabilities = table["capabilities"].clone().try_into().unwrap();
        let mut asked = asked;
        least.network.hosts.sort();
        asked.network.hosts.sort();
        assert_eq!(least, asked, "{}", report.manifest);
        let audit = Audit::default();
        audit.observe("p", folder, true);
        let [report] = audit.report(|_| None).try_into().unwrap();
        assert_eq!(
            report.manifest,
            "[[capabilities.filesystem]]\nguest = \"/data\"\npath = \"data\"\naccess = \"read\"\n"
        );
    }
}
