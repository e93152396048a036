//! A run's life, conducted by one owner loop.
