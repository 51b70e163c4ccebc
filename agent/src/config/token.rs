//! The enrolment token, from wherever it was given.

use std::{
    fs,
    path::{Path, PathBuf},
};

use homepot::model::{Secret, SecretKind};
use homepot_host::secret_file;

use super::Config;

/// Where a token may be left for the agent whose configuration file is `config`. It has a directory of its own, so that
/// an agent in a sandbox can be given the right to remove it, and none to change its configuration.
pub(super) fn left_beside(config: Option<&PathBuf>) -> Option<PathBuf> {
    Some(config?.parent()?.join("enrollment/token"))
}

impl Config {
    /// The enrolment token, where there is one.
    pub fn token(&self) -> Result<Option<Secret>, String> {
        let token = match (&self.enrollment_token_file, &self.enrollment_token) {
            (Some(path), _) => {
                let text = secret_file::read(path).map_err(|error| format!("enrollment_token_file: {error}"))?;
                Some(Secret::presented(text.trim()))
            }
            (None, Some(token)) => Some(token.clone()),
            (None, None) => self.left_token()?,
        };
        if let Some(token) = &token {
            token
                .check_form(SecretKind::EnrollmentToken, "the enrolment token")
                .map_err(|error| error.message().to_owned())?;
        }
        Ok(token)
    }

    fn left_token(&self) -> Result<Option<Secret>, String> {
        let Some(path) = &self.left_token else { return Ok(None) };
        match secret_file::read_private(path) {
            Ok(text) => Ok(Some(Secret::presented(text.trim()))),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(format!("enrolment token: {error}")),
        }
    }

    /// Removes the token that was left for this device's enrolment, for the device has its key. A token that stays would
    /// enrol a device for whoever finds it.
    pub(crate) fn remove_left_token(&self) {
        let Some(path) = self.left_token.as_deref().filter(|path| is_there(path)) else { return };
        match fs::remove_file(path) {
            Ok(()) => {
                tracing::info!(path = %path.display(), "removed the enrolment token, for this device has enrolled")
            }
            Err(error) => tracing::warn!(
                path = %path.display(),
                %error,
                "can't remove the enrolment token, which this device no longer needs; remove it, or revoke it"
            ),
        }
    }
}

/// Where the file system is read-only, the kernel says so also of a file that is not there.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{
        super::{Defaults, Flags, Place},
        *,
    };

    fn config(directory: &Path) -> Config {
        let place = Place { config: Some(directory.join("agent.toml")), state_dir: Some(directory.join("state")) };
        Config::resolve(&Flags { place, ..Default::default() }, &[], &Defaults::default()).unwrap()
    }

    fn leave(path: &Path, token: &Secret, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{}\n", token.reveal())).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_token_is_checked_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(directory.path());
        assert!(config.token().unwrap().is_none());
        config.enrollment_token = Some(Secret::presented("hpe_secret"));
        assert!(!config.token().unwrap_err().contains("hpe_secret"));
        assert!(!format!("{config:?}").contains("hpe_secret"));
    }

    #[test]
    fn a_token_that_was_left_is_its_owners_alone_and_goes_last() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(directory.path());
        let path = directory.path().join("enrollment/token");
        let [left, given] = [1, 2].map(|byte| Secret::from_random(SecretKind::EnrollmentToken, [byte; 32]));
        leave(&path, &left, 0o640);
        let told = config.token().unwrap_err();
        assert!(told.contains("chmod 600") && !told.contains(left.reveal()), "{told}");
        leave(&path, &left, 0o600);
        assert_eq!(config.token().unwrap().unwrap().reveal(), left.reveal());
        config.enrollment_token = Some(given.clone());
        assert_eq!(config.token().unwrap().unwrap().reveal(), given.reveal());
    }

    #[test]
    fn only_the_token_that_was_left_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(directory.path());
        let token = Secret::from_random(SecretKind::EnrollmentToken, [1; 32]);
        let (left, named) = (directory.path().join("enrollment/token"), directory.path().join("named"));
        config.enrollment_token_file = Some(named.clone());
        leave(&left, &token, 0o600);
        leave(&named, &token, 0o600);
        config.remove_left_token();
        assert!(!left.exists() && named.exists());
        config.remove_left_token();
    }
}
