//! Signed releases: what may be installed on devices, and who said so.
//!
//! Agents, servers and the command line use this crate, so that all three decide alike. It takes bytes, text and the time from its
//! callers and gives back checked values or an error that names the fault. Only [`key::write_new_file`] touches a disk, and the
//! commands of the feature `cli`, for which alone it may use `host`.
//!
//! [`root`] holds the keys that are trusted and how they are replaced. [`envelope`] is bytes with signatures. [`manifest`] is what
//! people sign: files by their digests, variables with their bounds, and the devices it is for. [`verify`] makes a
//! [`VerifiedManifest`], which nothing else can make. [`value`] checks the values of variables, [`render`] puts them into templates,
//! [`key`] makes and reads keys, and [`build`] makes the bytes to sign from TOML files.
//!
//! docs/design/ota.md explains how these fit together.

pub mod build;
#[cfg(feature = "cli")]
pub mod cli;
pub mod digest;
pub mod envelope;
pub mod key;
pub mod manifest;
mod refused;
pub mod render;
pub mod root;
pub mod value;
pub mod verify;
mod wire;

#[cfg(test)]
mod attacks;

pub use digest::Digest;
pub use envelope::{Envelope, Kind};
pub use key::{KeyId, PrivateKey, PublicKey};
pub use manifest::Manifest;
pub use refused::Refused;
pub use root::TrustedRoot;
pub use value::{CheckedValues, Value};
pub use verify::{Device, Known, SignedManifest, VerifiedManifest};
