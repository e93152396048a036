use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, sockopt};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::reader::{Answer, Progress, Reader};
use super::slots::Key;
use crate::clock::Offset;
use crate::load::failure::Failure;
use crate::record::StepId;

/// A connection. Dropping it closes it.
pub(super) struct Wire {
    socket: OwnedFd,
    tls: Option<Box<ClientConnection>>,
    pub(super) state: State,
    pub(super) route: usize,
    /// Which of the route's places it leads to.
    pub(super) place: usize,
    /// The step whose traffic it carries, or carried last.
    pub(super) step: StepId,
    /// Whose request it carries; before it is ready, whom it is opened for.
    pub(super) flight: Option<Key>,
    /// Whether an answer has come over it before.
    pub(super) used: bool,
    /// When connecting, or the TLS handshake, began.
    pub(super) since: Offset,
    pub(super) reader: Reader,
    /// So much of the request at hand has been sent.
    pub(super) sent: usize,
    /// Whether the socket took less than there was to send.
    pub(super) blocked: bool,
    /// Whether the target has said that it will send no more. Without that, TLS can't tell the end from a cut.
    said_goodbye: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    /// In the TLS handshake.
    Securing,
    Idle,
    /// A request is under way.
    Busy,
}

/// What came of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    More,
    Answer {
        /// Whether the connection may carry another request.
        reusable: bool,
        /// Whether bytes followed that nobody asked for.
        surplus: bool,
    },
}

/// Where a connection leads and why it is opened.
pub(super) struct Opening {
    pub(super) addr: SocketAddr,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) route: usize,
    pub(super) place: usize,
    pub(super) step: StepId,
    pub(super) flight: Option<Key>,
    pub(super) now: Offset,
}

impl Wire {
    /// Begins to connect.
    pub(super) fn open(opening: Opening) -> Result<Self, Failure> {
        let tls = opening
            .tls
            .map(|(config, name)| ClientConnection::new(config, name).map(Box::new))
            .transpose()
            .map_err(|e| Failure::from_tls(&e))?;
        let socket = connect(opening.addr).map_err(|e| Failure::from_io(&e.into()))?;
        Ok(Self {
            socket,
            tls,
            state: State::Connecting,
            route: opening.route,
            place: opening.place,
            step: opening.step,
            flight: opening.flight,
            used: false,
            since: opening.now,
            reader: Reader::new(),
            sent: 0,
            blocked: false,
            said_goodbye: false,
        })
    }

    /// Whether it is still on its way to being ready.
    pub(super) fn opening(&self) -> bool {
        matches!(self.state, State::Connecting | State::Securing)
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether the end of the stream is the end of what the target had to say.
    pub(super) fn ends_whole(&self) -> bool {
        self.tls.is_none() || self.said_goodbye
    }

    /// Whether TLS has something to say of its own.
    pub(super) fn wants_to_say(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    pub(super) fn handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// How connecting went.
    pub(super) fn connected(&self) -> io::Result<()> {
        Ok(sockopt::socket_error(&self.socket)??)
    }

    /// Makes ready for a request.
    pub(super) fn carry(&mut self, flight: Key, step: StepId, bodiless: bool) {
        self.state = State::Busy;
        self.flight = Some(flight);
        self.step = step;
        self.sent = 0;
        self.blocked = false;
        self.reader.expect(bodiless);
    }

    /// Reads from the socket; 0 at its end.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        rustix::net::recv(&self.socket, buffer, RecvFlags::empty()).map(|(n, _)| n)
    }

    /// Sends as much of `request` as the socket takes, from where it was left; says how many bytes went out.
    pub(super) fn push(&mut self, request: &[u8]) -> io::Result<usize> {
        let mut out = 0;
        if self.tls.is_some() {
            loop {
                if let Some(tls) = &mut self.tls {
                    self.sent += tls.writer().write(&request[self.sent..])?;
                }
                let (sent, drained) = self.push_tls()?;
                out += sent;
                self.blocked = !drained;
                if !drained || self.sent == request.len() {
                    return Ok(out);
                }
            }
        }
        while self.sent < request.len() {
            match rustix::net::send(&self.socket, &request[self.sent..], SendFlags::NOSIGNAL) {
                Ok(n) => {
                    self.sent += n;
                    out += n;
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.blocked = self.sent < request.len();
        Ok(out)
    }

    /// Sends what TLS has to say; how many bytes went out, and whether that was all.
    pub(super) fn push_tls(&mut self) -> io::Result<(usize, bool)> {
        let Some(tls) = &mut self.tls else { return Ok((0, true)) };
        let mut out = 0;
        while tls.wants_write() {
            match tls.write_tls(&mut Socket(self.socket.as_fd())) {
                Ok(n) => out += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok((out, false)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((out, true))
    }

    /// Takes bytes that came from the socket.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        answer: &mut impl Answer,
    ) -> Result<Taken, Failure> {
        let Some(tls) = &mut self.tls else {
            return Ok(match self.reader.feed(bytes, answer)? {
                Progress::More => Taken::More,
                Progress::Done { used, reusable } => {
                    Taken::Answer { reusable, surplus: used < bytes.len() }
                }
            });
        };
        let mut taken = Taken::More;
        let mut rest = bytes;
        while !rest.is_empty() {
            if tls.read_tls(&mut rest).map_err(|e| Failure::from_io(&e))? == 0 {
                // It has said goodbye: what it sends after that is not read.
                break;
            }
            match tls.process_new_packets() {
                Ok(state) => self.said_goodbye |= state.peer_has_closed(),
                Err(error) => {
                    // Tells the target why, if it still listens.
                    drop(self.push_tls());
                    return Err(Failure::from_tls(&error));
                }
            }
            let mut plain = tls.reader();
            // Nothing more to read now is an error there.
            while let Ok(piece) = plain.fill_buf()
                && !piece.is_empty()
            {
                match &mut taken {
                    Taken::Answer { surplus, .. } => *surplus = true,
                    Taken::More => {
                        if let Progress::Done { used, reusable } =
                            self.reader.feed(piece, answer)?
                        {
                            taken = Taken::Answer { reusable, surplus: used < piece.len() };
                        }
                    }
                }
                let length = piece.len();
                plain.consume(length);
            }
        }
        // The next request would be written into a closed connection.
        if let Taken::Answer { reusable, .. } = &mut taken {
            *reusable &= !self.said_goodbye;
        }
        Ok(taken)
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.state == State::Idle
            && let Some(tls) = &mut self.tls
        {
            tls.send_close_notify();
            // A courtesy: whoever is gone does not hear it.
            drop(self.push_tls());
        }
    }
}

fn connect(addr: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let tcp = Some(ipproto::TCP);
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, tcp)?;
    // A request goes out as a whole.
    sockopt::set_tcp_nodelay(&socket, true)?;
    match rustix::net::connect(&socket, &addr) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(socket),
        Err(error) => Err(error),
    }
}

struct Socket<'a>(BorrowedFd<'a>);

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(self.0, bytes, SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
