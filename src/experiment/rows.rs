//! Rows of a data file, one after the other: as many as there are, and no more in memory than one.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a data file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFormat {
    /// Comma-separated, the names of the columns in its first line.
    Csv,
    /// A JSON object in each line, the names of the columns in the first.
    Jsonl,
}

/// The values of a row, by column.
pub type Row = Box<[Box<str>]>;

/// Why a row can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line, from 1.
    pub line: u64,
    /// Why.
    pub why: String,
    /// Whether nothing after it can be read either.
    pub last: bool,
}

/// An open data file.
pub struct Rows {
    source: Source,
    columns: Vec<String>,
}

enum Source {
    Csv { reader: Box<csv::Reader<Bounded>>, record: csv::StringRecord, left: Rc<Cell<usize>> },
    Jsonl { reader: BufReader<File>, line: Vec<u8>, number: u64, first: Option<Row> },
}

/// Bytes of a row at most: a quote that is never closed must not read a whole file into memory.
const LONGEST: usize = 1 << 20;

impl Rows {
    /// Opens a file and reads what its columns are. The error is a fragment that follows the file's name.
    pub fn open(path: &Path, format: RowFormat) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let mut rows = match format {
            RowFormat::Csv => Self::csv(file)?,
            RowFormat::Jsonl => Self::jsonl(file)?,
        };
        for (i, name) in rows.columns.iter_mut().enumerate() {
            *name = name.trim().to_owned();
            if name.is_empty() {
                return Err(format!("column {} has no name", i + 1));
            }
        }
        for (i, name) in rows.columns.iter().enumerate() {
            if rows.columns[..i].contains(name) {
                return Err(format!("has two columns called {name:?}"));
            }
        }
        Ok(rows)
    }

    fn csv(file: File) -> Result<Self, String> {
        let left = Rc::new(Cell::new(LONGEST));
        let bounded = Bounded { file, left: Rc::clone(&left) };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
        let header = reader.headers().map_err(|error| reason(&error))?;
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        if columns.is_empty() {
            return Err("is empty: its first line names the columns".to_owned());
        }
        let record = csv::StringRecord::new();
        Ok(Self { source: Source::Csv { reader: Box::new(reader), record, left }, columns })
    }

    fn jsonl(file: File) -> Result<Self, String> {
        let source = Source::Jsonl {
            reader: BufReader::new(file),
            line: Vec::new(),
            number: 0,
            first: None,
        };
        let mut rows = Self { source, columns: Vec::new() };
        let object = match rows.object() {
            None => return Err("is empty: its first line names the columns".to_owned()),
            Some(Err(bad)) => return Err(format!("can't be read: line {}: {}", bad.line, bad.why)),
            Some(Ok(object)) => object,
        };
        rows.columns = object.keys().cloned().collect();
        let row = object.values().map(text).collect();
        if let Source::Jsonl { first, .. } = &mut rows.source {
            *first = Some(row);
        }
        Ok(rows)
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next object, and `None` at the end.
    fn object(&mut self) -> Option<Result<serde_json::Map<String, Value>, BadRow>> {
        let Source::Jsonl { reader, line, number, .. } = &mut self.source else { return None };
        loop {
            line.clear();
            *number += 1;
            let bad = |why: String, last| Some(Err(BadRow { line: *number, why, last }));
            match reader.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', line) {
                Err(error) => return bad(error.to_string(), true),
                Ok(0) => return None,
                Ok(length) if length > LONGEST => return bad(TOO_LONG.to_owned(), true),
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => {
                    return match serde_json::from_slice(line) {
                        Ok(Value::Object(object)) => Some(Ok(object)),
                        Ok(_) => bad("it is not a JSON object".to_owned(), false),
                        Err(error) => bad(format!("it is not JSON: {error}"), false),
                    };
                }
            }
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Source::Csv { reader, record, left } => {
                left.set(LONGEST);
                let read = reader.read_record(record);
                let line = record.position().map_or(reader.position().line(), csv::Position::line);
                Some(match read {
                    Ok(false) => return None,
                    Ok(true) if record.len() != self.columns.len() => {
                        let (found, named) = (record.len(), self.columns.len());
                        let why = format!("it has {}, the header {named}", fields(found));
                        Err(BadRow { line, why, last: false })
                    }
                    Ok(true) => Ok(record.iter().map(Box::from).collect()),
                    Err(error) => {
                        let last = error.is_io_error();
                        Err(BadRow { line, why: reason(&error), last })
                    }
                })
            }
            Source::Jsonl { first, .. } => {
                if let Some(first) = first.take() {
                    return Some(Ok(first));
                }
                let object = match self.object()? {
                    Ok(object) => object,
                    Err(bad) => return Some(Err(bad)),
                };
                let line = match &self.source {
                    Source::Jsonl { number, .. } => *number,
                    Source::Csv { .. } => 0,
                };
                let value = |name: &String| {
                    object.get(name).map(text).ok_or_else(|| BadRow {
                        line,
                        why: format!("it has no {name:?}, the first line has"),
                        last: false,
                    })
                };
                Some(self.columns.iter().map(value).collect())
            }
        }
    }
}

