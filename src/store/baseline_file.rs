//! The form of a baseline's file: JSON with a version, one line per column of figures, the same bytes for the same run.

use std::io::{self, Read, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::ser::Formatter;

use super::BaselineError;
use crate::record::Digest;

/// Version of the form. It grows when a field changes its meaning or goes away.
const FORMAT: u32 = 1;
/// A night's baseline has tens of kilobytes; nothing larger is read into memory.
const LARGEST: u64 = 32 << 20;

#[derive(Serialize)]
struct Written<'a> {
    longhaul_baseline: u32,
    #[serde(flatten)]
    digest: &'a Digest,
}

/// A run in short, as the text of a file.
pub fn text(digest: &Digest) -> Result<String, BaselineError> {
    let mut bytes = Vec::new();
    let mut out =
        serde_json::Serializer::with_formatter(&mut bytes, Lines { depth: 0, any: false });
    Written { longhaul_baseline: FORMAT, digest }
        .serialize(&mut out)
        .map_err(|e| BaselineError::Encode(e.to_string()))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|e| BaselineError::Encode(e.to_string()))
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Digest, BaselineError> {
    let unreadable = |source| BaselineError::Read { path: path.to_owned(), source };
    let wrong = |reason: String| BaselineError::Wrong { path: path.to_owned(), reason };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    match file.take(LARGEST + 1).read_to_string(&mut text) {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::InvalidData => {
            return Err(wrong("it is not text".to_owned()));
        }
        Err(e) => return Err(unreadable(e)),
    }
    if text.len() as u64 > LARGEST {
        return Err(wrong("it is larger than 32 MiB".to_owned()));
    }
    let document: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| wrong(format!("it is not JSON: {e}")))?;
    let Some(format) = document.get("longhaul_baseline").and_then(serde_json::Value::as_u64) else {
        return Err(wrong(
            "it is JSON, but no baseline: `longhaul_baseline` is missing".to_owned(),
        ));
    };
    if format > u64::from(FORMAT) {
        return Err(wrong(format!(
            "it has format {format}, this longhaul knows formats up to {FORMAT}; use the newer longhaul"
        )));
    }
    let digest: Digest = serde_json::from_value(document).map_err(|e| wrong(e.to_string()))?;
    if digest.is_sound() {
        Ok(digest)
    } else {
        Err(wrong("its columns do not fit each other: it was changed by hand, or cut".to_owned()))
    }
}

/// Objects over many lines, arrays on one.
struct Lines {
    depth: usize,
    any: bool,
}

impl Lines {
    fn line(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        write!(out, "\n{:1$}", "", self.depth)
    }
}

impl Formatter for Lines {
    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.any = false;
        out.write_all(b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.any {
            self.line(out)?;
        }
        self.any = true;
        out.write_all(b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.any = true;
        self.line(out)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }
}
