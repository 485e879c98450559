//! What one package may do: what its manifest asks for and the policy allows.
//! The one place that decides it; whatever is not here is denied.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use distri_manifest::{
    Access, Allowance, Capabilities, CapabilityKind, FilesystemRequest, HostPattern, PackageName,
    Policy, SecretRequest,
};
use http::{HeaderName, HeaderValue};
use serde_json::json;

use crate::{Capability, Error, ErrorKind, Result};

/// A package's grant.
pub struct Grant {
    /// Whose it is.
    pub package: PackageName,
    asked: Capabilities,
    /// What the operator allows.
    pub allowed: Allowance,
    /// Whether the operator leaves the workspace's folders to the manifest.
    pub open_workspace: bool,
    approvals: bool,
    /// Where the operator adds to the policy, in words.
    policy: String,
    bound: Vec<BoundSecret>,
}

/// A secret that the host adds to a package's requests.
#[derive(Debug)]
pub struct BoundSecret {
    /// The secret's name.
    pub name: String,
    /// Where it may be sent.
    pub host: HostPattern,
    /// The header that it is sent in.
    pub header: HeaderName,
    request: SecretRequest,
}

impl BoundSecret {
    /// The header's value.
    pub fn value(&self, secret: &str) -> Result<HeaderValue> {
        let text = self.request.bound.as_ref().map(|binding| binding.value(secret));
        let value = HeaderValue::from_str(&text.unwrap_or_default());
        let mut value = value.map_err(|_| {
            Error::new(
                ErrorKind::Denied,
                format!("the secret `{}` cannot be sent in a header", self.name),
            )
            .with_hint("it has characters that headers cannot have, like the end of a line")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Why something is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// The manifest does not ask for it.
    Request,
    /// It is asked for, and the policy does not allow it.
    Allowance,
}

impl Grant {
    /// Nothing but what `asked` and `policy` agree on.
    pub fn new(package: &PackageName, asked: &Capabilities, policy: &Policy) -> Self {
        let allowed = policy.allowance(package.as_str());
        let bound = asked.secrets.iter().filter(|request| allowed.secret(request));
        let bound = bound.filter_map(|request| {
            let binding = request.bound.as_ref()?;
            Some(BoundSecret {
                name: request.name.to_string(),
                host: binding.host.clone(),
                header: HeaderName::from_bytes(binding.header.as_bytes()).ok()?,
                request: request.clone(),
            })
        });
        Self {
            bound: bound.collect(),
            package: package.clone(),
            asked: asked.clone(),
            allowed,
            open_workspace: policy.open_workspace,
            approvals: policy.approvals,
            policy: policy.place(),
        }
    }

    /// Refuses code that is not what the policy names.
    ///
    /// # Errors
    ///
    /// `denied` with both digests.
    pub fn check_code(&self, digest: &str) -> Result<()> {
        let Some(wanted) = self.allowed.digest.as_ref() else { return Ok(()) };
        if wanted.as_hex() == digest {
            return Ok(());
        }
        let package = &self.package;
        let line = format!("digest = \"sha256:{digest}\"");
        let detail = self.detail("digest", digest, "grant", &line);
        Err(Error::new(
            ErrorKind::Denied,
            format!("`{package}` is not the code that the policy allows: it is sha256:{digest}, allowed is {wanted}"),
        )
        .with_hint(format!("look at what changed, then put `{line}` into `[packages.{package}]` in the policy"))
        .with_detail(detail))
    }

    /// What the manifest asks for.
    pub fn asked(&self) -> &Capabilities {
        &self.asked
    }

    /// Whether a tool may be called, for finding out which one is meant.
    pub fn allows_tool(&self, package: &str, tool: &str) -> bool {
        self.tool(package, tool).is_ok()
    }

    /// Whether a private, loopback or otherwise special address may be dialled
    /// for this host: the policy names the address, or the host by its address or
    /// as `localhost`.
    pub fn allows_address(&self, (scheme, host, port): (&str, &str, u16), address: IpAddr) -> bool {
        if self.allowed.network.addresses.iter().any(|block| block.contains(&address)) {
            return true;
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let named = match bare.parse::<IpAddr>() {
            Ok(literal) => literal == address,
            Err(_) => host == "localhost" && address.is_loopback(),
        };
        let mut hosts = self.allowed.network.hosts.iter();
        named && hosts.any(|pattern| pattern.names(scheme, host, port))
    }

    /// The secrets that the host adds to requests.
    pub fn bound_secrets(&self) -> &[BoundSecret] {
        &self.bound
    }

    /// The highest access to a database.
    pub fn database(&self, name: &str) -> Option<Access> {
        let asked = self.asked.databases.iter().filter(|request| request.name.matches(name));
        let asked = asked.map(|request| request.access).max()?;
        self.allowed.database(name, asked)
    }

    /// Lets it pass or says why not.
    ///
    /// # Errors
    ///
    /// `denied` with what is missing and the line that would add it.
    pub fn check(&self, capability: Capability<'_>) -> Result<()> {
        let answer = match capability {
            Capability::Tool(tool) => {
                let (package, tool) = tool.split_once('/').unwrap_or(("", tool));
                self.tool(package, tool)
            }
            Capability::Agent(agent) => both(
                self.asked.agents.iter().any(|asked| asked.matches(agent)),
                self.open_workspace
                    || self.allowed.agents.iter().any(|allowed| allowed.matches(agent)),
            ),
            Capability::Secret(name) => {
                self.secret(|request| request.name.as_str() == name && request.bound.is_none())
            }
            Capability::BoundSecret { name, host } => self.secret(|request| {
                let bound = request.bound.as_ref().zip(parts(host));
                request.name.as_str() == name
                    && bound.is_some_and(|(bound, (scheme, host, port))| {
                        bound.host.matches(scheme, host, port)
                    })
            }),
            Capability::Env(name) => both(
                self.asked.env.iter().any(|asked| asked.as_str() == name),
                self.allowed.env.iter().any(|allowed| allowed.matches(name)),
            ),
            Capability::Network(origin) => match parts(origin) {
                Some((scheme, host, port)) => both(
                    self.asked.network.hosts.iter().any(|asked| asked.matches(scheme, host, port)),
                    self.allowed.host(scheme, host, port),
                ),
                None => Err(Missing::Request),
            },
            Capability::Filesystem { guest, path, access } => {
                let request = self.asked.filesystem.iter().find(|asked| {
                    asked.guest.as_str() == guest
                        && asked.path.as_str() == path
                        && asked.access >= access
                });
                match request {
                    None => Err(Missing::Request),
                    Some(request) => both(true, self.folder(request) >= Some(access)),
                }
            }
            Capability::Database { name, access } => {
                let asked = self
                    .asked
                    .databases
                    .iter()
                    .any(|request| request.name.matches(name) && request.access >= access);
                both(asked, self.database(name) >= Some(access))
            }
        };
        answer.map_err(|missing| self.denied(capability, missing))
    }

    /// A secret that is asked for like this.
    fn secret(&self, wanted: impl Fn(&SecretRequest) -> bool) -> Result<(), Missing> {
        let requests = || self.asked.secrets.iter().filter(|request| wanted(request));
        both(requests().next().is_some(), requests().any(|request| self.allowed.secret(request)))
    }

    /// Whether any tool of a package is asked for: then its names are no secret.
    pub fn knows(&self, package: &str) -> bool {
        let mut tools = self.asked.tools.iter();
        package == self.package.as_str()
            || tools.any(|tool| tool.package().is_none_or(|own| own.as_str() == package))
    }

    fn tool(&self, package: &str, tool: &str) -> Result<(), Missing> {
        if package == self.package.as_str() {
            return Ok(());
        }
        both(
            self.asked.tools.iter().any(|asked| asked.matches(package, tool)),
            self.open_workspace
                || self.allowed.tools.iter().any(|allowed| allowed.matches(package, tool)),
        )
    }

    /// The folders that it lets write to, in the workspace with this root: as the manifest
    /// names them, and where they are.
    pub fn writable(&self, root: &Path) -> Vec<(String, PathBuf)> {
        let asked = self.asked().filesystem.iter();
        let mut written =
            asked.filter(|folder| self.folder(folder) == Some(Access::ReadWrite)).peekable();
        if written.peek().is_none() {
            return Vec::new();
        }
        // By what it is now: a database's path has no links in it either.
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        written.map(|folder| (folder.path.to_string(), root.join(folder.path.as_str()))).collect()
    }

    /// The access to a folder that is asked for.
    pub fn folder(&self, request: &FilesystemRequest) -> Option<Access> {
        let open = request.comes_with_workspace().filter(|_| self.open_workspace);
        self.allowed.folder(request).max(open)
    }

    /// The same by the operator's own word, without what comes with the workspace.
    pub fn folder_by_operator(&self, request: &FilesystemRequest) -> Option<Access> {
        self.allowed.folder(request)
    }

    fn denied(&self, capability: Capability<'_>, missing: Missing) -> Error {
        let package = &self.package;
        let what = capability.describe();
        let policy = &self.policy;
        let (section, line) = capability.line(missing == Missing::Allowance);
        let below = if section.is_empty() { String::new() } else { format!(".{section}") };
        let (message, hint) = match missing {
            Missing::Request => (
                format!("`{package}` may not {what}: its manifest does not ask for it"),
                format!("add `{line}` to `[capabilities{below}]` in its `distri.toml`"),
            ),
            Missing::Allowance => (
                format!("`{package}` may not {what}: it asks, and nothing grants it"),
                format!(
                    "{}add `{line}` to `[packages.{package}{below}]` in {policy}",
                    if self.approvals {
                        format!("run `distri approve {package}`, or ")
                    } else {
                        String::new()
                    }
                ),
            ),
        };
        let missing = match missing {
            Missing::Request => "request",
            Missing::Allowance => "grant",
        };
        let detail = self.detail(capability.kind().as_str(), capability.target(), missing, &line);
        Error::new(ErrorKind::Denied, message).with_hint(hint).with_detail(detail)
    }

    /// The error about a host that was granted and is at an address that was not.
    pub fn denied_address(
        &self,
        (origin, host): (&str, &str),
        address: IpAddr,
        what: &str,
    ) -> Error {
        let package = &self.package;
        let line = format!("addresses = [\"{address}\"]");
        let detail = self.detail(CapabilityKind::Network.as_str(), origin, "grant", &line);
        Error::new(ErrorKind::Denied, format!("`{host}` is at `{address}`, {what}"))
            .with_hint(format!("add `{line}` to `[packages.{package}.network]` in {}", self.policy))
            .with_detail(detail)
    }

    /// What programs read of a denial.
    fn detail(&self, capability: &str, target: &str, missing: &str, add: &str) -> String {
        let package = &self.package;
        json!({
            "capability": capability,
            "target": target,
            "package": package,
            "missing": missing,
            "add": add,
        })
        .to_string()
    }
}

fn both(asked: bool, allowed: bool) -> Result<(), Missing> {
    match (asked, allowed) {
        (false, _) => Err(Missing::Request),
        (true, false) => Err(Missing::Allowance),
        (true, true) => Ok(()),
    }
}

/// The parts of `scheme://host:port`.
fn parts(origin: &str) -> Option<(&str, &str, u16)> {
    let (scheme, rest) = origin.split_once("://")?;
    let (host, port) = rest.rsplit_once(':')?;
    Some((scheme, host, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decisions;
    use crate::decisions::{Decision, Granted};

    fn grant(asked: &str, policy: &str, open_workspace: bool) -> Grant {
        let text = format!(
            "package = \"p\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"x.ts\"\n[capabilities]\n{asked}"
        );
        let manifest: distri_manifest::Manifest = text.parse().unwrap();
        let policy =
            Policy { open_workspace, approvals: open_workspace, ..policy.parse().unwrap() };
        Grant::new(&manifest.package, &manifest.capabilities, &policy)
    }

    const ALL: &str = r#"
        tools = ["a/*"]
        agents = ["poet"]
        secrets = ["KEY"]
        env = ["LANG"]
        databases = [{ name = "main", access = "read-write" }]
        network.hosts = ["https://*.example.com"]
        filesystem = [{ guest = "/data", path = "data", access = "read-write" }]
    "#;

    fn every() -> [Capability<'static>; 7] {
        [
            Capability::Tool("a/b"),
            Capability::Agent("poet"),
            Capability::Secret("KEY"),
            Capability::Env("LANG"),
            Capability::Network("https://api.example.com:443"),
            Capability::Filesystem { guest: "/data", path: "data", access: Access::ReadWrite },
            Capability::Database { name: "main", access: Access::ReadWrite },
        ]
    }

    fn denied(grant: &Grant, capability: Capability<'_>) -> Error {
        let error = grant.check(capability).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        error
    }

    #[test]
    fn what_is_not_asked_for_is_not_granted_whatever_the_policy_says() {
        let policy = format!("[all]\n{}", ALL.replace("guest = \"/data\", ", ""));
        let grant = grant("", &policy, true);
        for capability in every() {
            let error = denied(&grant, capability);
            assert!(error.message().ends_with("its manifest does not ask for it"), "{error}");
        }
    }

    #[test]
    fn what_is_asked_for_needs_the_policy() {
        let closed = grant(ALL, "", false);
        for capability in every() {
            let error = denied(&closed, capability);
            assert!(error.message().ends_with("it asks, and nothing grants it"), "{error}");
        }
        let open = grant(ALL, "", true);
        let passing: Vec<bool> = every().map(|capability| open.check(capability).is_ok()).into();
        assert_eq!(passing, [true, true, false, false, false, true, false]);
        let policy = format!("[packages.p]\n{}", ALL.replace("guest = \"/data\", ", ""));
        let granted = grant(ALL, &policy, false);
        for capability in every() {
            granted.check(capability).unwrap();
        }
        let whole: Vec<Granted> =
            decisions::of(&granted).into_iter().map(|decision| decision.granted).collect();
        assert_eq!(whole, [Granted::Whole; 7]);
    }

    #[test]
    fn a_grant_is_no_wider_than_either_side() {
        let grant = grant(
            "network.hosts = [\"*.example.com\"]\ndatabases = [{ name = \"main\", access = \"read-write\" }]\ntools = [\"a/*\"]",
            "[packages.p]\nnetwork.hosts = [\"api.example.com\", \"other.org\"]\ndatabases = [{ name = \"main\" }]\ntools = [\"a/b\"]",
            false,
        );
        grant.check(Capability::Network("https://api.example.com:443")).unwrap();
        denied(&grant, Capability::Network("https://www.example.com:443"));
        denied(&grant, Capability::Network("https://other.org:443"));
        denied(&grant, Capability::Network("http://api.example.com:80"));
        denied(&grant, Capability::Tool("a/c"));
        denied(&grant, Capability::Database { name: "main", access: Access::ReadWrite });
        assert_eq!(grant.database("main"), Some(Access::Read));
        let part = |decision: &Decision| decision.granted == Granted::Part;
        assert!(decisions::of(&grant).iter().all(part));
    }

    #[test]
    fn a_denial_says_what_would_grant_it() {
        let network = Capability::Network("http://api.x.com:8080");
        let error = denied(&grant("", "", true), network);
        assert_eq!(
            error.message(),
            "`p` may not reach `http://api.x.com:8080`: its manifest does not ask for it"
        );
        assert_eq!(
            error.hint(),
            Some(
                "add `hosts = [\"http://api.x.com:8080\"]` to `[capabilities.network]` in its `distri.toml`"
            )
        );
        let asked = "network.hosts = [\"http://api.x.com:8080\"]";
        assert_eq!(
            denied(&grant(asked, "", true), network).hint(),
            Some(
                "run `distri approve p`, or add `hosts = [\"http://api.x.com:8080\"]` to `[packages.p.network]` in the policy"
            )
        );
        let detail: serde_json::Value =
            serde_json::from_str(denied(&grant(asked, "", false), network).detail().unwrap())
                .unwrap();
        assert_eq!(detail["capability"], "network");
        assert_eq!(detail["missing"], "grant");
    }

    #[test]
    fn writing_to_packages_needs_more_than_a_workspace() {
        let asked =
            "filesystem = [{ guest = \"/p\", path = \"plugins/q\", access = \"read-write\" }]";
        let wants = |access| Capability::Filesystem { guest: "/p", path: "plugins/q", access };
        let open = grant(asked, "", true);
        open.check(wants(Access::Read)).unwrap();
        denied(&open, wants(Access::ReadWrite));
        let allowed = "[[packages.p.filesystem]]\npath = \"plugins\"\naccess = \"read-write\"";
        grant(asked, allowed, true).check(wants(Access::ReadWrite)).unwrap();
    }

    #[test]
    fn a_secret_that_may_be_sent_may_not_be_seen() {
        let bound = r#"{ name = "TOKEN", host = "api.x.com" }"#;
        let grant = grant(
            &format!("secrets = [\"TOKEN\", {bound}]"),
            &format!("[packages.p]\nsecrets = [{bound}]"),
            false,
        );
        let sent = |host| Capability::BoundSecret { name: "TOKEN", host };
        grant.check(sent("https://api.x.com:443")).unwrap();
        denied(&grant, sent("https://other.com:443"));
        denied(&grant, Capability::Secret("TOKEN"));
        assert_eq!(grant.bound_secrets().len(), 1);
    }

    #[test]
    fn every_line_to_add_is_one_that_is_read() {
        for capability in every() {
            for allows in [false, true] {
                let (section, line) = capability.line(allows);
                let line = if section.is_empty() { line } else { format!("[{section}]\n{line}") };
                if allows {
                    toml::from_str::<Allowance>(&line).unwrap();
                } else {
                    toml::from_str::<Capabilities>(&line).unwrap();
                }
            }
        }
        let forged = Capability::Agent("x\"]\nsecrets = [\"AWS_KEY");
        assert!(!forged.line(false).1.contains('\n'));
    }

    #[test]
    fn special_addresses_need_to_be_named() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let grant = grant(
            "network.hosts = [\"*\", \"http://*:*\"]",
            "[packages.p.network]\nhosts = [\"*\", \"http://*:*\", \"http://127.0.0.1:80\", \"http://localhost\"]\naddresses = [\"10.0.0.0/8\"]",
            false,
        );
        let allows =
            |host: &str, port, ip: &str| grant.allows_address(("http", host, port), address(ip));
        assert!(allows("internal.example.com", 80, "10.1.2.3"));
        assert!(allows("127.0.0.1", 80, "127.0.0.1"));
        assert!(!allows("127.0.0.1", 6379, "127.0.0.1"), "another port was not named");
        assert!(allows("localhost", 80, "::1"));
        assert!(!allows("evil.example.com", 80, "127.0.0.1"));
        assert!(!allows("127.0.0.2", 80, "127.0.0.2"));
        assert!(!allows("localhost", 80, "192.168.0.1"));
    }
}
