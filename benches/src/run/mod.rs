//! The benchmarks, a module each.

pub mod agent;
pub mod bare;
pub mod command_latency;
pub mod command_rate;
pub mod failover;
pub mod idle;
pub mod ingest;
pub mod latency;
pub mod outage;
pub mod pack;
pub mod query;
pub mod rest;
pub mod restart;
pub mod rollout;
pub mod simulation;
pub mod soak;
pub mod traces;
