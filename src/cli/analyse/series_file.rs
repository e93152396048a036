//! A series in a CSV file.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder, Trim};

use crate::clock::Offset;
use crate::verdict::leak::{Trace, TracePoint};

/// What a series file looks like.
const FORMAT: &str = "the first line names the columns: t_s (seconds) and anon (bytes); \
                      optional are epoch, fault and requests; others are passed over";

/// What is wrong with a series file, and where.
#[derive(Debug)]
pub(super) struct SeriesError {
    file: PathBuf,
    line: Option<u64>,
    what: String,
}

impl fmt::Display for SeriesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.what),
            None => write!(f, "{}: {}", self.file.display(), self.what),
        }
    }
}

/// Reads a series in bounded memory, however long it is.
///
/// Commas, semicolons or tabs part the columns, whichever the header holds; a byte order mark and CRLF are fine.
/// `epoch` and `fault` of an empty cell are those of the row before, and no fault.
pub(super) fn read(file: &Path) -> Result<Trace, SeriesError> {
    let wrong = |line: Option<u64>, what: String| SeriesError { file: file.to_owned(), line, what };
    let mut bytes = open(file).map_err(|what| wrong(None, what))?;
    let (head, delimiter) = first_line(&mut bytes).map_err(|what| wrong(None, what))?;
    let mut rows = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter)
        .buffer_capacity(1 << 16)
        .from_reader(head.as_slice().chain(bytes));
    let mut row = ByteRecord::new();
    let mut columns: Option<Columns> = None;
    let mut trace = Trace::new();
    let mut epoch = 0;
    loop {
        match rows.read_byte_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => {
                let line = e.position().map(csv::Position::line);
                return Err(wrong(line, format!("can't be read: {e}")));
            }
        }
        let line = row.position().map(csv::Position::line);
        let Some(columns) = &columns else {
            columns = Some(Columns::find(&row).map_err(|what| wrong(line, what))?);
            continue;
        };
        let point = columns.point(&row, epoch).map_err(|what| wrong(line, what))?;
        epoch = point.epoch;
        trace.push(point).map_err(|e| wrong(line, e.to_string()))?;
    }
    if trace.readings() == 0 {
        return Err(wrong(None, "there is no row below the header".to_owned()));
    }
    Ok(trace)
}

fn open(file: &Path) -> Result<BufReader<File>, String> {
    let opened = File::open(file).map_err(|e| format!("can't be opened: {e}"))?;
    match opened.metadata() {
        Ok(data) if data.is_dir() => {
            Err("is a folder: give the series in it one by one, as DIR/*.csv".to_owned())
        }
        Ok(_) => Ok(BufReader::with_capacity(1 << 16, opened)),
        Err(e) => Err(format!("can't be read: {e}")),
    }
}

/// The beginning of the file, without a byte order mark, and what parts its columns.
fn first_line(bytes: &mut impl Read) -> Result<(Vec<u8>, u8), String> {
    let mut head = Vec::new();
    let read = bytes.take(8192).read_to_end(&mut head);
    read.map_err(|e| format!("can't be read: {e}"))?;
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err("is UTF-16: save it as UTF-8".to_owned());
    }
    if head.contains(&0) {
        return Err("is no text: a series is a CSV file".to_owned());
    }
    if head.starts_with(&[0xef, 0xbb, 0xbf]) {
        head.drain(..3);
    }
    if head.trim_ascii().is_empty() {
        return Err(format!("is empty: {FORMAT}"));
    }
    let line = head.trim_ascii_start();
    let line = &line[..line.iter().position(|b| *b == b'\n').unwrap_or(line.len())];
    let delimiter = [b',', b';', b'\t'].into_iter().find(|d| line.contains(d)).unwrap_or(b',');
    Ok((head, delimiter))
}

/// Where each column is.
struct Columns {
    width: usize,
    t_s: usize,
    anon: usize,
    epoch: Option<usize>,
    fault: Option<usize>,
    requests: Option<usize>,
}

impl Columns {
    fn find(header: &ByteRecord) -> Result<Self, String> {
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        if names.iter().all(|name| name.parse::<f64>().is_ok()) {
            return Err(format!("there is no header: {FORMAT}"));
        }
        let find = |wanted: &str| {
            let mut places =
                names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(i, _)| i);
            match (places.next(), places.next()) {
                (Some(_), Some(_)) => Err(format!("the column {wanted} is there twice")),
                (place, _) => Ok(place),
            }
        };
        let need = |wanted: &str| {
            find(wanted)?.ok_or_else(|| {
                let found = names.iter().take(12).map(String::as_str).collect::<Vec<_>>();
                format!("the column {wanted} is missing (found: {}): {FORMAT}", found.join(", "))
            })
        };
        Ok(Self {
            width: names.len(),
            t_s: need("t_s")?,
            anon: need("anon")?,
            epoch: find("epoch")?,
            fault: find("fault")?,
            requests: find("requests")?,
        })
    }

    fn point(&self, row: &ByteRecord, last_epoch: u32) -> Result<TracePoint, String> {
        if row.len() != self.width {
            return Err(format!(
                "the row has {} columns, and the header {}",
                row.len(),
                self.width
            ));
        }
        let given = |place: Option<usize>| place.map(|i| &row[i]).filter(|cell| !cell.is_empty());
        let t_s = number("t_s", &row[self.t_s])?;
        if !(0.0..1e12).contains(&t_s) {
            return Err(format!("t_s is {t_s}: write seconds, from 0 on"));
        }
        let epoch = match given(self.epoch) {
            Some(cell) => whole("epoch", cell)?,
            None => last_epoch,
        };
        Ok(TracePoint {
            at: Offset::from_micros((t_s * 1e6).round() as u64),
            value: number("anon", &row[self.anon])?,
            epoch,
            fault: given(self.fault).map(flag).transpose()?.unwrap_or(false),
            requests: given(self.requests).map(|cell| number("requests", cell)).transpose()?,
        })
    }
}

