//! Releases and rollouts: nothing is kept that nobody signed, devices are told in phases and no two of a site at once, and failures
//! stop a rollout before it goes on.

mod agent;
mod config;
mod gates;
mod itself;
mod killed;
mod pace;
mod releases;
mod rollouts;
mod simulated;
mod values;
mod world;
