//! Compiles `proto/` into Rust, into the descriptor set that reflection answers with, and into what it says of methods and
//! fields.

use std::{error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    homepot_contract_build::compile(Path::new("proto"), &[], &[])
}
