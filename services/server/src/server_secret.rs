//! The server's secret: what reconnect tickets and check tags are made under. It is kept out of the database, so that whoever
//! reads a backup of that, or a replica, can make neither.
//!
//! It comes from the settings, or from a file in the data directory that the first start makes. The file gets its name only
//! when all of it is on disk, and by a link, which never replaces another: two servers that share the directory and start at
//! once end up with the same secret.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use homepot::model::Secret;
use homepot_registry::Registry;
use rustix::fs::OFlags;

/// The file's name in the data directory.
const FILE: &str = "server-secret";
/// More than the longest secret.
const MOST_BYTES: u64 = 4096;

/// The given secret, or the one of the data directory, made if there is none.
pub(crate) fn load(given: Option<Secret>, data_dir: &Path) -> anyhow::Result<Secret> {
    if let Some(secret) = given {
        return Ok(secret);
    }
    let path = data_dir.join(FILE);
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    let made = make(&path).with_context(|| {
        format!("can't write {}; make the directory writable, or give --secret-file or HOMEPOT_SECRET", path.display())
    })?;
    if made {
        tracing::info!(path = %path.display(), "made the server's secret; servers on the same database need the same");
    }
    read(&path)?.with_context(|| format!("{} is gone", path.display()))
}

/// `None`: there is no file. One that others can read is no secret.
fn read(path: &Path) -> anyhow::Result<Option<Secret>> {
    let shown = path.display();
    let file = match OpenOptions::new().read(true).custom_flags(flags()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("can't read {shown}")),
    };
    let about = file.metadata().with_context(|| format!("can't read {shown}"))?;
    anyhow::ensure!(about.is_file(), "{shown} is not a file");
    anyhow::ensure!(about.mode() & 0o077 == 0, "{shown} can be read by others; run `chmod 600 {shown}`");
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text).with_context(|| format!("can't read {shown}"))?;
    let secret = Secret::presented(text.trim());
    Registry::check_server_secret(&secret).map_err(|reason| anyhow::anyhow!("{shown} {reason}"))?;
    Ok(Some(secret))
}

/// Makes the file; `false`: somebody else did meanwhile.
fn make(path: &Path) -> anyhow::Result<bool> {
    let candidate = Candidate(path.with_extension(format!("{}.new", std::process::id())));
    // What a process of the same number left behind.
    let _ = fs::remove_file(&candidate.0);
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags()).open(&candidate.0);
    let mut file = options?;
    writeln!(file, "{}", Registry::generate_server_secret()?.reveal())?;
    file.sync_all()?;
    let made = match fs::hard_link(&candidate.0, path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error.into()),
    };
    drop(candidate);
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())?;
    Ok(made)
}

/// A link in the place of the file is not followed: it could lead anywhere.
fn flags() -> i32 {
    OFlags::NOFOLLOW.bits().cast_signed()
}

/// Removed however it ends.
struct Candidate(PathBuf);

impl Drop for Candidate {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn the_first_start_makes_a_secret_for_its_owners_eyes_and_later_ones_keep_it() {
        let directory = tempfile::tempdir().unwrap();
        let first = load(None, directory.path()).unwrap();
        assert_eq!(load(None, directory.path()).unwrap(), first);
        let path = directory.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
        let given = Secret::presented("given");
        assert_eq!(load(Some(given.clone()), directory.path()).unwrap(), given);
        assert!(!make(&path).unwrap(), "a secret is never replaced");
        assert_eq!(load(None, directory.path()).unwrap(), first);
    }

    #[test]
    fn a_secret_that_others_can_read_or_that_is_a_link_or_half_there_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        load(None, directory.path()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let told = load(None, directory.path()).unwrap_err().to_string();
        assert!(told.contains("chmod 600"), "{told}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

        let moved = directory.path().join("elsewhere");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        assert!(load(None, directory.path()).is_err());
        fs::remove_file(&path).unwrap();

        fs::write(&path, "short").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let told = load(None, directory.path()).unwrap_err().to_string();
        assert!(told.contains("32 to 1,024 random letters") && !told.contains("short\n"), "{told}");
    }
}
