use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Response, Status};

use super::chunks::Chunks;
use super::flight::Nobody;

/// Reads one answer after the other from a connection: bytes in, events out.
///
/// What it says does not depend on how the bytes are cut into pieces, and what it keeps is never more
/// than [`LARGEST_HEAD`] bytes: bodies are passed on as they come, or passed over.
#[derive(Debug)]
pub(super) struct Reader {
    state: State,
    /// A head of which not all has come yet.
    partial: Vec<u8>,
    /// Whether the request was one that gets no body: HEAD.
    bodiless: bool,
    started: bool,
    reusable: bool,
    interim: u8,
}

/// A head may have so many bytes: 64 KiB. So may the trailer of a chunked body.
pub(super) const LARGEST_HEAD: usize = 64 * 1024;
/// A head may have so many fields.
pub(super) const MOST_FIELDS: usize = 128;
/// So many interim answers (1xx) may come before the final one.
const MOST_INTERIM: u8 = 32;
/// Up to here every piece of a head is looked at at once; past it only whole lines are, so that a head
/// that drips in costs no more than a bounded multiple of its length.
const EAGER: usize = 1024;
/// A buffer larger than this is given back when its head is complete.
const KEPT: usize = 4096;

#[derive(Debug)]
enum State {
    Head,
    /// So many bytes of body are left.
    Fixed(u64),
    Chunked(Chunks),
    /// The body ends with the connection.
    UntilClose,
    Over,
}

/// What becomes of an answer's parts as they are read.
pub(super) trait Answer {
    /// The final answer's head, once.
    fn head(&mut self, status: u16, fields: &[Header<'_>]);
    /// A piece of its body; never empty.
    fn body(&mut self, piece: &[u8]);
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All was taken, and more is to come.
    More,
    /// The answer is complete.
    Done {
        /// So much was taken; what is left was not asked for.
        used: usize,
        /// Whether the connection may carry another request.
        reusable: bool,
    },
}

/// Why something is not an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) enum Malformed {
    NotHttp,
    /// More bytes or fields than a head may have, or a trailer without end.
    HeadTooLarge,
    TooManyInterim,
    /// Where the body ends is said wrongly or in two ways.
    Framing,
    /// The connection ended within the answer.
    CutShort,
    /// The connection ended before the answer.
    Nothing,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self {
            state: State::Over,
            partial: Vec::new(),
            bodiless: false,
            started: false,
            reusable: true,
            interim: 0,
        }
    }

    /// Begins the next answer. `bodiless` if the request was a HEAD.
    pub(super) fn expect(&mut self, bodiless: bool) {
        self.state = State::Head;
        self.partial.clear();
        self.bodiless = bodiless;
        self.started = false;
        self.reusable = true;
        self.interim = 0;
    }

    /// Whether any byte of the answer has come.
    pub(super) fn started(&self) -> bool {
        self.started
    }

    /// Takes the next bytes. After an error or [`Progress::Done`] there is nothing more to take until the next [`Self::expect`].
    pub(super) fn feed(
        &mut self,
        input: &[u8],
        answer: &mut impl Answer,
    ) -> Result<Progress, Malformed> {
        self.started |= !input.is_empty();
        let mut rest = input;
        loop {
            match &mut self.state {
                State::Over => {
                    return Ok(Progress::Done {
                        used: input.len() - rest.len(),
                        reusable: self.reusable,
                    });
                }
                _ if rest.is_empty() => return Ok(Progress::More),
                State::Head => rest = self.head(rest, answer)?,
                State::Fixed(left) => {
                    let take = usize::try_from(*left).map_or(rest.len(), |n| n.min(rest.len()));
                    answer.body(&rest[..take]);
                    rest = &rest[take..];
                    *left -= take as u64;
                    if *left == 0 {
                        self.state = State::Over;
                    }
                }
                State::Chunked(chunks) => {
                    let over = chunks.feed(&mut rest, |piece| answer.body(piece))?;
                    if over {
                        self.state = State::Over;
                    }
                }
                State::UntilClose => {
                    answer.body(rest);
                    rest = &[];
                }
            }
        }
    }

    /// Takes note that the connection has ended. That completes a body that has no other end.
    pub(super) fn hang_up(&mut self) -> Result<(), Malformed> {
        match self.state {
            State::UntilClose => {
                self.state = State::Over;
                Ok(())
            }
            State::Head if !self.started => Err(Malformed::Nothing),
            State::Head if !self.partial.is_empty() => {
                Err(self.parse_partial(&mut Nobody).err().unwrap_or(Malformed::CutShort))
            }
            _ => Err(Malformed::CutShort),
        }
    }

