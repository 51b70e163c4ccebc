//! What files of TLS hold, which [`crate::reload`] keeps current.

use std::{fmt, path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, ready};
use parking_lot::RwLock;
use tokio::sync::watch;

use super::{TlsError, read};
use crate::reload::Files;

/// What files hold, as it was when they could last be used. Cheap to clone; all clones are one.
pub struct Watched<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// The setting that names the first of the files, in metrics and log lines.
    setting: &'static str,
    paths: Vec<PathBuf>,
    parse: Parse<T>,
    current: RwLock<Current<T>>,
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

impl<T: Clone + Send + Sync + 'static> Watched<T> {
    /// Reads the files at `paths`, which `setting` names.
    pub(super) fn load(setting: &'static str, paths: Vec<PathBuf>, parse: Parse<T>) -> Result<Self, TlsError> {
        let current = RwLock::new(Current::read(&paths, parse)?);
        Ok(Self(Arc::new(Inner { setting, paths, parse, current, changes: watch::Sender::new(()) })))
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
}

impl<T: Send + Sync> Files for Inner<T> {
    fn setting(&self) -> &'static str {
        self.setting
    }

    fn look(&self) -> BoxFuture<'_, Result<bool, String>> {
        let taken = self.take_new().map_err(|error| error.to_string());
        self.tell_end();
        Box::pin(ready(taken))
    }
}

impl<T> Inner<T> {
    fn take_new(&self) -> Result<bool, TlsError> {
        let read = Current::read(&self.paths, self.parse)?;
        // Half of a pair may be new: a moment later the other half is.
        let is_new = read.contents != self.current.read().contents;
        if is_new {
            *self.current.write() = read;
            self.changes.send_replace(());
        }
        Ok(is_new)
    }

    fn tell_end(&self) {
        if let Some(ends) = self.current.read().parsed.ends {
            let ends = ends.timestamp() as f64;
            metrics::gauge!("homepot_tls_certificate_expiry_timestamp_seconds", "setting" => self.setting).set(ends);
        }
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
