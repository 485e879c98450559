//! The operator's policy: what packages may have of what they ask for. A file
//! that the operator names, or made in code by an embedder.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::diagnose::{Place, diagnose};
use crate::{
    Access, Binding, Capabilities, ComponentDigest, DatabaseRequest, FilesystemRequest, FolderPath,
    HostPattern, LimitSettings, ManifestError, NamePattern, PackageName, SecretRequest,
    ToolPattern,
};

/// The usual name of a policy's file.
pub const POLICY_FILE: &str = "distri.policy.toml";

/// What packages may have. What a package gets is what it asks for and this allows.
///
/// ```
/// let policy: distri_manifest::Policy = r#"
///     [all]
///     tools = ["text-tools/*"]
///     [packages.weather]
///     secrets = ["WEATHER_API_KEY"]
///     network.hosts = ["https://api.weather.example"]
///     [databases.main]
///     url = "sqlite:data/main.db"
/// "#
/// .parse()?;
/// assert_eq!(policy.packages.len(), 1);
/// # Ok::<(), distri_manifest::ManifestError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// For every package.
    pub all: Allowance,
    /// For single packages, beside that.
    pub packages: BTreeMap<PackageName, Allowance>,
    /// The host's limits, higher or lower than what it begins with.
    pub limits: LimitSettings,
    /// The databases that there are, by name.
    pub databases: BTreeMap<String, DatabaseConfig>,
    /// Packages whose code a host that preloads brings before their first call, in this
    /// order.
    pub preload: Vec<PackageName>,
    /// Whether packages get the tools, agents and folders of their workspace as
    /// they ask for them. Not in a file: the program decides. A host with it serves
    /// one workspace.
    #[serde(skip)]
    pub open_workspace: bool,
    /// Whether `distri approve` adds to it: a denial then says so.
    #[serde(skip)]
    pub approvals: bool,
    /// The file that it is read from, for who is told to add something to it; none when
    /// it was made in code.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// What a policy allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Allowance {
    /// Tools that may be called.
    pub tools: Vec<ToolPattern>,
    /// Agents that may be called.
    pub agents: Vec<NamePattern>,
    /// Secrets: a name may be seen, or bound to any host; a table allows that
    /// binding only.
    pub secrets: Vec<SecretRequest>,
    /// Environment variables that may be seen.
    pub env: Vec<NamePattern>,
    /// Hosts that may be talked to.
    pub network: NetworkAllowance,
    /// Folders of the workspace, and all in them, that may be seen.
    pub filesystem: Vec<FilesystemAllowance>,
    /// Databases that may be used.
    pub databases: Vec<DatabaseRequest>,
    /// For a single package: limits of its own, higher or lower than the host's. Its
    /// manifest may lower them.
    pub limits: LimitSettings,
    /// The only code that may have any of it, and that runs at all, like
    /// `sha256:0a1b…`: the digest of the component. For a single package only.
    pub digest: Option<ComponentDigest>,
}

/// `network` of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkAllowance {
    /// The hosts.
    pub hosts: Vec<HostPattern>,
    /// Private, loopback and other special addresses that those hosts may have,
    /// like `10.0.0.0/8`. They are refused otherwise, except for a host that
    /// `hosts` names by its address, or as `localhost`.
    #[serde(deserialize_with = "addresses")]
    pub addresses: Vec<IpNet>,
}

/// One `filesystem` of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesystemAllowance {
    /// The folder, relative to the workspace's root.
    pub path: FolderPath,
    /// Read by default.
    #[serde(default)]
    pub access: Access,
}

/// A database that the operator names.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: String,
}

/// Without what only the database should know.
impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.split_once(':').map_or("", |(scheme, _)| scheme);
        f.debug_struct("DatabaseConfig").field("url", &format_args!("{scheme}:…")).finish()
    }
}

/// Takes `10.0.0.1` as well as `10.0.0.0/8`.
fn addresses<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parse = |text: String| {
        let block = text.parse::<IpNet>().ok();
        let one = || text.parse::<IpAddr>().ok().map(IpNet::from);
        block.or_else(one).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is not an address or a block of them; write it like \"10.0.0.0/8\""
            ))
        })
    };
    texts.into_iter().map(parse).collect()
}

