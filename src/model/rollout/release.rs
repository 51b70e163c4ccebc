//! Releases and what they consist of, as the server keeps them. What was signed is bytes here: the crate `homepot-release` reads
//! and checks those.

use chrono::{DateTime, Utc};

use crate::{
    model::{ReleaseId, Sha256, to_proto_timestamp},
    pb::rollout::v1 as pb,
};

/// The most bytes of a part of a file, in an upload and in a transfer to a device.
pub const CHUNK_BYTES: u32 = 256 * 1024;

/// The keys by which devices know a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRoot {
    /// From 1.
    pub version: u64,
    /// With its signatures, as people made it.
    pub signed: Vec<u8>,
    /// From then on it vouches for nothing new.
    pub expires_at: DateTime<Utc>,
    /// Who may sign roots.
    pub root_keys: Signers,
    /// Who may sign releases.
    pub release_keys: Signers,
    /// Who added it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Keys, and how many of them have to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signers {
    /// Their ids.
    pub key_ids: Vec<String>,
    /// How many.
    pub threshold: u32,
}

impl From<TrustRoot> for pb::TrustRoot {
    fn from(root: TrustRoot) -> Self {
        Self {
            version: root.version,
            signed_root: root.signed,
            expires_at: Some(to_proto_timestamp(root.expires_at)),
            root_key_ids: root.root_keys.key_ids,
            root_threshold: root.root_keys.threshold,
            release_key_ids: root.release_keys.key_ids,
            release_threshold: root.release_keys.threshold,
            created_by: root.created_by,
            created_at: Some(to_proto_timestamp(root.created_at)),
        }
    }
}

/// A file, of which all or a beginning is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The digest of the whole file.
    pub sha256: Sha256,
    /// Bytes of the whole file.
    pub size: u32,
    /// Bytes that are there.
    pub received: u32,
    /// Whether all are, and have that digest.
    pub is_complete: bool,
}

impl From<Artifact> for pb::Artifact {
    fn from(artifact: Artifact) -> Self {
        let Artifact { sha256, size, received, is_complete } = artifact;
        Self { sha256: sha256.into(), size, received, complete: is_complete }
    }
}

/// A signed set of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its id.
    pub release_id: ReleaseId,
    /// What it is a release of.
    pub name: String,
    /// In the words of who made it.
    pub version: String,
    /// Higher than that of the release it replaces.
    pub counter: u64,
    /// What it brings.
    pub files: Vec<ReleaseFile>,
    /// From then on no device begins with it.
    pub expires_at: DateTime<Utc>,
    /// Who signed it.
    pub key_ids: Vec<String>,
    /// Of the signed bytes.
    pub sha256: Sha256,
    /// Who uploaded it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Whether a target that something else changes gets its file again.
    pub mends_drift: bool,
}

/// A file for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseFile {
    /// The target.
    pub target: String,
    /// Its digest.
    pub sha256: Sha256,
    /// Its bytes.
    pub size: u32,
    /// Whether devices put their values into it.
    pub is_template: bool,
}

impl From<ReleaseFile> for pb::ReleaseFile {
    fn from(file: ReleaseFile) -> Self {
        Self { target: file.target, sha256: file.sha256.into(), size: file.size, template: file.is_template }
    }
}

impl From<Release> for pb::Release {
    fn from(release: Release) -> Self {
        Self {
            release_id: release.release_id.to_string(),
            name: release.name,
            version: release.version,
            counter: release.counter,
            files: release.files.into_iter().map(Into::into).collect(),
            expires_at: Some(to_proto_timestamp(release.expires_at)),
            key_ids: release.key_ids,
            sha256: release.sha256.into(),
            created_by: release.created_by,
            created_at: Some(to_proto_timestamp(release.created_at)),
            mend_drift: release.mends_drift,
        }
    }
}
