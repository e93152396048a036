//! Heap profiles as allocation sites: those formats that can be read.
//!
//! In go a profile's bytes; out come its [`HeapSites`], or why it can't be read: then its bytes are still kept. Every
//! count in the bytes is checked against what is there: a profile comes from the target and is not trusted.

mod jemalloc;
mod pprof;
mod protobuf;
mod sites;

use std::io::Read as _;

use flate2::read::GzDecoder;

use crate::record::HeapSites;

/// A profile unpacks to at most this.
const LARGEST: u64 = 256 << 20;

/// The sites of a profile: Go's pprof, or jemalloc's text.
pub(super) fn parse(bytes: &[u8]) -> Result<HeapSites, String> {
    let mut unpacked = Vec::new();
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes)
            .take(LARGEST + 1)
            .read_to_end(&mut unpacked)
            .map_err(|e| format!("it can't be unpacked: {e}"))?;
        if unpacked.len() as u64 > LARGEST {
            return Err(format!("it unpacks to more than {} MiB", LARGEST >> 20));
        }
        &unpacked
    } else {
        bytes
    };
    if bytes.starts_with(b"heap_v2/") {
        return jemalloc::parse(&String::from_utf8_lossy(bytes));
    }
    if looks_like_text(bytes) {
        return Err("it is a text that is not jemalloc's heap_v2".to_owned());
    }
    pprof::parse(bytes)
}

fn looks_like_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(256)];
    head.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_profile_is_told_as_such() {
        for (bytes, why) in [
            (&b"heap profile: 1: 2 [3: 4] @ heap/1"[..], "not jemalloc's"),
            (b"{\"a\":1}", "not jemalloc's"),
            (b"\x1f\x8bnonsense", "can't be unpacked"),
            (b"\xff\xfe\x00binary", "not a pprof profile"),
        ] {
            let told = parse(bytes).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_sites_or_an_error(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            drop(parse(&bytes));
            drop(pprof::parse(&bytes));
            drop(jemalloc::parse(&String::from_utf8_lossy(&bytes)));
        }
    }
}
