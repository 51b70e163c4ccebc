//! What all services for operators share, so that a new one costs its rules and nothing else.
//!
//! In come calls that the auth layer has let in. [`operator_service!`] gives each rpc its shape: the caller, the method's own
//! function, the answer, and a line in the audit log where the method changes something. [`Directory`] is the one place that
//! decides which devices and sites a caller may see. [`feed`] tells any number of viewers what changes in the database. This crate
//! calls the store and listens to hints; it knows no service.

mod audit;
mod directory;
pub mod feed;
mod rpc;

pub use self::{
    directory::{Directory, Named, read_devices, read_site, visible},
    rpc::{Answers, Call},
};
