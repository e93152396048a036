//! One connection, from its opening to its closing.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::desk::Turn;
use super::lines::{Door, Making};
use crate::experiment::{TcpStep, Template};
use crate::load::LoadError;
use crate::load::captures::Names;
use crate::load::failure::Failure;
use crate::load::request::Request;

/// A `tcp` step.
pub(in crate::load) struct Call {
    door: Door,
    send: Option<Request>,
    expect: Option<Vec<u8>>,
}

/// So much is looked at for what is expected.
const LONGEST: usize = 64 * 1024;

impl Call {
    pub(super) fn new(
        step: &TcpStep,
        names: &Names,
        making: &mut Making<'_>,
    ) -> Result<Self, LoadError> {
        let secure = step.tls.is_some();
        let door = making.door((&step.connect, 0), secure, step.tls.as_ref(), None)?;
        let plain = |text: &Template| Request::plain(text, names, making.secrets);
        let send = step.send.as_ref().map(plain).transpose()?;
        let expect = step.expect.as_ref().map(|text| text.clone().into_bytes());
        Ok(Self { door, send, expect })
    }

    pub(super) async fn round(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let io = |error: std::io::Error| Failure::from_io(&error);
        let send = self.send.as_ref().map(|send| turn.text(send)).transpose()?;
        let mut link = turn.desk.dial(&self.door, turn.line.id).await?;
        if let Some(send) = send {
            link.write_all(&send).await.map_err(io)?;
            link.flush().await.map_err(io)?;
        }
        let sent = turn.desk.books.now();
        let Some(expect) = &self.expect else {
            // The other side is told that this was all; whether it has gone already does not matter.
            drop(link.shutdown().await);
            return Ok(());
        };
        let mut heard = Vec::new();
        loop {
            let before = heard.len();
            if link.read_buf(&mut heard).await.map_err(io)? == 0 {
                let text = if before == 0 { "connection closed" } else { MISMATCH };
                return Err(Failure::failed(text));
            }
            if before == 0 {
                turn.first_byte(sent);
            }
            let from = before.saturating_sub(expect.len());
            if expect.is_empty() || heard[from..].windows(expect.len()).any(|w| w == expect) {
                drop(link.shutdown().await);
                return Ok(());
            }
            if heard.len() > LONGEST {
                return Err(Failure::failed(MISMATCH));
            }
        }
    }
}

const MISMATCH: &str = "answer mismatch";
