use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::settings::Environment;
use super::{ApiSettings, DemoError, GatewaySettings, StoreSettings};
use super::{api, check, gateway, store};

/// One part of the demo system, with all it needs to know.
#[derive(Clone, Debug, PartialEq)]
pub enum DemoRole {
    /// Balances requests over the api replicas.
    Gateway(GatewaySettings),
    /// Answers requests.
    Api(ApiSettings),
    /// Keeps what the api was told.
    Store(StoreSettings),
    /// Asks `http://host:port/path` (2xx is healthy) or `store://host:port` once.
    Check(String),
}

impl DemoRole {
    /// The role that the words after `demo-target` name; its settings come from `env`, which looks a
    /// variable up by name.
    pub fn from_words(
        words: &[String],
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, DemoError> {
        let env = Environment(env);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["gateway"] => env.gateway().map(Self::Gateway),
            ["api"] => env.api().map(Self::Api),
            ["store"] => env.store().map(Self::Store),
            ["check", url] => Ok(Self::Check(url.to_owned())),
            _ => Err(DemoError::Role(words.iter().map(|&w| w.to_owned()).collect())),
        }
    }
}

/// Plays the role until SIGTERM or SIGINT. Brings its own small runtime: call it outside of any other.
pub fn main(role: DemoRole) -> Result<(), DemoError> {
    if let DemoRole::Check(url) = role {
        return check::check(&url);
    }
    // One thread and few helpers for name look-ups: a replica's memory is the demo's subject.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(|source| DemoError::Serve { what: "start the runtime", source })?
        .block_on(until_signalled(role))
}

/// Longest wait for open requests after the signal.
const DRAIN: Duration = Duration::from_secs(4);

async fn until_signalled(role: DemoRole) -> Result<(), DemoError> {
    // As PID 1 of a container a process without handlers ignores SIGTERM.
    let handler =
        |kind| signal(kind).map_err(|source| DemoError::Serve { what: "handle signals", source });
    let mut terminate = handler(SignalKind::terminate())?;
    let mut interrupt = handler(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let work = play(role, stop.clone());
    tokio::pin!(work);
    tokio::select! {
        ended = &mut work => return ended,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    tokio::time::timeout(DRAIN, work).await.unwrap_or_else(|_| {
        tracing::warn!("stopped with requests still open");
        Ok(())
    })
}

async fn play(role: DemoRole, stop: CancellationToken) -> Result<(), DemoError> {
    match role {
        DemoRole::Gateway(settings) => {
            gateway::serve(bind(settings.listen).await?, settings, stop).await
        }
        DemoRole::Api(settings) => api::serve(bind(settings.listen).await?, settings, stop).await,
        DemoRole::Store(settings) => {
            store::serve(bind(settings.listen).await?, &settings, stop).await
        }
        DemoRole::Check(url) => check::check(&url),
    }
}

async fn bind(addr: SocketAddr) -> Result<TcpListener, DemoError> {
    let listener =
        TcpListener::bind(addr).await.map_err(|source| DemoError::Listen { addr, source })?;
    tracing::info!(%addr, "listening");
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_a_role_or_are_refused() {
        let role = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&w| w.to_owned()).collect();
            DemoRole::from_words(&words, |_| None)
        };
        assert!(matches!(role(&["gateway"]), Ok(DemoRole::Gateway(_))));
        assert!(matches!(role(&["api"]), Ok(DemoRole::Api(_))));
        assert!(matches!(role(&["store"]), Ok(DemoRole::Store(_))));
        assert_eq!(
            role(&["check", "http://h:1/"]).unwrap(),
            DemoRole::Check("http://h:1/".to_owned())
        );
        assert!(role(&["check"]).is_err());
        assert!(role(&["databse"]).unwrap_err().to_string().contains("databse"));
    }
}
