//! Compiles `proto/` into Rust, into the descriptor set that reflection answers with, and into what it says of methods and
//! fields.

use std::{error::Error, path::Path};

/// Messages that may hold a secret: their `Debug` is written by hand, and does not show it.
const SECRET: [&str; 2] = [".homepot.device.v1.DesiredValue", ".homepot.rollout.v1.SetValueRequest"];

/// A fleet fetches the same bytes, which are kept once.
const SHARED: [&str; 1] = [".homepot.device.v1.FetchArtifactResponse.data"];

fn main() -> Result<(), Box<dyn Error>> {
    homepot_contract_build::compile(Path::new("proto"), &[], &[], &SECRET, &SHARED)
}
