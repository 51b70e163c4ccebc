//! Links, pipes and pid files that the user of Postgres puts into its directories before root starts the server again.
//!
//! As root the victim is a file that this user can't touch. As an ordinary user there is nobody to defend against, and the
//! same holds for a file of its own: no start writes through a link.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use homepot_store::cluster::{ClusterConfig, ClusterError, PrivateCluster};
use tempfile::TempDir;

/// Every name below `postgres/` that a start reads, writes, renames, removes or makes.
const NAMES: &[&str] = &[
    "postgres.log",
    "postgres.log.1",
    "data",
    "data.new",
    "data/PG_VERSION",
    "data/pg_hba.conf",
    "data/pg_hba.new",
    "data/pg_ident.conf",
    "data/pg_ident.new",
    "data/postmaster.pid",
    "run",
    "run/.s.PGSQL.5432",
    "run/.s.PGSQL.5432.lock",
];

fn start(dir: &Path) -> Result<PrivateCluster, ClusterError> {
    PrivateCluster::start(ClusterConfig { data_dir: dir.to_owned() })
}

/// What must not change, in a directory that only we may enter.
struct Victim {
    _dir: TempDir,
    file: PathBuf,
    directory: PathBuf,
}

impl Victim {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (file, directory) = (dir.path().join("shadow"), dir.path().join("directory"));
        fs::write(&file, "root:secret").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("inside"), "kept").unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o750)).unwrap();
        Self { _dir: dir, file, directory }
    }

    fn state(&self) -> Vec<(u32, u32, String)> {
        let of = |path: &Path, text: String| {
            let meta = fs::symlink_metadata(path).unwrap();
            (meta.uid(), meta.mode(), text)
        };
        let inside = self.directory.join("inside");
        let names: Vec<_> = fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        vec![
            of(&self.file, fs::read_to_string(&self.file).unwrap()),
            of(&self.directory, format!("{names:?}")),
            of(&inside, fs::read_to_string(&inside).unwrap()),
        ]
    }
}

/// A stopped cluster, and whose it is.
fn stopped_cluster() -> (TempDir, PathBuf, u32) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    start(dir.path()).unwrap().stop().unwrap();
    let home = dir.path().join("postgres");
    let owner = fs::metadata(&home).unwrap().uid();
    (dir, home, owner)
}

#[test]
fn no_start_goes_through_a_link_at_any_path_that_it_opens() {
    let (dir, home, owner) = stopped_cluster();
    let victim = Victim::new();
    let before = victim.state();
    let aside = home.join("aside");
    for name in NAMES {
        for target in [&victim.file, &victim.directory] {
            let path = home.join(name);
            let had_one = fs::rename(&path, &aside).is_ok();
            symlink(target, &path).unwrap();
            lchown(&path, Some(owner), Some(owner)).unwrap();
            // Whether it starts or refuses is for each path to say. A refusal never shows what the file holds.
            match start(dir.path()) {
                Ok(cluster) => cluster.stop().unwrap(),
                Err(error) => assert!(!error.to_string().contains("secret"), "{name}: {error}"),
            }
            assert_eq!(victim.state(), before, "{name} to {}", target.display());
            let _ = fs::remove_file(&path);
            if had_one {
                let _ = fs::remove_dir_all(&path);
                fs::rename(&aside, &path).unwrap();
            }
        }
    }
    start(dir.path()).unwrap();
}

#[test]
fn no_start_waits_for_a_pipe() {
    let (dir, home, owner) = stopped_cluster();
    for name in ["postgres.log", "data/pg_hba.conf", "data/pg_ident.conf", "data/postmaster.pid", "data/PG_VERSION"] {
        let (path, aside) = (home.join(name), home.join("aside"));
        let had_one = fs::rename(&path, &aside).is_ok();
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        lchown(&path, Some(owner), Some(owner)).unwrap();
        if let Ok(cluster) = start(dir.path()) {
            cluster.stop().unwrap();
        }
        let _ = fs::remove_file(&path);
        if had_one {
            fs::rename(&aside, &path).unwrap();
        }
    }
    start(dir.path()).unwrap();
}

/// Ends with the test, also when that fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_of_another_user_in_the_data_directory_is_not_ended() {
    let (dir, home, owner) = stopped_cluster();
    if owner == rustix::process::geteuid().as_raw() {
        // Without root, all is one user's, and what stands in the data directory counts as Postgres's.
        return;
    }
    // As root's shell, which somebody left there.
    let mut command = Command::new("/bin/sleep");
    command.arg("600").current_dir(home.join("data")).stdin(Stdio::null());
    let mut shell = Process(command.spawn().unwrap());
    fs::write(home.join("data/postmaster.pid"), format!("{}\n", shell.0.id())).unwrap();
    start(dir.path()).unwrap();
    assert_eq!(shell.0.try_wait().unwrap(), None);
}

#[test]
fn a_home_that_a_cut_short_start_left_to_root_is_made_again_and_anothers_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let home = dir.path().join("postgres");
    fs::create_dir(&home).unwrap();
    start(dir.path()).unwrap().stop().unwrap();
    lchown(&home, Some(12_345), None).unwrap();
    assert!(matches!(start(dir.path()), Err(ClusterError::OtherOwner { owner: 12_345, .. })));
}

#[test]
fn root_keeps_no_database_in_a_directory_that_others_can_write() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = start(dir.path()).unwrap_err().to_string();
    assert!(error.contains("chmod go-w"), "{error}");
    assert!(!dir.path().join("postgres").exists());
}
