//! What the first start of a server leaves: an initialised Postgres, migrated, with a first admin. To make that takes most of
//! what a start costs, so it is made once by the real program, and servers of tests begin with a copy.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use tokio::sync::OnceCell;

use crate::{ServerOptions, database::cluster_dir, program, server::Server};

/// How long the server that makes it may take to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Copies it to `data_dir`.
pub(crate) async fn lay(data_dir: &Path) {
    static MADE: OnceCell<PathBuf> = OnceCell::const_new();
    copy(MADE.get_or_init(make).await, data_dir);
    // Shared memory among the files of the cluster: it goes with them where a test kills Postgres.
    let settings = cluster_dir(data_dir).expect("the copy has a cluster").join("postgresql.auto.conf");
    let mut settings = fs::File::options().append(true).open(settings).expect("Postgres keeps settings there");
    settings.write_all(b"dynamic_shared_memory_type = 'mmap'\n").expect("a setting can be added");
}

/// Makes it beside the programs, where it stays for the next run, unless an earlier run of this program made it today.
async fn make() -> PathBuf {
    let server = program("homepot");
    let about = fs::metadata(&server).expect("the program is there");
    let today = SystemTime::UNIX_EPOCH.elapsed().expect("it is later than 1970").as_secs() / 86_400;
    let family = format!("homepot-prepared-{}-", rustix::process::getuid().as_raw());
    let name = format!("{family}{}-{}-{today}", about.mtime(), about.mtime_nsec());
    let parent = server.parent().expect("it lies in a directory");
    let prepared = parent.join(&name);
    if prepared.is_dir() {
        return prepared;
    }
    let mut first = Server::start_with(ServerOptions::default().fresh()).await;
    let ended = first.stop(PATIENCE).await;
    assert!(ended.success(), "the server that prepares a data directory ended with {ended}");
    let old = fs::read_dir(parent).expect("it can be read").flatten().map(|entry| entry.path());
    // Drafts have a dot, and may be another run's.
    let is_old = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&family) && !name.contains('.')
    };
    old.filter(is_old).for_each(|path| drop(fs::remove_dir_all(path)));
    let draft = parent.join(format!("{name}.{}", std::process::id()));
    copy(&first.data_dir(), &draft);
    match fs::rename(&draft, &prepared) {
        // Another run was faster.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            fs::remove_dir_all(&draft).expect("a draft can go")
        }
        renamed => renamed.expect("a draft can get its name"),
    }
    prepared
}

/// With owners and modes: as root, Postgres' files belong to another user.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["--archive", "--reflink=auto"]).arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success(), "{} can't be copied: {copied}", from.display());
}
