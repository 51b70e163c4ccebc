//! Settings that every role shares: addresses, security of the listeners, limits of callers, logs, traces.
//!
//! They are read with [`homepot_host::settings`]. A setting that only one other crate uses is declared in that crate.

mod addresses;
mod limits;
mod log;
mod security;
mod trace;

pub use self::{
    addresses::{AddressFlags, Addresses},
    limits::{LimitFlags, read_rate},
    log::LogFlags,
    security::{Listening, PageSettings, Reflection, SecurityFlags, SecuritySettings},
    trace::{TraceFlags, TraceSettings},
};
