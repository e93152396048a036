use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::books::{Books, Open};
use crate::record::StepId;

/// Where a connection leads, and for which step its bytes count: known to whoever wraps the connection, too.
#[derive(Clone)]
pub(super) struct Tag {
    addr: SocketAddr,
    step: Rc<Cell<StepId>>,
}

impl Tag {
    /// Where it leads.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on its bytes count for this step: to be said by whoever uses it.
    pub(super) fn count_for(&self, step: StepId) {
        self.step.set(step);
    }
}

/// An open connection, with or without TLS. Its bytes count for the step that uses it.
pub(super) struct Link {
    stream: Stream,
    tag: Tag,
}

enum Stream {
    Plain(Counted),
    Tls(Box<TlsStream<Counted>>),
}

impl Link {
    pub(super) fn plain(stream: Counted) -> Self {
        let tag = stream.tag.clone();
        Self { stream: Stream::Plain(stream), tag }
    }

    pub(super) fn tls(stream: TlsStream<Counted>) -> Self {
        let tag = stream.get_ref().0.tag.clone();
        Self { stream: Stream::Tls(Box::new(stream)), tag }
    }

    /// Where it leads, and for whom it counts.
    pub(super) fn tag(&self) -> &Tag {
        &self.tag
    }

    /// Whether it is still open and has said nothing unasked.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0_u8; 1];
        self.read(&mut byte).now_or_never().is_none()
    }

    /// What the other side agreed to speak.
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// A TCP connection whose bytes are counted.
pub(super) struct Counted {
    stream: TcpStream,
    tag: Tag,
    books: Rc<Books>,
    _open: Open,
}

impl Counted {
    pub(super) fn new(
        stream: TcpStream,
        addr: SocketAddr,
        books: &Rc<Books>,
        open: Open,
        step: StepId,
    ) -> Self {
        let tag = Tag { addr, step: Rc::new(Cell::new(step)) };
        Self { stream, tag, books: Rc::clone(books), _open: open }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let (step, came) = (self.tag.step.get(), buf.filled().len() - before);
        self.books.write(|recorder, now| {
            recorder.roll(now);
            recorder.received(step, came);
        });
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let went = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        let step = self.tag.step.get();
        self.books.write(|recorder, now| {
            recorder.roll(now);
            recorder.sent(step, went);
        });
        Poll::Ready(Ok(went))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
