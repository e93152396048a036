//! TLS: own authority, client certificates, and what is said when they don't fit.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use longhaul::experiment::Tls;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::rig::{Result, Server, get, hold, start};

pub(super) struct Authority {
    pub(super) certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    pub(super) fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Its certificate as a file.
    pub(super) fn write(&self, dir: &Path) -> PathBuf {
        write(dir, "ca.pem", &self.certificate.pem())
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, addr) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, addr);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A server called localhost that asks for a client certificate of the same authority.
pub(super) fn server(authority: &Authority) -> Server {
    let (certificate, key) = authority.issue("localhost");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .build()
        .unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::start(|listener| async move {
        let router = Router::new().fallback(async || "ok");
        axum::serve(TlsListener { listener, acceptor }, router).await.unwrap();
    })
}

pub(super) fn write(dir: &Path, name: &str, pem: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, pem).unwrap();
    path
}

async fn run(host: &str, server: &Server, tls: Tls) -> Result {
    let url = format!("https://{host}:{}/", server.addr.port());
    let mut load = hold(20.0, Duration::from_secs(1), vec![get(&url)]);
    load.tls = tls;
    start(load).finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_show_their_certificates() {
    let (authority, stranger) = (Authority::new("own"), Authority::new("stranger"));
    let dir = tempfile::tempdir().unwrap();
    let ca_file = Some(authority.write(dir.path()));
    let (certificate, key) = authority.issue("client");
    let own = Tls {
        ca_file: ca_file.clone(),
        cert_file: Some(write(dir.path(), "client.pem", &certificate.pem())),
        key_file: Some(write(dir.path(), "client.key", &key.serialize_pem())),
    };
    let server = server(&authority);

    let result = run("localhost", &server, own.clone()).await;
    assert_eq!(result.counts.ok, 20, "{:?}", result.errors());

    let result = run("127.0.0.1", &server, own.clone()).await;
    assert_eq!(result.errors().get("tls: certificate for another name"), Some(&20));

    let anonymous = Tls { ca_file, ..Tls::default() };
    let result = run("localhost", &server, anonymous).await;
    assert_eq!(result.counts.failed, 20);
    let alert = result.errors().keys().any(|text| text.starts_with("tls: target sent alert"));
    assert!(alert, "{:?}", result.errors());

    let strange = write(dir.path(), "other.pem", &stranger.certificate.pem());
    let other = Tls { ca_file: Some(strange), ..own };
    let result = run("localhost", &server, other).await;
    assert_eq!(
        result.errors().get("tls: certificate of an unknown issuer"),
        Some(&20),
        "{:?}",
        result.errors()
    );
}