    /// Takes the part of `input` that belongs to the head; what is left belongs to what follows.
    fn head<'a>(
        &mut self,
        input: &'a [u8],
        answer: &mut impl Answer,
    ) -> Result<&'a [u8], Malformed> {
        if self.partial.is_empty() {
            let window = &input[..input.len().min(LARGEST_HEAD)];
            if let Some(end) = self.parse(window, answer)? {
                return Ok(&input[end..]);
            }
            if window.len() == LARGEST_HEAD {
                return Err(Malformed::HeadTooLarge);
            }
            self.partial.extend_from_slice(window);
            return Ok(&[]);
        }
        let before = self.partial.len();
        let take = input.len().min(LARGEST_HEAD - before);
        self.partial.extend_from_slice(&input[..take]);
        let full = self.partial.len() == LARGEST_HEAD;
        if full || self.partial.len() <= EAGER || input[..take].contains(&b'\n') {
            if let Some(end) = self.parse_partial(answer)? {
                self.partial.clear();
                self.partial.shrink_to(KEPT);
                return Ok(&input[end - before..]);
            }
            if full {
                return Err(Malformed::HeadTooLarge);
            }
        }
        Ok(&input[take..])
    }

    fn parse_partial(&mut self, answer: &mut impl Answer) -> Result<Option<usize>, Malformed> {
        let partial = std::mem::take(&mut self.partial);
        let result = self.parse(&partial, answer);
        self.partial = partial;
        result
    }

    /// Where the head ends, if all of it is there; then also what it says.
    fn parse(
        &mut self,
        bytes: &[u8],
        answer: &mut impl Answer,
    ) -> Result<Option<usize>, Malformed> {
        // An answer begins with its version; the parser would pass over empty lines before it.
        if bytes[0] != b'H' {
            return Err(Malformed::NotHttp);
        }
        let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
        let mut response = Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            bytes,
            &mut fields,
        );
        let end = match parsed {
            Ok(Status::Complete(end)) => end,
            Ok(Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Malformed::HeadTooLarge),
            Err(_) => return Err(Malformed::NotHttp),
        };
        let status = response.code.filter(|code| *code >= 100).ok_or(Malformed::NotHttp)?;
        if (100..200).contains(&status) && status != SWITCHED {
            self.interim += 1;
            if self.interim > MOST_INTERIM {
                return Err(Malformed::TooManyInterim);
            }
            return Ok(Some(end));
        }
        let framing = Framing::of(response.version == Some(1), response.headers)?;
        let (state, reusable) = framing.body(status, self.bodiless);
        (self.state, self.reusable) = (state, reusable);
        answer.head(status, response.headers);
        Ok(Some(end))
    }
}

/// The answer to a request to speak another protocol. Nothing after it is HTTP.
const SWITCHED: u16 = 101;

/// What a head says of its body and connection (RFC 9112, sections 6 and 9).
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    encoded: bool,
    chunked: bool,
    keep: bool,
}

impl Framing {
    fn of(keep: bool, fields: &[Header<'_>]) -> Result<Self, Malformed> {
        let mut framing = Self { keep, ..Self::default() };
        let mut close = false;
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            match field.name.len() {
                10 if is("connection") => {
                    close |= lists(field.value, b"close");
                    framing.keep |= lists(field.value, b"keep-alive");
                }
                14 if is("content-length") => framing.length(field.value)?,
                17 if is("transfer-encoding") => {
                    framing.encoded = true;
                    let last = items(field.value).next_back();
                    framing.chunked = last.is_some_and(|c| c.eq_ignore_ascii_case(b"chunked"));
                }
                _ => {}
            }
        }
        framing.keep &= !close;
        Ok(framing)
    }

    /// The same length may be given twice; two lengths are none.
    fn length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        for item in value.split(|b| *b == b',') {
            let length = number(item.trim_ascii()).ok_or(Malformed::Framing)?;
            if self.length.is_some_and(|known| known != length) {
                return Err(Malformed::Framing);
            }
            self.length = Some(length);
        }
        Ok(())
    }

    fn body(&self, status: u16, bodiless: bool) -> (State, bool) {
        if status == SWITCHED {
            (State::Over, false)
        } else if bodiless || matches!(status, 204 | 304) {
            (State::Over, self.keep)
        } else if self.chunked {
            // A length beside it is a sign of somebody's mistake: this answer is clear, the next may not be.
            (State::Chunked(Chunks::new()), self.keep && self.length.is_none())
        } else if self.encoded {
            (State::UntilClose, false)
        } else {
            match self.length {
                Some(0) => (State::Over, self.keep),
                Some(length) => (State::Fixed(length), self.keep),
                None => (State::UntilClose, false),
            }
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let first = (!digits.is_empty()).then_some(0_u64);
    digits.iter().fold(first, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum?.checked_mul(10)?.checked_add(digit)
    })
}

