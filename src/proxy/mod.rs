//! A TCP proxy whose links can be cut.
