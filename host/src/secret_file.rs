//! Files that hold a secret.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::trust::{self, Untrusted};

/// No secret of ours, address or certificate is larger.
const MAX_BYTES: u64 = 64 * 1024;

/// Why a secret is not taken from a file.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It can't be read.
    #[error("can't read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Not a file: a pipe or device would make the reader wait for ever.
    #[error("{} is not a plain file", .0.display())]
    NotPlain(PathBuf),
    /// Larger than any secret.
    #[error("{} is larger than {} KiB, so it is not the file that was meant", .0.display(), MAX_BYTES / 1024)]
    TooLarge(PathBuf),
    /// Others can read it.
    #[error(
        "{} is open to others (mode {mode:04o}), so they may know the secret in it; close it: chmod 600 {}",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Others can replace it.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
}

impl SecretFileError {
    /// Whether it is only that nothing is there.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Untrusted(error) => error.is_missing(),
            _ => false,
        }
    }
}

/// Reads a file that only its owner may read.
pub fn read_private(path: &Path) -> Result<String, SecretFileError> {
    read_with(path, |mode| mode & 0o077 == 0)
}

/// Reads a file that others must not be able to change. Whether they may read it is for its maker to say: Kubernetes and
/// systemd hand secrets over with modes of their own.
pub fn read(path: &Path) -> Result<String, SecretFileError> {
    read_with(path, |_| true)
}

fn read_with(path: &Path, is_closed: impl FnOnce(u32) -> bool) -> Result<String, SecretFileError> {
    let failed = |source| SecretFileError::Io { path: path.to_owned(), source };
    // A pipe that nobody writes to must not hold us up, so it is opened without waiting and then turned away.
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file: File = fs::OpenOptions::new().read(true).custom_flags(nonblock).open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(SecretFileError::NotPlain(path.to_owned()));
    }
    if !is_closed(meta.mode()) {
        return Err(SecretFileError::Exposed { path: path.to_owned(), mode: meta.mode() & 0o7777 });
    }
    trust::check(path)?;
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > MAX_BYTES {
        return Err(SecretFileError::TooLarge(path.to_owned()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn write(path: &Path, mode: u32) {
        fs::write(path, "hpo_x\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_private_file_is_its_owners_alone_and_the_error_never_holds_the_secret() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        write(&path, 0o600);
        assert_eq!(read_private(&path).unwrap(), "hpo_x\n");
        for mode in [0o640, 0o604, 0o620, 0o601] {
            write(&path, mode);
            let told = read_private(&path).unwrap_err().to_string();
            assert!(told.contains(&format!("chmod 600 {}", path.display())) && told.contains(&format!("{mode:04o}")));
            assert!(!told.contains("hpo_x"));
        }
        write(&path, 0o444);
        assert_eq!(read(&path).unwrap(), "hpo_x\n");
        write(&path, 0o646);
        assert!(read(&path).unwrap_err().to_string().contains("chmod go-w"));
    }

    #[test]
    fn a_link_in_a_directory_that_others_can_write_is_not_followed_to_a_secret() {
        let directory = tempfile::tempdir().unwrap();
        let (secret, open) = (directory.path().join("token"), directory.path().join("open"));
        write(&secret, 0o600);
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        symlink(&secret, open.join("link")).unwrap();
        assert!(matches!(read_private(&open.join("link")), Err(SecretFileError::Untrusted(_))));
    }

    #[test]
    fn pipes_devices_and_endless_files_are_turned_away_at_once() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(read(Path::new("/dev/zero")), Err(SecretFileError::NotPlain(_))));
        assert!(matches!(read(directory.path()), Err(SecretFileError::NotPlain(_))));
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(matches!(read_private(&pipe), Err(SecretFileError::NotPlain(_))));
        let large = directory.path().join("large");
        fs::write(&large, vec![b'x'; 65 * 1024]).unwrap();
        assert!(matches!(read(&large), Err(SecretFileError::TooLarge(_))));
        assert!(read(&directory.path().join("missing")).unwrap_err().is_missing());
    }
}
