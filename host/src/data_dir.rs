//! A program's own directory.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use crate::trust::{self, Untrusted};

/// Why a directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The file system said no.
    #[error("can't make the directory {}: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Root would go through a place that another user can change.
    #[error("root keeps nothing in {}, because other users could put files and links there: {fault}", path.display())]
    Untrusted {
        /// The directory.
        path: PathBuf,
        /// What is at fault.
        fault: Untrusted,
    },
}

/// Makes `directory` where it is missing, with all above it. Root refuses one that other users can change, or could put
/// something else in the place of, before it makes anything; an ordinary user has nothing to lose there but what is its
/// own. What is made gets `mode`.
pub fn make(directory: &Path, mode: u32) -> Result<(), DataDirError> {
    let is_root = rustix::process::geteuid().is_root();
    let io = |source| DataDirError::Io { path: directory.to_owned(), source };
    if is_root {
        let absolute = std::path::absolute(directory).map_err(io)?;
        let there = absolute.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok());
        check(directory, there.unwrap_or(&absolute), there != Some(&absolute))?;
    }
    DirBuilder::new().recursive(true).mode(mode).create(directory).map_err(io)?;
    if is_root { check(directory, directory, false) } else { Ok(()) }
}

/// `is_passed`: something is to be made in it, so it counts as a step on the way and may be sticky.
fn check(directory: &Path, there: &Path, is_passed: bool) -> Result<(), DataDirError> {
    let checked = if is_passed { trust::check_way(there) } else { trust::check(there) };
    checked.map_err(|fault| DataDirError::Untrusted { path: directory.to_owned(), fault })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::*;

    #[test]
    fn a_directory_is_made_with_what_is_missing_above_it() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("a/b");
        make(&inner, 0o700).unwrap();
        make(&inner, 0o700).unwrap();
        assert_eq!(fs::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn root_makes_nothing_in_a_place_that_others_can_write() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let open = directory.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        for bad in [open.join("data"), open.clone()] {
            let told = make(&bad, 0o700).unwrap_err().to_string();
            assert!(told.contains("chmod go-w"), "{told}");
        }
        assert!(!open.join("data").exists());
        let (target, link) = (directory.path().join("target"), open.join("link"));
        fs::create_dir(&target).unwrap();
        symlink(&target, &link).unwrap();
        assert!(make(&link, 0o700).is_err());
    }
}
