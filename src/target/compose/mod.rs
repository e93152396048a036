//! Compose projects, through whichever `compose` command there is.
//!
//! Owns the project's files and command lines, the labels that mark everything in it as a run's, and
//! the check that nothing of somebody else's is in the way. Never talks about containers one by one:
//! that is the watcher's.

mod cli;
mod file;
mod leftovers;
mod overlay;
mod project;
mod replicas;

pub use cli::compose_version;
pub(super) use leftovers::runs as left_of_runs;
pub(super) use project::{Project, project_name};
pub use replicas::replicas;
