//! One direction of one connection.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::Directions;
use super::counters::Counters;
use super::gate::Watcher;

/// Most bytes in longhaul's hands per direction. When full, nothing more is read: the sender's own
/// socket buffer fills, and then the sender waits.
const BUFFER: usize = 16 * 1024;

/// The way and what it needs to know.
pub(super) struct Pump<'a> {
    /// The one direction that this carries.
    pub(super) way: Directions,
    /// Is it cut?
    pub(super) gate: Watcher,
    /// Where the relayed bytes are counted.
    pub(super) relayed: &'a AtomicU64,
    /// Where the held ones are.
    pub(super) counters: &'a Counters,
}

impl Pump<'_> {
    /// Relays until the sender ends, then passes on the end. Whatever happens, the receiver hears of it
    /// only while the direction is not cut.
    pub(super) async fn run(
        mut self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            self.gate.open(self.way).await;
            let read = from.read(&mut buffer).await;
            let Ok(length @ 1..) = read else {
                self.wait_if_cut(0).await;
                read?;
                return to.shutdown().await;
            };
            self.pass_on(&buffer[..length], &mut to).await?;
        }
    }

    async fn pass_on(&mut self, mut data: &[u8], to: &mut WriteHalf<'_>) -> io::Result<()> {
        while !data.is_empty() {
            self.wait_if_cut(data.len()).await;
            let written = tokio::select! {
                biased;
                () = self.gate.shut(self.way) => continue,
                written = to.write(data) => written?,
            };
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.relayed.fetch_add(written as u64, Relaxed);
            data = &data[written..];
        }
        Ok(())
    }

    async fn wait_if_cut(&mut self, bytes: usize) {
        if self.gate.is_cut(self.way) {
            let _held = self.counters.hold(&self.counters.held_bytes, bytes as u64);
            self.gate.open(self.way).await;
        }
    }
}
