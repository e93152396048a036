//! Every series judged by every method.

use longhaul::seed::Seed;

use crate::leak_corpus::{Call, FAMILIES, Method, Opinion, Order, Series, Truth};
use crate::pool;

/// One series, judged.
pub(crate) struct Outcome {
    /// Names the series; with the seed, enough to draw it again.
    pub(crate) name: String,
    pub(crate) family: String,
    pub(crate) rate: f64,
    pub(crate) hours: f64,
    pub(crate) truth: Truth,
    /// Whether it counts things.
    pub(crate) counts: bool,
    /// Whether the bar on detection covers it.
    pub(crate) ordinary: bool,
    /// Whether leak and no leak can be told apart at all.
    pub(crate) decidable: bool,
    /// One of each method.
    pub(crate) opinions: Vec<Opinion>,
}

impl Outcome {
    fn new(name: String, series: &Series, methods: &[&dyn Method]) -> Self {
        let known = FAMILIES.iter().find(|f| f.name == series.family);
        Self {
            name,
            family: series.family.clone(),
            rate: series.rate,
            hours: series.hours,
            truth: series.truth,
            counts: series.counts,
            ordinary: known.is_some_and(|f| f.ordinary),
            decidable: known.is_none_or(|f| series.hours >= f.decidable_from),
            opinions: methods.iter().map(|m| m.judge(series)).collect(),
        }
    }

    /// What a method called it.
    pub(crate) fn call(&self, method: usize) -> Call {
        self.opinions[method].call
    }

    /// Whether a method says that it leaks.
    pub(crate) fn alarm(&self, method: usize) -> bool {
        self.call(method) == Call::Leaking
    }

    /// Whether it lasts so many hours.
    pub(crate) fn lasts(&self, hours: f64) -> bool {
        (self.hours - hours).abs() < 1e-9
    }

    /// Whether it was asked to grow by so many percent an hour.
    pub(crate) fn grows(&self, rate: f64) -> bool {
        (self.rate - rate).abs() < 1e-9
    }

    /// Whether nothing leaks.
    pub(crate) fn calm(&self) -> bool {
        self.truth == Truth::NoLeak
    }

    /// Whether it must not be called stable: it leaks 2 %/h and more, and faster than five things in the 24 h asked about,
    /// which nobody minds of a count.
    pub(crate) fn grave(&self) -> bool {
        let allowed = if self.counts { 5.0 / 24.0 } else { 0.0 };
        self.rate >= 2.0 && matches!(self.truth, Truth::Leak { slope } if slope > allowed)
    }

    /// Whether the bar on false alarms covers it.
    pub(crate) fn tests_alarms(&self) -> bool {
        self.calm() && self.hours >= 3.0 && self.decidable
    }

    /// A method's slope less the true one, relative to that; none where either is missing.
    pub(crate) fn slope_error(&self, method: usize) -> Option<f64> {
        let Truth::Leak { slope } = self.truth else { return None };
        Some(self.opinions[method].estimate?.slope / slope - 1.0)
    }
}

/// Everything that was judged.
pub(crate) struct Study {
    /// The methods' names; the first is longhaul's.
    pub(crate) methods: Vec<&'static str>,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Study {
    /// Draws the series asked for and judges them.
    pub(crate) fn run(orders: &[Order], root: Seed, methods: &[&dyn Method], jobs: usize) -> Self {
        let outcomes = pool::each("judged", orders.len(), jobs, |i| {
            Outcome::new(orders[i].name(), &orders[i].series(root), methods)
        });
        Self { methods: methods.iter().map(|m| m.name()).collect(), outcomes }
    }

    /// Judges real series.
    pub(crate) fn of_real(real: Vec<(String, Series)>, methods: &[&dyn Method]) -> Self {
        let judged = |(name, series)| Outcome::new(name, &series, methods);
        Self {
            methods: methods.iter().map(|m| m.name()).collect(),
            outcomes: real.into_iter().map(judged).collect(),
        }
    }

    /// Names of the families that have outcomes of a kind, in the order of the corpus.
    pub(crate) fn families(&self, kind: impl Fn(&Outcome) -> bool) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for outcome in self.outcomes.iter().filter(|o| kind(o)) {
            if names.last() != Some(&outcome.family.as_str()) {
                names.push(&outcome.family);
            }
        }
        names
    }

    /// The outcomes of a kind.
    pub(crate) fn some(&self, kind: impl Fn(&Outcome) -> bool) -> Vec<&Outcome> {
        self.outcomes.iter().filter(|o| kind(o)).collect()
    }
}
