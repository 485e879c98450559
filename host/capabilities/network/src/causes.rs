//! What really went wrong beneath the errors of the client: of sockets, TLS and HTTP.

use std::error::Error as StdError;
use std::io;

use distri_call::Error;
use wasmtime_wasi_http::Error as Code;

use crate::failure::Failure;

/// What became of a request that the client gave up.
pub(super) fn of_request(error: &(dyn StdError + 'static)) -> Failure {
    let failure = causes(error).find_map(failure);
    failure.unwrap_or(Failure::Code(Code::ConnectionTerminated))
}

/// What became of a response's body.
pub(super) fn of_body(error: &hyper::Error) -> Code {
    if let Failure::Code(code) = of_request(error) { code } else { Code::HttpResponseIncomplete }
}

/// An error and what caused it. An `io::Error` that wraps another one passes over
/// that one when it is asked for its source.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| -> &'a (dyn StdError + 'static) { inner }),
        None => error.source(),
    })
}

/// The failure that one of the causes says it is.
fn failure(error: &(dyn StdError + 'static)) -> Option<Failure> {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Refused(error)) => return failure(error),
        Some(Failure::Code(code)) => return failure(code),
        None => {}
    }
    if let Some(error) = error.downcast_ref::<Error>() {
        let mut refused = Error::new(error.kind(), error.message());
        if let Some(hint) = error.hint() {
            refused = refused.with_hint(hint);
        }
        if let Some(detail) = error.detail() {
            refused = refused.with_detail(detail);
        }
        return Some(Failure::Refused(refused));
    }
    let code = if let Some(code) = error.downcast_ref::<Code>() {
        Some(of_code(code))
    } else if let Some(error) = error.downcast_ref::<rustls::Error>() {
        Some(of_tls(error))
    } else if error.is::<rustls::pki_types::InvalidDnsNameError>() {
        // Not a name that a certificate could have.
        Some(Code::HttpRequestUriInvalid)
    } else if let Some(error) = error.downcast_ref::<io::Error>() {
        of_io(error)
    } else {
        error.downcast_ref::<hyper::Error>().and_then(of_hyper)
    };
    code.map(Failure::Code)
}

/// A code again that a connector or a body of ours failed with.
fn of_code(code: &Code) -> Code {
    match code {
        Code::ConnectionLimitReached => Code::ConnectionLimitReached,
        Code::ConnectionTerminated => Code::ConnectionTerminated,
        Code::ConnectionTimeout => Code::ConnectionTimeout,
        Code::DnsError { rcode, info_code } => {
            Code::DnsError { rcode: rcode.clone(), info_code: *info_code }
        }
        Code::HttpRequestBodySize(size) => Code::HttpRequestBodySize(*size),
        // The guest gave its own body up.
        _ => Code::HttpProtocolError,
    }
}

fn of_tls(error: &rustls::Error) -> Code {
    match error {
        rustls::Error::InvalidCertificate(_) => Code::TlsCertificateError,
        rustls::Error::AlertReceived(alert) => Code::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        _ => Code::TlsProtocolError,
    }
}

fn of_io(error: &io::Error) -> Option<Code> {
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => Code::ConnectionRefused,
        io::ErrorKind::TimedOut => Code::ConnectionTimeout,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            Code::DestinationUnavailable
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Code::ConnectionTerminated,
        _ => return None,
    })
}

/// None where a cause of it says more.
fn of_hyper(error: &hyper::Error) -> Option<Code> {
    if error.is_parse_too_large() {
        Some(Code::HttpResponseHeaderSectionSize(None))
    } else if error.is_parse() {
        Some(Code::HttpProtocolError)
    } else if error.is_timeout() {
        Some(Code::HttpResponseTimeout)
    } else if error.is_incomplete_message() {
        Some(Code::HttpResponseIncomplete)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use distri_call::ErrorKind;

    use super::*;
    use crate::failure::{Refusal, refusal};

    #[test]
    fn a_refusal_reaches_a_guest_whole() {
        let error = Error::new(ErrorKind::Denied, "no").with_hint("ask").with_detail("{}");
        let Failure::Refused(found) = of_request(&io::Error::other(error)) else {
            panic!("not found");
        };
        let Refusal { words, record } = refusal(found);
        assert_eq!(words, "denied: no; ask");
        assert_eq!(record, r#"{"kind":"denied","message":"no","hint":"ask","detail":"{}"}"#);
    }

    #[test]
    fn what_lies_under_other_errors_is_found() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
        for (error, expected) in [
            (wrapped, "TlsCertificateError"),
            (io::Error::other(Code::HttpRequestBodySize(Some(1))), "HttpRequestBodySize(Some(1))"),
            (io::ErrorKind::ConnectionRefused.into(), "ConnectionRefused"),
            (io::Error::other("who knows"), "ConnectionTerminated"),
        ] {
            let Failure::Code(code) = of_request(&error) else { panic!("{error} is refused") };
            assert_eq!(format!("{code:?}"), expected);
        }
    }
}
