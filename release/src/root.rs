//! Roots: which keys are trusted, how many of them have to sign, and how one root is replaced by the next.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use crate::{
    Digest, Envelope, Kind, PublicKey, Refused,
    key::{KeyError, KeyId},
    wire,
};

/// The most keys of a root.
const MAX_KEYS: usize = 32;

/// Which keys sign something, and how many of them have to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// How many different keys have to sign, at least 1.
    pub threshold: u32,
    /// The keys that may.
    pub keys: BTreeSet<KeyId>,
}

/// The content of a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Counts up by one from root to root, from 1.
    pub version: u64,
    /// When it expires, in Unix seconds. After that nothing new is installed; nothing else stops.
    pub expires: u64,
    /// All keys, by their ids.
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// Who signs the next root.
    pub root: Role,
    /// Who signs releases.
    pub release: Role,
}

impl Root {
    /// The bytes to sign.
    pub fn encode(&self) -> Vec<u8> {
        let role = |role: &Role| wire::Role {
            threshold: role.threshold,
            key_ids: role.keys.iter().map(|id| id.as_bytes().to_vec()).collect(),
        };
        wire::Root {
            format: wire::FORMAT,
            version: self.version,
            expires: self.expires,
            keys: self.keys.values().map(|key| key.as_bytes().to_vec()).collect(),
            root: Some(role(&self.root)),
            release: Some(role(&self.release)),
        }
        .encode_to_vec()
    }

    /// Reads the payload of an envelope, and checks it as far as that is possible without signatures.
    pub fn decode(payload: &[u8]) -> Result<Self, Refused> {
        let wire = wire::Root::decode(payload).map_err(|_| Refused::malformed("not a root"))?;
        if wire.format > wire::FORMAT {
            return Err(Refused::UnknownFormat(wire.format));
        }
        if wire.format == 0 || wire.version == 0 || wire.expires == 0 {
            return Err(Refused::malformed("a root needs a format, a version and a time at which it expires"));
        }
        if wire.keys.len() > MAX_KEYS {
            return Err(Refused::Malformed(format!("a root has at most {MAX_KEYS} keys")));
        }
        let mut keys = BTreeMap::new();
        for bytes in &wire.keys {
            let key = PublicKey::from_bytes(bytes).map_err(|error| match error {
                KeyError::Weak => Refused::WeakKey(PublicKey::id_of(bytes)),
                _ => Refused::malformed("a key has 32 bytes"),
            })?;
            if keys.insert(key.id(), key).is_some() {
                return Err(Refused::Malformed(format!("key {} is there twice", key.id())));
            }
        }
        let role = |name: &str, role: Option<wire::Role>| read_role(name, role.unwrap_or_default(), &keys);
        let (root, release) = (role("root", wire.root)?, role("release", wire.release)?);
        Ok(Self { version: wire.version, expires: wire.expires, keys, root, release })
    }

    fn keys_of(&self, role: &Role) -> BTreeMap<KeyId, PublicKey> {
        self.keys.iter().filter(|(id, _)| role.keys.contains(id)).map(|(id, key)| (*id, *key)).collect()
    }

    fn check_root(&self, envelope: &Envelope) -> Result<(), Refused> {
        envelope.verify(Kind::Root, &self.keys_of(&self.root), self.root.threshold)
    }
}

fn read_role(name: &str, role: wire::Role, keys: &BTreeMap<KeyId, PublicKey>) -> Result<Role, Refused> {
    let fault = |fault: &str| Err(Refused::Malformed(format!("role {name}: {fault}")));
    let mut ids = BTreeSet::new();
    for bytes in &role.key_ids {
        match KeyId::from_bytes(bytes).filter(|id| keys.contains_key(id)) {
            None => return fault("names a key that the root does not have"),
            Some(id) if !ids.insert(id) => return fault("names a key twice"),
            Some(_) => {}
        }
    }
    match usize::try_from(role.threshold) {
        Ok(0) => fault("the threshold is 0, and nobody would have to sign"),
        Ok(threshold) if threshold <= ids.len() => Ok(Role { threshold: role.threshold, keys: ids }),
        _ => fault("the threshold is above the number of its keys"),
    }
}

/// A root whose signatures were checked. Keep its [`encode`](Self::encode)d bytes: they are read again by [`TrustedRoot::first`].
#[derive(Clone, Debug)]
pub struct TrustedRoot {
    root: Root,
    envelope: Vec<u8>,
}

impl TrustedRoot {
    /// The root that everything begins with: whoever put it into the configuration vouches for it. It has to meet its own threshold,
    /// so that a root which nobody could replace is noticed at once.
    pub fn first(envelope: &[u8]) -> Result<Self, Refused> {
        let opened = Envelope::decode(envelope)?;
        // The kind is told before the payload is read as one.
        if opened.kind() != Some(Kind::Root) {
            opened.verify(Kind::Root, &BTreeMap::new(), 1)?;
        }
        let root = Root::decode(opened.payload())?;
        root.check_root(&opened)?;
        Ok(Self { root, envelope: envelope.to_owned() })
    }

    /// The root that follows this one: version N+1, signed by the threshold of this one and by its own. A root that is refused is
    /// not returned, so that there is nothing to store. A root that has expired may be replaced too, or nobody could come back.
    pub fn next(&self, envelope: &[u8]) -> Result<Self, Refused> {
        let opened = Envelope::decode(envelope)?;
        self.root.check_root(&opened)?;
        let root = Root::decode(opened.payload())?;
        if Some(root.version) != self.root.version.checked_add(1) {
            return Err(Refused::RootOutOfOrder { trusted: self.root.version, found: root.version });
        }
        root.check_root(&opened)?;
        Ok(Self { root, envelope: envelope.to_owned() })
    }

    /// What it says.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The envelope that it was read from.
    pub fn encode(&self) -> &[u8] {
        &self.envelope
    }

    /// The digest of its envelope.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.envelope)
    }

    /// Checks that it has not expired at `now` (Unix seconds). Only new installs ask this.
    pub(crate) fn check_time(&self, now: u64) -> Result<(), Refused> {
        let Root { version, expires, .. } = self.root;
        if now >= expires { Err(Refused::RootExpired { version, expires }) } else { Ok(()) }
    }

    /// Checks the signatures of a release.
    pub(crate) fn check_release(&self, envelope: &Envelope) -> Result<(), Refused> {
        envelope.verify(Kind::Release, &self.root.keys_of(&self.root.release), self.root.release.threshold)
    }
}
