//! Scraped values of one instance as one block of bytes, column by column.

use super::codec::{CodecError, get_byte, get_column, get_varint, put_column, put_varint};
use crate::clock::Offset;

const FORMAT: u8 = 1;
/// Every value of the column is a whole number within [`EXACT`].
const WHOLE: u8 = 0;
/// The values' own bits.
const BITS: u8 = 1;
/// Whole numbers up to here are exact in 64 bits of floating point.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// More than any writer puts into one chunk; damaged bytes can't ask for more memory than this needs.
const MAX: u64 = 1 << 16;

/// The number under which a series' name is kept, and its values.
pub(super) type Column = (u64, Vec<Option<f64>>);

/// Packs columns, each as long as `at`.
pub(super) fn encode(at: &[Offset], columns: &[Column]) -> Vec<u8> {
    let mut out = vec![FORMAT];
    put_varint(&mut out, at.len() as u64);
    put_varint(&mut out, columns.len() as u64);
    put_column(&mut out, &at.iter().map(|at| Some(at.as_micros())).collect::<Vec<_>>());
    for (name, values) in columns {
        put_varint(&mut out, *name);
        let whole = values.iter().flatten().all(|v| is_whole(*v));
        out.push(if whole { WHOLE } else { BITS });
        let coded: Vec<Option<u64>> = values
            .iter()
            .map(|v| v.map(|v| if whole { (v as i64) as u64 } else { v.to_bits() }))
            .collect();
        put_column(&mut out, &coded);
    }
    out
}

/// Unpacks columns.
pub(super) fn decode(mut bytes: &[u8]) -> Result<(Vec<Offset>, Vec<Column>), CodecError> {
    if get_byte(&mut bytes)? != FORMAT {
        return Err(CodecError::Invalid);
    }
    let (rows, count) = (get_varint(&mut bytes)?, get_varint(&mut bytes)?);
    // Each column takes at least two bytes: a count past that is damage.
    if rows > MAX || count > MAX || count * 2 > bytes.len() as u64 {
        return Err(CodecError::Invalid);
    }
    let rows = rows as usize;
    let at = get_column(&mut bytes, rows)?;
    let at: Option<Vec<Offset>> = at.into_iter().map(|us| us.map(Offset::from_micros)).collect();
    let columns = (0..count).map(|_| {
        let name = get_varint(&mut bytes)?;
        let whole = match get_byte(&mut bytes)? {
            WHOLE => true,
            BITS => false,
            _ => return Err(CodecError::Invalid),
        };
        let value = |bits: u64| if whole { bits as i64 as f64 } else { f64::from_bits(bits) };
        let values = get_column(&mut bytes, rows)?;
        Ok((name, values.into_iter().map(|bits| bits.map(value)).collect()))
    });
    let columns = columns.collect::<Result<Vec<_>, CodecError>>()?;
    Ok((at.ok_or(CodecError::Invalid)?, columns))
}

fn is_whole(value: f64) -> bool {
    value.abs() < EXACT && value.fract() == 0.0 && (value != 0.0 || value.is_sign_positive())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Option<f64>> {
        prop_oneof![
            Just(None),
            any::<i32>().prop_map(|v| Some(f64::from(v))),
            any::<u64>().prop_map(|bits| Some(f64::from_bits(bits)).filter(|v| v.is_finite())),
        ]
    }

    proptest! {
        // decode(encode(x)) = x, bit by bit.
        #[test]
        fn every_chunk_reads_back(
            rows in 0_usize..12,
            pool in prop::collection::vec(prop::collection::vec(value(), 12), 0..6),
        ) {
            let at: Vec<Offset> = (0..rows).map(|r| Offset::from_micros(r as u64 * 1_000_003)).collect();
            let columns: Vec<Column> =
                pool.iter().enumerate().map(|(n, v)| (n as u64, v[..rows].to_vec())).collect();
            let (at_back, back) = decode(&encode(&at, &columns)).unwrap();
            prop_assert_eq!(at_back, at);
            let bits = |c: &[Column]| -> Vec<(u64, Vec<Option<u64>>)> {
                c.iter().map(|(n, v)| (*n, v.iter().map(|v| v.map(f64::to_bits)).collect())).collect()
            };
            prop_assert_eq!(bits(&back), bits(&columns));
        }

        #[test]
        fn any_bytes_are_a_chunk_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((at, columns)) = decode(&bytes) {
                prop_assert!(decode(&encode(&at, &columns)).is_ok());
            }
        }
    }

    #[test]
    fn a_minute_of_steady_gauges_takes_a_few_bytes_each() {
        let at: Vec<Offset> = (0..6).map(|n| Offset::from_micros(n * 10_000_000)).collect();
        let memory = (0..6).map(|n| Some(f64::from(100_000_000 + n * 4096))).collect();
        let columns = vec![(1, vec![Some(42.0); 6]), (2, memory)];
        assert!(encode(&at, &columns).len() < 40);
    }
}
