//! The patterns that manifests ask with and policies allow with. Each is parsed
//! once, and anchored: it matches a whole name, never a part of one.

use std::fmt;
use std::str::FromStr;

use crate::{ItemName, ItemRef, PackageName};

/// Longest host pattern. A name has 253 characters at most.
const MAX_HOST: usize = 300;

/// Which tools: `package/tool`, `package/*` for all of a package, `*` for all
/// there are. `package::tool` means the same as `package/tool`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolPattern {
    /// None for every package.
    package: Option<PackageName>,
    /// None for every tool of it.
    tool: Option<ItemName>,
}

impl ToolPattern {
    /// All tools of a package.
    pub fn all_of(package: PackageName) -> Self {
        Self { package: Some(package), tool: None }
    }

    /// The package that it names, unless it means all.
    pub fn package(&self) -> Option<&PackageName> {
        self.package.as_ref()
    }

    /// Whether it means this tool.
    pub fn matches(&self, package: &str, tool: &str) -> bool {
        self.package.as_ref().is_none_or(|own| own.as_str() == package)
            && self.tool.as_ref().is_none_or(|own| own.as_str() == tool)
    }

    /// Whether it means everything that another does.
    pub fn covers(&self, other: &Self) -> bool {
        (self.package.is_none() || self.package == other.package)
            && (self.tool.is_none() || self.tool == other.tool)
    }
}

impl FromStr for ToolPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| {
            format!(
                "`{text}` is not a pattern of tools: {why}; write `package/tool`, `package/*` or `*`"
            )
        };
        if text == "*" {
            return Ok(Self { package: None, tool: None });
        }
        let ItemRef { package, item } = ItemRef::parse(text);
        let package = package.ok_or_else(|| refuse("it names no package"))?;
        let package = PackageName::new(package).map_err(|error| refuse(&error.to_string()))?;
        if item == "*" {
            return Ok(Self::all_of(package));
        }
        // Another name of a tool is resolved before a pattern is asked.
        let tool = ItemName::new(item).map_err(|error| refuse(&error.to_string()))?;
        Ok(Self { package: Some(package), tool: Some(tool) })
    }
}

impl fmt::Display for ToolPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.package, &self.tool) {
            (None, _) => f.write_str("*"),
            (Some(package), None) => write!(f, "{package}/*"),
            (Some(package), Some(tool)) => write!(f, "{package}/{tool}"),
        }
    }
}

/// Which names of a flat kind (agents, databases): one name, or `*` for all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamePattern(String);

impl NamePattern {
    /// Whether it means this name.
    pub fn matches(&self, name: &str) -> bool {
        self.0 == "*" || self.0 == name
    }

    /// The name, or `*`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NamePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        if text == "*" || (!text.is_empty() && text.len() <= 100 && text.chars().all(plain)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is not a name; write letters, digits, `_` and `-`, or `*` for all"
            ))
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a secret or of an environment variable: letters, digits and `_`.
/// What begins with `DISTRI_` is the host's own and cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VariableName(String);

