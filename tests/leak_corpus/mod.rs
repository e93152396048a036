//! Labelled series, drawn from a seed, to judge judges of leaks with.
//!
//! Owns what processes look like that don't leak ([`processes`]), the ways in which leaks grow ([`growth`]),
//! the families of both ([`FAMILIES`]), longhaul's own method and its rivals behind one trait ([`Method`]), and
//! the files that series are written to and real ones read from. In goes a seed, out come series with the truth
//! about them. Knows nothing of how a leak is found: it must be able to find fault with that.

mod chance;
mod draft;
mod family;
mod files;
mod growth;
mod longhaul_method;
mod method;
mod processes;
mod rivals;
mod series;

pub(crate) use family::{FAMILIES, Family, HORIZONS, RATES};
pub(crate) use files::{FileError, read_folder, write_folder};
pub(crate) use longhaul_method::RivalExplanations;
pub(crate) use method::{Call, Method, Opinion};
pub(crate) use rivals::{GrowthLimit, LeastSquares, MannKendall, TheilSen};
pub(crate) use series::{Order, Series, Truth};
