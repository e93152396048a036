//! Placing labels so that none covers another.

/// Width of a character of the charts' small text, in the drawing's units.
const CHARACTER: f64 = 6.1;

/// About how wide a text is.
pub(super) fn width(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

/// A label of the strip above a chart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    /// Index of what it labels.
    pub(super) of: usize,
    pub(super) text: String,
    /// Its middle.
    pub(super) x: f64,
    /// 0 is next to the chart.
    pub(super) row: usize,
}

/// Places labels, each wanted at a middle, in up to `rows` rows between `left` and `right`. All carry their
/// long text if all fit, else all the short one; what still has no room is left out.
pub(super) fn place(
    wanted: &[(f64, String, String)],
    rows: usize,
    left: f64,
    right: f64,
) -> Vec<Placed> {
    let long = attempt(wanted.iter().map(|w| (w.0, w.1.clone())), rows, left, right);
    if long.len() == wanted.len() {
        return long;
    }
    attempt(wanted.iter().map(|w| (w.0, w.2.clone())), rows, left, right)
}

fn attempt(
    wanted: impl Iterator<Item = (f64, String)>,
    rows: usize,
    left: f64,
    right: f64,
) -> Vec<Placed> {
    let mut ends = vec![left - 8.0; rows];
    let mut placed = Vec::new();
    for (of, (middle, text)) in wanted.enumerate() {
        let half = width(&text) / 2.0 + 3.0;
        let x = middle.min(right - half).max(left + half);
        if let Some(row) = (0..rows).find(|&row| x - half >= ends[row] + 4.0) {
            ends[row] = x + half;
            placed.push(Placed { of, text, x, row });
        }
    }
    placed
}

/// Moves heights apart, so that neighbours are at least `gap` apart and all stay between `top` and `bottom`.
/// Returns them in the order given.
pub(super) fn spread(heights: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    let mut out = heights.to_vec();
    let mut least = top;
    for &i in &order {
        out[i] = out[i].max(least);
        least = out[i] + gap;
    }
    let mut most = bottom;
    for &i in order.iter().rev() {
        out[i] = out[i].min(most);
        most = out[i] - gap;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn overlap(a: &Placed, b: &Placed) -> bool {
        a.row == b.row && (a.x - b.x).abs() < f64::midpoint(width(&a.text), width(&b.text))
    }

    proptest! {
        // No two placed labels overlap, and all lie inside.
        #[test]
        fn labels_never_overlap(mut middles in prop::collection::vec(0.0..900.0_f64, 0..60)) {
            middles.sort_by(f64::total_cmp);
            let wanted: Vec<_> =
                middles.iter().enumerate().map(|(i, x)| (*x, format!("kill-one-api-{i}"), i.to_string())).collect();
            let placed = place(&wanted, 2, 0.0, 900.0);
            for (i, a) in placed.iter().enumerate() {
                prop_assert!(a.x - width(&a.text) / 2.0 >= 0.0 && a.x + width(&a.text) / 2.0 <= 900.0);
                prop_assert!(placed[..i].iter().all(|b| !overlap(a, b)));
            }
        }

        // Neighbours are a gap apart whenever there is room for all.
        #[test]
        fn heights_are_spread(heights in prop::collection::vec(0.0..200.0_f64, 0..14)) {
            let mut out = spread(&heights, 14.0, 0.0, 200.0);
            out.sort_by(f64::total_cmp);
            prop_assert!(out.windows(2).all(|w| w[1] - w[0] >= 13.99));
            prop_assert!(out.iter().all(|y| (-0.01..=200.01).contains(y)));
        }
    }

    #[test]
    fn crowded_labels_become_numbers() {
        let wanted: Vec<_> = (0..20)
            .map(|i| (f64::from(i) * 40.0, "partition-of-api-and-store".to_owned(), i.to_string()))
            .collect();
        let placed = place(&wanted, 2, 0.0, 800.0);
        assert_eq!(placed.len(), 20);
        assert_eq!(placed[7].text, "7");
    }
}
