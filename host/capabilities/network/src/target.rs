//! Where a request goes: scheme, host and port, in the one form in which they are
//! granted, pooled and dialled.

use std::fmt;
#[cfg(feature = "client")]
use std::net::IpAddr;
use std::net::Ipv6Addr;

use distri_call::{Error, ErrorKind};
use http::Uri;
#[cfg(feature = "client")]
use http::uri::{Authority, PathAndQuery, Scheme};
use wasmtime_wasi_http::Error as Code;

use crate::failure::Failure;

/// Longest name of a host (RFC 1035).
const MAX_HOST: usize = 253;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    tls: bool,
    /// In lower case and without a dot at its end; an IPv6 address in brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Target {
    /// Reads it off the address of a guest's request.
    ///
    /// # Errors
    ///
    /// `denied` for one with a user or a password in it, which would be another
    /// host to whoever reads it carelessly; else the request's address is invalid.
    pub(super) fn of(uri: &Uri) -> Result<Self, Failure> {
        let invalid = || Failure::Code(Code::HttpRequestUriInvalid);
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Failure::Code(Code::HttpProtocolError)),
        };
        let authority = uri.authority().ok_or_else(invalid)?;
        if authority.as_str().contains('@') {
            return Err(Failure::Refused(
                Error::new(ErrorKind::Denied, "the request's address has a user in it")
                    .with_hint("send credentials in a header"),
            ));
        }
        // `Authority::port` has none for one that is too large.
        let rest = authority.as_str().strip_prefix(authority.host()).ok_or_else(invalid)?;
        let port = match rest.strip_prefix(':').unwrap_or(rest) {
            "" if tls => 443,
            "" => 80,
            port if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().map_err(|_| invalid())?
            }
            _ => return Err(invalid()),
        };
        let host = host(authority.host()).ok_or_else(invalid)?;
        Ok(Self { tls, host, port })
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

#[cfg(feature = "client")]
impl Target {
    /// The address, when the host is one.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        match self.host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
            None => self.host.parse().ok().map(IpAddr::V4),
        }
    }

    /// The host, with its port where that is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// The request's address again, in this form.
    pub(super) fn uri(&self, path: PathAndQuery) -> Result<Uri, Failure> {
        let invalid = |_| Failure::Code(Code::HttpRequestUriInvalid);
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if self.tls { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(Authority::try_from(self.authority()).map_err(invalid)?);
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map_err(|_| Failure::Code(Code::HttpRequestUriInvalid))
    }
}

/// `scheme://host:port`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme(), self.host, self.port)
    }
}

fn host(host: &str) -> Option<String> {
    if let Some(rest) = host.strip_prefix('[') {
        let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let labels = host.split('.').all(|label| !label.is_empty());
    (labels && host.len() <= MAX_HOST && host.chars().all(plain)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> Result<String, Failure> {
        Target::of(&uri.parse().unwrap()).map(|target| target.to_string())
    }

    #[test]
    fn one_host_has_one_form() {
        for (uri, expected) in [
            ("https://Example.COM/x?y", "https://example.com:443"),
            ("https://example.com.:443/", "https://example.com:443"),
            ("http://example.com/", "http://example.com:80"),
            ("http://example.com:/", "http://example.com:80"),
            ("http://example.com:8080/", "http://example.com:8080"),
            ("http://127.0.0.1./", "http://127.0.0.1:80"),
            ("http://2130706433/", "http://2130706433:80"),
            ("http://[0:0::0001]/", "http://[::1]:80"),
            ("http://[::FFFF:127.0.0.1]/", "http://[::ffff:127.0.0.1]:80"),
        ] {
            assert_eq!(target(uri).unwrap(), expected, "{uri}");
        }
        let target = Target::of(&"https://A.org.:443/".parse().unwrap()).unwrap();
        let path = PathAndQuery::from_static("/x?y");
        assert_eq!(target.uri(path).unwrap(), "https://a.org/x?y");
    }

    #[test]
    fn users_and_odd_hosts_are_refused() {
        for uri in ["http://good.org@127.0.0.1/", "http://a:b@good.org/", "http://@good.org/"] {
            assert!(matches!(target(uri), Err(Failure::Refused(_))), "{uri}");
        }
        for uri in [
            "http://./",
            "http://a../",
            "http://a..b/",
            "http://a$b/",
            "http://[v1.x]/",
            "http://a:99999/",
            "http://a:+1/",
        ] {
            assert!(matches!(target(uri), Err(Failure::Code(_))), "{uri}");
        }
    }

    #[test]
    fn addresses_are_told_from_names() {
        for (uri, expected) in [
            ("http://127.0.0.1/", Some("127.0.0.1")),
            ("http://[::1]/", Some("::1")),
            ("http://127.1/", None),
            ("http://0x7f.0.0.1/", None),
            ("http://localhost/", None),
        ] {
            let target = Target::of(&uri.parse().unwrap()).unwrap();
            assert_eq!(
                target.literal().map(|address| address.to_string()).as_deref(),
                expected,
                "{uri}"
            );
        }
    }
}
