//! Packed history: an hour of a device's samples as one block of bytes, column by column.
//!
//! [`samples`] turns samples into a block and back. It is built on [`block`], which knows nothing of metrics: rows in the order of time,
//! in columns of whole numbers, floats and strings of bytes. Each column is compressed by itself and has a checksum of its own, so that a query of
//! two metrics decodes two columns. What is read back equals what was packed, bit for bit.
//!
//! This crate takes values and bytes from its callers and gives back bytes and values; it does no I/O and knows no database. Bytes are
//! never trusted: damaged ones give an error that names the device and the hour, and what a reader allocates is bounded by
//! [`block::MAX_ROWS`] and [`block::MAX_BLOB_BYTES`], whatever the bytes claim.
//!
//! docs/design/packing.md describes the format, and why it is one of our own.

mod bits;
mod blobs;
pub mod block;
mod damage;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod integers;
mod mask;
mod numbers;
mod positions;
mod residuals;
pub mod samples;
mod wire;

pub use block::{Block, Column, Key};
pub use damage::{Damaged, Unpackable};
