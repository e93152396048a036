//! Redis commands, one at a time over kept connections.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::desk::Turn;
use super::idle::Conn;
use super::lines::{Door, Making, split};
use super::link::Link;
use super::resp::{self, Reply};
use crate::experiment::RedisStep;
use crate::load::LoadError;
use crate::load::captures::Names;
use crate::load::failure::Failure;
use crate::load::request::Request;

/// A `redis` step.
pub(in crate::load) struct Call {
    door: Door,
    pool: usize,
    /// Sent once on each connection: who we are, and which database.
    greeting: Vec<Vec<u8>>,
    command: Vec<Request>,
    expect: Option<String>,
    capture: Option<u16>,
}

const PORT: u16 = 6379;

impl Call {
    pub(super) fn new(
        step: &RedisStep,
        names: &Names,
        making: &mut Making<'_>,
    ) -> Result<Self, LoadError> {
        let (authority, path) = split(&step.url);
        let secure = step.url.starts_with("rediss:");
        let door = making.door((authority, PORT), secure, None, None)?;
        let who = format!("{:?} {:?}", step.user, step.password);
        let pool = making.pool(format!("redis {} {who}", step.url), None);
        let mut greeting = Vec::new();
        if let Some(password) = &step.password {
            let (user, password) = (step.user.clone(), making.secrets.fill(password));
            let words = [Some("AUTH".to_owned()), user, Some(password)];
            greeting.push(words.into_iter().flatten().map(String::into_bytes).collect());
        }
        let database = path.trim_start_matches('/');
        if !matches!(database, "" | "0") {
            greeting.push(vec![b"SELECT".to_vec(), database.as_bytes().to_vec()]);
        }
        Ok(Self {
            door,
            pool,
            greeting: greeting.iter().map(|parts: &Vec<Vec<u8>>| resp::command(parts)).collect(),
            command: step
                .command
                .iter()
                .map(|part| Request::plain(part, names, making.secrets))
                .collect::<Result<_, _>>()?,
            expect: step.expect.clone(),
            capture: step.capture.as_deref().and_then(|name| names.slot(name)),
        })
    }

    pub(super) async fn round(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let parts: Vec<Vec<u8>> =
            self.command.iter().map(|part| turn.text(part)).collect::<Result<_, _>>()?;
        let command = resp::command(&parts);
        let (_permit, idle) = turn.desk.take(self.pool).await;
        let mut link = match idle {
            Some(Conn::Redis(link)) => link,
            _ => self.open(turn).await?,
        };
        link.tag().count_for(turn.line.id);
        let reply = ask(&mut link, &command, Some(turn)).await?;
        // Whatever it says, the connection is good for the next.
        turn.desk.keep(self.pool, self.door.origin, Conn::Redis(link));
        if let Some(failure) = reply.error() {
            return Err(failure);
        }
        let text = reply.text();
        if self.expect.as_ref().is_some_and(|expect| *expect != text) {
            return Err(Failure::failed("answer mismatch"));
        }
        if let Some(slot) = self.capture {
            if reply == Reply::Nothing {
                return Err(turn.names.missing(slot));
            }
            turn.captured.push((slot, text));
        }
        Ok(())
    }

    async fn open(&self, turn: &Turn<'_>) -> Result<Link, Failure> {
        let mut link = turn.desk.dial(&self.door, turn.line.id).await?;
        for command in &self.greeting {
            let reply = ask(&mut link, command, None).await?;
            if let Some(failure) = reply.error() {
                return Err(failure);
            }
        }
        Ok(link)
    }
}

/// Sends a command and hears its answer; in a turn, its first byte is noted.
async fn ask(
    link: &mut Link,
    command: &[u8],
    mut turn: Option<&mut Turn<'_>>,
) -> Result<Reply, Failure> {
    let io = |error: std::io::Error| Failure::from_io(&error);
    link.write_all(command).await.map_err(io)?;
    link.flush().await.map_err(io)?;
    let sent = turn.as_ref().map(|turn| turn.desk.books.now());
    let mut heard = Vec::with_capacity(512);
    loop {
        if link.read_buf(&mut heard).await.map_err(io)? == 0 {
            return Err(Failure::failed("connection closed"));
        }
        if let (Some(turn), Some(sent)) = (turn.take(), sent) {
            turn.first_byte(sent);
        }
        if let Some((reply, length)) = resp::reply(&heard)? {
            if length < heard.len() {
                return Err(Failure::failed("unasked bytes after an answer"));
            }
            return Ok(reply);
        }
    }
}
