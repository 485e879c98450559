//! `[capabilities]`: what a package asks for. Nothing is granted that is not
//! asked for here, and asking grants nothing: the operator's policy decides.

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Everything a package asks for. The default asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capabilities {
    /// Tools that `callTool` may reach, as `package/tool` or `package/*`.
    pub tools: Vec<String>,
    /// Agents that `callAgent` may reach.
    pub agents: Vec<String>,
    /// Secrets that the plugin may see, or that the host adds for it.
    pub secrets: Vec<SecretRequest>,
    /// Environment variables of the host that the plugin may see.
    pub env: Vec<String>,
    /// Hosts that the plugin may talk to.
    pub network: NetworkRequest,
    /// Folders of the workspace that the plugin may see.
    pub filesystem: Vec<FilesystemRequest>,
    /// Databases that the operator names and the plugin may use.
    pub databases: Vec<DatabaseRequest>,
}

/// `[capabilities.network]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkRequest {
    /// `scheme://host`, `host`, `host:port`, `*.host`.
    pub hosts: Vec<String>,
}

/// One `[[capabilities.filesystem]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesystemRequest {
    /// The path at which the plugin sees the folder.
    pub guest: String,
    /// The folder, relative to the workspace's root.
    pub path: String,
    /// Read by default.
    #[serde(default)]
    pub access: Access,
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

/// One of `databases`: a name that the operator's policy gives a connection to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseRequest {
    /// The connection's name.
    pub name: String,
    /// Read by default.
    #[serde(default)]
    pub access: Access,
}

/// One of `secrets`: a bare name, which the plugin sees, or a name bound to a
/// host, which the host adds to matching requests and the plugin never sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretRequest {
    /// The secret's name in the operator's store.
    pub name: String,
    /// The host whose requests get the secret; none for a secret the plugin sees.
    pub host: Option<String>,
    /// The header it is sent in.
    pub header: Option<String>,
    /// How the header's value is made; `{}` stands for the secret.
    pub format: Option<String>,
}

impl<'de> Deserialize<'de> for SecretRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Bound {
            name: String,
            host: Option<String>,
            header: Option<String>,
            format: Option<String>,
        }

        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = SecretRequest;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a secret's name, or a table `{ name, host, header, format }`")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<SecretRequest, E> {
                Ok(SecretRequest { name: name.to_owned(), host: None, header: None, format: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretRequest, A::Error> {
                let Bound { name, host, header, format } =
                    Bound::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SecretRequest { name, host, header, format })
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}
