//! Questions to the target over HTTP: bounded in time and size.

use std::sync::Arc;
use std::time::Instant;

use crate::experiment::Secrets;
use crate::record::Instance;

/// Asks instances. Certificates are not checked: what a profile says does not depend on who vouches for it, and
/// a static binary in an empty image has no authorities to ask.
#[derive(Clone)]
pub(super) struct Client {
    client: Result<reqwest::Client, String>,
    /// What stands in URLs, and in no answer that is kept.
    secrets: Arc<Secrets>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The answer of a target that is well; any other status is none.
    pub(super) fn well(self) -> Result<Self, String> {
        match self.status {
            200..300 => Ok(self),
            status => Err(format!("the answer is HTTP {status}")),
        }
    }
}

/// Whether a URL leads to each instance, and not to one place.
pub(super) fn is_per_instance(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|u| u.host_str().is_some_and(|h| h.ends_with(".target")))
}

impl Client {
    pub(super) fn new(secrets: Arc<Secrets>) -> Self {
        // Another room may have installed one already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_danger_accept_invalid_certs(true)
            .build();
        Self { client: client.map_err(|e| root_cause(&e)), secrets }
    }

    /// `SERVICE.target` stands for the instance. Any answer counts, whatever its status. One longer than `largest` bytes does not.
    pub(super) async fn get(
        &self,
        url: &str,
        instance: Option<&Instance>,
        largest: usize,
        deadline: Instant,
    ) -> Result<Answer, String> {
        let asked = tokio::time::timeout_at(deadline.into(), self.ask(url, instance, largest));
        let answer = asked.await.unwrap_or_else(|_| Err("no whole answer came in time".to_owned()));
        answer.map_err(|why| self.secrets.redact(why))
    }

    async fn ask(
        &self,
        url: &str,
        instance: Option<&Instance>,
        largest: usize,
    ) -> Result<Answer, String> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let mut url =
            reqwest::Url::parse(&self.secrets.fill_url(url)).map_err(|e| e.to_string())?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut request = None;
        if host.ends_with(".target") {
            let port = url.port_or_known_default().unwrap_or(80);
            let at = instance.and_then(|i| i.address(port)).ok_or("it has no address")?;
            if url.set_ip_host(at.ip()).is_err() || url.set_port(Some(at.port())).is_err() {
                return Err(format!("it can't be asked at {at}"));
            }
            request = Some(format!("{host}:{port}"));
        }
        let mut asked = client.get(url);
        if let Some(host) = request {
            asked = asked.header("host", host);
        }
        let mut answer = asked.send().await.map_err(|e| root_cause(&e))?;
        let header = answer.headers().get("content-type").and_then(|v| v.to_str().ok());
        let (status, content_type) = (answer.status().as_u16(), header.map(str::to_owned));
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|e| root_cause(&e))? {
            if body.len() + piece.len() > largest {
                return Err(format!("the answer is longer than {} MiB", largest >> 20));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, content_type, body })
    }
}

/// The innermost cause: `connection refused`, not the four frames around it.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string().to_lowercase()
}
