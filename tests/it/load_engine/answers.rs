//! Every way in which a target can answer, over plain connections and TLS: each has its own name in the counts, none
//! costs memory without bound, and a connection is used again only where that is safe.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use longhaul::experiment::{CatchUp, Load, Method, Scenario, Step, Tls};
use longhaul::record::{Counts, StepId, StepSlice};
use rustix::net::sockopt;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::rig::{Result, Server, hold, http, start};
use super::secured::Authority;

/// What a server does with a request, one after the other. Afterwards it waits for the next.
#[derive(Clone, Copy)]
enum Act {
    Say(&'static str),
    /// Byte by byte.
    Drip(&'static str),
    /// Byte by byte, one every 300 ms.
    Crawl(&'static str),
    /// So many times.
    Repeat(&'static str, usize),
    /// Until nobody listens any more.
    Flood(&'static str),
    /// Ends the stream in good order.
    Goodbye,
    /// Ends the connection, without TLS being told.
    HangUp,
    /// Resets the connection.
    Reset,
}

use Act::{Crawl, Drip, Flood, Goodbye, HangUp, Repeat, Reset, Say};

/// How the requests of a case end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    /// Well, but this was amiss.
    Amiss(&'static str),
    Failed(&'static str),
    TimedOut,
}

struct Case {
    name: &'static str,
    method: Method,
    acts: Vec<Act>,
    end: End,
    /// Whether the connection carries the next request too.
    reused: bool,
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const TWICE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const SURPLUS: &str = "unasked bytes after an answer";
const TOO_LARGE: &str = "answer head too large";
const CUT_SHORT: &str = "answer cut short";
const UNCLEAR: &str = "answer's length is not clear";
const NOT_HTTP: &str = "answer is not HTTP/1.1";
/// What is looked for in a body; a body is kept for that, up to a bound.
const NEEDLE: &str = "needle";

fn cases(tls: bool) -> Vec<Case> {
    use End::{Amiss, Failed, TimedOut, Well};
    let case = |name, acts: &[Act], end, reused| Case {
        name,
        method: Method::Get,
        acts: acts.to_vec(),
        end,
        reused,
    };
    let head = |name, acts: &[Act]| Case { method: Method::Head, ..case(name, acts, Well, true) };
    // Without TLS the end of the stream is the end of such a body; with it, only what was said to be one.
    let open_ended = if tls { Failed(CUT_SHORT) } else { Well };
    vec![
        case("content-length", &[Say(OK)], Well, true),
        case("dripping", &[Drip(OK)], Well, true),
        case(
            "chunked",
            &[Say(CHUNKED), Say("5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nx-sum: 7\r\n\r\n")],
            Well,
            true,
        ),
        case(
            "close",
            &[Say("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")],
            Well,
            false,
        ),
        case("http/1.0", &[Say("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok")], Well, false),
        case("to the end", &[Say("HTTP/1.1 200 OK\r\n\r\nto the end"), Goodbye], Well, false),
        case(
            "to the hang-up",
            &[Say("HTTP/1.1 200 OK\r\n\r\nto the end"), HangUp],
            open_ended,
            false,
        ),
        case(
            "interim",
            &[Say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n"), Say(OK)],
            Well,
            true,
        ),
        head("head", &[Say("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")]),
        case("no content", &[Say("HTTP/1.1 204 No\r\n\r\n")], Well, true),
        case("not modified", &[Say("HTTP/1.1 304 Not\r\ncontent-length: 9\r\n\r\n")], Well, true),
        case("surplus", &[Say(TWICE)], Amiss(SURPLUS), false),
        case(
            "error",
            &[Say("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")],
            Failed("status 503"),
            true,
        ),
        case(
            "header flood",
            &[Say("HTTP/1.1 200 OK\r\n"), Repeat("a: b\r\n", 200), Say("\r\n")],
            Failed(TOO_LARGE),
            false,
        ),
        case(
            "huge header",
            &[Say("HTTP/1.1 200 OK\r\na: "), Flood("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")],
            Failed(TOO_LARGE),
            false,
        ),
        case(
            "endless headers",
            &[Say("HTTP/1.1 200 OK\r\n"), Flood("a: b\r\n")],
            Failed(TOO_LARGE),
            false,
        ),
        case(
            "endless trailer",
            &[Say(CHUNKED), Say("0\r\n"), Flood("a: b\r\n")],
            Failed(TOO_LARGE),
            false,
        ),
        case(
            "endless interim",
            &[Flood("HTTP/1.1 100 Continue\r\n\r\n")],
            Failed("too many interim answers"),
            false,
        ),
        case("endless chunk size", &[Say(CHUNKED), Flood("0")], Failed(TOO_LARGE), false),
        case(
            "large body",
            &[
                Say("HTTP/1.1 200 OK\r\ncontent-length: 1310720\r\n\r\n"),
                Repeat("................................................................", 20480),
            ],
            Failed("answer body too large to look at (over 1 MiB)"),
            true,
        ),
        case(
            "truncated",
            &[Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"), Goodbye],
            Failed(CUT_SHORT),
            false,
        ),
        case("truncated chunk", &[Say(CHUNKED), Say("5\r\nhel"), HangUp], Failed(CUT_SHORT), false),
        case(
            "truncated head",
            &[Say("HTTP/1.1 200 OK\r\ncontent-le"), HangUp],
            Failed(CUT_SHORT),
            false,
        ),
        case(
            "two lengths",
            &[Say("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!")],
            Failed(UNCLEAR),
            false,
        ),
        case("another protocol", &[Say("220 mail.example ESMTP\r\n")], Failed(NOT_HTTP), false),
        case("no answer", &[HangUp], Failed("connection closed"), false),
        case(
            "reset within",
            &[Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhel"), Reset],
            Failed("connection reset"),
            false,
        ),
        case(
            "crawling",
            &[Crawl("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx")],
            TimedOut,
            false,
        ),
        case("silent", &[], TimedOut, false),
    ]
}

/// A stream that can be reset and cut off.
trait Peer: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    fn socket(&self) -> &TcpStream;
}

impl Peer for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Peer for tokio_rustls::server::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Answers the requests of one connection; `most` is the most that any has carried.
async fn play(mut peer: impl Peer, acts: &[Act], most: &AtomicU64) -> std::io::Result<()> {
    let (mut buffer, mut requests) = ([0; 4096], 0);
    // A request comes in one piece.
    while peer.read(&mut buffer).await? > 0 {
        requests += 1;
        most.fetch_max(requests, Ordering::SeqCst);
        for act in acts {
            match act {
                Say(text) => peer.write_all(text.as_bytes()).await?,
                Drip(text) | Crawl(text) => {
                    for byte in text.bytes() {
                        peer.write_all(&[byte]).await?;
                        peer.flush().await?;
                        if matches!(act, Crawl(_)) {
                            tokio::time::sleep(Duration::from_millis(300)).await;
                        }
                    }
                }
                Repeat(text, times) => peer.write_all(text.repeat(*times).as_bytes()).await?,
                Flood(text) => {
                    let piece = text.repeat(100);
                    loop {
                        peer.write_all(piece.as_bytes()).await?;
                    }
                }
                Goodbye => {
                    peer.shutdown().await?;
                    return Ok(());
                }
                HangUp => {
                    peer.flush().await?;
                    return Ok(());
                }
                Reset => {
                    peer.flush().await?;
                    sockopt::set_socket_linger(peer.socket(), Some(Duration::ZERO))?;
                    return Ok(());
                }
            }
        }
        peer.flush().await?;
    }
    Ok(())
}

/// A server of one case, and the most requests that a connection to it has carried.
fn server(acts: Vec<Act>, tls: Option<TlsAcceptor>) -> (Server, Arc<AtomicU64>) {
    let most = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&most);
    let serve = |listener: TcpListener| async move {
        let mut tasks = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let (acts, tls, count) = (acts.clone(), tls.clone(), Arc::clone(&count));
            tasks.spawn(async move {
                // Most clients hang up before they have heard everything.
                drop(match tls {
                    None => play(stream, &acts, &count).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => play(stream, &acts, &count).await,
                        Err(error) => Err(error),
                    },
                });
            });
        }
    };
    (Server::start(serve), most)
}

/// One scenario of one step for each case, all at the same rate.
fn load(cases: &[Case], servers: &[(Server, Arc<AtomicU64>)], tls: bool) -> Load {
    // Handshakes are slow in a build for tests.
    let (scheme, rate) = if tls { ("https", 2.0) } else { ("http", 6.0) };
    let lasts = Duration::from_secs(3);
    let mut load = hold(rate * cases.len() as f64, lasts, Vec::new());
    (load.connections, load.timeout, load.catch_up) = (2000, Duration::from_mins(1), CatchUp::Full);
    load.scenarios = cases
        .iter()
        .zip(servers)
        .map(|(case, (server, _))| {
            let mut step = http("ask", case.method, &format!("{scheme}://{}/", server.addr));
            step.expect.body_contains = (case.name == "large body").then(|| NEEDLE.to_owned());
            step.timeout = (case.end == End::TimedOut).then(|| Duration::from_secs(4));
            Scenario::new(case.name, vec![Step::Http(step)])
        })
        .collect();
    load
}

/// What one step did in all.
fn of_step(result: &Result, id: usize) -> StepSlice {
    let step = StepId(id as u16);
    let mut sum = StepSlice::new(step);
    let slices = result.slices.iter().flat_map(|s| &s.steps);
    slices.filter(|s| s.step == step).for_each(|s| sum.merge(s));
    sum
}

/// How often each error text of one step was counted.
fn errors_of(result: &Result, id: usize) -> Vec<(String, u64)> {
    let mut all = std::collections::BTreeMap::new();
    for error in result.slices.iter().flat_map(|s| &s.errors) {
        if usize::from(error.step.0) == id {
            *all.entry(error.text.clone()).or_default() += error.count;
        }
    }
    all.into_iter().collect()
}

/// More than that is not read of an answer without end, whatever its kind: a head, and what came with its last piece.
const MOST_READ: u64 = 512 * 1024;

async fn every_answer_is_told_apart(authority: Option<&Authority>) {
    let acceptor = authority.map(|authority| {
        let (certificate, key) = authority.issue("127.0.0.1");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    });
    let cases = cases(acceptor.is_some());
    let servers: Vec<_> =
        cases.iter().map(|case| server(case.acts.clone(), acceptor.clone())).collect();
    let dir = tempfile::tempdir().unwrap();
    let mut load = load(&cases, &servers, acceptor.is_some());
    if let Some(authority) = authority {
        load.tls = Tls { ca_file: Some(authority.write(dir.path())), ..Tls::default() };
    }
    let result = start(load).finish().await;
    assert_eq!(result.counts.not_sent, 0);
    for (id, (case, (_, most))) in cases.iter().zip(&servers).enumerate() {
        let (step, name) = (of_step(&result, id), case.name);
        let n = step.counts.scheduled;
        assert!(n >= 5, "{name}: {n}");
        let (mut want, mut texts) = (Counts { scheduled: n, ..Counts::default() }, Vec::new());
        match case.end {
            End::Well => want.ok = n,
            End::Amiss(text) => (want.ok, texts) = (n, vec![(text.to_owned(), n)]),
            End::Failed(text) => (want.failed, texts) = (n, vec![(text.to_owned(), n)]),
            End::TimedOut => (want.timed_out, texts) = (n, vec![("timed out".to_owned(), n)]),
        }
        assert_eq!((step.counts, errors_of(&result, id)), (want, texts), "{name}");
        let most = most.load(Ordering::SeqCst);
        assert_eq!(most > 1, case.reused, "{name}: {most} requests on one connection");
        if case.acts.iter().any(|act| matches!(act, Flood(_))) {
            assert!(step.bytes_in / n <= MOST_READ, "{name}: {} for {n}", step.bytes_in);
        }
        // An answer that was read to its end has a status, whatever else was wrong with it.
        let whole = case.reused || matches!(case.end, End::Well | End::Amiss(_));
        assert_eq!(step.statuses.values().sum::<u64>(), if whole { n } else { 0 }, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_plain_answer_is_told_apart() {
    every_answer_is_told_apart(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_over_tls_is_told_apart() {
    every_answer_is_told_apart(Some(&Authority::new("own"))).await;
}
