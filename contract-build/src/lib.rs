//! Shared by the build scripts of crates with protocol files: turns `proto/` into Rust code, a descriptor set, and the
//! tables that `homepot::contract` explains.
//!
//! An incomplete contract does not build, for example one with a method that does not say who may call it, or with a
//! text without a bound. All faults are reported at once.

mod fields;
mod methods;

use std::{
    error::Error,
    path::{Path, PathBuf},
};

/// Compiles the files below `own`, which may import those below `others`, into `OUT_DIR`:
///
/// - a Rust file for each package, as tonic names them; types of packages in `elsewhere` are taken from the paths beside them,
///   and the messages in `secret`, by their full names with a dot before them, get no `Debug`; the fields in `shared` hold
///   `Bytes`, which many answers can share, instead of a `Vec`,
/// - `descriptors.bin`, with comments and with the options of methods and fields,
/// - `methods.rs`, `fields.rs` and `checks.rs`: see `homepot::contract_part!`.
pub fn compile(
    own: &Path,
    others: &[&Path],
    elsewhere: &[(&str, &str)],
    secret: &[&str],
    shared: &[&str],
) -> Result<(), Box<dyn Error>> {
    let all: Vec<_> = std::iter::once(own).chain(others.iter().copied()).collect();
    for directory in &all {
        rerun_if_changed(directory);
    }
    let files = proto_files(own)?;
    let mut compiler = protox::Compiler::new(&all)?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let pool = compiler.descriptor_pool();
    let is_own = |package: &str| !elsewhere.iter().any(|(name, _)| package == name.trim_start_matches('.'));

    let told = |what: &str, faults: &[String]| {
        let lines: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        format!("{what} in {} lack what the contract needs:{}", own.display(), lines.concat())
    };
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let methods = methods::read(&pool).map_err(|faults| told("methods", &faults))?;
    let methods: Vec<_> = methods.into_iter().filter(|method| is_own(method.package())).collect();
    std::fs::write(out.join("methods.rs"), methods::table(&methods))?;
    let fields = fields::read(&pool, is_own).map_err(|faults| told("fields of requests", &faults))?;
    std::fs::write(out.join("checks.rs"), fields.checks)?;
    std::fs::write(out.join("fields.rs"), fields.table)?;
    // With the options, which the types of `prost_types` would drop.
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    // Without the transport the contract stays free of I/O: callers bring their own channel.
    let build = tonic_prost_build::configure().build_transport(false).codec_path("::homepot::codec::SmallBuffers");
    let build = build.skip_debug(secret);
    let build = shared.iter().fold(build, |build, field| build.bytes(field));
    let build = elsewhere.iter().fold(build, |build, (package, path)| build.extern_path(*package, *path));
    build.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

#[allow(clippy::print_stdout)] // this is how a build script speaks to cargo
fn rerun_if_changed(directory: &Path) {
    println!("cargo:rerun-if-changed={}", directory.display());
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
