//! Quantities with their units: the texts of the experiment file, and the types that cross rooms.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a text is not a quantity. The message says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a {what}: write for example {example}")]
pub struct UnitError {
    /// What was found.
    pub given: String,
    /// The quantity that was wanted.
    pub what: &'static str,
    /// A text that would be right.
    pub example: &'static str,
}

fn split_number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let number: f64 = text[..end].replace('_', "").parse().ok()?;
    number.is_finite().then_some((number, text[end..].trim()))
}

macro_rules! text_serde {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = UnitError;
            fn try_from(s: String) -> Result<Self, UnitError> {
                s.parse()
            }
        }
        impl From<$name> for String {
            fn from(v: $name) -> String {
                v.to_string()
            }
        }
    };
}

/// Arrivals per second, 0 to 1 000 000. Text: `50/s`, `3000/m`, `100/h`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(f64);
text_serde!(Rate);

impl Rate {
    /// From arrivals per second.
    pub fn per_second(n: f64) -> Self {
        Self(n)
    }
    /// Arrivals per second.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = UnitError;
    fn from_str(s: &str) -> Result<Self, UnitError> {
        let err = || UnitError {
            given: s.to_owned(),
            what: "rate (0 to 1000000/s)",
            example: "\"50/s\" or \"3000/m\"",
        };
        let (n, unit) = split_number(s).ok_or_else(err)?;
        let per = match unit {
            "/s" => 1.0,
            "/m" | "/min" => 60.0,
            "/h" => 3600.0,
            _ => return Err(err()),
        };
        let rate = n / per;
        if rate <= 1e6 { Ok(Self(rate)) } else { Err(err()) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 0.1 || self.0 == 0.0 {
            write!(f, "{}/s", trim(self.0, 6))
        } else {
            write!(f, "{}/h", trim(self.0 * 3600.0, 6))
        }
    }
}

/// Bytes. Text: `512MiB`, `10MB`, `1.5GiB`, `4096B`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);
text_serde!(Bytes);

const BYTE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl Bytes {
    /// Rounded for people, to one decimal: `213.4 MiB`.
    pub fn human(self) -> String {
        let (unit, size) =
            BYTE_UNITS[..4].iter().find(|(_, size)| self.0 >= *size).copied().unwrap_or(("B", 1));
        if size == 1 {
            format!("{} B", self.0)
        } else {
            format!("{:.1} {unit}", self.0 as f64 / size as f64)
        }
    }
}

impl FromStr for Bytes {
    type Err = UnitError;
    fn from_str(s: &str) -> Result<Self, UnitError> {
        let err =
            || UnitError { given: s.to_owned(), what: "size", example: "\"512MiB\" or \"10MB\"" };
        let (n, unit) = split_number(s).ok_or_else(err)?;
        let (_, size) =
            BYTE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(err)?;
        let bytes = n * *size as f64;
        if bytes <= 1e18 { Ok(Self(bytes as u64)) } else { Err(err()) }
    }
}

impl fmt::Display for Bytes {
    /// Exact: the largest binary unit that divides it, so that text and value are the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = BYTE_UNITS[..4]
            .iter()
            .find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size))
            .copied()
            .unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

/// A share in percent; 100 is the whole. Text: `10%`, `0.1%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(f64);
text_serde!(Percent);

impl Percent {
    /// From percent: `of(10.0)` is `10%`.
    pub fn of(percent: f64) -> Self {
        Self(percent)
    }
    /// From a fraction: `from_fraction(0.1)` is `10%`.
    pub fn from_fraction(fraction: f64) -> Self {
        Self(fraction * 100.0)
    }
    /// In percent.
    pub fn get(self) -> f64 {
        self.0
    }
    /// As a fraction: `10%` is 0.1.
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }
}

impl FromStr for Percent {
    type Err = UnitError;
    fn from_str(s: &str) -> Result<Self, UnitError> {
        let (sign, digits) = match s.trim().strip_prefix('-') {
            Some(rest) => (-1.0, rest),
            None => (1.0, s),
        };
        match split_number(digits) {
            Some((n, "%")) => Ok(Self(sign * n)),
            _ => Err(UnitError {
                given: s.to_owned(),
                what: "percentage",
                example: "\"10%\" or \"0.1%\"",
            }),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", trim(self.0, 6))
    }
}

/// Reads a duration: `250ms`, `10s`, `1h30m`, `24h`, `2days`.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let err = || UnitError {
        given: text.to_owned(),
        what: "duration",
        example: "\"30s\", \"10m\" or \"1h30m\"",
    };
    let d = humantime::parse_duration(text).map_err(|_| err())?;
    // A century bounds all arithmetic on offsets.
    if d <= Duration::from_hours(24 * 36_525) { Ok(d) } else { Err(err()) }
}

/// Writes a duration so that [`parse_duration`] reads it back: `1h 30m`.
pub fn duration(d: Duration) -> String {
    humantime::format_duration(d).to_string()
}

/// Serde for durations as text (`#[serde(with = "units::duration_text")]`).
pub mod duration_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    /// Writes `1h 30m`.
    pub fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&super::duration(*d))
    }
    /// Reads `1h 30m`.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(d)?;
        super::parse_duration(&text).map_err(serde::de::Error::custom)
    }
}

/// Serde for optional durations as text.
pub mod optional_duration_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    /// Writes `1h 30m` or null.
    pub fn serialize<S: Serializer>(d: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        match d {
            Some(d) => super::duration_text::serialize(d, s),
            None => s.serialize_none(),
        }
    }
    /// Reads `1h 30m` or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(d)?
            .map(|text| super::parse_duration(&text).map_err(serde::de::Error::custom))
            .transpose()
    }
}

/// A number with at most `digits` decimals and no trailing zeros.
pub fn trim(n: f64, digits: usize) -> String {
    let text = format!("{n:.digits$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    // Nothing must not read as minus nothing.
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back_as_themselves() {
        for text in ["50/s", "0/s", "5000/s", "100/h", "2.5/s"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["512MiB", "4096TiB", "1B", "0B", "1000B"] {
            assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
        }
        for text in ["10%", "0.1%", "-5%"] {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), text);
        }
        assert_eq!("3000/m".parse::<Rate>().unwrap().to_string(), "50/s");
        assert_eq!(Bytes(223_765_299).human(), "213.4 MiB");
        let trimmed = [(-0.04, 1), (-0.4, 0), (-0.06, 1), (2.50, 2)].map(|(n, d)| trim(n, d));
        assert_eq!(trimmed, ["0", "0", "-0.1", "2.5"]);
    }

    #[test]
    fn a_number_without_its_unit_is_refused_with_an_example() {
        for bad in ["50", "", "x/s", "-1/s", "1e9/s", "99999999/s", "/s", "50 / s"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
        assert!("512".parse::<Bytes>().is_err());
        assert!("10".parse::<Percent>().is_err());
        assert!(parse_duration("10").is_err());
        assert!(parse_duration("999999999999h").is_err());
        let text = "50".parse::<Rate>().unwrap_err().to_string();
        assert!(text.contains("50/s"), "{text}");
    }
}
