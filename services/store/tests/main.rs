//! The store against real Postgres.

// The tests share the clock of the machine that they run on.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)] // the helpers of tests may, as tests may

mod activities;
mod artifact_bytes;
mod clocks;
mod cluster;
mod cluster_links;
mod commands;
mod enrollment;
mod error_groups;
mod fixture;
mod follow;
mod gates;
mod history;
mod horizon;
mod keys;
mod lanes;
mod lists;
mod maintenance;
mod mends;
mod migrations;
mod operators;
mod outages;
mod packed;
mod presence;
mod removal;
mod restored;
mod retired;
mod rollouts;
mod rollups;
mod runs;
mod samples;
mod sessions;
mod silent;
mod source;
mod trouble;
mod users;
mod values;
