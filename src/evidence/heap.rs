//! Heap profiles: what the target tells of its own heap.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::ask::Client;
use super::vault::Vault;
use crate::clock::{Clock, monotonic, thread_cpu};
use crate::experiment::HeapSource;
use crate::record::{Captured, HeapProfile, Instance, ProfileStatus};

/// Longest wait for one profile.
const PATIENCE: Duration = Duration::from_secs(20);
/// Largest profile.
const LARGEST: usize = 64 << 20;
/// So much of a command's complaint is told.
const COMPLAINT: usize = 300;

/// Fetches profiles of instances and keeps them.
#[derive(Clone)]
pub(super) struct Fetcher {
    pub(super) client: Client,
    pub(super) vault: Arc<Vault>,
    pub(super) clock: Clock,
}

/// What came, and how it was said to have gone.
struct Got {
    status: ProfileStatus,
    content_type: Option<String>,
    /// The bytes, or why they are no profile.
    bytes: Result<Vec<u8>, String>,
}

impl Fetcher {
    /// One profile from one source, and the CPU time that packing it took.
    pub(super) async fn fetch(
        &self,
        source: &HeapSource,
        instance: &Instance,
        deadline: Instant,
    ) -> (HeapProfile, Duration) {
        let from = self.clock.now();
        let deadline = deadline.min(monotonic() + PATIENCE);
        let got = match source {
            HeapSource::Url(url) => self.ask(url, instance, deadline).await,
            HeapSource::Command(words) => command(words, instance, deadline).await,
        };
        let (status, body, cpu) = match got {
            Err(why) => (None, Captured::NotCaptured(why), Duration::ZERO),
            Ok(Got { status, bytes: Err(why), .. }) => {
                (Some(status), Captured::NotCaptured(why), Duration::ZERO)
            }
            Ok(Got { status, content_type, bytes: Ok(bytes) }) => {
                let vault = Arc::clone(&self.vault);
                let keep = tokio::task::spawn_blocking(move || {
                    let before = thread_cpu();
                    let kept = vault.keep(&bytes, content_type);
                    (kept, thread_cpu().saturating_sub(before))
                });
                let (kept, cpu) = keep.await.unwrap_or_else(|e| {
                    (Err(format!("it could not be stored: {e}")), Duration::ZERO)
                });
                (Some(status), Captured::from(kept), cpu)
            }
        };
        let to = self.clock.now();
        (HeapProfile { source: source.to_string(), from, to, status, body }, cpu)
    }

    async fn ask(&self, url: &str, instance: &Instance, deadline: Instant) -> Result<Got, String> {
        let answer = self.client.get(url, Some(instance), LARGEST, deadline).await?;
        let (status, content_type) =
            (ProfileStatus::Http(answer.status), answer.content_type.clone());
        let bytes = match answer.well() {
            Ok(answer) if answer.body.is_empty() => Err("the answer is empty".to_owned()),
            answer => answer.map(|answer| answer.body),
        };
        Ok(Got { status, content_type, bytes })
    }
}

/// Kills a command's whole group when it is let go.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0
            && let Err(error) = kill_process_group(pid, Signal::KILL)
        {
            tracing::debug!(%error, "a command's group had ended");
        }
    }
}

