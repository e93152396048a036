//! Faults: schedule, journal, lifecycle, heal.