fn items(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

fn lists(value: &[u8], word: &[u8]) -> bool {
    items(value).any(|item| item.eq_ignore_ascii_case(word))
}

#[cfg(test)]
#[path = "reader_fuzz.rs"]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::fuzz::{End, Heard, read};
    use super::*;

    fn whole(text: &str, bodiless: bool, hangs_up: bool) -> Heard {
        read(text.as_bytes(), &[], bodiless, hangs_up)
    }

    fn ends(text: &str) -> End {
        whole(text, false, true).end
    }

    fn done(used: usize, reusable: bool) -> End {
        End::Done { used, reusable }
    }

    #[test]
    fn every_way_to_end_a_body_is_known() {
        let told = whole("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, false);
        assert_eq!(
            (told.status, told.body.as_slice(), told.end),
            (200, &b"hello"[..], done(43, true))
        );
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n\
                       3;a=b\r\nabc\r\n0A \r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\n";
        let told = whole(chunked, false, false);
        assert_eq!(
            (told.body.as_slice(), told.end),
            (&b"abc0123456789"[..], done(chunked.len(), true))
        );
        let open = "HTTP/1.1 200 OK\r\n\r\nto the end";
        assert_eq!(whole(open, false, false).end, End::More);
        let told = whole(open, false, true);
        assert_eq!((told.body.as_slice(), told.end), (&b"to the end"[..], End::HungUp));
        for none in ["HTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 304 Not\r\ncontent-length: 9\r\n\r\n"] {
            assert_eq!(whole(none, false, false).end, done(none.len(), true));
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
        assert_eq!(whole(head, true, false).end, done(head.len(), true));
        let none = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(whole(none, false, false).end, done(none.len(), true));
    }

    #[test]
    fn whether_the_connection_may_be_used_again_is_known() {
        let reusable = |head: &str| match whole(&format!("{head}\r\n\r\n"), true, false).end {
            End::Done { reusable, .. } => reusable,
            other => panic!("{other:?}"),
        };
        assert!(reusable("HTTP/1.1 200 OK"));
        assert!(!reusable("HTTP/1.1 200 OK\r\nConnection: foo, Close"));
        assert!(!reusable("HTTP/1.0 200 OK"));
        assert!(reusable("HTTP/1.0 200 OK\r\nconnection: Keep-Alive"));
        let both =
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(whole(both, false, false).end, done(both.len(), false));
        assert_eq!(whole("HTTP/1.1 101 Go\r\n\r\nxyz", false, false).end, done(19, false));
    }

    #[test]
    fn interim_answers_are_passed_over_and_what_was_not_asked_for_is_left() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n\
                    HTTP/1.1 201 Made\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n";
        let told = whole(text, false, true);
        assert_eq!((told.status, told.heads), (201, 1));
        assert_eq!(told.end, done(text.len() - 17, true));
        let flood = "HTTP/1.1 100 Continue\r\n\r\n".repeat(40);
        assert_eq!(ends(&flood), End::Bad(Malformed::TooManyInterim));
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let framed = |field: &str| ends(&format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n5\r\nhello"));
        for field in [
            "content-length: 1, 2",
            "content-length: -1",
            "content-length:",
            "content-length: 99999999999999999999",
            "content-length: 1\r\ncontent-length: 2",
        ] {
            assert_eq!(framed(field), End::Bad(Malformed::Framing), "{field}");
        }
        for chunk in ["g\r\n", "\r\n", "1\r\nab\r\n", "11111111111111111\r\n", "1\n", "1 1\r\n"] {
            let text = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}");
            assert_eq!(ends(&text), End::Bad(Malformed::Framing), "{chunk:?}");
        }
        for text in [
            "SSH-2.0-x\r\n",
            "\r\nHTTP/1.1 200 OK\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 099 X\r\n\r\n",
            "HX",
        ] {
            assert_eq!(ends(text), End::Bad(Malformed::NotHttp), "{text:?}");
        }
        for text in [
            "HTTP/1.1 200 OK\r\nx: y\r\n",
            "HTTP/1.1 100 C\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nx",
        ] {
            assert_eq!(ends(text), End::Bad(Malformed::CutShort), "{text:?}");
        }
        assert_eq!(ends(""), End::Bad(Malformed::Nothing));
    }

    #[test]
    fn floods_are_cut_off() {
        let fields = "a: b\r\n".repeat(MOST_FIELDS + 1);
        assert_eq!(
            ends(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")),
            End::Bad(Malformed::HeadTooLarge)
        );
        let long = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(LARGEST_HEAD));
        assert_eq!(ends(&long), End::Bad(Malformed::HeadTooLarge));
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let trailer = format!("0\r\n{}", "t: x\r\n".repeat(LARGEST_HEAD / 3));
        let extension = format!("5;{}", "x".repeat(LARGEST_HEAD + 1));
        let (zeros, blanks) = ("0".repeat(LARGEST_HEAD + 1), " ".repeat(LARGEST_HEAD + 1));
        for flood in [trailer, extension, zeros, format!("5{blanks}")] {
            let text = format!("{chunked}{flood}");
            assert_eq!(ends(&text), End::Bad(Malformed::HeadTooLarge), "{}", &flood[..9]);
        }
        // Each line has its own bound: a long body may have many.
        let many = format!("1;{}\r\nx\r\n", "y".repeat(LARGEST_HEAD / 2)).repeat(4);
        let text = format!("{chunked}{many}0\r\n\r\n");
        assert_eq!(whole(&text, false, false).body, b"xxxx");
    }
}
