//! The only room that knows Postgres: schema, one module per aggregate, migrations, and the private cluster that the
//! server runs when it is given no database.
//!
//! What comes in are checked types of [`homepot::model`]; what goes out are the same. A function of an aggregate is
//! synchronous and takes a connection first: it runs on one of the database threads, handed over by [`Store::run`],
//! so that nothing here ever blocks an async thread. This crate may call the contract crate and Postgres; it knows
//! nothing of gRPC or HTTP, and no secret passes through in clear: callers hash first.

pub mod activities;
pub mod clock;
pub mod cluster;
mod combine;
pub mod commands;
pub mod device_keys;
pub mod devices;
pub mod enrollment_tokens;
mod error;
pub mod error_groups;
pub mod health;
mod holders;
pub mod horizon;
mod lane;
mod libpq;
pub mod listen;
mod locks;
pub mod losses;
pub mod maintenance;
mod migrate;
pub mod notify;
pub mod operators;
mod paging;
mod partitions;
mod pool;
pub mod restored;
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
#[cfg(feature = "test-support")]
pub mod test_support;
mod trouble;
mod url;
mod watchdog;

pub use combine::Combiner;
pub use diesel::PgConnection;
pub use error::StoreError;
pub use lane::Lane;
pub use sqlstate::{Meaning, Trouble};
pub use store::{Store, StoreConfig};
