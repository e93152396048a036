//! The sums that a Prais-Winsten fit needs, for any correlation, without touching the windows again.
//!
//! With residuals of an AR(1) process with correlation `phi` from window to window, generalised least squares is
//! ordinary least squares on whitened rows (Prais and Winsten 1954): the first row of each life is multiplied by
//! `sqrt(1 - phi^2)`, each other one becomes `x_i - phi x_{i-1}`. Over a hole of `g` windows the correlation is
//! `phi^g`, and the row is scaled by `sqrt((1 - phi^2) / (1 - phi^2g))`. Every product of two whitened columns is
//! thus a sum of a few fixed products with weights that depend on `phi` alone.

use super::envelope::Window;

/// Products of the columns, by distance of neighbouring windows.
pub(super) struct Products {
    columns: usize,
    rows: usize,
    lives: usize,
    /// Of first rows with themselves.
    first: Vec<f64>,
    /// By distance.
    steps: Vec<Step>,
    /// Per life: sums over the rows.
    sums: Vec<LifeSums>,
}

/// Pairs of neighbouring rows that lie `distance` windows apart.
struct Step {
    distance: i32,
    count: f64,
    /// Later with later, later with earlier (both ways), earlier with earlier.
    late: Vec<f64>,
    cross: Vec<f64>,
    early: Vec<f64>,
}

struct LifeSums {
    first: Vec<f64>,
    /// By distance, in the order of `steps`: count, sum of the later rows, sum of the earlier ones.
    pairs: Vec<(f64, Vec<f64>, Vec<f64>)>,
}

/// The products at one correlation, with the lives' intercepts taken out.
pub(super) struct Gram {
    columns: usize,
    values: Vec<f64>,
    /// Squared length of each column before its intercepts were taken out.
    lengths: Vec<f64>,
    /// Log-determinant of the residuals' correlation matrix.
    pub(super) log_correlation: f64,
    /// Log-determinant of the intercepts' information.
    pub(super) log_intercepts: f64,
}

impl Products {
    /// From rows in the order of the windows; each holds all columns.
    pub(super) fn new(windows: &[Window], rows: &[Vec<f64>], lives: usize) -> Self {
        let columns = rows.first().map_or(0, Vec::len);
        let distance = |i: usize| (windows[i].place - windows[i - 1].place) as i32;
        let follows = |i: usize| i > 0 && windows[i].life == windows[i - 1].life;
        let mut distances: Vec<i32> =
            (0..rows.len()).filter(|i| follows(*i)).map(distance).collect();
        distances.sort_unstable();
        distances.dedup();
        let square = || vec![0.0; columns * columns];
        let line = || vec![0.0; columns];
        let mut all = Self {
            columns,
            rows: rows.len(),
            lives,
            first: square(),
            steps: distances
                .iter()
                .map(|distance| Step {
                    distance: *distance,
                    count: 0.0,
                    late: square(),
                    cross: square(),
                    early: square(),
                })
                .collect(),
            sums: (0..lives)
                .map(|_| LifeSums {
                    first: line(),
                    pairs: distances.iter().map(|_| (0.0, line(), line())).collect(),
                })
                .collect(),
        };
        for (i, row) in rows.iter().enumerate() {
            let sums = &mut all.sums[windows[i].life];
            if !follows(i) {
                outer(&mut all.first, row, row);
                add(&mut sums.first, row);
                continue;
            }
            let before = &rows[i - 1];
            let Ok(k) = distances.binary_search(&distance(i)) else { continue };
            let step = &mut all.steps[k];
            step.count += 1.0;
            outer(&mut step.late, row, row);
            outer(&mut step.early, before, before);
            outer(&mut step.cross, row, before);
            outer(&mut step.cross, before, row);
            let (count, late, early) = &mut sums.pairs[k];
            *count += 1.0;
            add(late, row);
            add(early, before);
        }
        all
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of intercepts.
    pub(super) fn lives(&self) -> usize {
        self.lives
    }

    /// The products at correlation `phi`, at least 0 and less than 1.
    pub(super) fn at(&self, phi: f64) -> Gram {
        let columns = self.columns;
        let head = 1.0 - phi * phi;
        let mut values: Vec<f64> = self.first.iter().map(|v| head * v).collect();
        let mut log_correlation = -(self.lives as f64) * head.ln();
        // Per distance: correlation over it, and the squared scale of its rows.
        let weights: Vec<(f64, f64)> = self
            .steps
            .iter()
            .map(|step| {
                let reach = phi.powi(step.distance);
                (reach, if phi > 0.0 { head / (1.0 - reach * reach) } else { 1.0 })
            })
            .collect();
        for (step, (reach, scale)) in self.steps.iter().zip(&weights) {
            let (cross, early) = (scale * reach, scale * reach * reach);
            for (i, value) in values.iter_mut().enumerate() {
                *value += scale * step.late[i] - cross * step.cross[i] + early * step.early[i];
            }
            log_correlation -= step.count * scale.ln();
        }
        let lengths = (0..columns).map(|i| values[i * columns + i]).collect();
        let mut log_intercepts = 0.0;
        let mut along = vec![0.0; columns];
        for life in &self.sums {
            let mut length = head;
            for (along, first) in along.iter_mut().zip(&life.first) {
                *along = head * first;
            }
            for ((count, late, early), (reach, scale)) in life.pairs.iter().zip(&weights) {
                let one = scale * (1.0 - reach);
                length += one * (1.0 - reach) * count;
                for (i, along) in along.iter_mut().enumerate() {
                    *along += one * (late[i] - reach * early[i]);
                }
            }
            log_intercepts += length.ln();
            for (i, a) in along.iter().enumerate() {
                let a = a / length;
                for (value, b) in values[i * columns..][..=i].iter_mut().zip(&along) {
                    *value -= a * b;
                }
            }
        }
        Gram { columns, values, lengths, log_correlation, log_intercepts }
    }
}

impl Gram {
    /// Product of two columns.
    pub(super) fn product(&self, i: usize, j: usize) -> f64 {
        let (i, j) = if i >= j { (i, j) } else { (j, i) };
        self.values[i * self.columns + j]
    }

