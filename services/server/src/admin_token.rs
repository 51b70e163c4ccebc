//! The first admin's token: made once, kept in a file that only its owner reads, never logged.
//!
//! The file is written before the operator exists, under a name of its own, and gets its final name after: whatever
//! moment a crash picks, the token that opens the door is on disk, and no file holds one that does not.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use homepot::model::{Secret, SecretKind};
use homepot_registry::Registry;
use homepot_runtime::{auth::OperatorCredentials, peer::Peer};

/// The file's name in the data directory.
pub(crate) const FILE: &str = "admin-token";

/// Makes the first admin if there is no operator yet, with the `given` token or one that is written to `data_dir`.
pub(crate) async fn bootstrap(registry: &Registry, given: Option<Secret>, data_dir: &Path) -> anyhow::Result<()> {
    if let Some(token) = given {
        if registry.bootstrap_admin(token).await? {
            tracing::info!(operator = "admin", "made the first admin, with the token from the settings");
        }
        return Ok(());
    }
    let file = TokenFile::in_directory(data_dir);
    let token = match file.read_candidate()? {
        Some(token) => token,
        None => {
            let token = Registry::generate_operator_token()?;
            file.write_candidate(&token).with_context(|| format!("can't write to {}", data_dir.display()))?;
            token
        }
    };
    let made = registry.bootstrap_admin(token.clone()).await?;
    if made || is_good(registry, token).await? {
        file.keep_candidate()?;
        let path = file.path.display();
        tracing::info!(operator = "admin", %path, "made the first admin; its token is in the file");
    } else {
        // There are operators already; this token never opened anything.
        file.drop_candidate()?;
    }
    Ok(())
}

/// Whether a candidate that a crash left behind had opened the door already.
async fn is_good(registry: &Registry, token: Secret) -> anyhow::Result<bool> {
    let nowhere = Peer { ip: None, on_this_machine: true };
    let shown = OperatorCredentials { secret: token, signs_in: false };
    match registry.authenticator().operator(shown, nowhere).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == homepot::Kind::Unauthenticated => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes the data directory. Its files guard themselves; as root, the private database's own user passes through it.
pub(crate) fn make_data_dir(directory: &Path) -> anyhow::Result<()> {
    let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    Ok(homepot_host::data_dir::make(directory, mode)?)
}

struct TokenFile {
    path: PathBuf,
    candidate: PathBuf,
}

impl TokenFile {
    fn in_directory(directory: &Path) -> Self {
        Self { path: directory.join(FILE), candidate: directory.join(format!("{FILE}.new")) }
    }

    /// What a crash left behind, if it is whole.
    fn read_candidate(&self) -> anyhow::Result<Option<Secret>> {
        match read(&self.candidate) {
            Ok(token) => Ok(Some(token)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.drop_candidate()?;
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| format!("can't read {}", self.candidate.display())),
        }
    }

    fn write_candidate(&self, token: &Secret) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.candidate)?;
        writeln!(file, "{}", token.reveal())?;
        file.sync_all()?;
        self.sync_directory()
    }

    fn keep_candidate(&self) -> anyhow::Result<()> {
        let renamed = fs::rename(&self.candidate, &self.path).and_then(|()| self.sync_directory());
        renamed.with_context(|| format!("can't make {}", self.path.display()))
    }

    fn drop_candidate(&self) -> anyhow::Result<()> {
        fs::remove_file(&self.candidate).with_context(|| format!("can't remove {}", self.candidate.display()))
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }
}

/// Reads a file in the data directory that holds an operator's token.
pub(crate) fn read(path: &Path) -> io::Result<Secret> {
    let token = Secret::presented(fs::read_to_string(path)?.trim());
    let form = token.check_form(SecretKind::OperatorToken, "the token");
    form.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.message().to_owned()))?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_for_its_owners_eyes_and_gets_its_name_only_when_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = TokenFile::in_directory(directory.path());
        let token = Secret::from_random(SecretKind::OperatorToken, [7; 32]);
        assert!(file.read_candidate().unwrap().is_none());
        file.write_candidate(&token).unwrap();
        assert!(!file.path.exists());
        assert_eq!(file.read_candidate().unwrap(), Some(token.clone()));
        file.keep_candidate().unwrap();
        assert_eq!(read(&file.path).unwrap(), token);
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!file.candidate.exists());
    }

    #[test]
    fn half_a_token_that_a_crash_left_behind_is_thrown_away() {
        let directory = tempfile::tempdir().unwrap();
        let file = TokenFile::in_directory(directory.path());
        fs::write(&file.candidate, "hpo_BwcH").unwrap();
        assert!(file.read_candidate().unwrap().is_none());
        assert!(!file.candidate.exists());
    }
}
