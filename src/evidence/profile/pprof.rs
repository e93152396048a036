//! Profiles in the format of pprof: what Go programs give, and others that took it over.
//! Source: `profile.proto` of github.com/google/pprof.

use std::collections::HashMap;

use super::protobuf::{Field, Fields, integers};
use super::sites::{FRAMES, Sites};
use crate::record::HeapSites;

/// A profile has thousands; what holds more is no profile, or would take gigabytes to read.
const MOST_SAMPLES: usize = 1_000_000;

#[derive(Default)]
struct Profile<'a> {
    /// Type and unit of each value of a sample, as places in `texts`.
    types: Vec<(u64, u64)>,
    samples: Vec<Sample>,
    mappings: HashMap<u64, Mapping>,
    locations: HashMap<u64, Location>,
    /// Name of a function, as a place in `texts`.
    functions: HashMap<u64, u64>,
    texts: Vec<&'a [u8]>,
}

struct Sample {
    locations: Vec<u64>,
    values: Vec<u64>,
}

#[derive(Default)]
struct Mapping {
    start: u64,
    offset: u64,
    file: u64,
}

#[derive(Default)]
struct Location {
    mapping: u64,
    address: u64,
    /// Innermost first: functions that were inlined there.
    functions: Vec<u64>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<HeapSites, String> {
    let profile = Profile::read(bytes)?;
    let index = profile.live_bytes()?;
    let (kind, _) = profile.types[index];
    let objects = profile.index_of("inuse_objects", "count");
    let mut sites = Sites::default();
    for sample in &profile.samples {
        let Some(bytes) = sample.values.get(index) else { continue };
        let count = objects.and_then(|index| sample.values.get(index)).copied();
        // Values are signed; a profile of what is live has none below zero.
        let positive = |n: u64| u64::try_from(n.cast_signed()).unwrap_or(0);
        let frames = profile.frames(&sample.locations);
        sites.add(frames, positive(*bytes), count.map_or(0, positive));
    }
    Ok(sites.finish("pprof", &profile.text(kind), objects.is_some()))
}

impl<'a> Profile<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut profile = Self::default();
        for field in Fields(bytes) {
            match field? {
                (1, Field::Bytes(inner)) => {
                    let [kind, unit] = numbers(inner)?;
                    profile.types.push((kind, unit));
                }
                (2, Field::Bytes(_)) if profile.samples.len() == MOST_SAMPLES => {
                    return Err(format!("it has more than {MOST_SAMPLES} samples"));
                }
                (2, Field::Bytes(inner)) => profile.samples.push(sample(inner)?),
                (3, Field::Bytes(inner)) => {
                    // Fields 1, 2 and 4 to 5: id, start, (limit,) offset, file.
                    let [id, start, _limit, offset, file] = numbers(inner)?;
                    profile.mappings.insert(id, Mapping { start, offset, file });
                }
                (4, Field::Bytes(inner)) => {
                    let (id, location) = location(inner)?;
                    profile.locations.insert(id, location);
                }
                (5, Field::Bytes(inner)) => {
                    let [id, name] = numbers(inner)?;
                    profile.functions.insert(id, name);
                }
                (6, Field::Bytes(text)) => profile.texts.push(text),
                _ => {}
            }
        }
        if profile.types.is_empty() {
            return Err("it is not a pprof profile: it says not what its values are".to_owned());
        }
        Ok(profile)
    }

    fn text(&self, place: u64) -> String {
        let text = usize::try_from(place).ok().and_then(|place| self.texts.get(place));
        text.map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
    }

    fn index_of(&self, kind: &str, unit: &str) -> Option<usize> {
        self.types.iter().position(|(k, u)| self.text(*k) == kind && self.text(*u) == unit)
    }

    /// Which value of a sample is the memory in use.
    fn live_bytes(&self) -> Result<usize, String> {
        let live = self.index_of("inuse_space", "bytes").or_else(|| {
            // Others call it differently; what was allocated in all is not what is in use.
            self.types.iter().position(|(kind, unit)| {
                self.text(*unit) == "bytes" && !self.text(*kind).contains("alloc")
            })
        });
        live.ok_or_else(|| {
            let kinds: Vec<String> = self.types.iter().map(|(kind, _)| self.text(*kind)).collect();
            format!("it does not tell what memory is in use, but {}", kinds.join(", "))
        })
    }

    fn frames(&self, locations: &[u64]) -> Vec<String> {
        let mut frames = Vec::new();
        for id in locations {
            let Some(location) = self.locations.get(id) else { continue };
            for function in &location.functions {
                let name = self.functions.get(function).map(|name| self.text(*name));
                frames.push(name.filter(|n| !n.is_empty()).unwrap_or_else(|| self.place(location)));
            }
            if location.functions.is_empty() {
                frames.push(self.place(location));
            }
            if frames.len() >= FRAMES {
                frames.truncate(FRAMES);
                break;
            }
        }
        frames
    }

    /// An address as its place in its file, which is the same in every run.
    fn place(&self, location: &Location) -> String {
        match self.mappings.get(&location.mapping) {
            Some(mapping) => {
                let file = self.text(mapping.file);
                let name = file.rsplit('/').next().unwrap_or_default();
                let at = location.address.wrapping_sub(mapping.start).wrapping_add(mapping.offset);
                format!("{name}+{at:#x}")
            }
            None => format!("{:#x}", location.address),
        }
    }
}

