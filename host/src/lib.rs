//! What every program of HOMEPOT takes from its machine, read by one rule each.
//!
//! [`environment`] reads variables: one that is set and can't be used is an error, never "not set". [`trust`] checks
//! whether users other than root and our own can change a path. [`secret_file`] reads files that hold secrets: they
//! must pass that check, and nobody else may be able to read them. [`data_dir`] makes directories. [`settings`] has
//! what each crate uses to read its own settings. This crate needs no other crate of the workspace.

pub mod data_dir;
pub mod environment;
pub mod secret_file;
pub mod settings;
pub mod trust;
