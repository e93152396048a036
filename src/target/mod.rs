//! The system under test: bringing it up, watching it, acting on it, taking it down.
