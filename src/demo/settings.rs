use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::DemoError;

/// What the gateway needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewaySettings {
    /// Where it listens: `LISTEN`, or `127.0.0.1:$PORT`.
    pub listen: SocketAddr,
    /// Where the api is: `API_ADDRS`, `host:port` each, comma-separated. A name may stand for several addresses.
    pub apis: Vec<String>,
    /// Requests a second past which the answer is 429, however many replicas there are: `RATE_LIMIT_PER_S`. `None`: no limit.
    pub rate_limit_per_s: Option<f64>,
}

/// What an api replica needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiSettings {
    /// Where it listens: `LISTEN`, or `127.0.0.1:$PORT`.
    pub listen: SocketAddr,
    /// Where the store is: `STORE_ADDR`, `host:port`.
    pub store: String,
    /// How long a token is good for: `TOKEN_TTL_S`, 1 s or more.
    pub token_ttl: Duration,
    /// What tokens are signed with: `TOKEN_SECRET`. Replicas that share it accept each other's tokens.
    pub token_secret: String,
    /// Time between two blocks of its chain: `BLOCK_INTERVAL_MS`, 10 s unless told.
    pub block_interval: Duration,
    /// Requests of `/limited` in a minute; then the answer is 429: `LIMITED_PER_MIN`, 100 unless told.
    pub limited_per_min: u32,
    /// What is wrong with it.
    pub switches: Switches,
    /// What it keeps in memory on purpose: not a leak, though it looks like one while it fills.
    pub cache: CacheSettings,
    /// What it writes to disk for each request; `None`: nothing.
    pub spool: Option<SpoolSettings>,
}

/// A cache of items by id that fills and then stays as it is. The default holds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheSettings {
    /// Items at most, each kept at its first request and never dropped: `CACHE_ENTRIES`.
    pub entries: usize,
    /// Memory of one, bytes: `CACHE_ENTRY_BYTES`, 4096 unless told.
    pub entry_bytes: usize,
}

/// A file that grows with the requests: page cache that grows while memory of the process does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Where the file is, one for each replica: `SPOOL_DIR`, `/spool` unless told; made when missing.
    pub dir: PathBuf,
    /// Written for each request, bytes: `WRITE_BYTES_PER_REQUEST`.
    pub bytes_per_request: usize,
    /// Past this size of the file nothing more is written, bytes: `WRITE_MAX_BYTES`, 1 GiB unless told.
    pub max_bytes: u64,
}

/// What kind of descriptor leaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeakedDescriptor {
    /// An open file, `/etc/hosts`: as if a configuration were read and never closed.
    #[default]
    File,
    /// A TCP connection to the store that is never used and never closed. The store lets go of it after
    /// two minutes of silence; from then on it stays in `CLOSE_WAIT`.
    Socket,
}

/// What is wrong with an api replica. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Switches {
    /// Memory kept by each request, bytes: `LEAK_BYTES_PER_REQUEST`.
    pub leak_bytes_per_request: usize,
    /// Descriptors kept by each thousand requests: `LEAK_FDS_PER_1000`.
    pub leak_fds_per_1000: u64,
    /// What kind they are: `LEAK_FDS_KIND`, `file` or `socket`.
    pub leak_fds_kind: LeakedDescriptor,
    /// Share of requests answered with 500, 0 to 100: `ERROR_PERCENT`.
    pub error_percent: f64,
    /// Waited before each answer: `ADD_LATENCY_MS`.
    pub add_latency: Duration,
    /// Requests a second past which the answer is 429: `RATE_LIMIT_PER_S`. `None`: no limit.
    pub rate_limit_per_s: Option<f64>,
}

/// What the store needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Where it listens: `LISTEN`, or `127.0.0.1:$PORT`.
    pub listen: SocketAddr,
    /// Where its log is: `DATA_DIR`; made when missing.
    pub dir: PathBuf,
}

