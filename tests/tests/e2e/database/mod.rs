//! The way to Postgres: users of servers, outages, and another address.

mod outage;
mod rotation;
mod users;
