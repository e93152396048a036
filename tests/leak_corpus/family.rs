//! The families: each process as it is, each with a leak, and leaks of other kinds.

use super::draft::Draft;
use super::growth::Growth;
use super::processes::{allocator, lives, managed_heap, noise, readings, traffic, warm_up};

/// Rates of growth that leaks are drawn at, in percent of the level per hour.
pub(crate) const RATES: [f64; 5] = [0.5, 1.0, 2.0, 5.0, 10.0];
/// Lengths of series, in hours.
pub(crate) const HORIZONS: [f64; 5] = [1.0, 3.0, 6.0, 12.0, 24.0];

/// A kind of series.
pub(crate) struct Family {
    /// As tables and files name it.
    pub(crate) name: &'static str,
    /// Draws the process below the leak.
    pub(crate) process: fn(&mut Draft),
    /// How it leaks.
    pub(crate) growth: Growth,
    /// Whether the bar on detection covers it: a straight leak on a process as most are.
    pub(crate) ordinary: bool,
    /// Below this many hours, a leak and no leak look the same, so that no verdict is wrong.
    pub(crate) decidable_from: f64,
}

const fn calm(name: &'static str, process: fn(&mut Draft)) -> Family {
    Family { name, process, growth: Growth::None, ordinary: false, decidable_from: 0.0 }
}

const fn leak(name: &'static str, process: fn(&mut Draft), growth: Growth) -> Family {
    Family { name, process, growth, ordinary: false, decidable_from: 0.0 }
}

const fn core(name: &'static str, process: fn(&mut Draft)) -> Family {
    Family { name, process, growth: Growth::Steady, ordinary: true, decidable_from: 0.0 }
}

/// All of them: those without a leak first.
pub(crate) static FAMILIES: [Family; 69] = [
    calm("white noise", noise::white),
    calm("AR noise", noise::autocorrelated),
    calm("strong AR noise", noise::strongly_autocorrelated),
    calm("wandering", noise::wandering),
    calm("spikes", noise::spiky),
    calm("shifts", noise::shifting),
    calm("shrinking", noise::shrinking),
    calm("brief warm-up", warm_up::brief),
    calm("long warm-up", warm_up::long),
    calm("double warm-up", warm_up::double),
    calm("logarithmic cache", warm_up::logarithmic),
    calm("Zipf cache", warm_up::zipf),
    calm("cache plateau", warm_up::plateau),
    calm("JVM-like", managed_heap::generations),
    calm("Go-like", managed_heap::doubling),
    calm("slow teeth", managed_heap::slow_teeth),
    calm("log rotation", managed_heap::log_rotation),
    calm("reclaimed buffers", managed_heap::reclaimed),
    calm("arenas", allocator::arenas),
    calm("fragments", allocator::fragments),
    calm("trimmed once", allocator::trimmed),
    calm("diurnal", traffic::diurnal),
    Family {
        decidable_from: 24.0,
        ..calm("diurnal, not in traffic", traffic::diurnal_unexplained)
    },
    calm("changing traffic", traffic::changing),
    calm("traffic ramp", traffic::ramp),
    calm("periodic jobs", traffic::periodic_jobs),
    calm("restarts", lives::recycled),
    calm("uneven restarts", lives::recycled_unevenly),
    calm("new version", lives::new_version),
    calm("kills", lives::killed),
    calm("pauses", lives::piling_up),
    calm("whole MiB", readings::coarse),
    calm("gaps", readings::gaps),
    calm("5 MiB", readings::tiny),
    calm("8 GiB", readings::huge),
    calm("descriptors", readings::descriptors),
    calm("threads", readings::threads),
    core("leak, white noise", noise::white),
    core("leak, AR noise", noise::autocorrelated),
    core("leak, spikes", noise::spiky),
    core("leak, brief warm-up", warm_up::brief),
    core("leak, JVM-like", managed_heap::generations),
    core("leak, Go-like", managed_heap::doubling),
    core("leak, periodic jobs", traffic::periodic_jobs),
    core("leak, whole MiB", readings::coarse),
    core("leak, gaps", readings::gaps),
    core("leak, 5 MiB", readings::tiny),
    core("leak, 8 GiB", readings::huge),
    leak("leak, strong AR noise", noise::strongly_autocorrelated, Growth::Steady),
    leak("leak, wandering", noise::wandering, Growth::Steady),
    leak("leak, shifts", noise::shifting, Growth::Steady),
    leak("leak, long warm-up", warm_up::long, Growth::Steady),
    leak("leak, double warm-up", warm_up::double, Growth::Steady),
    leak("leak, cache plateau", warm_up::plateau, Growth::Steady),
    leak("leak, slow teeth", managed_heap::slow_teeth, Growth::Steady),
    leak("leak, log rotation", managed_heap::log_rotation, Growth::Steady),
    leak("leak, arenas", allocator::arenas, Growth::Steady),
    leak("leak, diurnal", traffic::diurnal, Growth::Steady),
    leak("leak, changing traffic", traffic::changing, Growth::Steady),
    leak("leak, restarts", lives::recycled, Growth::Steady),
    leak("leak, kills", lives::killed, Growth::Steady),
    leak("leak, pauses", lives::piling_up, Growth::Steady),
    leak("leak, descriptors", readings::descriptors, Growth::Steady),
    leak("leak, threads", readings::threads, Growth::Steady),
    leak("onset", noise::autocorrelated, Growth::Onset),
    leak("accelerating", noise::autocorrelated, Growth::Accelerating),
    leak("bursts", noise::autocorrelated, Growth::Bursts),
    leak("per request, daily load", traffic::daily_load, Growth::PerRequest),
    leak("across restarts", lives::recycled, Growth::AcrossRestarts),
];

impl Family {
    /// Whether nothing leaks in it.
    pub(crate) fn calm(&self) -> bool {
        self.growth == Growth::None
    }

    /// The rates it is drawn at.
    pub(crate) fn rates(&self) -> &'static [f64] {
        if self.calm() { &[0.0] } else { &RATES }
    }
}
