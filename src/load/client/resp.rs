//! RESP2, the protocol of Redis: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use crate::load::failure::Failure;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A status, a number or a value, as its text.
    Text(Vec<u8>),
    Error(String),
    Nothing,
    List(Vec<Reply>),
}

/// An answer at most, bytes. What is longer ends the connection.
const LARGEST: usize = 8 << 20;
/// Lists within lists at most.
const DEEPEST: usize = 8;

/// A command as it goes over the wire.
pub(super) fn command(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        out.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// The answer at the start of `bytes` and its length; `None` while it is not complete.
pub(super) fn reply(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Failure> {
    let mut reader = Reader { bytes, at: 0 };
    match reader.reply(DEEPEST) {
        Ok(reply) => Ok(Some((reply, reader.at))),
        Err(Stop::More) if bytes.len() > LARGEST => {
            Err(Failure::failed("answer too large (over 8 MiB)"))
        }
        Err(Stop::More) => Ok(None),
        Err(Stop::Malformed) => Err(Failure::failed("answer is not RESP")),
    }
}

impl Reply {
    /// As one text: a list has an item a line.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Error(text) => text.clone(),
            Self::Nothing => String::new(),
            Self::List(items) => items.iter().map(Self::text).collect::<Vec<_>>().join("\n"),
        }
    }

    /// What is said of it when it is an error: its first word alone, because texts are counted.
    pub(super) fn error(&self) -> Option<Failure> {
        let Self::Error(text) = self else { return None };
        let code: String = text.chars().take_while(char::is_ascii_uppercase).take(20).collect();
        Some(Failure::failed(if code.is_empty() {
            "redis error".to_owned()
        } else {
            format!("redis error {code}")
        }))
    }
}

enum Stop {
    More,
    Malformed,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn reply(&mut self, depth: usize) -> Result<Reply, Stop> {
        let line = self.line()?;
        let (kind, rest) = line.split_first().ok_or(Stop::Malformed)?;
        Ok(match kind {
            b'+' | b':' => Reply::Text(rest.to_vec()),
            b'-' => Reply::Error(String::from_utf8_lossy(rest).into_owned()),
            b'$' => match number(rest)? {
                None => Reply::Nothing,
                Some(length) => Reply::Text(self.take(length)?.to_vec()),
            },
            b'*' if depth > 0 => match number(rest)? {
                None => Reply::Nothing,
                Some(count) => {
                    let items = (0..count).map(|_| self.reply(depth - 1));
                    Reply::List(items.collect::<Result<_, _>>()?)
                }
            },
            _ => return Err(Stop::Malformed),
        })
    }

    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| *b == b'\n').ok_or(Stop::More)?;
        self.at += end + 1;
        rest[..end].strip_suffix(b"\r").ok_or(Stop::Malformed)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let end = self.at.checked_add(length).ok_or(Stop::Malformed)?;
        let after = self.bytes.get(end..end + 2).ok_or(Stop::More)?;
        let taken = &self.bytes[self.at..end];
        self.at = end + 2;
        if after == b"\r\n" { Ok(taken) } else { Err(Stop::Malformed) }
    }
}

/// A length; `None` is -1, which stands for nothing.
fn number(digits: &[u8]) -> Result<Option<usize>, Stop> {
    if digits == b"-1" {
        return Ok(None);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Stop::Malformed)?;
    let length: usize = text.parse().map_err(|_| Stop::Malformed)?;
    if length > LARGEST { Err(Stop::Malformed) } else { Ok(Some(length)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Reply {
        Reply::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn every_kind_is_read_and_only_once_it_is_complete() {
        let wire = b"*5\r\n+OK\r\n:42\r\n$-1\r\n$4\r\na\r\nb\r\n*1\r\n-ERR no such thing\r\n";
        for end in 0..wire.len() {
            assert_eq!(reply(&wire[..end]).unwrap(), None, "{end}");
        }
        let (list, length) = reply(wire).unwrap().unwrap();
        let error = Reply::Error("ERR no such thing".to_owned());
        assert_eq!(error.error().unwrap().text, "redis error ERR");
        let items = [text("OK"), text("42"), Reply::Nothing, text("a\r\nb")];
        let all = items.into_iter().chain([Reply::List(vec![error])]).collect();
        assert_eq!((&list, length), (&Reply::List(all), wire.len()));
        assert_eq!(list.text(), "OK\n42\n\na\r\nb\nERR no such thing");
        assert_eq!(command(&[b"GET".to_vec(), b"k".to_vec()]), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }

    #[test]
    fn what_is_not_resp_is_refused() {
        let deep = "*1\r\n".repeat(9);
        for bad in ["HTTP/1.1 400 Bad\r\n", "+no cr\n", "$3\r\nabcd\r\n", "$99999999999\r\n", &deep]
        {
            assert_eq!(reply(bad.as_bytes()).unwrap_err().text, "answer is not RESP", "{bad}");
        }
        let large = vec![b'+'; LARGEST + 1];
        assert!(reply(&large).unwrap_err().text.contains("too large"));
    }

    proptest! {
        // For all bytes: reading never panics and never takes more than there is.
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, kind in 0..5_usize) {
            let bytes = [&b"+-:$*"[kind..=kind], &bytes].concat();
            if let Ok(Some((_, length))) = reply(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
