use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A file of the kernel's, opened once and read from its start again and again: that costs about a third of
/// opening it each time.
pub(super) struct KernelFile(File);

impl KernelFile {
    /// `None` when this kernel, or this control group, does not have it.
    pub(super) fn open(path: &Path) -> Option<Self> {
        File::open(path).ok().map(Self)
    }

    /// Its text now. An error means that what it tells of is gone.
    pub(super) fn text<'a>(&self, buffer: &'a mut Vec<u8>) -> io::Result<&'a str> {
        const STEP: usize = 8 * 1024;
        let mut filled = 0;
        loop {
            if buffer.len() < filled + STEP {
                buffer.resize(filled + STEP, 0);
            }
            let read = self.0.read_at(&mut buffer[filled..], filled as u64)?;
            filled += read;
            if read == 0 {
                break;
            }
        }
        std::str::from_utf8(&buffer[..filled])
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }

    /// Its text as one number.
    pub(super) fn number(&self, buffer: &mut Vec<u8>) -> io::Result<Option<u64>> {
        Ok(self.text(buffer)?.trim().parse().ok())
    }
}

/// The number behind `name` in lines of the form `name number`.
pub(super) fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(' ')?;
        (key == name).then(|| value.trim().parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_anew_each_time_and_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "x 1\n".repeat(5000);
        std::fs::write(file.path(), &long).unwrap();
        let open = KernelFile::open(file.path()).unwrap();
        let mut buffer = Vec::new();
        assert_eq!(open.text(&mut buffer).unwrap(), long);
        std::fs::write(file.path(), "42\n").unwrap();
        assert_eq!(open.number(&mut buffer).unwrap(), Some(42));
        assert!(KernelFile::open(Path::new("/nonexistent")).is_none());
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "rss 1\ntotal_rss 2\ntotal_rss_huge 3\n";
        assert_eq!(field(text, "total_rss"), Some(2));
        assert_eq!(field(text, "huge"), None);
    }
}
