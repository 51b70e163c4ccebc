//! Releases and what they stand on: trust roots, and files by their digests. What was signed is kept byte by byte; whoever calls
//! has checked it.

mod artifacts;
mod bytes;
mod cleanup;
mod roots;
mod signed;

pub use self::{
    artifacts::{add_part, complete, discard, find_artifact},
    bytes::{ArtifactBytes, InPostgres},
    cleanup::clean_up,
    roots::{insert_root, list_roots, newest_root, roots},
    signed::{Inserted, NewRelease, artifacts_of, find, insert, list, signed},
};
