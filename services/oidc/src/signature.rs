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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SIGNED: &[u8] = b"header.payload";
    /// A key whose secret half was thrown away, and what it signed.
    const N: &str = "tGmkDHSpEDr6q8L_rgpRqQL2dkg4FYhho9L-kF9OhD4sUZrjYTtvPpnmV3UaJ1InVfeR0Y0J9qP-PnFstFYe7DaqIKAxwEBrsjPo\
        bxiNeab4dIGFX9lf4clJ0ob8eu6Qlw8gTehLBB2uD-yLP7e0f1yO4nRvUxBo8gQbeOyRO_JnEYiFLgeaWQlaalkt64mCukCnU_2s\
        xbu3j7j1nTcds8-ZfecqPoduHzYQq2NAwxRDCx61YthU6O-10c42U2lk1MDsCHeCWFa190Grc7BYbVo0oJL_8hQjLzrl1cdV4gUm\
        N4-ErVpwvIlWCdv5UN7AKktGbaYnHLKDPEzGhTF-0Q";
    const RS256: &str = "DymGRT0PwuuGlIQ3YpyaW85CkfB1XHDC23hcAWTmdag4BiBe_RvN4VhmKxtDZyqKGQNIRdXKtgiVAolemoh8siUy9Wb4Lhm13DRE\
        SSlsicM4Mfh4bYeZK6WdKVlC3ocwfc7u_wNYtSZcHxCxr51TpR1hl0QwAB36tIr2YwMlud8MD-C6vqkPEq-2fT3FQqrejtDdYmu3\
        uH7t13etkrdrpkkUYYkPifjP3YYEW7znYxb-O6U6in_z1IgEUvQ1oOrFJrpMjFagSfPFjFRpHWBAv3GR9gNEeJSOYr7KejvhOvaX\
        5Oz6FO9xnfdBXFsnoJJST4EvHgk7lwLmtvVGSZ2b3g";
    const PS256: &str = "iiXE_zFWrNejf4dG73M26Jl0qvlzvhGX5SQ6kALqj4ASS4N5Nm-N2uDAyIShj64O7fArinQB23M28M_NPxAYzXoJpk-t9ji_uFEC\
        dMwkX1Ks5K5WSYqw6W65Js7BGAU_KR9XunpAsIxTWDgdOQI8FZbGmuLeeT1yTHOgvEFCunsHw2dgK6kqJoB_cZt36tiywTQJInOm\
        edDKAtgaXd60wu4MQHOFI1YAESj4YDM_Fs9TnUVmyQT9OFlcqaF_pXBoFGDW1j6kW-PXsUOV3WgaI5ablce3gkoiHN-BR6xtlpHT\
        xA2UF4lJ29uZqYGxYxwYEHNpmqY1yU6ubEFSGIEP7A";

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn rsa(alg: Option<&str>) -> Key {
        Key::read(json!({ "kty": "RSA", "n": N, "e": "AQAB", "kid": "1", "alg": alg })).unwrap()
    }

    #[test]
    fn signatures_of_rsa_are_good_in_their_own_padding_only() {
        let (pkcs1, pss) = (bytes(RS256), bytes(PS256));
        let key = rsa(None);
        assert!(key.signed(Algorithm::Rs256, SIGNED, &pkcs1) && key.signed(Algorithm::Ps256, SIGNED, &pss));
        assert!(!key.signed(Algorithm::Ps256, SIGNED, &pkcs1) && !key.signed(Algorithm::Rs256, SIGNED, &pss));
        assert!(!key.signed(Algorithm::Rs256, b"header.payloae", &pkcs1));
        assert!(!key.signed(Algorithm::Es256, SIGNED, &pkcs1), "a key is of one type");
        assert!(!rsa(Some("PS256")).signed(Algorithm::Rs256, SIGNED, &pkcs1), "the key is for another algorithm");
    }

    #[test]
    fn a_signature_of_ed25519_is_good() {
        use ring::signature::{Ed25519KeyPair, KeyPair as _};
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let key = Key::read(json!({ "kty": "OKP", "crv": "Ed25519", "x": x })).unwrap();
        let signature = pair.sign(SIGNED);
        assert!(key.signed(Algorithm::EdDsa, SIGNED, signature.as_ref()));
        assert!(!key.signed(Algorithm::EdDsa, b"other", signature.as_ref()));
    }

    #[test]
    fn keys_for_something_else_are_none() {
        for jwk in [
            json!({ "kty": "oct", "k": "AAAA" }),
            json!({ "kty": "RSA", "n": N, "e": "AQAB", "use": "enc" }),
            json!({ "kty": "RSA", "n": N, "e": "AQAB", "alg": "HS256" }),
            json!({ "kty": "RSA", "n": N }),
            json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" }),
            json!({ "kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA" }),
            json!("key"),
        ] {
            assert!(Key::read(jwk.clone()).is_none(), "{jwk}");
        }
        assert!(Algorithm::named("none").is_none() && Algorithm::named("HS256").is_none());
    }
}
