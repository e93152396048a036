//! The small system that the demo soaks.
