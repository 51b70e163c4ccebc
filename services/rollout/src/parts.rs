//! Parts of files on their way to devices. A fleet fetches the same few parts at the same time, so each is read from the database
//! once and kept for a while.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use homepot::{
    Error,
    model::{CHUNK_BYTES, ReleaseId, Sha256},
};
use homepot_store::{
    Store,
    releases::{self, ArtifactBytes},
};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

/// Parts that are kept: 32 MiB of them.
const KEPT: usize = 128;
/// Releases whose files are known.
const KNOWN: usize = 256;

/// A value that is read once, by whoever wants it first.
type Shared<T> = Arc<OnceCell<T>>;

/// The bytes of parts, by their file and where they begin in it.
type PartsKept = Kept<(Sha256, u32), Shared<Bytes>>;
/// The sizes of a release's files.
type Files = HashMap<Sha256, u32>;

/// See the [module](self).
pub(crate) struct Parts {
    store: Store,
    bytes: &'static dyn ArtifactBytes,
    parts: Mutex<PartsKept>,
    files: Mutex<Kept<ReleaseId, Shared<Arc<Files>>>>,
}

/// The newest entries, at most so many: what came first goes first.
struct Kept<K, V> {
    entries: HashMap<K, V>,
    order: VecDeque<K>,
    most: usize,
}

impl<K: Clone + Eq + std::hash::Hash, V: Clone + Default> Kept<K, V> {
    fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), most }
    }

    fn get(&mut self, key: &K) -> V {
        if let Some(found) = self.entries.get(key) {
            return found.clone();
        }
        if self.order.len() >= self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.entries.entry(key.clone()).or_default().clone()
    }
}

impl Parts {
    /// Nothing kept yet.
    pub(crate) fn new(store: Store, bytes: &'static dyn ArtifactBytes) -> Self {
        Self { store, bytes, parts: Mutex::new(Kept::new(KEPT)), files: Mutex::new(Kept::new(KNOWN)) }
    }

    /// The files of a release with their sizes.
    pub(crate) async fn files(&self, release: ReleaseId) -> Result<Arc<Files>, Error> {
        let cell = self.files.lock().get(&release);
        let read = async {
            let find = move |conn: &mut _| releases::artifacts_of(conn, release);
            let files = self.store.run("files_of_release", find).await?;
            Ok::<_, Error>(Arc::new(files.into_iter().collect()))
        };
        cell.get_or_try_init(|| read).await.cloned()
    }

    /// Up to `length` bytes of a file from `offset` on, as far as they lie in one part.
    pub(crate) async fn read(&self, sha256: &Sha256, offset: u32, length: u32) -> Result<Bytes, Error> {
        let start = offset / CHUNK_BYTES * CHUNK_BYTES;
        let cell = self.parts.lock().get(&(sha256.clone(), start));
        let (bytes, wanted) = (self.bytes, sha256.clone());
        let read = async {
            let part = self.store.run("part_of_file", move |conn| bytes.get(conn, &wanted, start)).await?;
            Ok::<_, Error>(Bytes::from(part.unwrap_or_default()))
        };
        let part = cell.get_or_try_init(|| read).await?;
        let from = ((offset - start) as usize).min(part.len());
        let to = (from + length as usize).min(part.len());
        Ok(part.slice(from..to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_goes_first() {
        let mut kept = Kept::<u32, Arc<u32>>::new(2);
        let first = kept.get(&1);
        assert!(Arc::ptr_eq(&first, &kept.get(&1)));
        kept.get(&2);
        kept.get(&3);
        assert_eq!((kept.entries.len(), kept.order.len()), (2, 2));
        assert!(!Arc::ptr_eq(&first, &kept.get(&1)));
    }
}
