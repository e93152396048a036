//! The `compose` command: which one there is, and running it.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::TargetError;
use super::super::ward::{Start, Ward};
use crate::experiment::Secrets;

const QUESTION_TIMEOUT: Duration = Duration::from_mins(1);
const KEPT_LINES: usize = 40;
const LONGEST_LINE: u64 = 4096;
const STOP_GRACE: Duration = Duration::from_secs(3);
/// How long the rest of an ended command's output may take.
const REST: Duration = Duration::from_secs(1);

/// The `compose` command of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cli {
    program: Vec<String>,
    /// Version 1, the one written in Python: merges files and knows options differently.
    pub(super) old: bool,
    /// Images must be built by the engine's classic builder.
    classic_builder: bool,
    /// What is in its environment and must not be in what it says.
    secrets: Arc<Secrets>,
}

/// The compose command line of this machine, with its version: `docker-compose 1.29.2`.
///
/// # Errors
/// When there is none.
pub async fn compose_version() -> Result<String, TargetError> {
    let cli = Cli::find().await?;
    let program = cli.program.join(" ");
    let asked: Vec<&str> = cli.program.iter().map(String::as_str).collect();
    let version = ask(&asked, &["version", "--short"]).await.unwrap_or_default();
    Ok(format!("{program} {}", version.trim()))
}

/// How a command line ended.
pub(super) struct Ended {
    pub(super) command: String,
    /// `exit status 1`, or why there is none.
    pub(super) status: String,
    pub(super) succeeded: bool,
    /// Its last lines.
    pub(super) lines: Vec<String>,
}

impl Ended {
    pub(super) fn into_error(self, more: &str) -> TargetError {
        let output = format!("{}{more}", self.lines.join("\n"));
        TargetError::Compose { command: self.command, status: self.status, output }
    }
}

impl Cli {
    /// `docker compose`, else `docker-compose`.
    pub(super) async fn find() -> Result<Self, TargetError> {
        let mut tried = Vec::new();
        for program in [vec!["docker", "compose"], vec!["docker-compose"]] {
            match ask(&program, &["version", "--short"]).await {
                Ok(version) => {
                    let old = version.trim().trim_start_matches('v').starts_with("1.");
                    let classic_builder =
                        old || ask(&["docker", "buildx"], &["version"]).await.is_err();
                    let program = program.into_iter().map(str::to_owned).collect();
                    return Ok(Self { program, old, classic_builder, secrets: Arc::default() });
                }
                Err(reason) => tried.push(format!("`{}`: {reason}", program.join(" "))),
            }
        }
        Err(TargetError::NoCompose { reason: tried.join("; ") })
    }

    /// The usual one, where there is none.
    pub(super) fn usual() -> Self {
        let program = ["docker", "compose"].map(str::to_owned).to_vec();
        Self { program, old: false, classic_builder: false, secrets: Arc::default() }
    }

    /// The same, which keeps these secrets to itself.
    pub(super) fn keeping(self, secrets: Arc<Secrets>) -> Self {
        Self { secrets, ..self }
    }

    /// Standard output of a command line that changes nothing.
    pub(super) async fn read(
        &self,
        args: &[String],
        env: &BTreeMap<String, String>,
        dir: &Path,
    ) -> Result<String, Ended> {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).args(args).envs(self.env(env)).current_dir(dir);
        match answer(command).await {
            Ok(output) => Ok(output),
            Err(reason) => Err(Ended {
                command: self.line(args),
                status: "failed".to_owned(),
                succeeded: false,
                lines: vec![self.secrets.redact(reason)],
            }),
        }
    }

    /// Runs a command line that changes things; its lines go to `progress`. When `stop` comes, or when
    /// longhaul ends in any way, it is ended with everything it started.
    pub(super) async fn run(
        &self,
        args: &[String],
        env: &BTreeMap<String, String>,
        dir: &Path,
        progress: &mpsc::Sender<String>,
        stop: &CancellationToken,
    ) -> Result<Ended, TargetError> {
        let failed = |error| TargetError::io("run", self.line(args))(error);
        let (ours, theirs) = std::io::pipe().map_err(failed)?;
        let stderr = theirs.try_clone().map_err(failed)?;
        let words: Vec<OsString> =
            self.program[1..].iter().chain(args).map(OsString::from).collect();
        let ward = Ward::start(Start {
            program: self.program[0].as_ref(),
            args: &words,
            env: self.env(env).into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            dir: Some(dir),
            stdout: Stdio::from(theirs),
            stderr: Stdio::from(stderr),
        })
        .await
        .map_err(failed)?;
        let output = pipe::Receiver::from_owned_fd(ours.into()).map_err(failed)?;
        let mut lines = VecDeque::new();
        let told = follow(output, &mut lines, &self.secrets, progress);
        let exit = tokio::select! {
            exit = heard(ward.end(), told) => Some(exit),
            () = stop.cancelled() => None,
        };
        let Some(exit) = exit else {
            ward.stop(STOP_GRACE).await;
            return Err(TargetError::Stopped);
        };
        Ok(Ended {
            command: self.line(args),
            status: exit.code.map_or("no exit status".to_owned(), |c| format!("exit status {c}")),
            succeeded: exit.code == Some(0),
            lines: lines.into(),
        })
    }

    /// A command line as it is told.
    pub(super) fn line(&self, args: &[String]) -> String {
        let words: Vec<&str> = self.program.iter().chain(args).map(String::as_str).collect();
        words.join(" ")
    }

    fn env(&self, more: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        if self.classic_builder && std::env::var_os("DOCKER_BUILDKIT").is_none() {
            env.insert("DOCKER_BUILDKIT".to_owned(), "0".to_owned());
            env.insert("COMPOSE_DOCKER_CLI_BUILD".to_owned(), "0".to_owned());
        }
        // Lines, not a screen.
        env.insert("COMPOSE_ANSI".to_owned(), "never".to_owned());
        env.insert("COMPOSE_PROGRESS".to_owned(), "plain".to_owned());
        env.extend(more.clone());
        env
    }
}

