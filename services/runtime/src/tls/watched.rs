//! Files that may be replaced while the process runs.
//!
//! What renews certificates writes new files, or turns a link to others, as Kubernetes does with Secrets. So the contents are
//! compared, and not the times of the files. New contents count for new connections; those that are there go on. Contents that
//! can't be used leave the old ones in their place.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::{TlsError, read};
use crate::{Drain, backoff::every};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// What files hold, as it was when they could last be used. Cheap to clone; all clones are one.
pub struct Watched<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// The setting that names the first of the files, in metrics and log lines.
    setting: &'static str,
    paths: Vec<PathBuf>,
    parse: Parse<T>,
    current: RwLock<Current<T>>,
    /// Why the files can't be used now.
    fault: Mutex<Option<String>>,
    changes: watch::Sender<()>,
}

/// Reads the contents of files, whose paths it is given for its errors.
pub(super) type Parse<T> = fn(&[PathBuf], &[Vec<u8>]) -> Result<Parsed<T>, TlsError>;

/// What the contents of files are.
pub(super) struct Parsed<T> {
    pub(super) value: T,
    /// When it ends.
    pub(super) ends: Option<DateTime<Utc>>,
}

struct Current<T> {
    contents: Vec<Vec<u8>>,
    parsed: Parsed<T>,
}

/// Any files that may be replaced, whatever they hold.
pub trait Files: Send + Sync {
    /// Takes what the files have now, if it is new and can be used.
    fn look(&self);

    /// Tells the metrics when what counts now ends.
    fn tell_end(&self);
}

/// Looks at all `files` again and again until `drain`, and at once when `reload` says so. For as long as it runs, new contents
/// count soon after they lie there.
pub async fn keep_current(files: Vec<Arc<dyn Files>>, mut reload: watch::Receiver<()>, drain: Drain) {
    files.iter().for_each(|files| files.tell_end());
    let mut ticks = every(LOOK);
    loop {
        tokio::select! {
            () = drain.wait() => return,
            _ = ticks.tick() => {}
            asked = reload.changed() => if asked.is_err() { return },
        }
        files.iter().for_each(|files| files.look());
    }
}

impl<T: Clone + Send + Sync + 'static> Watched<T> {
    /// Reads the files at `paths`, which `setting` names.
    pub(super) fn load(setting: &'static str, paths: Vec<PathBuf>, parse: Parse<T>) -> Result<Self, TlsError> {
        let current = RwLock::new(Current::read(&paths, parse)?);
        let (fault, changes) = (Mutex::default(), watch::Sender::new(()));
        Ok(Self(Arc::new(Inner { setting, paths, parse, current, fault, changes })))
    }

    /// What counts now.
    pub fn current(&self) -> T {
        self.0.current.read().parsed.value.clone()
    }

    /// Changes whenever something else counts.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    /// The same, for whoever looks at all of them.
    pub fn files(&self) -> Arc<dyn Files> {
        self.0.clone()
    }

    #[cfg(test)]
    pub(super) fn fault(&self) -> Option<String> {
        self.0.fault.lock().clone()
    }
}

impl<T: Send + Sync> Files for Inner<T> {
    fn look(&self) {
        let outcome = match Current::read(&self.paths, self.parse) {
            // Half of a pair may be new: a moment later the other half is.
            Ok(read) if read.contents == self.current.read().contents => Ok(()),
            Ok(read) => {
                *self.current.write() = read;
                self.tell_end();
                self.changes.send_replace(());
                tracing::info!(setting = self.setting, "new connections use the new files");
                Ok(())
            }
            Err(error) => Err(error),
        };
        self.note(outcome);
    }

    fn tell_end(&self) {
        if let Some(ends) = self.current.read().parsed.ends {
            let ends = ends.timestamp() as f64;
            metrics::gauge!("homepot_tls_certificate_expiry_timestamp_seconds", "setting" => self.setting).set(ends);
        }
    }
}

impl<T> Inner<T> {
    /// Warns where the files can't be used, once for each new reason.
    fn note(&self, outcome: Result<(), TlsError>) {
        let told = outcome.err().map(|error| error.to_string());
        let setting = self.setting;
        metrics::gauge!("homepot_tls_files_unusable", "setting" => setting).set(f64::from(told.is_some()));
        let mut fault = self.fault.lock();
        if *fault == told {
            return;
        }
        match &told {
            Some(error) => {
                tracing::warn!(setting, %error, "the new files can't be used; the old ones stay in their place");
            }
            None => tracing::info!(setting, "the files can be used again"),
        }
        *fault = told;
    }
}

impl<T> Current<T> {
    fn read(paths: &[PathBuf], parse: Parse<T>) -> Result<Self, TlsError> {
        let contents = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        let parsed = parse(paths, &contents)?;
        Ok(Self { contents, parsed })
    }
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Without what the files hold, which may be a key.
impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("setting", &self.0.setting)
            .field("paths", &self.0.paths)
            .finish_non_exhaustive()
    }
}
