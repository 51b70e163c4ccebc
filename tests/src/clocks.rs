//! Clocks that a test can set.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::server::data_parent;

/// The wall clock of processes that are started with [`FakeClock::env`]. What measures spans in them goes on undisturbed.
#[derive(Debug)]
pub struct FakeClock {
    directory: TempDir,
}

impl FakeClock {
    /// A clock that is right, until it is set.
    pub fn new() -> Self {
        let clock = Self { directory: data_parent() };
        // Postgres may run as another user, and reads it too.
        std::fs::set_permissions(clock.directory.path(), PermissionsExt::from_mode(0o755)).expect("permissions");
        clock.set(0);
        clock
    }

    /// Sets it so many seconds ahead of the machine's, at once.
    pub fn set(&self, ahead_seconds: i64) {
        let new = self.directory.path().join("new");
        std::fs::write(&new, format!("{ahead_seconds:+}")).expect("the disk has room");
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o644)).expect("permissions");
        std::fs::rename(&new, self.file()).expect("a file can be replaced");
    }

    /// What a process needs to go by a clock that is so many seconds ahead and stays so. It reads no file, so a signal hardly
    /// ever comes while it looks at the clock; one that does sees the machine's clock, and what it was to time out is over.
    pub(crate) fn env_ahead(seconds: i64) -> [(&'static str, String); 5] {
        [
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME", format!("{seconds:+}")),
            // It is read once.
            ("FAKETIME_CACHE_DURATION", i32::MAX.to_string()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }

    /// What a process needs to go by it.
    pub fn env(&self) -> [(&'static str, String); 5] {
        [
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            // The file is read each time.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("clock")
    }
}

/// The library leaves two files in the memory of the machine for each process that was killed.
impl Drop for FakeClock {
    fn drop(&mut self) {
        for entry in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let of = ["faketime_shm_", "sem.faketime_sem_"].iter().find_map(|prefix| name.strip_prefix(prefix));
            if of.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

fn library() -> PathBuf {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut found =
        libraries.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).filter(|path| path.is_file());
    found.next().expect("libfaketime is not installed; `make test` installs it")
}
