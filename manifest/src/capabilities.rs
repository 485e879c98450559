//! `[capabilities]`: what a package asks for. Nothing is granted that is not
//! asked for here, and asking grants nothing: the operator's policy decides.

use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{HostPattern, ItemName, NamePattern, ToolPattern, VariableName, is_control};

/// The folder of a workspace that no package sees.
const RUNTIME: &str = ".distri";

/// Names of folders, at any depth, that packages and agents are made of or built in.
const CODE: [&str; 5] = ["agents", "node_modules", "plugins", "src", "target"];

/// Headers by which servers tell where a request ends and whom it is for.
const OF_CONNECTIONS: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Everything a package asks for. The default asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capabilities {
    /// Tools that `callTool` may reach. A package's own need not be asked for.
    pub tools: Vec<ToolPattern>,
    /// Agents that `callAgent` may reach.
    pub agents: Vec<NamePattern>,
    /// Secrets that the plugin may see, or that the host adds for it.
    pub secrets: Vec<SecretRequest>,
    /// Environment variables of the host that the plugin may see.
    pub env: Vec<VariableName>,
    /// Hosts that the plugin may talk to.
    pub network: NetworkRequest,
    /// Folders of the workspace that the plugin may see.
    pub filesystem: Vec<FilesystemRequest>,
    /// Databases that the operator names and the plugin may use.
    pub databases: Vec<DatabaseRequest>,
    /// Names of session values that packages share: those whose key is the name, or
    /// begins with it and a `/`, are the same for all packages that ask for it. Others
    /// are a package's own.
    pub session: Vec<ItemName>,
}

impl Capabilities {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `[capabilities.network]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkRequest {
    /// The hosts.
    pub hosts: Vec<HostPattern>,
}

/// One `[[capabilities.filesystem]]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesystemRequest {
    /// The path at which the plugin sees the folder.
    pub guest: GuestPath,
    /// The folder, relative to the workspace's root.
    pub path: FolderPath,
    /// Read by default.
    #[serde(default)]
    pub access: Access,
}

impl FilesystemRequest {
    /// The access that comes with the workspace. None to a hidden folder, which holds
    /// what tools keep for themselves: settings, keys, a repository's history. No
    /// writing to what packages are built from: whoever may do that could make
    /// itself, or another, what nobody approved.
    pub fn comes_with_workspace(&self) -> Option<Access> {
        let mut parts = self.path.as_str().split('/');
        if parts.clone().any(|part| part.starts_with('.')) {
            return None;
        }
        // Some file systems take these for the same names without them.
        let same =
            |part: &str, name: &&str| part.trim_end_matches(['.', ' ']).eq_ignore_ascii_case(name);
        let code = parts.any(|part| !part.is_ascii() || CODE.iter().any(|name| same(part, name)));
        Some(if code { Access::Read } else { self.access })
    }
}

/// How far access to a folder or a database goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read only.
    #[default]
    Read,
    /// Read and write.
    ReadWrite,
}

impl Access {
    /// As a manifest has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
        }
    }
}

/// One of `databases`: a name that the operator's policy gives a connection to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseRequest {
    /// The connection's name; in a policy also `*`.
    pub name: NamePattern,
    /// Read by default.
    #[serde(default)]
    pub access: Access,
}

/// One of `secrets`: a bare name, which the plugin sees, or a name bound to a
/// host, which the host adds to matching requests and the plugin never sees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretRequest {
    /// The secret's name in the operator's store.
    pub name: VariableName,
    /// Where the host adds it; none for a secret that the plugin sees.
    pub bound: Option<Binding>,
}

/// Where and how the host adds a secret to a plugin's requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Binding {
    /// The hosts whose requests get the secret.
    pub host: HostPattern,
    /// The header it is sent in; `Authorization` by default.
    pub header: String,
    /// How the header's value is made; `{}` stands for the secret. `Bearer {}` by
    /// default for `Authorization`, else `{}`.
    pub format: String,
}