/// The text with stars for the rest of each line on which the scheme of a URL is
/// followed by a user or a password, every other character at its place: for
/// excerpts. Where a URL ends depends on how it is quoted.
fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find('\n').unwrap_or(after.len());
        let (address, next) = after.split_at(end);
        shown.push_str(before);
        shown.push_str("://");
        if address.contains('@') || address.contains("password") {
            shown.push_str(&"*".repeat(address.len()));
        } else {
            shown.push_str(address);
        }
        rest = next;
    }
    shown + rest
}

impl Policy {
    /// What a program of its own begins with: packages get the tools, agents and
    /// folders of their workspace as they ask, and nothing else.
    pub fn open_workspace() -> Self {
        Self { open_workspace: true, ..Self::default() }
    }

    /// Reads and checks the policy in a file.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        Self::parse(path, &crate::text::load(path)?)
    }

    /// Checks a policy's text. `path` is only named in errors.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        let text = distri_files::without_mark(text);
        let policy: Self = toml::from_str(text)
            .map_err(|error| diagnose(path, text, without_passwords, &error))?;
        policy.check_limits(path, text)?;
        if policy.all.digest.is_some() {
            let help = "put it under the package, like `[packages.weather]`".to_owned();
            let message = "`digest` in `[all]` would be of every package".to_owned();
            return Err(ManifestError::at(
                path,
                &without_passwords(text),
                None,
                message,
                Some(help),
            ));
        }
        Ok(policy)
    }

    /// Limits stand where they have an effect: `[limits]` for all, and a package's own
    /// for what a package can have for itself.
    fn check_limits(&self, path: &Path, text: &str) -> Result<(), ManifestError> {
        let fail = |key: &str, name: &str, message: String| {
            let place = Place::of_key(text, &format!("{key}.{name}"));
            let span = place.map(|place| place.span);
            let help = format!("write `{name}` in `[limits]`");
            let shown = without_passwords(text);
            Err(ManifestError::at(path, &shown, span, message, Some(help)))
        };
        if let Some(name) = self.all.limits.names().first() {
            let message = "the limits for all packages are the host's".to_owned();
            return fail("all.limits", name, message);
        }
        for (package, allowed) in &self.packages {
            if let Some(name) = allowed.limits.of_the_host() {
                let message = format!("`{name}` is a limit of the whole host, not of a package");
                return fail(&format!("packages.{package}.limits"), name, message);
            }
        }
        Ok(())
    }

    /// Sets limits as the last word of the operator: for the host, and for every
    /// package that has its own.
    pub fn set_limits(&mut self, settings: &LimitSettings) {
        self.limits.extend(settings);
        for allowed in self.packages.values_mut() {
            allowed.limits.extend(settings);
        }
    }

    /// Where the operator changes it, in words.
    pub fn place(&self) -> String {
        match &self.file {
            Some(file) => format!("the policy `{}`", file.display()),
            None => "the policy".to_owned(),
        }
    }

    /// What it allows a package: what it allows all, and the package itself.
    pub fn allowance(&self, package: &str) -> Allowance {
        let mut allowance = self.all.clone();
        if let Some(own) = self.packages.get(package) {
            allowance.extend(own.clone());
        }
        allowance
    }
}

impl FromStr for Policy {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        Self::parse(Path::new(POLICY_FILE), text)
    }
}

impl Allowance {
    /// Allows what another allows, too.
    pub fn extend(&mut self, other: Self) {
        let Self { tools, agents, secrets, env, network, filesystem, databases, limits, digest } =
            other;
        self.digest = digest.or(self.digest.take());
        self.tools.extend(tools);
        self.agents.extend(agents);
        self.secrets.extend(secrets);
        self.env.extend(env);
        self.network.hosts.extend(network.hosts);
        self.network.addresses.extend(network.addresses);
        self.filesystem.extend(filesystem);
        self.databases.extend(databases);
        self.limits.extend(&limits);
    }