/// Reads variables; an empty one counts as absent, because Compose files pass unset ones on as empty.
pub(super) struct Environment<F>(pub(super) F);

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    pub(super) fn gateway(&self) -> Result<GatewaySettings, DemoError> {
        let apis = self.text("API_ADDRS").unwrap_or_else(|| "api:8080".to_owned());
        let apis: Vec<String> =
            apis.split(',').map(str::trim).filter(|a| !a.is_empty()).map(str::to_owned).collect();
        for addr in &apis {
            host_port("API_ADDRS", addr)?;
        }
        Ok(GatewaySettings {
            listen: self.listen(8080)?,
            apis,
            rate_limit_per_s: self.rate_limit()?,
        })
    }

    pub(super) fn api(&self) -> Result<ApiSettings, DemoError> {
        let store = self.text("STORE_ADDR").unwrap_or_else(|| "store:7000".to_owned());
        host_port("STORE_ADDR", &store)?;
        let error_percent = self.number("ERROR_PERCENT", "a number from 0 to 100", |n: &f64| {
            (0.0..=100.0).contains(n)
        })?;
        let bytes =
            self.number("LEAK_BYTES_PER_REQUEST", "bytes, at most 64 MiB", |n: &usize| {
                *n <= 64 << 20
            })?;
        let fds =
            self.number("LEAK_FDS_PER_1000", "a whole number, at most 100000", |n: &u64| {
                *n <= 100_000
            })?;
        let latency =
            self.number("ADD_LATENCY_MS", "milliseconds, at most 60000", |n: &u64| *n <= 60_000)?;
        let ttl = self.number("TOKEN_TTL_S", "seconds, 1 to 31536000", |n: &u64| {
            (1..=31_536_000).contains(n)
        })?;
        let block = self.number("BLOCK_INTERVAL_MS", "milliseconds, 1 to 3600000", |n: &u64| {
            (1..=3_600_000).contains(n)
        })?;
        let limited = self.number("LIMITED_PER_MIN", "a whole number", |_: &u32| true)?;
        Ok(ApiSettings {
            listen: self.listen(8080)?,
            store,
            token_ttl: Duration::from_secs(ttl.unwrap_or(3600)),
            token_secret: self.text("TOKEN_SECRET").unwrap_or_else(|| "longhaul-demo".to_owned()),
            block_interval: Duration::from_millis(block.unwrap_or(10_000)),
            limited_per_min: limited.unwrap_or(100),
            cache: self.cache()?,
            spool: self.spool()?,
            switches: Switches {
                leak_bytes_per_request: bytes.unwrap_or(0),
                leak_fds_per_1000: fds.unwrap_or(0),
                leak_fds_kind: self.leaked_descriptor()?,
                error_percent: error_percent.unwrap_or(0.0),
                add_latency: Duration::from_millis(latency.unwrap_or(0)),
                rate_limit_per_s: self.rate_limit()?,
            },
        })
    }

    fn rate_limit(&self) -> Result<Option<f64>, DemoError> {
        self.number("RATE_LIMIT_PER_S", "a number above 0", |n: &f64| n.is_finite() && *n > 0.0)
    }

    fn leaked_descriptor(&self) -> Result<LeakedDescriptor, DemoError> {
        match self.text("LEAK_FDS_KIND").as_deref() {
            None | Some("file") => Ok(LeakedDescriptor::File),
            Some("socket") => Ok(LeakedDescriptor::Socket),
            Some(given) => Err(DemoError::Setting {
                name: "LEAK_FDS_KIND",
                given: given.to_owned(),
                want: "file or socket",
            }),
        }
    }

    fn cache(&self) -> Result<CacheSettings, DemoError> {
        let entries =
            self.number("CACHE_ENTRIES", "a whole number, at most 10000000", |n: &usize| {
                *n <= 10_000_000
            })?;
        let bytes = self.number("CACHE_ENTRY_BYTES", "bytes, 1 to 16 MiB", |n: &usize| {
            (1..=16 << 20).contains(n)
        })?;
        Ok(CacheSettings { entries: entries.unwrap_or(0), entry_bytes: bytes.unwrap_or(4096) })
    }

    fn spool(&self) -> Result<Option<SpoolSettings>, DemoError> {
        let bytes =
            self.number("WRITE_BYTES_PER_REQUEST", "bytes, at most 1 MiB", |n: &usize| {
                *n <= 1 << 20
            })?;
        let max = self
            .number("WRITE_MAX_BYTES", "bytes, 1 to 1 TiB", |n: &u64| (1..=1 << 40).contains(n))?;
        let dir = self.text("SPOOL_DIR").unwrap_or_else(|| "/spool".to_owned());
        Ok(bytes.filter(|n| *n > 0).map(|bytes_per_request| SpoolSettings {
            dir: PathBuf::from(dir),
            bytes_per_request,
            max_bytes: max.unwrap_or(1 << 30),
        }))
    }

    pub(super) fn store(&self) -> Result<StoreSettings, DemoError> {
        let dir = self.text("DATA_DIR").unwrap_or_else(|| "/data".to_owned());
        Ok(StoreSettings { listen: self.listen(7000)?, dir: PathBuf::from(dir) })
    }

    fn listen(&self, default_port: u16) -> Result<SocketAddr, DemoError> {
        if let Some(port) = self.number("PORT", "a port", |_: &u16| true)? {
            return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
        match self.text("LISTEN") {
            None => Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, default_port))),
            Some(given) => given.parse().map_err(|_| DemoError::Setting {
                name: "LISTEN",
                want: "an address such as 0.0.0.0:8080",
                given,
            }),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn number<T: std::str::FromStr>(
        &self,
        name: &'static str,
        want: &'static str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, DemoError> {
        let Some(given) = self.text(name) else { return Ok(None) };
        match given.parse() {
            Ok(n) if fits(&n) => Ok(Some(n)),
            _ => Err(DemoError::Setting { name, given, want }),
        }
    }
}