/// A folder of the workspace, relative to its root. Not the root itself, which
/// holds what no package sees, and nothing in `.distri`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FolderPath(String);

impl FolderPath {
    /// The path, its parts joined by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the other folder is this one or lies in it.
    pub fn holds(&self, other: &Self) -> bool {
        Path::new(&other.0).starts_with(&self.0)
    }
}

impl FromStr for FolderPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("`{text}` is not a folder of the workspace: {why}");
        if text.contains(['\\', ':']) || text.chars().any(is_control) {
            return Err(format!(
                "{text:?} is not a folder of the workspace: write it with `/` between names"
            ));
        }
        let mut parts = Vec::new();
        for part in Path::new(text).components() {
            match part {
                Component::Normal(name) => parts.push(name.to_string_lossy()),
                Component::CurDir => {}
                _ => {
                    return Err(refuse(
                        "it must be relative to the workspace's root, without `..`",
                    ));
                }
            }
        }
        if parts.is_empty() {
            return Err(refuse("the root itself is granted to nobody; name a folder in it"));
        }
        if parts.iter().any(|part| part.eq_ignore_ascii_case(RUNTIME)) {
            return Err(refuse("`.distri` is the host's own"));
        }
        Ok(Self(parts.join("/")))
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An absolute path as a plugin sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestPath(String);

impl GuestPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GuestPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.strip_prefix('/').map(|rest| rest.split('/').collect::<Vec<_>>());
        let plain = |part: &&str| {
            !part.is_empty()
                && *part != "."
                && *part != ".."
                && !part.contains('\\')
                && !part.chars().any(is_control)
        };
        match parts {
            Some(parts) if text == "/" || parts.iter().all(plain) => Ok(Self(text.to_owned())),
            _ => Err(format!("{text:?} is not a path in the plugin; write it like \"/data\"")),
        }
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::text::as_text!(FolderPath, GuestPath);

impl Binding {
    fn new(
        host: HostPattern,
        header: Option<String>,
        format: Option<String>,
    ) -> Result<Self, String> {
        let header = header.unwrap_or_else(|| "Authorization".to_owned());
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if header.is_empty() || !header.chars().all(token) {
            return Err(format!("`{header}` is not a header's name"));
        }
        if OF_CONNECTIONS.iter().any(|name| header.eq_ignore_ascii_case(name)) {
            return Err(format!("`{header}` is a header of the connection, not of a request"));
        }
        let format = format.unwrap_or_else(|| {
            let bearer = header.eq_ignore_ascii_case("authorization");
            if bearer { "Bearer {}" } else { "{}" }.to_owned()
        });
        let sendable = |c: char| c == ' ' || c.is_ascii_graphic();
        if format.matches("{}").count() != 1 || !format.chars().all(sendable) {
            return Err(format!(
                "the format {format:?} must be plain text with one `{{}}`, which stands for the secret"
            ));
        }
        Ok(Self { host, header, format })
    }
}

impl Serialize for SecretRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Bound<'a> {
            name: &'a VariableName,
            #[serde(flatten)]
            binding: &'a Binding,
        }
        match &self.bound {
            None => self.name.serialize(serializer),
            Some(binding) => Bound { name: &self.name, binding }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SecretRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Bound {
            name: VariableName,
            host: Option<HostPattern>,
            header: Option<String>,
            format: Option<String>,
        }

        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = SecretRequest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret's name, or a table `{ name, host, header, format }`")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<SecretRequest, E> {
                Ok(SecretRequest { name: name.parse().map_err(E::custom)?, bound: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretRequest, A::Error> {
                use serde::de::Error as _;
                let Bound { name, host, header, format } =
                    Bound::deserialize(MapAccessDeserializer::new(map))?;
                let bound = match host {
                    Some(host) => {
                        Some(Binding::new(host, header, format).map_err(A::Error::custom)?)
                    }
                    None if header.is_some() || format.is_some() => {
                        return Err(A::Error::custom(
                            "a secret with a `header` or a `format` needs the `host` it is for",
                        ));
                    }
                    None => None,
                };
                Ok(SecretRequest { name, bound })
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}

impl fmt::Display for SecretRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bound {
            None => write!(f, "{}", self.name),
            Some(Binding { host, header, format }) => {
                write!(f, "{} to {host} as `{header}: {format}`", self.name)
            }
        }
    }
}

impl fmt::Display for FilesystemRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} ({})", self.path, self.guest, self.access.as_str())
    }
}

