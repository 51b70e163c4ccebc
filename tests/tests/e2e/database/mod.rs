//! The way to Postgres: servers as database users of their own.

mod users;