fn number(name: &str, cell: &[u8]) -> Result<f64, String> {
    let text = std::str::from_utf8(cell).unwrap_or("(no text)");
    if text.is_empty() {
        return Err(format!("{name} is empty: leave the row out where nothing was read"));
    }
    if text.contains('\n') {
        let beginning: String = text.chars().take_while(|c| *c != '\n').take(40).collect();
        return Err(format!(
            "{name} begins with {beginning:?} and goes on in the next line: a quote is not closed"
        ));
    }
    let wrong = |hint: &str| {
        let beginning: String = text.chars().take(40).collect();
        format!("{name} is {beginning:?}: {hint}")
    };
    let number: f64 = text.parse().map_err(|_| {
        wrong(if text.contains(',') {
            "write a number with a decimal point, without separators"
        } else {
            "write a number without a unit"
        })
    })?;
    if number.is_finite() && number >= 0.0 {
        Ok(number)
    } else {
        Err(wrong("write a finite number from 0 on, and leave the row out where nothing was read"))
    }
}

/// A whole number; tools that know only one kind of number write `1.0`.
fn whole(name: &str, cell: &[u8]) -> Result<u32, String> {
    let value = number(name, cell)?;
    if value.fract() == 0.0 && value <= f64::from(u32::MAX) {
        Ok(value as u32)
    } else {
        Err(format!("{name} is {value}: write a whole number, another one for each process life"))
    }
}

fn flag(cell: &[u8]) -> Result<bool, String> {
    match cell {
        b"0" | b"0.0" | b"false" | b"False" | b"FALSE" => Ok(false),
        b"1" | b"1.0" | b"true" | b"True" | b"TRUE" => Ok(true),
        other => {
            let text = String::from_utf8_lossy(other);
            Err(format!("fault is {text:?}: write 1 while a fault is in force, else 0"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: impl AsRef<[u8]>) -> Result<Trace, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.csv");
        std::fs::write(&file, text).unwrap();
        let shown = format!("{}", dir.path().display());
        read(&file).map_err(|e| e.to_string().replace(&shown, ""))
    }

    fn refused(text: impl AsRef<[u8]>, words: &str) {
        let error = read_text(text).expect_err(words);
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn what_other_tools_write_is_read() {
        for text in [
            "t_s,anon\n0,1\n10,2\n",
            "anon,other,t_s\n1,x,0\n2,y,10",
            "\u{feff}t_s,anon\r\n0,1\r\n10,2\r\n",
            "t_s;anon\n0;1\n10;2\n",
            "t_s\tanon\n0\t1\n10\t2\n",
            "\"t_s\",\"anon\"\n 0 , 1e0 \n\n10.0,2\n",
            "t_s,anon,epoch,fault,requests\n0,1,0.0,False,0\n10,2,,,\n",
        ] {
            assert_eq!(read_text(text).expect(text).readings(), 2, "{text}");
        }
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        refused("", "/s.csv: is empty");
        refused("\n \n", "is empty");
        refused("t_s,anon\n", "no row below the header");
        refused("0,100\n10,200\n", "/s.csv:1: there is no header");
        refused("time,anon\n0,1\n", "/s.csv:1: the column t_s is missing (found: time, anon)");
        refused("t_s,rss\n0,1\n", "the column anon is missing");
        refused("t_s,anon\n0,\"1\n10,2\n20,3\n", "anon begins with \"1\"");
        refused("t_s,anon,anon\n0,1,2\n", "the column anon is there twice");
        refused("t_s,anon\n0,1\n10\n", "/s.csv:3: the row has 1 columns, and the header 2");
        refused("t_s,anon\n0,1\n10,NaN\n", "/s.csv:3: anon is \"NaN\"");
        refused("t_s,anon\n0,1\n10,inf\n", "/s.csv:3: anon is \"inf\"");
        refused("t_s,anon\n0,1\n10,-5\n", "/s.csv:3: anon is \"-5\"");
        refused("t_s,anon\n-1,1\n", "/s.csv:2: t_s is \"-1\"");
        refused("t_s,anon\n0,\n", "anon is empty");
        refused("t_s;anon\n0;1,5\n", "decimal point");
        refused("t_s,anon\n0,12MiB\n", "without a unit");
        refused("t_s,anon\n0,1\n10,2\n5,3\n", "/s.csv:4: time 5 s does not come after 10 s");
        refused("t_s,anon\n0,1\n0,2\n", "/s.csv:3: time 0 s does not come after 0 s");
        refused("t_s,anon,fault\n0,1,yes\n", "fault is \"yes\"");
        refused("t_s,anon,epoch\n0,1,1.5\n", "whole number");
        refused(b"\x7fELF\x02\x00\x00", "is no text");
        refused(b"\xff\xfet\x00", "UTF-16");
        refused("t_s,anon,requests\n0,1,-3\n", "requests is \"-3\"");
    }

    #[test]
    fn files_that_are_none_are_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("is a folder"));
        let missing = dir.path().join("missing.csv");
        let error = read(&missing).unwrap_err().to_string();
        assert!(error.contains("missing.csv: can't be opened"), "{error}");
    }
}
