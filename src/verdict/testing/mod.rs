//! Synthetic runs for this room's tests: 50/s on two services, healthy unless a test plants something.

mod records;
mod synthetic;
mod written;

pub(super) use synthetic::{
    Sec, Synthetic, limit_result, limit_tier, secs, start_event, target_event, victim,
};
pub(super) use written::condition;
