//! Columns of integers as few bytes: variable-length integers of differences.

/// Why bytes are not a column.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodecError {
    /// They end too early.
    #[error("the bytes end too early")]
    Short,
    /// They hold something no encoder wrote.
    #[error("the bytes are not what an encoder writes")]
    Invalid,
}

const ABSENT: u8 = 0;
const CONSTANT: u8 = 1;
const DELTA: u8 = 2;
const DELTA_OF_DELTA: u8 = 3;
/// Set when some entries are absent: a bitmap of the present ones follows the tag.
const MIXED: u8 = 0x10;

/// Appends one column. Any figures fit; steady or steadily growing ones take about a byte each.
pub(super) fn put_column(out: &mut Vec<u8>, column: &[Option<u64>]) {
    let values: Vec<u64> = column.iter().filter_map(|v| *v).collect();
    let Some(&first) = values.first() else {
        out.push(ABSENT);
        return;
    };
    let mixed = if values.len() == column.len() { 0 } else { MIXED };
    let (mut delta, mut second) = (Vec::new(), Vec::new());
    let (mut previous, mut step) = (first, 0_i64);
    for &value in &values[1..] {
        let d = value.wrapping_sub(previous) as i64;
        put_varint(&mut delta, zigzag(d));
        put_varint(&mut second, zigzag(d.wrapping_sub(step)));
        (previous, step) = (value, d);
    }
    let (tag, body) = if values.iter().all(|v| *v == first) {
        (CONSTANT, Vec::new())
    } else if second.len() < delta.len() {
        (DELTA_OF_DELTA, second)
    } else {
        (DELTA, delta)
    };
    out.push(tag | mixed);
    if mixed != 0 {
        for eight in column.chunks(8) {
            let byte = eight.iter().rev().fold(0, |bits, v| bits << 1 | u8::from(v.is_some()));
            out.push(byte);
        }
    }
    put_varint(out, first);
    out.extend(body);
}

/// Takes one column of `rows` entries off the front of `bytes`.
pub(super) fn get_column(bytes: &mut &[u8], rows: usize) -> Result<Vec<Option<u64>>, CodecError> {
    let tag = get_byte(bytes)?;
    if tag == ABSENT {
        return Ok(vec![None; rows]);
    }
    let mut present = vec![true; rows];
    if tag & MIXED != 0 {
        for eight in present.chunks_mut(8) {
            let byte = get_byte(bytes)?;
            for (bit, flag) in eight.iter_mut().enumerate() {
                *flag = byte >> bit & 1 == 1;
            }
        }
    }
    let kind = tag & !MIXED;
    let (mut value, mut step, mut started) = (get_varint(bytes)?, 0_i64, false);
    present
        .into_iter()
        .map(|is_there| {
            if !is_there {
                return Ok(None);
            }
            if started {
                step = match kind {
                    CONSTANT => 0,
                    DELTA => unzigzag(get_varint(bytes)?),
                    DELTA_OF_DELTA => step.wrapping_add(unzigzag(get_varint(bytes)?)),
                    _ => return Err(CodecError::Invalid),
                };
                value = value.wrapping_add(step as u64);
            }
            started = true;
            Ok(Some(value))
        })
        .collect()
}

/// Appends an integer: seven bits a byte, low ones first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes an integer off the front of `bytes`.
pub(super) fn get_varint(bytes: &mut &[u8]) -> Result<u64, CodecError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = get_byte(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(CodecError::Invalid)
}

/// Takes one byte off the front of `bytes`.
pub(super) fn get_byte(bytes: &mut &[u8]) -> Result<u8, CodecError> {
    let (first, rest) = bytes.split_first().ok_or(CodecError::Short)?;
    *bytes = rest;
    Ok(*first)
}

fn zigzag(n: i64) -> u64 {
    (n << 1 ^ n >> 63) as u64
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(column: &[Option<u64>]) -> Vec<u8> {
        let mut out = Vec::new();
        put_column(&mut out, column);
        out
    }

    proptest! {
        // decode(encode(column)) = column, and nothing is left over.
        #[test]
        fn every_column_reads_back(column in prop::collection::vec(any::<Option<u64>>(), 0..100)) {
            let bytes = encoded(&column);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(get_column(&mut rest, column.len()).unwrap(), column);
            prop_assert!(rest.is_empty());
        }

        // No bytes make the decoder panic.
        #[test]
        fn any_bytes_are_a_column_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(column) = get_column(&mut bytes.as_slice(), 20) {
                prop_assert_eq!(column.len(), 20);
            }
        }
    }

    #[test]
    fn steady_columns_are_small() {
        let steady: Vec<_> = (0..60).map(|_| Some(1 << 30)).collect();
        assert!(encoded(&steady).len() <= 8);
        let counter: Vec<_> = (0..60).map(|n| Some(1_000_000 * n + n % 3)).collect();
        assert!(encoded(&counter).len() <= 70, "{}", encoded(&counter).len());
        assert_eq!(encoded(&[None; 60]).len(), 1);
    }

    #[test]
    fn a_cut_column_is_an_error() {
        let bytes = encoded(&[Some(1), Some(900), None, Some(7)]);
        for end in 0..bytes.len() {
            assert_eq!(get_column(&mut &bytes[..end], 4), Err(CodecError::Short), "{end}");
        }
    }
}
