//! The store against real Postgres.

mod cluster;
mod commands;
mod enrollment;
mod fixture;
mod keys;
mod lists;
mod migrations;
mod operators;
mod outages;
mod samples;
mod sessions;
