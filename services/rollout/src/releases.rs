//! Trust roots, files and releases: what people signed, checked before it is kept.

use homepot::{
    Error, Kind,
    model::{Artifact, CHUNK_BYTES, Page, PageRequest, Release, ReleaseFile, ReleaseId, Sha256, Signers, TrustRoot},
};
use homepot_release::{
    Envelope, Refused, SignedManifest, TrustedRoot,
    digest::Hasher,
    manifest::{File, Limits},
    root::Role,
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::releases::{self, Inserted, NewRelease};
use uuid::Uuid;

use crate::Rollouts;

impl Rollouts {
    /// Keeps a root that follows the newest one.
    pub(crate) async fn add_trust_root(&self, caller: &OperatorCaller, signed: Vec<u8>) -> Result<TrustRoot, Error> {
        let newest = self.store.run("newest_trust_root", releases::newest_root).await?;
        if let Some(newest) = newest.as_ref().filter(|newest| newest.signed == signed) {
            return Ok(newest.clone());
        }
        let trusted = match &newest {
            None => TrustedRoot::first(&signed),
            Some(newest) => trusted(newest)?.next(&signed),
        };
        let root = trusted.map_err(|refused| refusal("signed_root", &refused))?;
        let root = stored_root(&root, signed, caller)?;
        let follows = newest.map(|newest| newest.version);
        Ok(self.store.run("insert_trust_root", move |conn| releases::insert_root(conn, &root, follows)).await?)
    }

    /// The roots, newest first.
    pub(crate) async fn list_trust_roots(&self, page: PageRequest) -> Result<Page<TrustRoot>, Error> {
        Ok(self.store.run("list_trust_roots", move |conn| releases::list_roots(conn, &page)).await?)
    }

    /// Keeps a part of a file, and checks the file when it is the last one.
    pub(crate) async fn upload(
        &self,
        caller: &OperatorCaller,
        sha256: Sha256,
        size: u32,
        offset: u32,
        data: Vec<u8>,
    ) -> Result<Artifact, Error> {
        if !offset.is_multiple_of(CHUNK_BYTES) || offset >= size {
            return Err(Error::invalid("offset", format!("must be a multiple of {CHUNK_BYTES} below the size")));
        }
        let expected = CHUNK_BYTES.min(size - offset);
        if data.len() != expected as usize {
            return Err(Error::invalid(
                "data",
                format!("must be {expected} bytes here: {CHUNK_BYTES}, or up to the end"),
            ));
        }
        let (wanted, name) = (sha256.clone(), caller.name.to_string());
        let bytes = self.bytes;
        let add = move |conn: &mut _| releases::add_part(conn, bytes, &wanted, size, offset, &data, &name);
        let artifact = self.store.run("add_part_of_file", add).await?;
        if artifact.is_complete || artifact.received < artifact.size {
            return Ok(artifact);
        }
        self.settle(sha256, size).await
    }

    /// All bytes of a file are there: whether they are the right ones decides what becomes of them. Should this process die
    /// meanwhile, the next call for the file comes here again.
    async fn settle(&self, sha256: Sha256, size: u32) -> Result<Artifact, Error> {
        let mut hasher = Hasher::new();
        for start in (0..size).step_by(CHUNK_BYTES as usize) {
            let (bytes, wanted) = (self.bytes, sha256.clone());
            let part = self.store.run("part_of_file", move |conn| bytes.get(conn, &wanted, start)).await?;
            hasher.update(&part.unwrap_or_default());
        }
        let (found, wanted) = (hasher.finish().to_string(), sha256.clone());
        if found != sha256.as_str() {
            let bytes = self.bytes;
            self.store.run("discard_file", move |conn| releases::discard(conn, bytes, &wanted)).await?;
            return Err(Error::invalid("sha256", format!("the file that was uploaded has the digest {found}")));
        }
        let complete = self.store.run("complete_file", move |conn| releases::complete(conn, &wanted)).await?;
        complete.ok_or_else(no_file)
    }

    /// A file, of which all or a beginning is there.
    pub(crate) async fn get_artifact(&self, sha256: Sha256) -> Result<Artifact, Error> {
        let found = self.store.run("find_file", move |conn| releases::find_artifact(conn, &sha256)).await?;
        found.ok_or_else(no_file)
    }

    /// Keeps a release; true when it was there already.
    pub(crate) async fn create_release(
        &self,
        caller: &OperatorCaller,
        signed: Vec<u8>,
    ) -> Result<(Release, bool), Error> {
        let root = self.store.run("newest_trust_root", releases::newest_root).await?;
        let root = root.ok_or_else(|| Error::new(Kind::Conflict, "no trust root was added yet"))?;
        let now = u64::try_from(self.store.now().timestamp()).unwrap_or_default();
        let manifest = SignedManifest::open(&trusted(&root)?, &signed, Limits::default(), now)
            .map_err(|refused| refusal("signed_release", &refused))?;
        let new = NewRelease { release: release(&manifest, &signed, caller)?, signed };
        match self.store.run("insert_release", move |conn| releases::insert(conn, &new)).await? {
            Inserted::New(release) => Ok((release, false)),
            Inserted::Existing(release) => Ok((release, true)),
        }
    }

    /// One release.
    pub(crate) async fn get_release(&self, id: ReleaseId) -> Result<Release, Error> {
        let found = self.store.run("find_release", move |conn| releases::find(conn, id)).await?;
        found.ok_or_else(|| Error::not_found("Release not found"))
    }

    /// Releases, newest first.
    pub(crate) async fn list_releases(&self, name: Option<String>, page: PageRequest) -> Result<Page<Release>, Error> {
        Ok(self.store.run("list_releases", move |conn| releases::list(conn, name.as_deref(), &page)).await?)
    }
}

fn no_file() -> Error {
    Error::not_found("File not found")
}

/// A root that was checked when it was kept.
fn trusted(root: &TrustRoot) -> Result<TrustedRoot, Error> {
    TrustedRoot::first(&root.signed).map_err(|refused| {
        tracing::error!(version = root.version, %refused, "a trust root that was kept is not good");
        Error::internal()
    })
}

/// What is no envelope at all is the request's fault; what is one and not good enough may become so, with another root or another
/// signature.
fn refusal(field: &str, refused: &Refused) -> Error {
    match refused {
        Refused::Malformed(_) | Refused::WrongKind { .. } | Refused::UnknownFormat(_) => {
            Error::invalid(field, refused.to_string())
        }
        _ => Error::new(Kind::Conflict, format!("{field} is refused: {refused}")),
    }
}

fn time(seconds: u64) -> Result<chrono::DateTime<chrono::Utc>, Error> {
    let seconds = i64::try_from(seconds).ok();
    let time = seconds.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    // What Postgres can't keep is beyond what anybody means.
    time.filter(|time| *time < chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(365 * 8_000))
        .ok_or_else(|| Error::new(Kind::Conflict, "it expires at a time that is no time"))
}

fn stored_root(root: &TrustedRoot, signed: Vec<u8>, caller: &OperatorCaller) -> Result<TrustRoot, Error> {
    let root = root.root();
    let signers = |role: &Role| Signers {
        key_ids: role.keys.iter().map(ToString::to_string).collect(),
        threshold: role.threshold,
    };
    Ok(TrustRoot {
        version: root.version,
        signed,
        expires_at: time(root.expires)?,
        root_keys: signers(&root.root),
        release_keys: signers(&root.release),
        created_by: caller.name.to_string(),
        created_at: chrono::DateTime::UNIX_EPOCH,
    })
}

fn release(signed: &SignedManifest, bytes: &[u8], caller: &OperatorCaller) -> Result<Release, Error> {
    let manifest = signed.manifest();
    let file = |file: &File| {
        Ok(ReleaseFile {
            target: file.target.clone(),
            sha256: Sha256::parse(&file.sha256.to_string())?,
            size: u32::try_from(file.size).map_err(|_| Error::new(Kind::Conflict, "a file is too large"))?,
            is_template: file.template,
        })
    };
    let signers = Envelope::decode(bytes).map(|envelope| envelope.signers()).unwrap_or_default();
    Ok(Release {
        release_id: ReleaseId(Uuid::now_v7()),
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        counter: manifest.counter,
        files: manifest.files.iter().map(file).collect::<Result<_, Error>>()?,
        expires_at: time(manifest.expires)?,
        key_ids: signers.iter().map(ToString::to_string).collect(),
        sha256: Sha256::parse(&signed.digest().to_string())?,
        created_by: caller.name.to_string(),
        created_at: chrono::DateTime::UNIX_EPOCH,
        mends_drift: manifest.mend_drift,
    })
}
