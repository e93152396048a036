//! How often the regression rule is wrong: equal nights it calls regressed, and slower ones it does not.
//!
//! `cargo bench --bench regression [-- PAIRS]` compares so many pairs (default 300) of synthetic nights of every kind in
//! `nights.rs`, 23 figures each, and prints false alarms per figure and per comparison, detection, and what two plainer
//! rules would have said. Fails when more than 3 % of the comparisons of equal nights alarm at the fail line.

mod nights;

use longhaul::record::{Comparison, Digest, Terms, Tier};
use longhaul::seed::{Rng, Seed};
use longhaul::verdict;
use nights::{FAMILIES, Family, PLAIN, night};

const BAR: f64 = 3.0;

/// Few windows that all resemble their neighbours: one slow spell lasts for most of the run.
const CLINGING: Family =
    Family { name: "clinging, 24 windows", windows: 24, phi: 0.9, noise: 0.12, ..PLAIN };

/// Nights that differ more than is assumed: only a measured spread can tell.
const RESTLESS: Family = Family { name: "10 % between nights", between: 0.1, ..PLAIN };

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pairs: usize = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(300);
    let mut rng = Seed(20_261_121).rng();
    say(&format!("{pairs} pairs of nights of each kind; all in percent\n"));
    say(
        "equal nights             at the fail line    at the warn line    median ratio   Mann-Whitney",
    );
    say("                         figures comparisons figures comparisons alone: fail    1 %");
    let mut all = Tally::default();
    for family in &FAMILIES {
        let tally = equal(family, pairs, &mut rng, |_, _| Terms::default());
        say(&tally.line(family.name));
        all.add(&tally);
    }
    say(&all.line("all"));
    say("\nnot counted: more than a comparison of two runs can know");
    let clinging = equal(&CLINGING, pairs, &mut rng, |_, _| Terms::default());
    say(&clinging.line(CLINGING.name));
    let assumed = equal(&RESTLESS, pairs, &mut rng, |_, _| Terms::default());
    say(&assumed.line("10 % between, assumed 3 %"));
    let measured = equal(&RESTLESS, pairs, &mut rng, |a, rng| {
        let mut history: Vec<Digest> = (0..4).map(|_| night(&RESTLESS, 1.0, rng)).collect();
        history.push(a.clone());
        Terms { spread: verdict::spread(&history, a, &[]), ..Terms::default() }
    });
    say(&measured.line("10 % between, measured"));

    say("\nslower nights: comparisons that fail (at least one figure), and figures that fail");
    say("                                +15 %          +25 %          +35 %          +50 %");
    for family in &FAMILIES {
        let found = [1.15, 1.25, 1.35, 1.5].map(|slower| {
            let mut tally = Tally::default();
            for _ in 0..pairs / 3 {
                let (a, b) = (night(family, 1.0, &mut rng), night(family, slower, &mut rng));
                tally.count(&compare(&a, &b, &Terms::default()));
            }
            let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
            format!(
                "{:5.1} {:5.1}",
                share(tally.comparisons[1], tally.total.1),
                // Throughput and errors are not slower.
                share(tally.figures[1], tally.total.1 * 13)
            )
        });
        say(&format!("{:28}{}", family.name, found.map(|f| format!("{f:>15}")).join("")));
    }
    let share = 100.0 * all.comparisons[1] as f64 / all.total.1 as f64;
    let worst = format!("{share:.2} % of the comparisons of equal nights fail; the bar is {BAR} %");
    say(&format!("\n{worst}"));
    if share <= BAR { Ok(()) } else { Err(worst.into()) }
}

fn compare(a: &Digest, b: &Digest, terms: &Terms) -> Comparison {
    verdict::compare(("a", a), ("b", b), terms)
}

fn equal(
    family: &Family,
    pairs: usize,
    rng: &mut Rng,
    terms: impl Fn(&Digest, &mut Rng) -> Terms,
) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..pairs {
        let a = night(family, 1.0, rng);
        let terms = terms(&a, rng);
        let b = night(family, 1.0, rng);
        let comparison = compare(&a, &b, &terms);
        tally.count(&comparison);
        tally.count_plain(&comparison, &a, &b);
    }
    tally
}

/// What was found: `[warn or fail, fail]`.
#[derive(Default)]
struct Tally {
    figures: [usize; 2],
    comparisons: [usize; 2],
    /// Figures and comparisons.
    total: (usize, usize),
    ratio: usize,
    ranks: usize,
}

impl Tally {
    fn count(&mut self, c: &Comparison) {
        let of = |tier| c.of_tier(tier).count();
        let (warned, failed) = (of(Tier::Warn), of(Tier::Fail));
        self.figures[0] += warned + failed;
        self.figures[1] += failed;
        self.comparisons[0] += usize::from(warned + failed > 0);
        self.comparisons[1] += usize::from(failed > 0);
        self.total.0 += c.findings.len();
        self.total.1 += 1;
    }

    /// What plainer rules say: the ratio of the medians against the fail line, and Mann-Whitney's test at 1 %.
    fn count_plain(&mut self, c: &Comparison, a: &Digest, b: &Digest) {
        let ratio = c.findings.iter().any(|f| {
            f.change.is_some_and(|x| {
                let worse = if f.figure.metric.more_is_better() { -x.change } else { x.change };
                worse > f.line.fail.fraction()
            })
        });
        let ranks = c.findings.iter().any(|f| {
            let of = |d: &Digest| d.values(&f.figure).into_iter().flatten().collect::<Vec<f64>>();
            !f.figure.metric.by_difference() && slower_by_ranks(&of(a), &of(b))
        });
        self.ratio += usize::from(ratio);
        self.ranks += usize::from(ranks);
    }

    fn add(&mut self, other: &Self) {
        for i in 0..2 {
            self.figures[i] += other.figures[i];
            self.comparisons[i] += other.comparisons[i];
        }
        self.total = (self.total.0 + other.total.0, self.total.1 + other.total.1);
        self.ratio += other.ratio;
        self.ranks += other.ranks;
    }

    fn line(&self, name: &str) -> String {
        let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
        let (figures, comparisons) = self.total;
        format!(
            "{name:26}{:6.2}   {:8.2}  {:7.2}   {:8.2}  {:10.1}  {:12.1}",
            share(self.figures[1], figures),
            share(self.comparisons[1], comparisons),
            share(self.figures[0], figures),
            share(self.comparisons[0], comparisons),
            share(self.ratio, comparisons),
            share(self.ranks, comparisons),
        )
    }
}

/// Mann-Whitney, one-sided at 1 %, normal approximation, every window taken as independent.
fn slower_by_ranks(a: &[f64], b: &[f64]) -> bool {
    let wins: f64 = a
        .iter()
        .flat_map(|x| {
            b.iter().map(
                move |y| if y > x { 1.0 } else { f64::from(u8::from((y - x).abs() < 1e-12)) / 2.0 },
            )
        })
        .sum();
    let (n, m) = (a.len() as f64, b.len() as f64);
    let sd = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (wins - n * m / 2.0) / sd > 2.326
}

#[expect(clippy::print_stdout, reason = "a measurement prints its figures")]
fn say(line: &str) {
    println!("{line}");
}