/// The first integers of a message by field number, from 1; zero where they are not.
fn numbers<const N: usize>(bytes: &[u8]) -> Result<[u64; N], String> {
    let mut numbers = [0; N];
    for field in Fields(bytes) {
        if let (number, Field::Varint(value)) = field?
            && let Some(place) = usize::try_from(number).ok().and_then(|n| n.checked_sub(1))
            && let Some(slot) = numbers.get_mut(place)
        {
            *slot = value;
        }
    }
    Ok(numbers)
}

fn sample(bytes: &[u8]) -> Result<Sample, String> {
    let mut sample = Sample { locations: Vec::new(), values: Vec::new() };
    for field in Fields(bytes) {
        match field? {
            (1, field) => integers(field, &mut sample.locations)?,
            (2, field) => integers(field, &mut sample.values)?,
            _ => {}
        }
    }
    Ok(sample)
}

fn location(bytes: &[u8]) -> Result<(u64, Location), String> {
    let (mut id, mut location) = (0, Location::default());
    for field in Fields(bytes) {
        match field? {
            (1, Field::Varint(value)) => id = value,
            (2, Field::Varint(value)) => location.mapping = value,
            (3, Field::Varint(value)) => location.address = value,
            (4, Field::Bytes(line)) => {
                let [function] = numbers(line)?;
                location.functions.push(function);
            }
            _ => {}
        }
    }
    Ok((id, location))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(mut value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }

    fn integer(number: u64, value: u64) -> Vec<u8> {
        [varint(number << 3), varint(value)].concat()
    }

    fn message(number: u64, inner: &[u8]) -> Vec<u8> {
        [varint(number << 3 | 2), varint(inner.len() as u64), inner.to_vec()].concat()
    }

    fn packed(number: u64, values: &[u64]) -> Vec<u8> {
        message(number, &values.iter().flat_map(|v| varint(*v)).collect::<Vec<_>>())
    }

    const TEXTS: [&str; 9] = [
        "",
        "inuse_objects",
        "count",
        "inuse_space",
        "bytes",
        "main.leak",
        "main.main",
        "/usr/bin/server",
        "alloc_space",
    ];

    fn kind(kind: u64, unit: u64) -> Vec<u8> {
        message(1, &[integer(1, kind), integer(2, unit)].concat())
    }

    /// Two functions and one address without a name.
    fn profile(types: &[Vec<u8>], samples: &[(&[u64], &[u64])]) -> Vec<u8> {
        let mut out = types.concat();
        for (locations, values) in samples {
            out.extend(message(2, &[packed(1, locations), packed(2, values)].concat()));
        }
        let mapping = [integer(1, 1), integer(2, 0x40_0000), integer(4, 0x1000), integer(5, 7)];
        out.extend(message(3, &mapping.concat()));
        for (id, function) in [(1, 1), (2, 2)] {
            let line = message(4, &integer(1, function));
            out.extend(message(4, &[integer(1, id), integer(2, 1), line].concat()));
        }
        let bare = [integer(1, 3), integer(2, 1), integer(3, 0x40_0234)].concat();
        out.extend(message(4, &bare));
        for (id, name) in [(1, 5), (2, 6)] {
            out.extend(message(5, &[integer(1, id), integer(2, name)].concat()));
        }
        for text in TEXTS {
            out.extend(message(6, text.as_bytes()));
        }
        out
    }

    #[test]
    fn stacks_are_named_and_added_up() {
        let bytes = profile(
            &[kind(1, 2), kind(3, 4)],
            &[(&[1, 2], &[1, 100]), (&[1, 2], &[2, 1900]), (&[3, 2], &[1, 512]), (&[2], &[0, 0])],
        );
        let sites = parse(&bytes).unwrap();
        assert_eq!((sites.format.as_str(), sites.figure.as_str()), ("pprof", "inuse_space"));
        assert_eq!((sites.bytes, sites.objects, sites.top.len()), (2512, Some(4), 2));
        assert_eq!(sites.top[0].frames, ["main.leak", "main.main"]);
        assert_eq!((sites.top[0].bytes, sites.top[0].objects), (2000, Some(3)));
        assert_eq!(sites.top[1].frames, ["server+0x1234", "main.main"]);
        let packed = {
            use std::io::Write as _;
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(&bytes).unwrap();
            gz.finish().unwrap()
        };
        assert_eq!(super::super::parse(&packed).unwrap(), sites);
    }

    #[test]
    fn a_profile_of_what_was_allocated_in_all_is_refused() {
        let why = parse(&profile(&[kind(8, 4)], &[(&[1], &[5])])).unwrap_err();
        assert!(why.contains("not tell what memory is in use, but alloc_space"), "{why}");
        let why = parse(&message(6, b"text")).unwrap_err();
        assert!(why.contains("not a pprof profile"), "{why}");
    }

    #[test]
    fn a_cut_profile_is_an_error_or_less_but_never_harm() {
        let bytes = profile(&[kind(3, 4)], &[(&[1, 2], &[100]), (&[9], &[1])]);
        for end in 0..bytes.len() {
            drop(parse(&bytes[..end]));
        }
        let unknown = parse(&bytes).unwrap();
        assert_eq!(unknown.bytes, 101, "a stack of unknown places still has its memory");
        assert_eq!(unknown.objects, None);
    }
}
