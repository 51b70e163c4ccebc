//! The way to Postgres: users of servers, and outages.

mod outage;
mod users;
