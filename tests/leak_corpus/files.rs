//! A corpus as files: one CSV a series, and `labels.csv` that says what is true of each.
//!
//! Series have the columns that `longhaul analyse` reads: `t_s,anon,epoch,fault,requests`. Labels have
//! `file,family,label,rate_percent_per_hour,slope_per_hour,counts`; real series are added by hand in the same form.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::series::{Reading, Series, Truth};

const SERIES: &str = "t_s,anon,epoch,fault,requests";
const LABELS: &str = "file,family,label,rate_percent_per_hour,slope_per_hour,counts";

/// What went wrong with a file, and where.
pub(crate) type FileError = Box<dyn std::error::Error + Send + Sync>;

/// Writes named series and their labels to a folder.
pub(crate) fn write_folder(
    folder: &Path,
    series: impl IntoIterator<Item = (String, Series)>,
) -> Result<usize, FileError> {
    fs::create_dir_all(folder)?;
    let mut labels = format!("{LABELS}\n");
    let mut written = 0;
    for (name, series) in series {
        let file = format!("{name}.csv");
        let (label, slope) = match series.truth {
            Truth::NoLeak => ("no leak", 0.0),
            Truth::Leak { slope } => ("leak", slope),
        };
        // A family's name may hold a comma.
        let (family, rate) = (series.family.replace(',', ";"), series.rate);
        writeln!(labels, "{file},{family},{label},{rate},{slope},{}", u8::from(series.counts))?;
        fs::write(folder.join(file), text(&series)?)?;
        written += 1;
    }
    fs::write(folder.join("labels.csv"), labels)?;
    Ok(written)
}

fn text(series: &Series) -> Result<String, std::fmt::Error> {
    let mut text = format!("{SERIES}\n");
    for r in &series.readings {
        let fault = u8::from(r.fault);
        writeln!(text, "{},{},{},{fault},{}", r.t_s, r.value, r.epoch, r.requests)?;
    }
    Ok(text)
}

/// Reads what [`write_folder`] wrote, or real series labelled in the same form. Columns are found by name,
/// so a real series may hold others; `epoch`, `fault` and `requests` may be missing.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<(String, Series)>, FileError> {
    let path = folder.join("labels.csv");
    let labels = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut read = Vec::new();
    for (line, row) in labels.lines().enumerate().skip(1).filter(|(_, row)| !row.is_empty()) {
        let bad = |why: &str| format!("{}:{}: {why}", path.display(), line + 1);
        let fields: Vec<&str> = row.split(',').collect();
        let [file, family, label, rate, slope, counts] = fields.as_slice() else {
            return Err(bad(&format!("not the columns {LABELS}")).into());
        };
        let number =
            |text: &str| text.parse::<f64>().map_err(|_| bad(&format!("{text:?} is not a number")));
        let truth = match *label {
            "no leak" => Truth::NoLeak,
            "leak" => Truth::Leak { slope: number(slope)? },
            other => return Err(bad(&format!("{other:?}: say `leak` or `no leak`")).into()),
        };
        let readings = readings(&folder.join(file))?;
        let span = readings.last().map_or(0.0, |l| l.t_s) - readings.first().map_or(0.0, |f| f.t_s);
        let series = Series {
            family: family.replace(';', ","),
            rate: number(rate)?,
            hours: span / 3600.0,
            truth,
            counts: *counts == "1",
            readings,
        };
        read.push(((*file).to_owned(), series));
    }
    Ok(read)
}

fn readings(path: &Path) -> Result<Vec<Reading>, FileError> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut lines = text.lines().enumerate();
    let header: Vec<&str> = lines.next().map_or("", |(_, line)| line).split(',').collect();
    let column = |name: &str| header.iter().position(|h| h.trim() == name);
    let (Some(t), Some(anon)) = (column("t_s"), column("anon")) else {
        return Err(format!("{}: no columns t_s and anon", path.display()).into());
    };
    let optional = ["epoch", "fault", "requests"].map(column);
    let mut readings = Vec::new();
    for (line, row) in lines {
        let fields: Vec<&str> = row.split(',').map(str::trim).collect();
        let number = |column: usize| {
            let text = fields.get(column).copied().unwrap_or_default();
            let at = format!("{}:{}", path.display(), line + 1);
            text.parse::<f64>().map_err(|_| format!("{at}: {text:?} is not a number"))
        };
        let [epoch, fault, requests] = optional.map(|c| c.map_or(Ok(0.0), number));
        readings.push(Reading {
            t_s: number(t)?,
            value: number(anon)?,
            epoch: epoch? as u32,
            fault: fault? > 0.0,
            requests: requests?,
        });
    }
    Ok(readings)
}
