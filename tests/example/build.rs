//! Compiles the protocol file, by the rules of all others.

use std::{error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let elsewhere =
        [(".homepot.common.v1", "::homepot::pb::common::v1"), (".homepot.contract.v1", "::homepot::pb::contract::v1")];
    homepot_contract_build::compile(Path::new("proto"), &[Path::new("../../proto")], &elsewhere, &[], &[])
}
