//! Synthetic runs for this room's tests: 50/s on two services, healthy unless a test plants something.

mod records;
mod synthetic;

pub(super) use synthetic::{
    Synthetic, error_rate, error_rate_clear, latency_p99, limit_result, limit_tier, secs,
    start_event, target_event, victim, wide,
};