    /// Whether a secret may be used as it is asked for.
    pub fn secret(&self, request: &SecretRequest) -> bool {
        self.secrets.iter().any(|allowed| {
            allowed.name == request.name
                && (allowed.bound.is_none() || allowed.bound == request.bound)
        })
    }

    /// Whether a host may be talked to.
    pub fn host(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.network.hosts.iter().any(|allowed| allowed.matches(scheme, host, port))
    }

    /// The access to a folder that is asked for; none when it is not allowed.
    pub fn folder(&self, request: &FilesystemRequest) -> Option<Access> {
        let holding = self.filesystem.iter().filter(|allowed| allowed.path.holds(&request.path));
        holding.map(|allowed| allowed.access.min(request.access)).max()
    }

    /// The access to a database, up to what is asked for; none when it is not allowed.
    pub fn database(&self, name: &str, asked: Access) -> Option<Access> {
        let named = self.databases.iter().filter(|allowed| allowed.name.matches(name));
        named.map(|allowed| allowed.access.min(asked)).max()
    }
}

/// Exactly what was asked for: what an approval allows.
impl From<&Capabilities> for Allowance {
    fn from(asked: &Capabilities) -> Self {
        let Capabilities { tools, agents, secrets, env, network, filesystem, databases, .. } =
            asked.clone();
        let env = env.iter().filter_map(|name| name.as_str().parse().ok()).collect();
        let folders = filesystem.into_iter();
        Self {
            tools,
            agents,
            secrets,
            env,
            network: NetworkAllowance { hosts: network.hosts, addresses: Vec::new() },
            filesystem: folders
                .map(|FilesystemRequest { path, access, .. }| FilesystemAllowance { path, access })
                .collect(),
            databases,
            limits: LimitSettings::default(),
            digest: None,
        }
    }
}

