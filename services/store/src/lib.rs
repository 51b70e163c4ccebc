//! The only crate that uses Postgres: schema, one module per aggregate, migrations, and the private cluster that the
//! server runs when it is given no database.
//!
//! Its inputs and outputs are checked types of [`homepot::model`]. The functions of an aggregate are synchronous and
//! take a connection as their first argument. [`Store::run`] runs them on a database thread, so that nothing here
//! blocks an async thread. This crate may use the contract crate and Postgres, but neither gRPC nor HTTP. It never gets
//! a secret in clear text: callers hash first.

pub mod activities;
mod address;
mod caller;
pub mod clock;
pub mod cluster;
mod combine;
pub mod commands;
pub mod config_updates;
pub mod device_keys;
pub mod devices;
pub mod enrollment_tokens;
mod error;
pub mod error_groups;
mod follow;
pub mod health;
mod holders;
pub mod horizon;
mod identity;
mod lane;
mod libpq;
pub mod listen;
mod locks;
pub mod losses;
pub mod maintenance;
mod migrate;
pub mod notify;
pub mod operators;
pub mod packed;
mod paging;
mod partitions;
mod pool;
pub mod releases;
pub mod restored;
pub mod rollouts;
pub mod rollups;
mod row;
pub mod runs;
pub mod samples;
#[cfg(feature = "test-support")]
pub mod schema;
#[cfg(not(feature = "test-support"))]
mod schema;
mod scope;
pub mod secrets;
pub mod series;
pub mod sessions;
pub mod settings;
pub mod sites;
pub mod sqlstate;
mod statement;
pub mod states;
mod store;
mod target;
#[cfg(feature = "test-support")]
pub mod test_support;
mod trace;
mod trouble;
mod url;
mod users;
pub mod values;
mod watchdog;

pub use combine::Combiner;
pub use diesel::PgConnection;
pub use error::StoreError;
pub use lane::Lane;
pub use migrate::Awaited;
pub use sqlstate::{Meaning, Trouble};
pub use store::{Store, StoreConfig};
