//! A mutator for the response reader: answers well-formed, damaged and made of noise, each read whole and cut to
//! pieces. `LONGHAUL_FUZZ_INPUTS=1000000 ./test.sh fuzz` says how many it reads; the rest of the time it is a
//! short version. `LONGHAUL_FUZZ_SEED` picks others.

use rand::{Rng as _, RngExt};

use super::*;
use crate::seed::{Rng, Seed};

/// What a reader said of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) heads: u32,
    pub(super) status: u16,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    More,
    Done { used: usize, reusable: bool },
    HungUp,
    Bad(Malformed),
}

impl Answer for Heard {
    fn head(&mut self, status: u16, fields: &[Header<'_>]) {
        self.heads += 1;
        self.status = status;
        self.fields = fields.iter().map(|f| (f.name.to_owned(), f.value.to_owned())).collect();
    }

    fn body(&mut self, piece: &[u8]) {
        assert!(!piece.is_empty());
        self.body.extend_from_slice(piece);
    }
}

/// Reads `input` cut at `cuts`, which are in order.
pub(super) fn read(input: &[u8], cuts: &[usize], bodiless: bool, hangs_up: bool) -> Heard {
    let (fields, body) = (Vec::new(), Vec::new());
    let mut heard = Heard { heads: 0, status: 0, fields, body, end: End::More };
    let mut reader = Reader::new();
    reader.expect(bodiless);
    let mut from = 0;
    for to in cuts.iter().copied().chain([input.len()]) {
        let result = reader.feed(&input[from..to], &mut heard);
        assert!(
            reader.partial.len() <= LARGEST_HEAD && reader.partial.capacity() <= 2 * LARGEST_HEAD
        );
        match result {
            Ok(Progress::More) => from = to,
            Ok(Progress::Done { used, reusable }) => {
                heard.end = End::Done { used: from + used, reusable };
                return heard;
            }
            Err(malformed) => {
                heard.end = End::Bad(malformed);
                return heard;
            }
        }
    }
    if hangs_up {
        heard.end = reader.hang_up().map_or_else(End::Bad, |()| End::HungUp);
    }
    heard
}

/// What was generated: the bytes, and what a reader must say of them unless they are damaged.
struct Sample {
    bytes: Vec<u8>,
    status: u16,
    body: Vec<u8>,
    end: End,
}

const PIECES: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b":",
    b": ",
    b" ",
    b"\0",
    b";",
    b",",
    b"0\r\n\r\n",
    b"ffffffffffffffff",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 X\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 18446744073709551616\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Connection: close\r\n",
    b"5\r\nhello\r\n",
    b"\xff\xfe",
    b" folded: x\r\n",
];

fn sample(rng: &mut Rng) -> Sample {
    let mut bytes = Vec::new();
    for _ in 0..rng.random_range(0..3_u8) / 2 {
        bytes.extend_from_slice(b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n");
    }
    let status = [200, 201, 204, 304, 404, 500][rng.random_range(0..6)];
    bytes.extend_from_slice(format!("HTTP/1.1 {status} Reason\r\n").as_bytes());
    for i in 0..rng.random_range(0..6_u32) {
        let value: String = (0..rng.random_range(0..30_u8))
            .map(|_| char::from(rng.random_range(b'a'..=b'z')))
            .collect();
        bytes.extend_from_slice(format!("X-Field-{i}: {value}\r\n").as_bytes());
    }
    let mut body: Vec<u8> = (0..rng.random_range(0..80_usize)).map(|_| rng.random()).collect();
    let bodiless = matches!(status, 204 | 304);
    let reusable = rng.random_range(0..4_u8) > 0;
    if !reusable {
        bytes.extend_from_slice(b"connection: close\r\n");
    }
    let way = if bodiless { 3 } else { rng.random_range(0..3_u8) };
    match way {
        0 => {
            bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
            bytes.extend_from_slice(&body);
        }
        1 => {
            bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            let mut rest = body.as_slice();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rng.random_range(1..=rest.len()));
                bytes.extend_from_slice(format!("{:x};e=1\r\n", piece.len()).as_bytes());
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
                rest = after;
            }
            bytes.extend_from_slice(b"0\r\ntrailer: t\r\n\r\n");
        }
        2 => {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(&body);
        }
        _ => {
            body.clear();
            bytes.extend_from_slice(b"\r\n");
        }
    }
    let end = if way == 2 { End::HungUp } else { End::Done { used: bytes.len(), reusable } };
    Sample { bytes, status, body, end }
}

fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.random_range(1..5_u8) {
        let at = rng.random_range(0..=bytes.len());
        let end = (at + rng.random_range(0..20_usize)).min(bytes.len());
        match rng.random_range(0..7_u8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8_u8),
            1 if at < bytes.len() => bytes[at] = rng.random(),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            5 => {
                let mut noise = vec![0; rng.random_range(1..40)];
                rng.fill_bytes(&mut noise);
                bytes.splice(at..at, noise);
            }
            _ => drop(
                bytes.splice(at..at, PIECES[rng.random_range(0..PIECES.len())].iter().copied()),
            ),
        }
    }
    // Now and then something that goes past a bound.
    match rng.random_range(0..400_u16) {
        0 => drop(bytes.splice(0..0, b"HTTP/1.1 100 C\r\n\r\n".repeat(40))),
        1 => drop(bytes.splice(17.min(bytes.len())..17.min(bytes.len()), b"a: b\r\n".repeat(200))),
        2 => drop(
            bytes.splice(17.min(bytes.len())..17.min(bytes.len()), vec![b'x'; LARGEST_HEAD + 10]),
        ),
        _ => {}
    }
}

fn cuts(len: usize, rng: &mut Rng) -> Vec<usize> {
    let mut cuts: Vec<usize> =
        (0..rng.random_range(1..8_u8)).map(|_| rng.random_range(0..=len)).collect();
    cuts.sort_unstable();
    cuts
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |n| n.parse().expect("a number"))
}

/// For all bytes: reading them never panics, never keeps more than a head may have, and says the same
/// however they are cut. What is well-formed is read as it was meant.
#[test]
fn fuzz() {
    let inputs = number("LONGHAUL_FUZZ_INPUTS", 20_000);
    let mut rng = Seed(number("LONGHAUL_FUZZ_SEED", 1)).rng();
    let (mut well, mut done, mut bad) = (0_u64, 0_u64, 0_u64);
    for n in 0..inputs {
        let Sample { mut bytes, status, body, end } = sample(&mut rng);
        let damaged = rng.random_range(0..5_u8) > 0;
        if damaged {
            damage(&mut bytes, &mut rng);
        }
        let (bodiless, hangs_up) =
            (damaged && rng.random_range(0..8_u8) == 0, !damaged || rng.random());
        let whole = read(&bytes, &[], bodiless, hangs_up);
        if !damaged {
            well += 1;
            assert_eq!((whole.heads, whole.status, whole.end), (1, status, end), "input {n}");
            assert_eq!(whole.body, body, "input {n}");
        }
        match whole.end {
            End::Bad(_) => bad += 1,
            _ => done += 1,
        }
        let cuts = cuts(bytes.len(), &mut rng);
        assert_eq!(
            read(&bytes, &cuts, bodiless, hangs_up),
            whole,
            "input {n} cut at {cuts:?}: {bytes:?}"
        );
        if n % 8 == 0 {
            let all: Vec<usize> = (0..bytes.len()).collect();
            assert_eq!(
                read(&bytes, &all, bodiless, hangs_up),
                whole,
                "input {n} byte by byte: {bytes:?}"
            );
        }
    }
    // A mutator that makes only good or only bad bytes would prove little.
    assert!(well > inputs / 10 && done > inputs / 4 && bad > inputs / 10, "{well} {done} {bad}");
    eprintln_counts(inputs, well, done, bad);
}

#[expect(
    clippy::print_stderr,
    reason = "whoever asks for a million inputs wants to know how many were read"
)]
fn eprintln_counts(inputs: u64, well: u64, done: u64, bad: u64) {
    eprintln!("{inputs} inputs: {well} well-formed, {done} read to an end, {bad} refused");
}
