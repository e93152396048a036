//! The small system that the demo soaks: a gateway that balances over api replicas, which write to a store.
//!
//! Owns three server roles and their health check, each a part of longhaul's one binary. What enters is a
//! role's settings, read from the environment; what leaves is traffic on its port. The api's switches make
//! it leak, fail, slow down or refuse by an exactly known amount, so that what longhaul finds can be
//! compared with what was put in. Knows nothing of experiments and is used by nothing but the command line.

mod api;
mod auth;
mod bucket;
mod cache;
mod chain;
mod check;
mod echo;
mod error;
mod gateway;
mod http;
mod item;
mod log;
mod metrics;
mod quota;
mod role;
mod settings;
mod spool;
mod store;
mod store_client;
mod switches;
mod token;
mod upstream;
mod wire;

pub use error::DemoError;
pub use role::{DemoRole, main};
pub use settings::{
    ApiSettings, CacheSettings, GatewaySettings, LeakedDescriptor, SpoolSettings, StoreSettings,
    Switches,
};

#[cfg(test)]
mod tests;
