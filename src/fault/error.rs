//! What can go wrong before a fault lives; later failures are stages of the fault.

use std::io;
use std::path::PathBuf;

/// Why faults can't be planned, run or cleaned up.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The experiment's faults can't be resolved on this target; all problems at once.
    #[error("resolve the fault schedule: {}", .problems.join("; "))]
    Schedule {
        /// One line for each problem.
        problems: Vec<String>,
    },
    /// The journal can't be opened or read.
    #[error("open the fault journal {}", .path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The owner file can't be written.
    #[error("own the run's folder {}", .path.display())]
    Owner {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process owns the run.
    #[error("own the run's folder {}: process {pid} is using it", .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
        /// The owner; 0 when it did not say.
        pid: u32,
    },
    /// The folder of runs can't be listed.
    #[error("list the runs under {}", .path.display())]
    Runs {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
