//! The key by which a device proves that it is the one that enrolled. The private half never leaves the device.

use std::{fmt, sync::Arc};

use homepot::model::{DeviceId, Nonce, ProofKey, proof_text};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// A device's key pair. Clones share it.
#[derive(Clone)]
pub struct Signer {
    pair: Arc<Ed25519KeyPair>,
    public: ProofKey,
}

impl Signer {
    /// The pair of this private key, 32 random bytes. `None`, never: any 32 bytes are one.
    pub fn from_private(private: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(private).ok()?;
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { pair: Arc::new(pair), public })
    }

    /// The half that the server keeps.
    pub fn public(&self) -> ProofKey {
        self.public
    }

    /// What answers the server's challenge.
    pub fn prove(&self, nonce: &Nonce, device_id: &DeviceId) -> Vec<u8> {
        self.pair.sign(&proof_text(nonce, device_id)).as_ref().to_vec()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_proof_is_the_signature_of_the_half_that_was_told() {
        let signer = Signer::from_private(&[3; 32]).unwrap();
        let device_id = DeviceId::parse("d").unwrap();
        let proof = signer.prove(&[9; 32], &device_id);
        let public = UnparsedPublicKey::new(&ED25519, signer.public());
        assert!(public.verify(&proof_text(&[9; 32], &device_id), &proof).is_ok());
        assert_eq!(format!("{signer:?}"), "Signer");
    }
}
