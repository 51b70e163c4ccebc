//! Where the built programs are.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use crate::any_system::needs_a_system;

/// `target/<profile>/`, found from the test's own executable in `target/<profile>/deps/`. A program of this crate lies
/// beside the others, and whoever built it built those too.
static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let own = std::env::current_exe().expect("a test has an executable");
    let beside = own.parent().expect("an executable lies in a directory");
    if !beside.ends_with("deps") {
        return beside.to_path_buf();
    }
    let directory = beside.parent().expect("cargo puts tests into deps/").to_path_buf();
    // A plain `cargo test` builds no programs for this crate, and a stale one would be tested in silence. When all is
    // fresh, as after `make test` built it, this takes a moment. `--all-targets`: the selection of features that
    // `cargo test` has; another one would build half of it again.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--locked", "--workspace", "--all-targets"]).current_dir(workspace());
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "the programs do not build");
    directory
});

/// The built program of that name.
pub fn program(name: &str) -> PathBuf {
    needs_a_system();
    let path = DIRECTORY.join(name);
    assert!(path.is_file(), "{} was not built", path.display());
    path
}

/// The top of the checkout.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}
