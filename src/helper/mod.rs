//! What runs next to a target: packet filters in its network namespace that expire by themselves.
//!
//! *Owns* the kernel rules behind a network fault: one nftables table per fault, in the network
//! namespace of the container that is to hear nothing from some peers, and the two ways to get there.
//! [`by_pid`] enters the namespace from the host (root, local engine); [`by_container`] runs [`main`]
//! in a one-shot container that shares the namespace.
//!
//! *Enters:* a [`Cut`]: a table's name, the peers' addresses, a lease. *Leaves:* a [`CutState`]: is the
//! table there, which peers are cut at this moment, how many packets it dropped.
//!
//! **Invariant: a cut needs somebody to keep it, nobody to end it.** Every address sits in a set with a
//! timeout. When whoever renews it dies, the kernel forgets the address and traffic flows again; only
//! an inert table is left, for [`Namespace::disarm`].
//!
//! It drops on the *receiver's input*: an output drop would tell UDP senders by EPERM. It matches
//! source addresses of peers only, so a container's own name server on 127.0.0.11 keeps answering, and
//! lets neighbour discovery pass, so an IPv6 sender is not told "host unreachable" either.
//!
//! *Never:* touches a table whose name does not start with [`TABLE_PREFIX`], decides when or whom,
//! renews a lease by itself, enters a namespace with any thread but one made for it, or writes to
//! standard output.

mod by_container;
mod by_pid;
mod command;
mod cut;
mod error;
mod namespace;
mod rules;

pub use by_container::{OneShot, by_container};
pub use by_pid::{available, by_pid};
pub use command::main;
pub use cut::{Cut, CutState, MAX_LEASE, MAX_TABLE_NAME, MIN_LEASE, TABLE_PREFIX};
pub use error::HelperError;
pub use namespace::Namespace;
