use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::Failure;

/// What a worker's connections add up to.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Bytes received since last taken, TLS included.
    pub(super) bytes_in: Cell<u64>,
    /// Bytes sent since last taken.
    pub(super) bytes_out: Cell<u64>,
    /// Connections open or being opened.
    pub(super) open: Cell<u32>,
}

/// The far end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) addr: SocketAddr,
    /// The target's service that it belongs to.
    pub(super) service: Option<Rc<str>>,
    /// The name the certificate must be for; `None` without TLS.
    pub(super) tls: Option<Rc<str>>,
}

/// An open connection; dropping it closes it.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    pub(super) place: Place,
    /// Whether an answer has come over it before.
    pub(super) used: bool,
    received: Rc<Cell<u64>>,
    _open: Open,
}

impl Connection {
    /// Bytes received over it so far.
    pub(super) fn received(&self) -> u64 {
        self.received.get()
    }

    /// Connects, and speaks TLS if the place asks for it. Bounded by the caller's deadline.
    pub(super) async fn open(
        place: Place,
        tls: Option<&Arc<ClientConfig>>,
        traffic: &Rc<Traffic>,
    ) -> Result<Self, Failure> {
        let open = Open::new(Rc::clone(traffic));
        let stream = TcpStream::connect(place.addr).await.map_err(|e| Failure::from_io(&e))?;
        stream.set_nodelay(true).map_err(|e| Failure::from_io(&e))?;
        let received = Rc::new(Cell::new(0));
        let wire = Wire { stream, traffic: Rc::clone(traffic), received: Rc::clone(&received) };
        let sender = match (&place.tls, tls) {
            (None, _) => speak(wire).await?,
            (Some(name), Some(config)) => {
                let name = ServerName::try_from(name.to_string())
                    .map_err(|_| Failure::failed("tls: host is not a name to check"))?;
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name, wire).await;
                speak(stream.map_err(|e| Failure::from_io(&e))?).await?
            }
            (Some(_), None) => return Err(Failure::failed("tls: not set up")),
        };
        Ok(Self { sender, place, used: false, received, _open: open })
    }
}

/// Starts HTTP on a connection. Its driver is a task of the worker's local set: it ends when the sender is
/// dropped or the target hangs up, and at the latest with the worker.
async fn speak<T>(io: T) -> Result<SendRequest<Full<Bytes>>, Failure>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, driver) =
        http1::handshake(TokioIo::new(io)).await.map_err(|e| Failure::from_hyper(&e))?;
    tokio::task::spawn_local(async move {
        // The sender hears of every error too, and counts it.
        drop(driver.await);
    });
    Ok(sender)
}

struct Open(Rc<Traffic>);

impl Open {
    fn new(traffic: Rc<Traffic>) -> Self {
        traffic.open.update(|n| n + 1);
        Self(traffic)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.update(|n| n - 1);
    }
}

/// A stream that counts.
struct Wire {
    stream: TcpStream,
    traffic: Rc<Traffic>,
    received: Rc<Cell<u64>>,
}

impl Wire {
    fn sent(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(n)) = result {
            self.traffic.bytes_out.update(|sum| sum + *n as u64);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        let n = (buf.filled().len() - before) as u64;
        self.traffic.bytes_in.update(|sum| sum + n);
        self.received.update(|sum| sum + n);
        result
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.sent(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.sent(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