async fn ask(program: &[&str], args: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).args(args);
    answer(command).await
}

async fn answer(mut command: Command) -> Result<String, String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(QUESTION_TIMEOUT, command.output())
        .await
        .map_err(|_| "no answer within a minute".to_owned())?
        .map_err(|e| e.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let text = String::from_utf8_lossy(&output.stderr);
        let text = text.trim();
        Err(if text.is_empty() { output.status.to_string() } else { text.to_owned() })
    }
}

/// The end of a command whose output is followed meanwhile. What it started may hold the output open for as long as
/// it lives: after the end the rest is waited for no longer than [`REST`].
async fn heard<T>(end: impl Future<Output = T>, told: impl Future<Output = ()>) -> T {
    let mut told = std::pin::pin!(told);
    let mut end = std::pin::pin!(end);
    let ended = tokio::select! {
        ended = &mut end => ended,
        () = &mut told => return end.await,
    };
    // A rest that does not come is not missed.
    tokio::time::timeout(REST, told).await.ok();
    ended
}

/// Passes lines on as they come, the last ones kept; a line that nobody reads in time is dropped there.
async fn follow(
    output: impl AsyncRead + Unpin,
    kept: &mut VecDeque<String>,
    secrets: &Secrets,
    progress: &mpsc::Sender<String>,
) {
    let mut reader = BufReader::new(output);
    let mut piece = Vec::new();
    loop {
        piece.clear();
        match (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&piece);
        for line in text.split(['\r', '\n']).map(plain).filter(|line| !line.is_empty()) {
            if kept.len() >= KEPT_LINES {
                kept.pop_front();
            }
            let line = secrets.redact(line);
            progress.try_send(line.clone()).ok();
            kept.push_back(line);
        }
    }
}

/// A line without escape sequences and trailing blanks.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next() == Some('[') {
                chars.by_ref().find(char::is_ascii_alphabetic);
            }
        } else if !c.is_control() || c == '\t' {
            text.push(c);
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[test]
    fn lines_lose_their_colours() {
        assert_eq!(
            plain("\u{1b}[1A\u{1b}[2KCreating api_1 ... \u{1b}[32mdone\u{1b}[0m  "),
            "Creating api_1 ... done"
        );
    }

    #[tokio::test]
    async fn a_command_is_over_at_its_end_though_its_output_is_held_open() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let (progress, _reader) = mpsc::channel(8);
        let (mut kept, secrets) = (VecDeque::new(), Secrets::default());
        let last = async {
            theirs.write_all(b"Creating api_1\n").await.unwrap();
            7
        };
        let over = heard(last, follow(ours, &mut kept, &secrets, &progress));
        let code = tokio::time::timeout(10 * REST, over).await.expect("it does not wait for more");
        assert_eq!((code, &kept.make_contiguous()[..]), (7, &["Creating api_1".to_owned()][..]));
        drop(theirs);
    }

    #[tokio::test]
    async fn a_reader_that_is_away_loses_lines_but_never_stalls_the_command() {
        let (progress, mut reader) = mpsc::channel(2);
        let mut kept = VecDeque::new();
        let text = (0..100).fold(String::new(), |t, n| format!("{t}line {n}\r\n"));
        follow(text.as_bytes(), &mut kept, &Secrets::default(), &progress).await;
        assert_eq!(reader.try_recv().unwrap(), "line 0");
        assert_eq!((kept.len(), kept.back().unwrap().as_str()), (KEPT_LINES, "line 99"));
    }
}