async fn command(words: &[String], instance: &Instance, deadline: Instant) -> Result<Got, String> {
    let mut filled = Vec::with_capacity(words.len());
    for word in words {
        let pid = match instance.pid {
            Some(pid) => pid.to_string(),
            None if word.contains("{{pid}}") => {
                return Err("its process id is not known on this machine".to_owned());
            }
            None => String::new(),
        };
        filled.push(word.replace("{{pid}}", &pid).replace("{{container}}", &instance.id));
    }
    let (program, arguments) = filled.split_first().ok_or("the command is empty")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("{program} could not be started: {e}"))?;
    let group = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    let group = Group(group);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (out, complaint) = tokio::join!(read(stdout, LARGEST + 1), complaint(stderr));
        let status = child.wait().await.map_err(|e| e.to_string())?;
        Ok::<_, String>((out, complaint, status))
    };
    let (out, complaint, status) = tokio::time::timeout_at(deadline.into(), work)
        .await
        .map_err(|_| "the command did not end in time and was killed".to_owned())??;
    drop(group);
    let code = status.code().unwrap_or(-1);
    let bytes = if !status.success() {
        let complaint = String::from_utf8_lossy(&complaint);
        Err(format!("the command ended with {status}: {}", complaint.trim()))
    } else if out.len() > LARGEST {
        Err(format!("the output is longer than {} MiB", LARGEST >> 20))
    } else if out.is_empty() {
        Err("the command printed nothing".to_owned())
    } else {
        Ok(out)
    };
    Ok(Got { status: ProfileStatus::Exit(code), content_type: None, bytes })
}

/// Up to `most` bytes; then no more is read, and whoever writes on gets an error.
async fn read(from: Option<impl AsyncRead + Unpin>, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from
        && let Err(error) = from.take(most as u64).read_to_end(&mut bytes).await
    {
        tracing::debug!(%error, "a command's output ended early");
    }
    bytes
}

/// The beginning of what a command complains of. The rest is read as well: a pipe without a reader would end the command.
async fn complaint(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let Some(mut from) = from else { return Vec::new() };
    let beginning = read(Some(&mut from), COMPLAINT).await;
    if let Err(error) = tokio::io::copy(&mut from, &mut tokio::io::sink()).await {
        tracing::debug!(%error, "a command's complaints ended early");
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Health, InstanceState};

    fn instance() -> Instance {
        Instance {
            service: "api".to_owned(),
            ordinal: 1,
            id: "api#1".to_owned(),
            pid: Some(77),
            addresses: [("loopback".to_owned(), [127, 0, 0, 1].into())].into(),
            port: None,
            started_at: None,
            state: InstanceState::Running,
            health: Health::None,
            restarts: 0,
        }
    }

    async fn fetch(words: &[&str], patience: Duration) -> (HeapProfile, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let fetcher = Fetcher {
            client: Client::new(Arc::default()),
            vault: Arc::new(Vault::new(dir.path().to_owned(), 1 << 20)),
            clock: Clock::start(),
        };
        let source = HeapSource::Command(words.iter().map(|w| (*w).to_owned()).collect());
        let (profile, _) = fetcher.fetch(&source, &instance(), monotonic() + patience).await;
        (profile, dir)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_command_s_output_is_kept_with_its_status() {
        let (profile, dir) = fetch(&["echo", "heap of {{pid}} {{container}}"], LONG).await;
        assert_eq!(profile.status, Some(ProfileStatus::Exit(0)));
        let body = profile.body.get().unwrap();
        assert_eq!(body.size, "heap of 77 api#1\n".len() as u64);
        assert!(dir.path().join(&body.file).is_file());
    }

    #[tokio::test]
    async fn a_command_that_fails_hangs_or_is_silent_says_so() {
        let why = |p: &HeapProfile| p.body.because().unwrap().to_owned();
        let (failed, _) = fetch(&["sh", "-c", "echo no heap here >&2; exit 3"], LONG).await;
        assert_eq!(failed.status, Some(ProfileStatus::Exit(3)));
        assert!(why(&failed).contains("exit status: 3: no heap here"), "{}", why(&failed));
        let (silent, _) = fetch(&["true"], LONG).await;
        assert!(why(&silent).contains("printed nothing"), "{}", why(&silent));
        let (missing, _) = fetch(&["no-such-program-here"], LONG).await;
        assert!(why(&missing).contains("could not be started"), "{}", why(&missing));
        let (hung, _) = fetch(&["sh", "-c", "sleep 600"], Duration::from_millis(100)).await;
        assert!(why(&hung).contains("in time"), "{}", why(&hung));
        assert_eq!(hung.status, None);
    }
}
