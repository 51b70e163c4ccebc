//! The contract of HOMEPOT, shared by every other crate.
//!
//! [`pb`] is what goes over the wire, generated from `proto/`; [`contract`] is what `proto/` says of each method and
//! field, and [`checked`] checks requests by it; [`model`] is what the code inside works with, checked once on receipt; [`error`] is the one error that crosses a service's edge, [`text`] makes text of others fit to be shown,
//! and [`only_grpc`] is what every client of it puts before the network. Nothing in here does I/O, and nothing
//! in here may depend on another crate of the workspace; only the build script does.

// Generated code names this crate as others do.
extern crate self as homepot;

pub mod access;
pub mod checked;
pub mod codec;
pub mod contract;
pub mod cost;
pub mod error;
pub mod model;
pub mod only_grpc;
pub mod pb;
pub mod text;

pub use error::{Error, Kind};