fn host_port(name: &'static str, given: &str) -> Result<(), DemoError> {
    let fits = given
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if fits {
        Ok(())
    } else {
        Err(DemoError::Setting { name, given: given.to_owned(), want: "host:port" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(
        pairs: &'static [(&'static str, &'static str)],
    ) -> Environment<impl Fn(&str) -> Option<String>> {
        Environment(move |name: &str| {
            pairs.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn an_empty_environment_gives_the_containers_defaults() {
        let none = environment(&[("ERROR_PERCENT", ""), ("LISTEN", " ")]);
        assert_eq!(none.gateway().unwrap().listen.to_string(), "0.0.0.0:8080");
        assert_eq!(none.store().unwrap().listen.to_string(), "0.0.0.0:7000");
        let api = none.api().unwrap();
        assert_eq!((api.switches, api.spool), (Switches::default(), None));
        assert_eq!(api.cache, CacheSettings { entries: 0, entry_bytes: 4096 });
    }

    #[test]
    fn a_spool_needs_bytes_to_write_and_has_a_place_and_a_bound() {
        let env = environment(&[
            ("WRITE_BYTES_PER_REQUEST", "512"),
            ("SPOOL_DIR", "/tmp/s"),
            ("LEAK_FDS_KIND", "socket"),
        ]);
        let api = env.api().unwrap();
        assert_eq!(api.switches.leak_fds_kind, LeakedDescriptor::Socket);
        let spool =
            SpoolSettings { dir: "/tmp/s".into(), bytes_per_request: 512, max_bytes: 1 << 30 };
        assert_eq!(api.spool, Some(spool));
        assert_eq!(environment(&[("WRITE_BYTES_PER_REQUEST", "0")]).api().unwrap().spool, None);
    }

    #[test]
    fn a_port_alone_means_loopback_and_wins() {
        let env = environment(&[("LISTEN", "0.0.0.0:1"), ("PORT", "4711")]);
        assert_eq!(env.api().unwrap().listen.to_string(), "127.0.0.1:4711");
    }

    #[test]
    fn what_can_not_be_meant_is_refused_by_name() {
        for (name, value) in [
            ("ERROR_PERCENT", "101"),
            ("ERROR_PERCENT", "NaN"),
            ("RATE_LIMIT_PER_S", "0"),
            ("LEAK_BYTES_PER_REQUEST", "-1"),
            ("LEAK_FDS_KIND", "pipe"),
            ("CACHE_ENTRIES", "10000001"),
            ("CACHE_ENTRY_BYTES", "0"),
            ("WRITE_BYTES_PER_REQUEST", "1048577"),
            ("WRITE_MAX_BYTES", "0"),
            ("TOKEN_TTL_S", "0"),
            ("PORT", "70000"),
            ("LISTEN", "8080"),
            ("STORE_ADDR", "store"),
        ] {
            let env = Environment(|n: &str| (n == name).then(|| value.to_owned()));
            let text = env.api().unwrap_err().to_string();
            assert!(text.contains(name) && text.contains(value), "{text}");
        }
    }
}
