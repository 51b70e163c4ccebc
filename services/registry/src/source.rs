//! The rules that keep real and simulated devices apart, without I/O.
//!
//! A device's source is settled at its enrolment and is part of its record. Later the device may only declare the same
//! source, or none. A device that enrolled with a proof key must also prove itself.

use homepot::{
    Error, Kind,
    model::{DeviceId, DeviceSource, Nonce, ProofKey, proof_text},
};
use ring::signature::{ED25519, UnparsedPublicKey};

/// What a caller has shown of its proof key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Its record has no such key: there is nothing to prove.
    NotAsked,
    /// It will be asked on this stream.
    Pending,
    /// It calls where it can't be asked.
    Impossible,
    /// It was asked and did not answer in time.
    Missing,
    /// The answer is not a valid proof.
    Wrong,
    /// It is the device that enrolled.
    Good,
}

/// Why a caller is not taken for the device whose key it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impostor {
    /// It says it is something else than the record has.
    Contradicts {
        /// What it says.
        declared: DeviceSource,
        /// What the record has.
        recorded: DeviceSource,
    },
    /// It did not prove itself.
    Unproved(Proof),
}

/// Whether a caller that declares this, and has shown that, may speak for a device of this record.
pub fn judge(declared: Option<DeviceSource>, recorded: DeviceSource, proof: Proof) -> Result<(), Impostor> {
    match declared {
        Some(declared) if declared != recorded => return Err(Impostor::Contradicts { declared, recorded }),
        _ => {}
    }
    match proof {
        Proof::NotAsked | Proof::Pending | Proof::Good => Ok(()),
        Proof::Impossible | Proof::Missing | Proof::Wrong => Err(Impostor::Unproved(proof)),
    }
}

/// Whether this is the signature of `key` under what answers `nonce`.
pub fn check_proof(key: &ProofKey, nonce: &Nonce, device_id: &DeviceId, signature: &[u8]) -> Proof {
    match UnparsedPublicKey::new(&ED25519, key).verify(&proof_text(nonce, device_id), signature) {
        Ok(()) => Proof::Good,
        Err(_) => Proof::Wrong,
    }
}

impl Impostor {
    /// What the caller is told, and what to do about it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Contradicts { recorded: DeviceSource::Real, .. } => {
                "this device is real, and its session says simulated: a simulator must enrol devices of its own, with a \
                 token for simulated devices"
            }
            Self::Contradicts { recorded: DeviceSource::Simulated, .. } => {
                "this device is simulated, and its session says real: a real device takes the identity over by enrolling \
                 with a token for real devices"
            }
            Self::Unproved(Proof::Impossible) => {
                "this device proves itself on its stream; its key alone opens nothing, so calls without a stream are refused"
            }
            Self::Unproved(Proof::Missing) => {
                "this device proves itself on its stream, and no proof came in time: its key alone opens nothing"
            }
            Self::Unproved(_) => {
                "the proof is wrong: it must be made with the proof key that this device enrolled with, for this stream's \
                 challenge"
            }
        }
    }

    /// Notes that somebody was turned away.
    pub fn note(self, device_id: &DeviceId, declared: Option<DeviceSource>, recorded: DeviceSource) {
        let declared = declared.map_or("none", DeviceSource::as_str);
        let recorded = recorded.as_str();
        metrics::counter!("homepot_source_refusals_total", "declared" => declared, "recorded" => recorded).increment(1);
        tracing::warn!(%device_id, declared, recorded, why = self.words(), "a caller is not what the device's record has");
    }
}

impl From<Impostor> for Error {
    fn from(impostor: Impostor) -> Self {
        Error::new(Kind::Forbidden, impostor.words())
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    #[test]
    fn who_says_what_the_record_has_or_nothing_and_proves_what_is_asked_gets_in_and_nobody_else() {
        use DeviceSource::{Real, Simulated};
        let proofs = [
            (Proof::NotAsked, true),
            (Proof::Pending, true),
            (Proof::Good, true),
            (Proof::Impossible, false),
            (Proof::Missing, false),
            (Proof::Wrong, false),
        ];
        for recorded in [Real, Simulated] {
            for (proof, proves) in proofs {
                for declared in [None, Some(recorded)] {
                    let expected = if proves { Ok(()) } else { Err(Impostor::Unproved(proof)) };
                    assert_eq!(judge(declared, recorded, proof), expected);
                }
                // Whatever it proves: who has all of a device's secrets and says it is something else is turned away.
                let declared = if recorded == Real { Simulated } else { Real };
                let expected = Err(Impostor::Contradicts { declared, recorded });
                assert_eq!(judge(Some(declared), recorded, proof), expected);
            }
        }
    }

    #[test]
    fn a_proof_is_good_for_its_key_its_nonce_and_its_device_only() {
        let pair = |seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = |pair: &Ed25519KeyPair| ProofKey::try_from(pair.public_key().as_ref()).unwrap();
        let device = |id| DeviceId::parse(id).unwrap();
        let (own, other) = (pair(1), pair(2));
        let good = own.sign(&proof_text(&[7; 32], &device("d")));
        let check = |key: &Ed25519KeyPair, nonce, id, signature: &[u8]| {
            check_proof(&public(key), &[nonce; 32], &device(id), signature)
        };
        assert_eq!(check(&own, 7, "d", good.as_ref()), Proof::Good);
        assert_eq!(check(&other, 7, "d", good.as_ref()), Proof::Wrong);
        assert_eq!(check(&own, 8, "d", good.as_ref()), Proof::Wrong);
        assert_eq!(check(&own, 7, "e", good.as_ref()), Proof::Wrong);
        assert_eq!(check(&own, 7, "d", &[0; 64]), Proof::Wrong);
        assert_eq!(check(&own, 7, "d", &[]), Proof::Wrong);
    }
}
