//! TCP links between the services of a process target, and cuts in them.
//!
//! *Owns* [`Links`]: one listening socket on loopback per link, that is per client service and server
//! instance, which relays to that instance. Processes share one network namespace and one address, so
//! packet filters can't tell them apart; a link in between can.
//!
//! *Enters:* who talks to whom and where the server listens; later, which directions to cut and for how
//! long. *Leaves:* the address that the client is to use, and a [`LinkState`] with what was relayed and
//! what is being held.
//!
//! A cut behaves like lost packets: bytes stop, nobody is told. What a sender has already written stays
//! in its socket buffer and arrives after the cut; open connections stay open; an end or a reset that
//! happens meanwhile is passed on afterwards; a new connection hangs (the kernel takes it, nothing
//! answers). A cut has a lease and ends by itself unless it is renewed.
//!
//! This is no Toxiproxy yet: its HTTP API and its toxics are to stand in this room, beside [`Links`].
//!
//! *Never:* listens anywhere but on loopback, carries UDP, looks into or changes a byte, answers in the
//! server's stead while cut, loses a byte of a connection that lives on, buffers more than 16 KiB per
//! direction, survives its process (nor do its cuts), or knows experiments and faults.

mod counters;
mod error;
mod gate;
mod link;
mod links;
mod pump;

pub use counters::LinkState;
pub use error::ProxyError;
pub use gate::Directions;
pub use links::Links;
