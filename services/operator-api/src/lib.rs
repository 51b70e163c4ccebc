//! What all services for operators share, so that a new service consists of its own rules only.
//!
//! The auth layer has let in all calls that arrive here. [`operator_service!`] gives each rpc its shape: the caller,
//! the method's own function, the answer, and a line in the audit log if the method changes something. [`Directory`] is
//! the one place that decides which devices and sites a caller may see. [`feed`] sends changes in the database to any
//! number of viewers. This crate calls the store and listens to hints; it depends on no service.

mod audit;
mod directory;
pub mod feed;
mod reach;
mod rpc;

pub use self::{
    directory::{Directory, Named, read_devices, read_site, visible},
    reach::{check_fresh_for, reaches_far, said},
    rpc::{Answers, Call, open_to_anyone},
};
