//! The way to Postgres: users of servers, outages, and another address.

mod outage;
pub(crate) mod rotation;
mod users;