impl fmt::Display for DatabaseRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.access.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(text: &str) -> Result<Capabilities, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn folders_lie_in_the_workspace_and_hide_the_hosts_own() {
        for good in ["data", "./data/in", "a/b/"] {
            assert!(good.parse::<FolderPath>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/../../b",
            "/etc",
            ".distri",
            "a/.Distri/x",
            "C:x",
            "a\\b",
            "a\0",
        ] {
            assert!(bad.parse::<FolderPath>().is_err(), "{bad}");
        }
        let folder = |path: &str| path.parse::<FolderPath>().unwrap();
        assert!(folder("data").holds(&folder("data/in")));
        assert!(!folder("data").holds(&folder("database")));
        for bad in ["data", "/a/../b", "//a", "/a/", ""] {
            assert!(bad.parse::<GuestPath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hidden_folders_and_writing_to_packages_do_not_come_with_a_workspace() {
        for (path, access, expected) in [
            ("data", "read-write", Some(Access::ReadWrite)),
            ("data", "read", Some(Access::Read)),
            ("plugins/other", "read-write", Some(Access::Read)),
            ("Agents", "read-write", Some(Access::Read)),
            ("plugins.", "read-write", Some(Access::Read)),
            ("examples/plugins", "read-write", Some(Access::Read)),
            ("data/node_modules/x", "read-write", Some(Access::Read)),
            ("plugins", "read", Some(Access::Read)),
            (".git", "read", None),
            ("a/.cargo", "read-write", None),
        ] {
            let text = format!("guest = \"/x\"\npath = \"{path}\"\naccess = \"{access}\"\n");
            let request: FilesystemRequest = toml::from_str(&text).unwrap();
            assert_eq!(request.comes_with_workspace(), expected, "{path}");
        }
    }

    #[test]
    fn nothing_that_is_shown_can_hide_what_is_asked() {
        for bad in [
            "filesystem = [{ guest = \"/x\", path = \"a\\u001b[2J\" }]",
            "filesystem = [{ guest = \"/x\\r\", path = \"a\" }]",
            "filesystem = [{ guest = \"/x\", path = \"a\\u202e\" }]",
            "secrets = [{ name = \"A\", host = \"x.org\", format = \"{}\\u202e\" }]",
        ] {
            let error = asks(bad).unwrap_err();
            assert!(!error.chars().any(is_control), "{error:?}");
        }
    }

    #[test]
    fn a_secret_is_seen_or_bound() {
        let asked = asks(
            "secrets = [\"A\", { name = \"B\", host = \"slack.com\" }, { name = \"C\", host = \"x.org\", header = \"X-Key\" }]",
        )
        .unwrap();
        let shown: Vec<String> = asked.secrets.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "A",
                "B to https://slack.com as `Authorization: Bearer {}`",
                "C to https://x.org as `X-Key: {}`"
            ]
        );
        let json = serde_json::to_string(&asked).unwrap();
        assert_eq!(serde_json::from_str::<Capabilities>(&json).unwrap(), asked);
        for bad in [
            "secrets = [{ name = \"A\", header = \"X\" }]",
            "secrets = [{ name = \"A\", host = \"x.org\", header = \"a b\" }]",
            "secrets = [{ name = \"A\", host = \"x.org\", format = \"none\" }]",
            "secrets = [{ name = \"A\", host = \"x.org\", format = \"{}\\n{}\" }]",
        ] {
            assert!(asks(bad).is_err(), "{bad}");
        }
    }
}
