//! Readings: what every instance, the machine and longhaul itself use, at a steady interval.
//!
//! Owns the readers: control groups (versions 1 and 2) of local containers, `/proc` of plain processes, the
//! engine's statistics streams for containers elsewhere, the machine. What enters is the watched roster;
//! what leaves is one [`Vec`] of [`Sample`](crate::record::Sample)s a tick. A subject that is gone leaves a
//! gap, and a figure that can't be read is absent: neither is ever a zero. Never judges.

mod cgroup_path;
mod cgroup_v1;
mod cgroup_v2;
mod container;
mod descriptors;
mod engine_stats;
mod host;
mod kernel_file;
mod life;
mod network;
mod process;
mod sampler;

pub use container::memory_group;
pub use host::provenance;
pub use sampler::{Samples, Setup, start};
