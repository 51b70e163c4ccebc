//! What every program of HOMEPOT takes from its machine, read by one rule each.
//!
//! [`environment`] reads variables: one that is set and can't be used is an error, never "not set". [`trust`] tells
//! whether a path can be changed by users other than root and our own. [`secret_file`] reads files that hold secrets by
//! both that rule and the rule that nobody else may read them;
//! [`data_dir`] makes directories. [`settings`] is what each crate reads its own settings with. No other crate of the
//! workspace is needed here.

pub mod data_dir;
pub mod environment;
pub mod secret_file;
pub mod settings;
pub mod trust;
