//! Compiles `proto/` into Rust, into the descriptor set that reflection answers with, into the table of methods, and
//! into the checks of what requests hold.

#[path = "build/checks.rs"]
mod checks;
#[path = "build/contract.rs"]
mod contract;

use std::{
    error::Error,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build");
    let files = proto_files(Path::new("proto"))?;
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;

    let methods = contract::read(&compiler.descriptor_pool()).map_err(|faults| {
        let lines: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        format!("methods in proto/ lack what the contract needs:{}", lines.concat())
    })?;
    let checks = checks::code(&compiler.descriptor_pool()).map_err(|faults| {
        let lines: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        format!("fields of requests in proto/ lack what the contract needs:{}", lines.concat())
    })?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("methods.rs"), contract::table(&methods))?;
    std::fs::write(out.join("checks.rs"), checks)?;
    let fields = checks::table(&compiler.descriptor_pool()).map_err(|faults| faults.join("\n"))?;
    std::fs::write(out.join("fields.rs"), fields)?;
    // With the options of methods, which the types of `prost_types` would drop.
    std::fs::write(out.join("homepot.bin"), compiler.encode_file_descriptor_set())?;

    // Without the transport the contract stays free of I/O: callers bring their own channel.
    tonic_prost_build::configure()
        .build_transport(false)
        .codec_path("crate::codec::SmallBuffers")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// Every `.proto` below `directory`, sorted so that the output does not depend on the file system.
fn proto_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