    /// Squared length of a column before the intercepts were taken out.
    pub(super) fn length(&self, i: usize) -> f64 {
        self.lengths[i]
    }
}

/// Adds the lower triangle of `a b'`.
fn outer(sum: &mut [f64], a: &[f64], b: &[f64]) {
    let columns = a.len();
    for (i, x) in a.iter().enumerate() {
        for (s, y) in sum[i * columns..][..=i].iter_mut().zip(b) {
            *s += x * y;
        }
    }
}

fn add(sum: &mut [f64], row: &[f64]) {
    for (s, x) in sum.iter_mut().zip(row) {
        *s += x;
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::WindowLoad;
    use super::*;

    /// Whitens row by row, as the definition says, and takes the intercepts out one after the other.
    fn by_definition(windows: &[Window], rows: &[Vec<f64>], phi: f64) -> Vec<Vec<f64>> {
        let columns = rows[0].len();
        let white = |i: usize, x: &dyn Fn(usize) -> f64| {
            if i == 0 || windows[i].life != windows[i - 1].life {
                return x(i) * (1.0 - phi * phi).sqrt();
            }
            let reach = phi.powi((windows[i].place - windows[i - 1].place) as i32);
            (x(i) - reach * x(i - 1)) * ((1.0 - phi * phi) / (1.0 - reach * reach)).sqrt()
        };
        let n = rows.len();
        let mut whitened: Vec<Vec<f64>> =
            (0..columns).map(|c| (0..n).map(|i| white(i, &|i| rows[i][c])).collect()).collect();
        for life in 0..=windows[n - 1].life {
            let one: Vec<f64> = (0..n)
                .map(|i| if windows[i].life == life { white(i, &|_| 1.0) } else { 0.0 })
                .collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
            for column in &mut whitened {
                let share = dot(column, &one) / dot(&one, &one);
                column.iter_mut().zip(&one).for_each(|(x, o)| *x -= share * o);
            }
        }
        whitened
    }

    #[test]
    fn sums_give_what_whitening_row_by_row_gives() {
        let places = [(0, 0), (0, 1), (0, 2), (0, 5), (0, 6), (1, 1), (1, 2), (1, 4), (1, 5)];
        let windows: Vec<Window> = places
            .iter()
            .map(|(life, place)| Window {
                age: *place as f64,
                at: 0.0,
                low: 0.0,
                life: *life,
                place: *place,
                load: WindowLoad::default(),
            })
            .collect();
        let rows: Vec<Vec<f64>> = (0..9)
            .map(|i| (0..3).map(|c| f64::from((i * 7 + c * 5 + i * i * c) % 11)).collect())
            .collect();
        for phi in [0.0, 0.3, 0.9] {
            let gram = Products::new(&windows, &rows, 2).at(phi);
            let expected = by_definition(&windows, &rows, phi.max(1e-12));
            for i in 0..3 {
                for j in 0..3 {
                    let by_rows: f64 =
                        expected[i].iter().zip(&expected[j]).map(|(x, y)| x * y).sum();
                    let by_sums = gram.product(i, j);
                    assert!((by_rows - by_sums).abs() < 1e-9, "{phi} {i} {j}: {by_rows} {by_sums}");
                }
            }
        }
    }
}
