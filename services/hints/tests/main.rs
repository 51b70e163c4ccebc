//! Hints between replicas over real servers, with a proxy in between that misbehaves.

#![allow(clippy::unwrap_used)]

mod moves;
mod notify;
mod proxy;
mod redis;
mod suite;
mod tap;
