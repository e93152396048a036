use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::LoadError;
use crate::experiment::Tls;

/// TLS as the load wants it: the system's authorities and its own, a client certificate if it has
/// one, HTTP/1.1 only.
pub(super) fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>, LoadError> {
    for_protocol(tls, Some(b"http/1.1"))
}

/// The same for another protocol of the ALPN registry, or for one that has no name there.
pub(super) fn for_protocol(
    tls: &Tls,
    protocol: Option<&[u8]>,
) -> Result<Arc<ClientConfig>, LoadError> {
    let mut roots = RootCertStore::empty();
    // Unreadable ones among the system's authorities are the system's affair.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = &tls.ca_file {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|e| pem(path, e))?;
        }
    }
    if roots.is_empty() {
        return Err(LoadError::Tls(
            "this system knows no certificate authority; name one as load.tls.ca_file".to_owned(),
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| LoadError::Tls(e.to_string()))?
        .with_root_certificates(roots);
    let mut config = match (&tls.cert_file, &tls.key_file) {
        (Some(chain), Some(key)) => builder
            .with_client_auth_cert(
                certificates(chain)?,
                PrivateKeyDer::from_pem_file(key).map_err(|e| pem(key, e))?,
            )
            .map_err(|e| pem(chain, e))?,
        (None, None) => builder.with_no_client_auth(),
        _ => {
            return Err(LoadError::Tls(
                "a client certificate needs both cert_file and key_file".to_owned(),
            ));
        }
    };
    config.alpn_protocols = protocol.into_iter().map(<[u8]>::to_vec).collect();
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let all: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|e| pem(path, e))?;
    if all.is_empty() { Err(pem(path, "no certificate in it")) } else { Ok(all) }
}

#[expect(clippy::needless_pass_by_value, reason = "errors are turned to text where they arise")]
fn pem(path: &Path, reason: impl ToString) -> LoadError {
    LoadError::Pem { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, "no certificate").unwrap();
        let text = |tls: &Tls| client_config(tls).unwrap_err().to_string();
        let tls = Tls { ca_file: Some(path.clone()), ..Tls::default() };
        assert!(text(&tls).contains("ca.pem for TLS: no certificate in it"), "{}", text(&tls));
        let ca = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap();
        std::fs::write(&path, ca.cert.pem()).unwrap();
        assert!(client_config(&tls).is_ok());
        let half = Tls { cert_file: Some(path), ..tls };
        assert!(text(&half).contains("both cert_file and key_file"));
    }
}
