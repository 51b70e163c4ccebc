//! What a simulated device keeps of releases from one run to the next: a line of the fleet's file.

use std::collections::BTreeMap;

use homepot::model::UpdateState;
use homepot_release::{Digest, Known};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// See the [module](self).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The newest that it knows; 0: none.
    pub(super) generation: u64,
    /// How far that is.
    #[serde(with = "state", skip_serializing_if = "Option::is_none", default)]
    pub(super) state: Option<UpdateState>,
    /// Why it is there.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(super) reason: String,
    /// What is in its targets.
    pub(super) targets: BTreeMap<String, Placed>,
    /// What it is about to put there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) pending: Option<Pending>,
}

/// A target in which a release is, or was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Placed {
    /// The digest of what is there; empty: nothing is.
    pub(super) sha256: String,
    /// The counter of the release that put it there.
    pub(super) counter: u64,
    /// The digest of that release's manifest.
    pub(super) manifest: String,
    /// The highest counter that was ever put there, and the manifest.
    pub(super) highest: (u64, String),
}

/// A release whose files are being put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) counter: u64,
    pub(super) manifest: String,
    /// What goes where, by digest.
    pub(super) files: BTreeMap<String, String>,
    /// Whether devices are well with it.
    pub(super) is_good: bool,
}

impl Kept {
    /// What the checks of a release ask about its targets.
    pub(super) fn known(&self) -> BTreeMap<String, Known> {
        let known = |placed: &Placed| Known {
            highest: Digest::parse(&placed.highest.1).map(|manifest| (placed.highest.0, manifest)),
            installed: Digest::parse(&placed.manifest),
        };
        self.targets.iter().map(|(target, placed)| (target.clone(), known(placed))).collect()
    }

    /// Whether each target holds already what is to go there.
    pub(super) fn has(&self, pending: &Pending) -> bool {
        pending.files.iter().all(|(target, sha256)| self.targets.get(target).is_some_and(|it| it.sha256 == *sha256))
    }

    /// No older release from now on.
    pub(super) fn tries(&mut self, pending: &Pending) {
        for target in pending.files.keys() {
            self.targets.entry(target.clone()).or_default().highest = (pending.counter, pending.manifest.clone());
        }
    }

    /// Has it; `lies`: only says so.
    pub(super) fn puts(&mut self, pending: Pending, lies: bool) {
        for (target, sha256) in pending.files {
            let placed = self.targets.entry(target).or_default();
            placed.sha256 = if lies { Digest::of(sha256.as_bytes()).to_string() } else { sha256 };
            (placed.counter, placed.manifest) = (pending.counter, pending.manifest.clone());
        }
    }
}

mod state {
    use super::*;

    pub(super) fn serialize<S: Serializer>(state: &Option<UpdateState>, to: S) -> Result<S::Ok, S::Error> {
        state.map(UpdateState::as_str).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<UpdateState>, D::Error> {
        let word = Option::<String>::deserialize(from)?;
        word.map(|word| word.parse().map_err(D::Error::custom)).transpose()
    }
}
