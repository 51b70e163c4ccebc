//! Finding Postgres on the machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use homepot_host::trust;

use super::{ClusterError, account::Account, layout::Layout};

const DEBIAN: &str = "/usr/lib/postgresql";

/// One installed Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    dir: PathBuf,
    major: String,
}

impl Binaries {
    /// What fits the data that is there; for a new cluster what is on PATH, else the newest.
    pub(super) fn for_data(layout: &Layout) -> Result<Self, ClusterError> {
        let installed = installed(&layout.account);
        let Some(data) = layout.data_version()? else {
            return installed.into_iter().next().ok_or(ClusterError::NotInstalled);
        };
        choose(&installed, &data).cloned().ok_or_else(|| {
            let found: Vec<_> = installed.iter().map(|binaries| binaries.major.as_str()).collect();
            if found.is_empty() {
                return ClusterError::NotInstalled;
            }
            ClusterError::OtherVersion { dir: layout.data.clone(), data, found: found.join(" and ") }
        })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(super) fn major(&self) -> &str {
        &self.major
    }
}

fn choose<'a>(installed: &'a [Binaries], data: &str) -> Option<&'a Binaries> {
    installed.iter().find(|binaries| binaries.major == data)
}

/// All of them: on PATH first, then Debian's from the newest down.
fn installed(account: &Account) -> Vec<Binaries> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<_> = env::split_paths(&path).filter(|dir| dir.is_absolute()).collect();
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    dirs.extend(versions.into_iter().map(|(_, dir)| dir));
    let mut found: Vec<Binaries> = Vec::new();
    let has_both = |dir: &&PathBuf| ["postgres", "initdb"].iter().all(|program| dir.join(program).is_file());
    for dir in dirs.iter().filter(has_both).filter(|dir| is_trusted(account, dir)) {
        if let Some(major) = major_of(account, &dir.join("postgres"))
            && !found.iter().any(|known| known.major == major)
        {
            found.push(Binaries { dir: dir.clone(), major });
        }
    }
    found
}

/// Root starts no program that other users could have put there, not even as the user of Postgres.
fn is_trusted(account: &Account, dir: &Path) -> bool {
    let checked = ["postgres", "initdb"].iter().try_for_each(|program| trust::check(&dir.join(program)));
    match checked {
        Err(fault) if account.dropped => {
            tracing::warn!(dir = %dir.display(), %fault, "passing over a postgres that other users can change");
            false
        }
        _ => true,
    }
}

fn major_of(account: &Account, postgres: &Path) -> Option<String> {
    let output = account.command(postgres, Path::new("/")).arg("--version").output().ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse_major(version: &str) -> Option<String> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    let major: String = number.chars().take_while(char::is_ascii_digit).collect();
    (!major.is_empty()).then_some(major)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_releases_and_betas() {
        for (told, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some("15")),
            ("postgres (PostgreSQL) 18beta1\n", Some("18")),
            ("something else", None),
        ] {
            assert_eq!(parse_major(told).as_deref(), major);
        }
    }

    #[test]
    fn binaries_of_the_datas_own_version_win_over_newer_ones() {
        let of = |major: &str| Binaries { dir: PathBuf::from("/x").join(major), major: major.to_owned() };
        let installed = [of("16"), of("15")];
        assert_eq!(choose(&installed, "15"), Some(&installed[1]));
        assert_eq!(choose(&installed, "14"), None);
    }
}