impl VariableName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VariableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts || text.len() > 100 || !text.chars().all(plain) {
            return Err(format!(
                "`{text}` is not a variable's name; write letters, digits and `_`, like `API_KEY`"
            ));
        }
        if text.to_ascii_uppercase().starts_with("DISTRI_") {
            return Err(format!("`{text}` cannot be asked for: `DISTRI_…` is the host's own"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which hosts: `https://api.example.com`, `api.example.com` (the same: without a
/// scheme it is `https`), `http://example.com:8080`, `*.example.com` (every name
/// below it, not itself), `*` (every host, by `https`; `http://*` by the other). Without a port it is the scheme's own;
/// `:*` means every port. An address stands for itself: `http://127.0.0.1:8080`,
/// `http://[::1]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPattern {
    scheme: Scheme,
    host: HostPart,
    /// None for every port.
    port: Option<u16>,
}

/// How a host is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scheme {
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum HostPart {
    Any,
    /// Every name that ends in this, the dot included.
    Below(String),
    Exactly(String),
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl HostPart {
    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Below(end) => host.len() > end.len() && host.ends_with(end.as_str()),
            Self::Exactly(own) => own == host,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Any => *self == Self::Any,
            Self::Below(end) => match self {
                Self::Any => true,
                Self::Below(own) => end.ends_with(own.as_str()),
                Self::Exactly(_) => false,
            },
            Self::Exactly(name) => self.matches(name),
        }
    }
}

impl HostPattern {
    /// Whether it means this host: `scheme` and `host` in lower case, an IPv6
    /// address in brackets, the port as it will be dialled.
    pub fn matches(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.host.matches(host)
            && self.scheme.as_str() == scheme
            && self.port.is_none_or(|own| own == port)
    }

    /// Whether it means everything that another does.
    pub fn covers(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.host.covers(&other.host)
            && (self.port.is_none() || self.port == other.port)
    }

    /// Whether some host is meant by it and by another.
    pub fn overlaps(&self, other: &Self) -> bool {
        let ports = self.port.is_none() || other.port.is_none() || self.port == other.port;
        let hosts = self.host.covers(&other.host) || other.host.covers(&self.host);
        self.scheme == other.scheme && hosts && ports
    }

    /// Whether it means this host and names it, without a `*`.
    pub fn names(&self, scheme: &str, host: &str, port: u16) -> bool {
        matches!(self.host, HostPart::Exactly(_)) && self.matches(scheme, host, port)
    }
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| {
            format!(
                "`{text}` is not a pattern of hosts: {why}; write `https://api.example.com`, \
                 `*.example.com` or `http://localhost:8080`"
            )
        };
        if text.len() > MAX_HOST {
            return Err(refuse("it is too long"));
        }
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = match lower.split_once("://") {
            None => (Scheme::Https, lower.as_str()),
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(_) => return Err(refuse("only `http` and `https` are served")),
        };
        if rest.contains('@') {
            return Err(refuse("it has a user in it"));
        }
        if rest.contains(['/', '?', '#']) {
            return Err(refuse("it has a path; hosts are granted whole"));
        }
        // The last colon is the port's, unless it is an IPv6 address's.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = match port {
            None => Some(scheme.port()),
            Some("*") => None,
            Some(number) => match number.parse() {
                Ok(number) if number != 0 => Some(number),
                _ => return Err(refuse("the port is not a number from 1 to 65535")),
            },
        };
        let host = host_part(host).map_err(refuse)?;
        Ok(Self { scheme, host, port })
    }
}

