//! Readings of one subject as one block of bytes, column by column. A fresh sample is a chunk of one.

use super::codec::{CodecError, get_byte, get_column, get_varint, put_column, put_varint};
use crate::clock::Offset;
use crate::record::Reading;

/// One reading in its series: when, in which life of the process, and the figures.
pub(super) type Point = (Offset, u32, Reading);

/// The figures of today.
const FORMAT: u8 = 2;
const FIGURES: usize = 18;
/// Before there were CPU limits.
const FORMAT_1: u8 = 1;
const FIGURES_1: usize = 17;
/// More than any writer puts into one chunk; damaged bytes can't ask for more memory than this needs.
const MAX_ROWS: u64 = 1 << 20;

/// Packs readings in the order given.
pub(super) fn encode(points: &[Point]) -> Vec<u8> {
    let mut out = vec![FORMAT];
    put_varint(&mut out, points.len() as u64);
    let at: Vec<_> = points.iter().map(|p| Some(p.0.as_micros())).collect();
    let epoch: Vec<_> = points.iter().map(|p| Some(u64::from(p.1))).collect();
    put_column(&mut out, &at);
    put_column(&mut out, &epoch);
    let rows: Vec<_> = points.iter().map(|p| figures(&p.2)).collect();
    for figure in 0..FIGURES {
        let column: Vec<_> = rows.iter().map(|row| row[figure]).collect();
        put_column(&mut out, &column);
    }
    out
}

/// Unpacks readings.
pub(super) fn decode(mut bytes: &[u8]) -> Result<Vec<Point>, CodecError> {
    let stored = match get_byte(&mut bytes)? {
        FORMAT => FIGURES,
        FORMAT_1 => FIGURES_1,
        _ => return Err(CodecError::Invalid),
    };
    let rows = get_varint(&mut bytes)?;
    if rows > MAX_ROWS {
        return Err(CodecError::Invalid);
    }
    let rows = rows as usize;
    let at = get_column(&mut bytes, rows)?;
    let epoch = get_column(&mut bytes, rows)?;
    let columns = (0..FIGURES)
        .map(
            |figure| {
                if figure < stored { get_column(&mut bytes, rows) } else { Ok(vec![None; rows]) }
            },
        )
        .collect::<Result<Vec<_>, CodecError>>()?;
    (0..rows)
        .map(|row| {
            let at = Offset::from_micros(at[row].ok_or(CodecError::Invalid)?);
            let epoch =
                epoch[row].and_then(|e| u32::try_from(e).ok()).ok_or(CodecError::Invalid)?;
            Ok((at, epoch, reading(&std::array::from_fn(|figure| columns[figure][row]))))
        })
        .collect()
}

fn figures(reading: &Reading) -> [Option<u64>; FIGURES] {
    let Reading {
        anon,
        file,
        kernel,
        working_set,
        limit,
        cpu_us,
        throttled_us,
        pids,
        fds,
        net_rx,
        net_tx,
        blk_read,
        blk_write,
        oom_kills,
        restarts,
        load_milli,
        disk_free,
        cpu_limit_milli,
    } = *reading;
    [
        anon,
        file,
        kernel,
        working_set,
        limit,
        cpu_us,
        throttled_us,
        pids,
        fds,
        net_rx,
        net_tx,
        blk_read,
        blk_write,
        oom_kills,
        restarts,
        load_milli,
        disk_free,
        cpu_limit_milli,
    ]
}

fn reading(figures: &[Option<u64>; FIGURES]) -> Reading {
    let [
        anon,
        file,
        kernel,
        working_set,
        limit,
        cpu_us,
        throttled_us,
        pids,
        fds,
        net_rx,
        net_tx,
        blk_read,
        blk_write,
        oom_kills,
        restarts,
        load_milli,
        disk_free,
        cpu_limit_milli,
    ] = *figures;
    Reading {
        anon,
        file,
        kernel,
        working_set,
        limit,
        cpu_us,
        throttled_us,
        pids,
        fds,
        net_rx,
        net_tx,
        blk_read,
        blk_write,
        oom_kills,
        restarts,
        load_milli,
        disk_free,
        cpu_limit_milli,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point() -> impl Strategy<Value = Point> {
        (any::<u64>(), any::<u32>(), any::<[Option<u64>; FIGURES]>())
            .prop_map(|(at, epoch, row)| (Offset::from_micros(at), epoch, reading(&row)))
    }

    proptest! {
        // decode(encode(points)) = points.
        #[test]
        fn every_chunk_reads_back(points in prop::collection::vec(point(), 0..40)) {
            prop_assert_eq!(decode(&encode(&points)).unwrap(), points);
        }

        #[test]
        fn any_bytes_are_a_chunk_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(points) = decode(&bytes) {
                prop_assert_eq!(decode(&encode(&points)), Ok(points));
            }
        }
    }

    #[test]
    fn a_chunk_from_before_cpu_limits_reads_without_them() {
        let reading = Reading { anon: Some(7), disk_free: Some(9), ..Reading::default() };
        let mut bytes = encode(&[(Offset::ZERO, 3, reading)]);
        bytes[0] = FORMAT_1;
        bytes.pop();
        assert_eq!(decode(&bytes).unwrap(), [(Offset::ZERO, 3, reading)]);
    }

    #[test]
    fn a_chunk_of_another_format_is_refused() {
        let mut bytes = encode(&[(Offset::ZERO, 0, Reading::default())]);
        bytes[0] = 9;
        assert_eq!(decode(&bytes), Err(CodecError::Invalid));
    }
}
