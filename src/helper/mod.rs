//! What runs next to a target: packet filters in its network namespace, expiring by themselves.
