//! End-to-end tests: check HOMEPOT's promises on the built programs from the outside, with a module for each promise.

// The tests share the clock of the machine that they run on.
#![allow(clippy::disallowed_methods)]
// Helpers outside of test functions fail tests too.
#![allow(clippy::unwrap_used)]

mod access;
mod bench;
mod clients;
mod clocks;
mod contract;
mod ctl;
mod database;
mod demo;
mod door;
mod extension;
mod habits;
mod host;
mod house;
mod ledger;
mod limits;
mod ops;
mod presence;
mod protocol;
mod reflection;
mod removal;
mod replicas;
mod rest;
mod roles;
mod siege;
mod sign_in;
mod simulator;
mod slice;
mod source;
mod stream;
mod switching;
mod telemetry;
mod torture;
mod traces;
mod trouble;
mod updates;
mod upgrade;
