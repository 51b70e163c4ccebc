//! Signatures: the four algorithms that are taken, and public keys as a provider shows them (RFC 7517).
//!
//! An algorithm belongs to a type of key. So a key of RSA is never taken for the secret of an HMAC, whatever a token says.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;

/// The algorithms that are taken; `none` and those with a shared secret are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Algorithm {
    /// By its name in a token.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// A public key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    id: Option<String>,
    /// The one algorithm it is for, where the provider says so.
    only: Option<Algorithm>,
    public: Public,
}

#[derive(Clone, Debug)]
enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    /// A key that signs with an algorithm that is taken; `None`: it is another.
    pub(crate) fn read(jwk: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let only = match jwk.alg.as_deref() {
            Some(alg) => Some(Algorithm::named(alg)?),
            None => None,
        };
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let public = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Public::Rsa { n: bytes(&jwk.n)?, e: bytes(&jwk.e)? },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
                // An uncompressed point: a mark, and two coordinates of 32 bytes.
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                (x.len() == 32 && y.len() == 32).then_some(Public::P256(point))?
            }
            ("OKP", Some("Ed25519")) => Public::Ed25519(bytes(&jwk.x).filter(|x| x.len() == 32)?),
            _ => return None,
        };
        Some(Self { id: jwk.kid, only, public })
    }

    pub(crate) fn has_id(&self, id: &str) -> bool {
        self.id.as_deref() == Some(id)
    }

    /// Whether `signature` is this key's for `message`, by this algorithm.
    pub(crate) fn signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if self.only.is_some_and(|only| only != algorithm) {
            return false;
        }
        let plain = |known: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(known, key).verify(message, signature)
        };
        let verified = match (algorithm, &self.public) {
            (Algorithm::Rs256, Public::Rsa { n, e }) => {
                let known = &signature::RSA_PKCS1_2048_8192_SHA256;
                RsaPublicKeyComponents { n, e }.verify(known, message, signature)
            }
            (Algorithm::Ps256, Public::Rsa { n, e }) => {
                let known = &signature::RSA_PSS_2048_8192_SHA256;
                RsaPublicKeyComponents { n, e }.verify(known, message, signature)
            }
            (Algorithm::Es256, Public::P256(point)) => plain(&signature::ECDSA_P256_SHA256_FIXED, point),
            (Algorithm::EdDsa, Public::Ed25519(x)) => plain(&signature::ED25519, x),
            _ => return false,
        };
        verified.is_ok()
    }
}
