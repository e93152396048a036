//! A series cut into windows of equal length.

use crate::leak_corpus::series::Reading;

/// `(hour of the middle, figure)` of every window that has readings.
pub(super) fn windows<'a>(
    readings: impl IntoIterator<Item = &'a Reading>,
    seconds: f64,
    figure: impl Fn(&[f64]) -> f64,
) -> Vec<(f64, f64)> {
    let mut done = Vec::new();
    let mut open: Option<(u64, Vec<f64>)> = None;
    let mut close = |window: u64, values: &[f64]| {
        done.push(((window as f64 + 0.5) * seconds / 3600.0, figure(values)));
    };
    for reading in readings {
        let window = (reading.t_s / seconds) as u64;
        match &mut open {
            Some((current, values)) if *current == window => values.push(reading.value),
            _ => {
                if let Some((before, values)) = open.take() {
                    close(before, &values);
                }
                open = Some((window, vec![reading.value]));
            }
        }
    }
    if let Some((last, values)) = open {
        close(last, &values);
    }
    done
}

/// The arithmetic mean.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The least value.
pub(super) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The middle value, the upper of two; zero of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