fn host_part(host: &str) -> Result<HostPart, &'static str> {
    if host == "*" {
        return Ok(HostPart::Any);
    }
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or("the bracket is not closed")?;
        let address: std::net::Ipv6Addr =
            address.parse().map_err(|_| "what is in brackets is not an IPv6 address")?;
        return Ok(HostPart::Exactly(format!("[{address}]")));
    }
    let (below, name) = match host.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, host),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if name.contains('*') {
        return Err("`*` stands alone or for the first labels");
    }
    if !name.is_ascii() {
        return Err("a name in other letters is written in its `xn--` form");
    }
    if !name.split('.').all(label) {
        return Err("it is not a host's name");
    }
    Ok(if below { HostPart::Below(format!(".{name}")) } else { HostPart::Exactly(name.to_owned()) })
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.as_str())?;
        match &self.host {
            HostPart::Any => f.write_str("*")?,
            HostPart::Below(end) => write!(f, "*{end}")?,
            HostPart::Exactly(name) => f.write_str(name)?,
        }
        match self.port {
            None => f.write_str(":*"),
            Some(port) if port == self.scheme.port() => Ok(()),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

crate::text::as_text!(ToolPattern, NamePattern, VariableName, HostPattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_meant_whole_or_not_at_all() {
        let tools = |pattern: &str| pattern.parse::<ToolPattern>().unwrap();
        assert!(tools("slack/*").matches("slack", "send"));
        assert!(!tools("slack/*").matches("slack-admin", "send"));
        assert!(tools("slack/send").matches("slack", "send"));
        assert!(!tools("slack/send").matches("slack", "send_all"));
        assert!(!tools("slack/send").matches("evil-slack", "send"));
        assert!(tools("slack::send").matches("slack", "send"));
        assert!(tools("*").matches("any", "thing"));
        for bad in
            ["", "slack", "slack/", "slack/se*", "*/send", "Slack/send", "slack/*/x", "a/b c"]
        {
            assert!(bad.parse::<ToolPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_host_is_meant_with_its_scheme_and_port() {
        let host = |pattern: &str| pattern.parse::<HostPattern>().unwrap();
        for (pattern, scheme, name, port, expected) in [
            ("api.example.com", "https", "api.example.com", 443, true),
            ("api.example.com", "http", "api.example.com", 80, false),
            ("api.example.com", "https", "api.example.com", 8443, false),
            ("API.Example.com", "https", "api.example.com", 443, true),
            ("api.example.com", "https", "api.example.com.evil.org", 443, false),
            ("api.example.com", "https", "evil-api.example.com", 443, false),
            ("*.example.com", "https", "a.b.example.com", 443, true),
            ("*.example.com", "https", "example.com", 443, false),
            ("*.example.com", "https", "badexample.com", 443, false),
            ("*.example.com:*", "https", "a.example.com", 8443, true),
            ("http://localhost:8080", "http", "localhost", 8080, true),
            ("http://localhost:8080", "https", "localhost", 8080, false),
            ("http://[::1]:80", "http", "[::1]", 80, true),
            ("http://[0:0::1]", "http", "[::1]", 80, true),
            ("http://127.0.0.1:3000", "http", "127.0.0.1", 3000, true),
            ("*", "https", "anything.org", 443, true),
            ("*", "http", "anything.org", 80, false),
        ] {
            assert_eq!(host(pattern).matches(scheme, name, port), expected, "{pattern} {name}");
        }
        for bad in [
            "",
            "ftp://x.org",
            "https://me@x.org",
            "x.org/path",
            "a.*.org",
            "x*.org",
            "x.org:0",
            "x.org:99999",
            "x..org",
            "https://[::1",
            "ä.org",
            "https://",
            "x.org#y",
        ] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_covers_what_it_means_all_of() {
        let host = |pattern: &str| pattern.parse::<HostPattern>().unwrap();
        for (wide, narrow) in [
            ("*", "*.x.org"),
            ("*.x.org", "*.a.x.org"),
            ("*.x.org", "a.x.org"),
            ("x.org:*", "x.org:8443"),
            ("x.org", "https://x.org:443"),
        ] {
            assert!(host(wide).covers(&host(narrow)), "{wide} {narrow}");
            assert!(host(narrow).overlaps(&host(wide)), "{wide} {narrow}");
        }
        for (one, other) in [("*.x.org", "x.org"), ("x.org", "http://x.org"), ("x.org", "y.org")] {
            assert!(!host(one).covers(&host(other)), "{one} {other}");
            assert!(!host(one).overlaps(&host(other)), "{one} {other}");
        }
        assert!(host("*.x.org").overlaps(&host("a.x.org:*")));
        let tools = |pattern: &str| pattern.parse::<ToolPattern>().unwrap();
        assert!(tools("a/*").covers(&tools("a/b")) && tools("*").covers(&tools("a/*")));
        assert!(!tools("a/b").covers(&tools("a/*")) && !tools("a/*").covers(&tools("*")));
    }

    #[test]
    fn patterns_print_as_they_are_read() {
        for text in
            ["https://*.example.com:*", "http://localhost:8080", "https://x.org", "http://[::1]"]
        {
            assert_eq!(text.parse::<HostPattern>().unwrap().to_string(), text);
        }
        assert_eq!("x.org:443".parse::<HostPattern>().unwrap().to_string(), "https://x.org");
        for text in ["*", "a/*", "a/b"] {
            assert_eq!(text.parse::<ToolPattern>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_hosts_own_variables_cannot_be_asked_for() {
        assert!("LANG".parse::<VariableName>().is_ok());
        for bad in ["DISTRI_SECRET_X", "distri_secret_x", "", "1A", "A B", "A=B"] {
            assert!(bad.parse::<VariableName>().is_err(), "{bad}");
        }
    }
}
