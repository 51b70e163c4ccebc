//! End-to-end: what HOMEPOT promises, tried on the built programs from the outside, a module for each promise.

// Helpers outside of test functions fail tests too.
#![allow(clippy::unwrap_used)]

mod access;
mod bench;
mod contract;
mod demo;
mod house;
mod ops;
mod protocol;
mod reflection;
mod replicas;
mod slice;
mod stream;
mod telemetry;
mod torture;
