use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::DemoError;
use super::wire::{Reply, Request};

/// The store's only file: one line for each write, `checksum request`, never changed once it is on disk.
pub(super) struct Log {
    file: File,
    path: PathBuf,
}

/// What the log adds up to. Lists are kept by their length: their values are on disk only, so that memory
/// does not grow with the number of orders.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    values: BTreeMap<String, String>,
    lists: BTreeMap<String, u64>,
}

impl State {
    /// Takes a write that is on disk.
    pub(super) fn apply(&mut self, request: &Request) -> Reply {
        match request {
            Request::Set { key, value } => {
                self.values.insert(key.clone(), value.clone());
                Reply::Ok(1)
            }
            Request::Add { list, .. } => {
                let length = self.lists.entry(list.clone()).or_default();
                *length += 1;
                Reply::Ok(*length)
            }
            read => self.answer(read),
        }
    }

    /// Answers a question.
    pub(super) fn answer(&self, request: &Request) -> Reply {
        match request {
            Request::Ping => Reply::Pong,
            Request::Get { key } => self.values.get(key).cloned().map_or(Reply::None, Reply::Value),
            Request::Count { list } => Reply::Ok(self.lists.get(list).copied().unwrap_or(0)),
            Request::Set { .. } | Request::Add { .. } => Reply::Err("not a question".to_owned()),
        }
    }
}

impl Log {
    /// Opens `store.log` in `dir` and replays it. A last line that a crash tore off was never acknowledged
    /// and is cut away; damage before intact lines is an error.
    pub(super) fn open(dir: &Path) -> Result<(Self, State), DemoError> {
        let path = dir.join("store.log");
        let failed = |what| {
            let path = path.clone();
            move |source| DemoError::Log { path, what, source }
        };
        fs::create_dir_all(dir).map_err(failed("make its folder"))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open it"))?;
        file.try_lock().map_err(|e| failed("another store has it")(e.into()))?;
        let (state, end) = replay(&file).map_err(failed("replay it"))?;
        let prepare = |file: &mut File| -> io::Result<()> {
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            file.sync_all()?;
            File::open(dir)?.sync_all()
        };
        prepare(&mut file).map_err(failed("prepare it"))?;
        Ok((Self { file, path }, state))
    }

    /// Writes a batch and waits until it is on disk. After an error nothing may be appended any more: what
    /// the disk holds is then unknown.
    pub(super) fn append<'a>(
        &mut self,
        batch: impl Iterator<Item = &'a Request>,
    ) -> Result<(), DemoError> {
        let mut lines = Vec::new();
        for request in batch {
            let text = request.to_string();
            lines.extend_from_slice(
                format!("{:016x} {text}\n", checksum(text.as_bytes())).as_bytes(),
            );
        }
        self.file.write_all(&lines).and_then(|()| self.file.sync_data()).map_err(|source| {
            DemoError::Log { path: self.path.clone(), what: "append to it", source }
        })
    }
}

/// What the intact lines add up to, and where they end.
fn replay(file: &File) -> io::Result<(State, u64)> {
    let mut reader = BufReader::new(file);
    let mut state = State::default();
    let mut line = Vec::new();
    let (mut at, mut end, mut damaged) = (0_u64, 0_u64, false);
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok((state, end));
        }
        at += read as u64;
        match intact(&line) {
            Some(_) if damaged => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("damaged at byte {end}, with intact lines after it"),
                ));
            }
            Some(request) => {
                state.apply(&request);
                end = at;
            }
            None => damaged = true,
        }
    }
}

fn intact(line: &[u8]) -> Option<Request> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (sum, request) = text.split_once(' ')?;
    (u64::from_str_radix(sum, 16).ok()? == checksum(request.as_bytes())).then_some(())?;
    Request::parse(request).ok()
}

/// FNV-1a, 64 bit.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(value: &str) -> Request {
        Request::Add { list: "orders".to_owned(), value: value.to_owned() }
    }

    fn count(state: &State) -> Reply {
        state.answer(&Request::Count { list: "orders".to_owned() })
    }

    #[test]
    fn what_was_appended_is_there_after_every_tear() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path()).unwrap();
        log.append([add("a"), add("b")].iter()).unwrap();
        log.append([add("last")].iter()).unwrap();
        drop(log);
        let path = dir.path().join("store.log");
        let whole = fs::read(&path).unwrap();
        let last = whole.len() - intact_length(&add("last"));
        for cut in last..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (mut log, state) = Log::open(dir.path()).unwrap();
            assert_eq!(count(&state), Reply::Ok(2), "cut at {cut}");
            log.append([add("next")].iter()).unwrap();
            drop(log);
            let (_, state) = Log::open(dir.path()).unwrap();
            assert_eq!(count(&state), Reply::Ok(3), "cut at {cut}");
        }
        fs::write(&path, &whole).unwrap();
        assert_eq!(count(&Log::open(dir.path()).unwrap().1), Reply::Ok(3));
    }

    #[test]
    fn damage_in_the_middle_and_a_second_owner_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path()).unwrap();
        log.append([add("a"), add("b")].iter()).unwrap();
        assert!(Log::open(dir.path()).is_err(), "two owners");
        drop(log);
        let path = dir.path().join("store.log");
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(Log::open(dir.path()).is_err(), "damaged");
    }

    fn intact_length(request: &Request) -> usize {
        17 + request.to_string().len() + 1
    }
}
