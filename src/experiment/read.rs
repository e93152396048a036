//! A file's text, within bounds.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Bytes of a file at most.
pub(super) const LARGEST: u64 = 1 << 20;

/// The text of a regular file of at most 1 MiB. The error is a fragment that follows the file's name.
/// Never waits for a writer, whatever the path names.
pub(super) fn text(path: &Path) -> Result<String, String> {
    // Without waiting: opening a pipe would else block until somebody writes to it.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32)
        .open(path)
        .map_err(|error| reason(&error))?;
    let meta = file.metadata().map_err(|error| reason(&error))?;
    if meta.is_dir() {
        return Err("it is a folder, not a file".to_owned());
    }
    if !meta.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let bytes = bytes(&file, meta.len())?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|b| *b == b'\n').count();
        format!("it is not UTF-8 text: line {line} holds other bytes")
    })
}

fn bytes(file: &File, size: u64) -> Result<Vec<u8>, String> {
    let too_large = || format!("it is larger than {} KiB", LARGEST / 1024);
    if size > LARGEST {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // Read one more than allowed: the file may grow meanwhile.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if bytes.len() as u64 > LARGEST { Err(too_large()) } else { Ok(bytes) }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
