//! Whom a fleet believes about releases: the root it was given, and whatever follows from that; without one, the newest root that the
//! server has, since a simulated device has nothing to lose. Signatures are checked either way, by the code of real devices.
//!
//! A release for thousands of devices is checked once and kept for a while.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use homepot::pb::device::v1 as pb;
use homepot_release::{Digest, SignedManifest, TrustedRoot, digest::Hasher, manifest::Limits};
use parking_lot::Mutex;

/// Releases that were checked.
const KEPT: usize = 8;
/// What was checked is checked again in another minute: roots and releases expire.
const MINUTE: u64 = 60;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// The newest root that follows from the one it was given.
    root: Mutex<Option<TrustedRoot>>,
    checked: Mutex<VecDeque<(Digest, SignedManifest)>>,
}

impl Trust {
    /// Trust in the root in `file`.
    pub(super) fn open(file: Option<&PathBuf>) -> anyhow::Result<Self> {
        let read = |file: &PathBuf| {
            let read = |file: &Path| anyhow::Ok(TrustedRoot::first(&std::fs::read(file)?)?);
            read(file).with_context(|| format!("--update-root: {} is no trust root", file.display()))
        };
        Ok(Self { root: Mutex::new(file.map(read).transpose()?), ..Self::default() })
    }

    /// Checks signatures, times and content of a release; an error says what is wrong with it.
    pub(super) fn check(&self, desired: &pb::DesiredRelease, now: u64) -> Result<SignedManifest, String> {
        let mut hasher = Hasher::new();
        hasher.update(&(now / MINUTE).to_le_bytes());
        hasher.update(&desired.signed_release);
        desired.signed_roots.iter().for_each(|root| hasher.update(root));
        let key = hasher.finish();
        if let Some((_, known)) = self.checked.lock().iter().find(|(known, _)| *known == key) {
            return Ok(known.clone());
        }
        let checked = SignedManifest::open(&self.root(desired)?, &desired.signed_release, Limits::default(), now)
            .map_err(|refused| refused.to_string())?;
        let mut kept = self.checked.lock();
        kept.push_back((key, checked.clone()));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        Ok(checked)
    }

    /// The root that counts now.
    fn root(&self, desired: &pb::DesiredRelease) -> Result<TrustedRoot, String> {
        let mut ours = self.root.lock();
        let Some(root) = &mut *ours else {
            let newest = desired.signed_roots.last().ok_or("the server sent no trust root")?;
            return TrustedRoot::first(newest).map_err(|refused| refused.to_string());
        };
        for next in &desired.signed_roots {
            // Those that it has already, and whatever does not follow, change nothing.
            if let Ok(next) = root.next(next) {
                *root = next;
            }
        }
        Ok(root.clone())
    }
}