const TOO_LONG: &str = "it is longer than 1 MiB";

fn fields(n: usize) -> String {
    if n == 1 { "1 field".to_owned() } else { format!("{n} fields") }
}

/// A value as it is filled in.
fn text(value: &Value) -> Box<str> {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Null => "".into(),
        other => other.to_string().into(),
    }
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8 text".to_owned(),
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}

/// Reads no more than a row may have.
struct Bounded {
    file: File,
    left: Rc<Cell<usize>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = self.left.get().min(buffer.len());
        if room == 0 {
            return Err(io::Error::other(TOO_LONG));
        }
        let read = self.file.read(&mut buffer[..room])?;
        self.left.set(self.left.get() - read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn open(text: &str, format: RowFormat) -> Result<Rows, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Rows::open(file.path(), format)
    }

    type Told = Result<Vec<String>, (u64, String)>;

    fn all(text: &str, format: RowFormat) -> Vec<Told> {
        let plain = |row: Row| row.iter().map(ToString::to_string).collect();
        let rows = open(text, format).unwrap();
        rows.map(|row| row.map(plain).map_err(|bad| (bad.line, bad.why))).collect()
    }

    fn row<const N: usize>(values: [&str; N]) -> Vec<String> {
        values.map(str::to_owned).into()
    }

    #[test]
    fn csv_rows_have_the_columns_of_the_header() {
        let text = "\u{feff}name, password\nann,\"a,1\"\n\"b\"\"o\",x,y\n\"two\nlines\",z\nlast,\n";
        assert_eq!(open(text, RowFormat::Csv).unwrap().columns(), ["name", "password"]);
        let bad = Err((3, "it has 3 fields, the header 2".to_owned()));
        assert_eq!(
            all(text, RowFormat::Csv),
            [Ok(row(["ann", "a,1"])), bad, Ok(row(["two\nlines", "z"])), Ok(row(["last", ""]))]
        );
        for (text, why) in [("", "is empty"), ("a,,b\n", "column 2"), ("a,b,a\n", "two columns")] {
            let told = open(text, RowFormat::Csv).err().unwrap();
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn json_lines_have_the_columns_of_the_first() {
        let text = "{\"name\":\"ann\",\"age\":7}\n\n[1]\n{\"age\":null,\"name\":\"bo\",\"x\":1}\n{\"name\":\"c\"}\nno\n";
        assert_eq!(open(text, RowFormat::Jsonl).unwrap().columns(), ["age", "name"]);
        let rows = all(text, RowFormat::Jsonl);
        assert_eq!(rows[..1], [Ok(row(["7", "ann"]))]);
        assert_eq!(rows[1], Err((3, "it is not a JSON object".to_owned())));
        assert_eq!(rows[2], Ok(row(["", "bo"])));
        assert_eq!(rows[3].as_ref().unwrap_err().0, 5);
        assert!(rows[4].as_ref().unwrap_err().1.contains("not JSON"));
        assert!(open("3\n", RowFormat::Jsonl).is_err());
    }

    #[test]
    fn a_quote_that_is_never_closed_reads_no_more_than_a_row_may_have() {
        let text = format!("a,b\n1,2\n\"open,{}", "x".repeat(3 * LONGEST));
        let rows: Vec<_> = open(&text, RowFormat::Csv).unwrap().take(3).collect();
        assert!(rows[0].is_ok());
        let bad = rows[1].as_ref().unwrap_err();
        assert!(bad.last && bad.why == TOO_LONG, "{bad:?}");
        let text = format!("{{\"a\":1}}\n{}", "x".repeat(3 * LONGEST));
        let rows: Vec<_> = open(&text, RowFormat::Jsonl).unwrap().take(2).collect();
        assert!(rows[1].as_ref().unwrap_err().last);
    }
}
