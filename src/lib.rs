//! The contract of HOMEPOT, shared by every other crate.
//!
//! [`pb`] has the messages on the wire, generated from `proto/`. [`contract`] has the options of each method and field,
//! and [`checked`] checks requests by them. [`model`] has the types that the code works with, which are checked once on
//! receipt. [`error`] is the one error that services answer with, [`text`] makes text from others safe to show,
//! [`wire`] reads single fields of encoded messages, and [`only_grpc`] is the layer that every client puts before the network.
//! This crate does no I/O and depends on no other crate of the workspace; only its build script does.

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
pub mod wire;

pub use error::{Error, Kind};
