//! A small disk that a test can fill: memory, mounted in a namespace of its own, which nobody else sees.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// What fills it, a file among the others.
const FILLER: &str = "filler";

/// A disk over a directory, for the processes that [`Disk::enter`] starts. It is gone with its value, and with the test.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Keeps the namespace. It ends when its standard input does, so also when the tester is killed.
    holder: Child,
    at: PathBuf,
}

impl Disk {
    /// Mounts one of so many MiB over the empty directory `at`, for its owner; `None`: this user may mount nothing, as in
    /// some containers.
    pub(crate) fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]);
        if !is_root() {
            command.args(["--user", "--map-current-user", "--keep-caps"]);
        }
        let script = "options=size=$2m,mode=700
            if [ \"$(id -u)\" = 0 ]; then options=$options,uid=$(stat -c %u \"$1\"),gid=$(stat -c %g \"$1\"); fi
            mount -t tmpfs -o \"$options\" none \"$1\"
            echo mounted
            exec cat >/dev/null";
        command.args(["sh", "-ec", script, "sh"]).arg(at).arg(mebibytes.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = command.spawn().ok()?;
        let mut said = String::new();
        let output = holder.stdout.take().expect("stdout is piped");
        // What can't be read says as much as an empty line.
        let _ = BufReader::new(output).read_line(&mut said);
        let disk = Self { holder, at: at.to_path_buf() };
        (said == "mounted\n").then_some(disk)
    }

    /// `program` as a process that sees the disk, as the user and group `account` where we are root.
    pub(crate) fn enter(&self, program: &Path, account: Option<(u32, u32)>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string()]);
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        if let Some((uid, gid)) = account {
            command.args(["--setuid", &uid.to_string(), "--setgid", &gid.to_string()]);
        }
        command.arg("--").arg(program);
        command
    }

    /// Writes until nothing fits any more.
    pub(crate) fn fill(&self) {
        let mut filler = File::create(self.filler()).expect("the disk takes a file");
        for size in [1 << 20, 4 << 10] {
            let zeros = vec![0; size];
            while filler.write_all(&zeros).is_ok() {}
        }
    }

    /// Makes room again.
    pub(crate) fn free(&self) {
        if let Err(error) = std::fs::remove_file(self.filler()) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "the filler can be removed: {error}");
        }
    }

    /// Where what lies at `path` is found from outside.
    pub(crate) fn outside(&self, path: &Path) -> PathBuf {
        let mut outside = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        outside.extend(path.components().skip(1));
        outside
    }

    fn filler(&self) -> PathBuf {
        self.outside(&self.at.join(FILLER))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Fails only when it is gone already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