impl Binding {
    /// The header's value for a secret.
    pub fn value(&self, secret: &str) -> String {
        self.format.replacen("{}", secret, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_one_package() {
        let digest = "sha256:".to_owned() + &"0a".repeat(32);
        let own = |section: &str, digest: &str| -> Result<Policy, ManifestError> {
            format!("[{section}]\ndigest = \"{digest}\"\n").parse()
        };
        let policy = own("packages.p", &digest).unwrap();
        assert_eq!(policy.allowance("p").digest.unwrap().to_string(), digest);
        assert!(policy.allowance("q").digest.is_none());
        assert!(own("all", &digest).unwrap_err().to_string().contains("every package"));
        for bad in ["", "sha256:", "sha512:00", &digest[..70], &digest.replace('a', "A")] {
            let error = own("packages.p", bad).unwrap_err();
            assert!(error.to_string().contains("is not a digest"), "{bad}: {error}");
        }
    }

    const POLICY: &str = r#"
        [all]
        tools = ["units/*"]
        env = ["LANG"]
        [packages.weather]
        secrets = ["KEY", { name = "TOKEN", host = "api.x.com" }]
        databases = [{ name = "main" }, { name = "scratch", access = "read-write" }]
        [packages.weather.network]
        hosts = ["*.example.com"]
        addresses = ["10.0.0.0/8", "192.168.1.5"]
        [[packages.weather.filesystem]]
        path = "data"
        [databases.main]
        url = "sqlite:main.db"
    "#;

    #[test]
    fn a_policy_allows_all_and_single_packages() {
        let policy: Policy = POLICY.parse().unwrap();
        let weather = policy.allowance("weather");
        assert!(weather.tools[0].matches("units", "convert"));
        assert_eq!(weather.database("main", Access::ReadWrite), Some(Access::Read));
        assert_eq!(weather.database("scratch", Access::ReadWrite), Some(Access::ReadWrite));
        assert_eq!(weather.database("scratch", Access::Read), Some(Access::Read));
        assert_eq!(weather.database("other", Access::Read), None);
        assert!(weather.host("https", "a.example.com", 443));
        assert!(!weather.host("https", "example.com", 443));
        let other = policy.allowance("other");
        assert_eq!(other.secrets, []);
        assert!(other.tools[0].matches("units", "convert"));
    }

    #[test]
    fn a_bound_secret_may_not_be_seen() {
        let weather = POLICY.parse::<Policy>().unwrap().allowance("weather");
        let asked: Capabilities = toml::from_str(
            "secrets = [\"KEY\", { name = \"KEY\", host = \"x.org\" }, \"TOKEN\", { name = \"TOKEN\", host = \"api.x.com\" }, { name = \"TOKEN\", host = \"evil.com\" }]",
        )
        .unwrap();
        let allowed: Vec<bool> =
            asked.secrets.iter().map(|request| weather.secret(request)).collect();
        assert_eq!(allowed, [true, true, false, true, false]);
    }

    #[test]
    fn folders_are_allowed_with_all_in_them() {
        let weather = POLICY.parse::<Policy>().unwrap().allowance("weather");
        let asks = |path: &str, access| FilesystemRequest {
            guest: "/x".parse().unwrap(),
            path: path.parse().unwrap(),
            access,
        };
        assert_eq!(weather.folder(&asks("data/in", Access::ReadWrite)), Some(Access::Read));
        assert_eq!(weather.folder(&asks("database", Access::Read)), None);
    }

    #[test]
    fn a_databases_password_is_never_shown() {
        let text = "[databases.main]\nurl = \"postgres://me:pass@host/db\"\nurls = 1\n";
        let error = text.parse::<Policy>().unwrap_err();
        assert_eq!(error.line(), Some(3));
        assert!(!format!("{error:?}").contains("pass@"), "{error:?}");
        for quoted in ["\"postgres://me:pa'ss@host/db\"", "'postgres://me:pa\"ss@host/db'"] {
            let text = format!("[databases.main]\nurl = {quoted} urls = 1\n");
            let error = text.parse::<Policy>().unwrap_err();
            assert!(!format!("{error:?}").contains("ss@"), "{error:?}");
        }
        let error = "[databases]\nmain = \"postgres://me:pass@host/db\"".parse::<Policy>();
        assert!(!format!("{:?}", error.unwrap_err()).contains("pass@"));
        let policy: Policy =
            "[databases.main]\nurl = \"postgres://me:pass@host/db\"".parse().unwrap();
        assert!(!format!("{policy:?}").contains("pass"), "{policy:?}");
    }

    #[test]
    fn limits_are_the_hosts_or_a_packages_own() {
        let text = "[limits]\npayload = \"10MiB\"\nkept_instances = 3\n[packages.weather.limits]\ntimeout = \"2m\"\n";
        let mut policy: Policy = text.parse().unwrap();
        assert_eq!(policy.limits.payload, Some(crate::ByteSize(10 << 20)));
        assert_eq!(policy.allowance("weather").limits.names(), ["timeout"]);
        assert!(policy.allowance("other").limits.names().is_empty());
        policy.set_limits(&"timeout=5s".parse().unwrap());
        assert_eq!(policy.allowance("weather").limits.timeout, policy.limits.timeout);

        let wrong = |text: &str| {
            let error = text.parse::<Policy>().unwrap_err();
            (error.to_string(), error.line())
        };
        let (message, line) = wrong("[packages.weather.limits]\nkept_instances = 3\n");
        assert_eq!(message, "`kept_instances` is a limit of the whole host, not of a package");
        assert_eq!(line, Some(2));
        assert_eq!(wrong("[all.limits]\ndepth = 3\n").1, Some(2));
        assert_eq!(wrong("[limits]\npaylod = \"1MiB\"\n").0, "unknown key `paylod`");
    }

    #[test]
    fn a_wrong_policy_names_its_line() {
        let error = "[packages.weather]\nsecret = [\"A\"]\n".parse::<Policy>().unwrap_err();
        assert_eq!(error.to_string(), "unknown key `secret`");
        assert_eq!(error.line(), Some(2));
        let error = "[all.network]\naddresses = [\"ten\"]\n".parse::<Policy>().unwrap_err();
        assert!(error.to_string().contains("is not an address"), "{error}");
        let error = "[all.network]\nhosts = [\"x.org/path\"]\n".parse::<Policy>().unwrap_err();
        assert_eq!(error.line(), Some(2));
    }
}
