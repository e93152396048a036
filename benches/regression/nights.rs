//! Synthetic nights in short, equal but for chance, with the noise of real ones: for the measurement of false alarms and for
//! the test that keeps it low.

use std::collections::BTreeMap;
use std::time::Duration;

use longhaul::record::{Digest, LoadDigest, ServiceDigest};
use longhaul::seed::Rng;
use rand::Rng as _;

/// How nights of one kind vary.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    /// Windows of a night.
    pub(crate) windows: usize,
    /// Standard deviation of a window's latency, as a fraction.
    pub(crate) noise: f64,
    /// Correlation of neighbouring windows.
    pub(crate) phi: f64,
    /// Swing over the night, the same every night, as a fraction.
    pub(crate) swing: f64,
    /// Standard deviation between nights, as a fraction.
    pub(crate) between: f64,
    /// Share of windows with a burst of slowness.
    pub(crate) bursts: f64,
    /// Standard deviation of a night's own drift, as a fraction from start to end.
    pub(crate) drift: f64,
    /// Share of windows that faults take away.
    pub(crate) gaps: f64,
}

/// Nights with independent windows, about 6 % each.
pub(crate) const PLAIN: Family = Family {
    name: "plain",
    windows: 72,
    noise: 0.06,
    phi: 0.0,
    swing: 0.0,
    between: 0.02,
    bursts: 0.0,
    drift: 0.0,
    gaps: 0.0,
};

/// The kinds of nights. The spread between nights is at most the 3 % that is assumed where it was not measured.
pub(crate) const FAMILIES: [Family; 11] = [
    PLAIN,
    Family { name: "quiet, 12 windows", windows: 12, noise: 0.03, ..PLAIN },
    Family { name: "short, 24 windows", windows: 24, phi: 0.3, ..PLAIN },
    Family { name: "noisy", noise: 0.2, ..PLAIN },
    Family { name: "noisy, 24 windows", noise: 0.2, windows: 24, ..PLAIN },
    Family { name: "persistent noise", phi: 0.8, noise: 0.1, ..PLAIN },
    Family { name: "bursts", phi: 0.5, noise: 0.08, bursts: 0.05, ..PLAIN },
    Family { name: "day and night", swing: 0.3, phi: 0.4, noise: 0.06, ..PLAIN },
    Family { name: "drifting", drift: 0.06, phi: 0.3, ..PLAIN },
    Family { name: "faults every hour", gaps: 0.3, phi: 0.4, bursts: 0.02, ..PLAIN },
    Family { name: "3 % between nights", between: 0.03, phi: 0.4, ..PLAIN },
];

const STEPS: [&str; 4] = ["browse/list", "browse/item", "buy/order", "buy/pay"];
const SERVICES: [&str; 3] = ["gateway", "api", "store"];

/// Uniform from 0 to 1.
fn uniform(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Near normal: a sum of uniforms.
fn normal(rng: &mut Rng) -> f64 {
    (0..12).map(|_| uniform(rng)).sum::<f64>() - 6.0
}

/// One series of logarithms around zero.
fn wander(family: &Family, rng: &mut Rng) -> Vec<f64> {
    let level = family.between * normal(rng);
    let drift = family.drift * normal(rng);
    let mut noise = family.noise * normal(rng);
    (0..family.windows)
        .map(|k| {
            let part = k as f64 / family.windows as f64;
            let fresh = (1.0 - family.phi * family.phi).sqrt() * family.noise * normal(rng);
            noise = family.phi * noise + fresh;
            let burst =
                if uniform(rng) < family.bursts { -uniform(rng).max(1e-9).ln() } else { 0.0 };
            let swing = family.swing * (std::f64::consts::TAU * part).sin();
            level + drift * part + noise + swing + burst
        })
        .collect()
}

/// A night; everything about it is `slower` times the usual.
pub(crate) fn night(family: &Family, slower: f64, rng: &mut Rng) -> Digest {
    let window = Duration::from_mins(20);
    let n = family.windows;
    let clear_s: Vec<f64> = (0..n)
        .map(|_| if uniform(rng) < family.gaps { 0.0 } else { window.as_secs_f64() })
        .collect();
    let open = |k: usize| clear_s[k] > 0.0;
    let step = |step: Option<&str>, rng: &mut Rng| {
        let mean = wander(family, rng);
        let tail = wander(&Family { noise: family.noise * 1.3, ..*family }, rng);
        let at = |k: usize, us: f64| open(k).then(|| (us * slower).round());
        let whole = |us: f64, log: &[f64]| -> Vec<Option<u64>> {
            (0..n).map(|k| at(k, us * log[k].exp()).map(|v| v as u64)).collect()
        };
        let errors = (0..n).map(|_| u64::from(uniform(rng) < 0.3)).collect();
        LoadDigest {
            step: step.map(str::to_owned),
            ended: clear_s.iter().map(|s| (s * 50.0) as u64).collect(),
            errors,
            mean_us: (0..n).map(|k| at(k, 9_000.0 * mean[k].exp())).collect(),
            p50_us: whole(7_000.0, &mean),
            p95_us: whole(24_000.0, &tail),
            p99_us: whole(60_000.0, &tail),
        }
    };
    let service = |service: &str, rng: &mut Rng| {
        let memory = wander(&Family { noise: family.noise / 2.0, bursts: 0.0, ..*family }, rng);
        let bytes = |k: usize| (2e8 * slower * memory[k].exp()) as u64;
        ServiceDigest {
            service: service.to_owned(),
            memory: (0..n).map(|k| open(k).then(|| bytes(k))).collect(),
            cpu_percent: vec![None; n],
            descriptors: vec![None; n],
            threads: vec![None; n],
        }
    };
    Digest {
        run: "20261121-020000-nights-0001".parse().expect("an id"),
        experiment: "nights".to_owned(),
        started: "2026-11-21T02:00:00Z".parse().expect("a time"),
        outcome: None,
        longhaul: "0".to_owned(),
        tags: BTreeMap::new(),
        versions: BTreeMap::new(),
        conditions: BTreeMap::new(),
        window,
        load: std::iter::once(None).chain(STEPS.map(Some)).map(|name| step(name, rng)).collect(),
        services: SERVICES.iter().map(|name| service(name, rng)).collect(),
        clear_s,
    }
}
