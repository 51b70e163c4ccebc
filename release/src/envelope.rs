//! Bytes with signatures. What is signed are exactly the bytes of the payload behind a prefix that names its kind; nothing is
//! decoded and encoded again on the way, so there is no second form of the same content.

use std::{collections::BTreeMap, fmt};

use prost::Message as _;

use crate::{
    Refused,
    key::{KeyId, PrivateKey, PublicKey},
    wire,
};

/// The most bytes of an envelope: it has to fit into one message to a device.
pub const MAX_BYTES: usize = 48 * 1024;
/// The most signatures that are looked at; each costs a verification.
const MAX_SIGNATURES: usize = 32;
const SIGNATURE_BYTES: usize = 64;

/// What was signed. A signature of one kind is none of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The keys that are trusted.
    Root,
    /// What may be installed.
    Release,
}

impl Kind {
    /// Its name in an envelope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Release => "release",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Root, Self::Release].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The bytes that are signed: no payload of one kind is the beginning of another's, because the prefix ends with a zero byte.
    fn message(self, payload: &[u8]) -> Vec<u8> {
        let mut message = format!("homepot/{}/v1\0", self.as_str()).into_bytes();
        message.extend_from_slice(payload);
        message
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A payload with the signatures that were collected for it. It says nothing about whether they are good.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope(wire::Envelope);

impl Envelope {
    /// An envelope without signatures.
    pub fn new(kind: Kind, payload: Vec<u8>) -> Self {
        Self(wire::Envelope { kind: kind.as_str().to_owned(), payload, signatures: Vec::new() })
    }

    /// Reads the bytes of an envelope. Bytes that [`encode`](Self::encode) would write otherwise are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.len() > MAX_BYTES {
            return Err(Refused::Malformed(format!(
                "an envelope has at most {MAX_BYTES} bytes, and this one {}",
                bytes.len()
            )));
        }
        let envelope =
            wire::Envelope::decode(bytes).map_err(|_| Refused::malformed("not an envelope of a signed message"))?;
        if envelope.encode_to_vec() != bytes {
            return Err(Refused::malformed("an envelope holds something that it should not"));
        }
        if envelope.signatures.len() > MAX_SIGNATURES {
            return Err(Refused::Malformed(format!("an envelope has at most {MAX_SIGNATURES} signatures")));
        }
        Ok(Self(envelope))
    }

    /// The bytes that are stored and sent.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    /// What it says to be; its signatures prove it.
    pub fn kind(&self) -> Option<Kind> {
        Kind::parse(&self.0.kind)
    }

    /// What was signed. It is not to be believed before it is verified.
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// The ids of the keys whose signatures it holds, as they are told.
    pub fn signers(&self) -> Vec<KeyId> {
        self.0.signatures.iter().filter_map(|signature| KeyId::from_bytes(&signature.key_id)).collect()
    }

    /// Adds the signature of `key`, in place of one that it made before.
    pub fn sign(&mut self, kind: Kind, key: &PrivateKey) -> Result<(), Refused> {
        self.expect(kind)?;
        let (id, signature) = (key.public().id(), key.sign(&kind.message(&self.0.payload)));
        self.0.signatures.retain(|other| other.key_id != id.as_bytes());
        self.0.signatures.push(wire::Signature { key_id: id.as_bytes().to_vec(), signature });
        Ok(())
    }

    /// Checks that at least `threshold` different ones of `keys` signed it as `kind`. Signatures of other keys are ignored; a bad
    /// signature of one of `keys`, or a signature that holds nothing, refuses all of it.
    pub(crate) fn verify(&self, kind: Kind, keys: &BTreeMap<KeyId, PublicKey>, threshold: u32) -> Result<(), Refused> {
        self.expect(kind)?;
        if self.0.signatures.is_empty() {
            return Err(Refused::Unsigned);
        }
        let message = kind.message(&self.0.payload);
        // By their bytes: whatever an id says, one key counts once.
        let mut signed: Vec<&[u8; 32]> = Vec::new();
        for wire::Signature { key_id, signature } in &self.0.signatures {
            let id = KeyId::from_bytes(key_id).ok_or_else(|| Refused::malformed("the id of a key has 8 bytes"))?;
            if signature.len() != SIGNATURE_BYTES || signature.iter().all(|byte| *byte == 0) {
                return Err(Refused::EmptySignature(id));
            }
            let Some(key) = keys.get(&id) else { continue };
            if !key.verifies(&message, signature) {
                return Err(Refused::BadSignature(id));
            }
            if !signed.contains(&key.as_bytes()) {
                signed.push(key.as_bytes());
            }
        }
        let counted = u32::try_from(signed.len()).unwrap_or(u32::MAX);
        // Roots have no threshold of zero; a caller's mistake must not make one.
        if counted < threshold.max(1) { Err(Refused::TooFewSignatures { counted, threshold }) } else { Ok(()) }
    }

    fn expect(&self, expected: Kind) -> Result<(), Refused> {
        if self.kind() == Some(expected) {
            return Ok(());
        }
        Err(Refused::WrongKind { found: self.0.kind.chars().take(32).collect(), expected })
    }

    #[cfg(test)]
    pub(crate) fn raw(&mut self) -> &mut wire::Envelope {
        &mut self.0
    }
}
