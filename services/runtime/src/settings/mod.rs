//! Settings of what every role shares: where to listen, who may come in, what a caller may take, what is logged.
//!
//! The kit that they are read with is [`homepot_host::settings`]. What only one crate uses is declared there, and not here.

mod addresses;
mod limits;
mod log;
mod security;

pub use self::{
    addresses::{AddressFlags, Addresses},
    limits::LimitFlags,
    log::LogFlags,
    security::{Listening, Reflection, SecurityFlags, SecuritySettings},
};
