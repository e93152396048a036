//! Processes that don't leak: what memory, descriptors and threads look like when all is well.
//!
//! Each function draws the parameters of its kind and fills a [`Draft`](super::draft::Draft) in, in units
//! of the process's level. Nothing in here grows for ever.

pub(crate) mod allocator;
pub(crate) mod lives;
pub(crate) mod managed_heap;
pub(crate) mod noise;
pub(crate) mod readings;
pub(crate) mod traffic;
pub(crate) mod warm_up;
