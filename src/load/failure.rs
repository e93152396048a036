use std::borrow::Cow;
use std::error::Error;
use std::io;

use rustls::CertificateError as Certificate;

use super::http1::Malformed;
use crate::record::Outcome;

/// Why a request ended badly: a short text that is the same for the same cause, without addresses,
/// names or times in it, because texts are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) text: Cow<'static, str>,
}

impl Failure {
    pub(super) fn failed(text: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome: Outcome::Failed, text: text.into() }
    }

    pub(super) fn timed_out(text: &'static str) -> Self {
        Self { outcome: Outcome::TimedOut, text: text.into() }
    }

    pub(super) fn from_io(error: &io::Error) -> Self {
        from_chain(error).unwrap_or_else(|| Self::failed(format!("i/o: {}", error.kind())))
    }

    /// From an error that wraps what went wrong, if that can be told; else what is said `otherwise`.
    pub(super) fn from_error(error: &(dyn Error + 'static), otherwise: &'static str) -> Self {
        from_chain(error).unwrap_or_else(|| Self::failed(otherwise))
    }

    pub(super) fn status(status: u16) -> Self {
        Self::failed(format!("status {status}"))
    }

    pub(super) fn from_tls(error: &rustls::Error) -> Self {
        Self::failed(tls_text(error))
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::failed(match malformed {
            Malformed::NotHttp => "answer is not HTTP/1.1",
            Malformed::HeadTooLarge => "answer head too large",
            Malformed::TooManyInterim => "too many interim answers",
            Malformed::Framing => "answer's length is not clear",
            Malformed::CutShort => "answer cut short",
            Malformed::Nothing => "connection closed",
        })
    }
}

fn from_chain(error: &(dyn Error + 'static)) -> Option<Failure> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(Failure::from_tls(tls));
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // An i/o error names its kind and skips what it wraps in its `source`.
            let wrapped = io.get_ref().map(|e| e as &(dyn Error + 'static)).and_then(from_chain);
            if let Some(known) = wrapped.or_else(|| from_kind(io)) {
                return Some(known);
            }
        }
        at = error.source();
    }
    None
}

fn from_kind(error: &io::Error) -> Option<Failure> {
    use io::ErrorKind as Kind;
    if let Some(errno) = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error)
        && (errno == rustix::io::Errno::MFILE || errno == rustix::io::Errno::NFILE)
    {
        return Some(Failure::failed("no file descriptor left for a connection"));
    }
    Some(Failure::failed(match error.kind() {
        Kind::ConnectionRefused => "connection refused",
        Kind::ConnectionReset | Kind::BrokenPipe | Kind::ConnectionAborted => "connection reset",
        Kind::UnexpectedEof | Kind::NotConnected => "connection closed",
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => "no route to host",
        Kind::AddrNotAvailable | Kind::AddrInUse => "no local port left for a connection",
        Kind::TimedOut => return Some(Failure::timed_out("connection timed out")),
        _ => return None,
    }))
}

fn tls_text(error: &rustls::Error) -> Cow<'static, str> {
    Cow::Borrowed(match error {
        rustls::Error::InvalidCertificate(why) => match why {
            Certificate::Expired | Certificate::ExpiredContext { .. } => "tls: certificate expired",
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "tls: certificate not valid yet"
            }
            Certificate::UnknownIssuer => "tls: certificate of an unknown issuer",
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "tls: certificate for another name"
            }
            _ => "tls: certificate refused",
        },
        rustls::Error::AlertReceived(alert) => {
            return format!("tls: target sent alert {alert:?}").into();
        }
        rustls::Error::InvalidMessage(_) => "tls: answer is not TLS",
        rustls::Error::NoCertificatesPresented => "tls: no certificate presented",
        _ => "tls: handshake failed",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_found_inside_their_wrappers() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(Failure::from_io(&refused).text, "connection refused");
        let tls = rustls::Error::InvalidCertificate(Certificate::UnknownIssuer);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, tls);
        assert_eq!(Failure::from_io(&wrapped).text, "tls: certificate of an unknown issuer");
        let twice = io::Error::other(wrapped);
        assert_eq!(Failure::from_io(&twice).text, "tls: certificate of an unknown issuer");
        let late = io::Error::from(io::ErrorKind::TimedOut);
        assert_eq!(Failure::from_io(&late).outcome, Outcome::TimedOut);
        let files = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        assert_eq!(Failure::from_io(&files).text, "no file descriptor left for a connection");
        assert_eq!(Failure::from_io(&io::Error::other("10.0.0.7")).text, "i/o: other error");
    }
}
