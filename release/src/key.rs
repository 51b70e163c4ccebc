//! Ed25519 keys of the people who sign.

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};

use crate::{
    Digest,
    digest::{from_hex, hex},
};

/// What a public key's text begins with.
const LABEL: &str = "homepot-ed25519";
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Why a key can't be used. No error holds any of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not that of a public key.
    #[error("a public key is one line: {LABEL}, its id and its 32 bytes in base64")]
    NotPublic,
    /// The id belongs to another key.
    #[error("the id does not belong to the key; copy the whole line again")]
    WrongId,
    /// Anybody can sign for this key.
    #[error("the key is weak: anybody can sign for it")]
    Weak,
    /// The text is not that of a private key.
    #[error("a private key is a PEM file that begins with {BEGIN} and holds an Ed25519 key (PKCS#8)")]
    NotPrivate,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
}

/// The first 8 bytes of the SHA-256 digest of a public key; its text is 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// Reads 16 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

/// A public key that somebody's private key belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key of these 32 bytes. Refuses the few points for which signatures can be made without a private key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let key = Self(bytes.try_into().map_err(|_| KeyError::NotPublic)?);
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(key) }
    }

    /// Reads the line that [`fmt::Display`] writes; the id must belong to the key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut words = text.split_ascii_whitespace();
        let (Some(LABEL), Some(id), Some(key), None) = (words.next(), words.next(), words.next(), words.next()) else {
            return Err(KeyError::NotPublic);
        };
        let key = Self::from_bytes(&STANDARD.decode(key).map_err(|_| KeyError::NotPublic)?)?;
        if KeyId::parse(id) == Some(key.id()) { Ok(key) } else { Err(KeyError::WrongId) }
    }

    /// The id, which follows from the bytes: two keys never share one, and one key never has two.
    pub fn id(&self) -> KeyId {
        Self::id_of(&self.0)
    }

    pub(crate) fn id_of(bytes: &[u8]) -> KeyId {
        let [a, b, c, d, e, f, g, h, ..] = *Digest::of(bytes).as_bytes();
        KeyId([a, b, c, d, e, f, g, h])
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `signature` is one of `message` by this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }

    /// Points of small order, in each of their encodings; the sign bit does not matter.
    fn is_weak(&self) -> bool {
        const WEAK: [&str; 7] = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        let mut unsigned = self.0;
        unsigned[31] &= 0x7f;
        WEAK.iter().any(|weak| from_hex(weak) == Some(unsigned))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LABEL} {} {}", self.id(), STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A private key. It stays with a person and is never on a server.
pub struct PrivateKey {
    pair: Ed25519KeyPair,
    pkcs8: Vec<u8>,
}

impl PrivateKey {
    /// Makes a new key from the system's random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::NoRandomness)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// Reads a PEM file, of ours or of `openssl genpkey -algorithm ed25519`.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let inside =
            text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or(KeyError::NotPrivate)?;
        let joined: String = inside.split_ascii_whitespace().collect();
        Self::from_pkcs8(&STANDARD.decode(joined).map_err(|_| KeyError::NotPrivate)?)
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        // Other tools leave the public key out of the file.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| KeyError::NotPrivate)?;
        Ok(Self { pair, pkcs8: pkcs8.to_owned() })
    }

    /// The text of its PEM file: see [`write_new_file`].
    pub fn to_pem(&self) -> String {
        let encoded = STANDARD.encode(&self.pkcs8);
        let mut text = format!("{BEGIN}\n");
        for (at, letter) in encoded.chars().enumerate() {
            if at > 0 && at % 64 == 0 {
                text.push('\n');
            }
            text.push(letter);
        }
        text + "\n" + END + "\n"
    }

    /// The half that everybody may know.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public().id())
    }
}

/// Writes a private key into a new file that only its owner may read (mode 0600). A file that is there already is never replaced:
/// the error is then [`io::ErrorKind::AlreadyExists`].
pub fn write_new_file(path: &Path, key: &PrivateKey) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(key.to_pem().as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_written_for_its_owner_alone_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let (path, key) = (directory.path().join("key.pem"), PrivateKey::generate().unwrap());
        write_new_file(&path, &key).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let read = PrivateKey::from_pem(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(read.public(), key.public());
        assert_eq!(write_new_file(&path, &key).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("PrivateKey({})", key.public().id()));
    }

    #[test]
    fn a_key_of_openssl_is_read() {
        // RFC 8410, section 10.3: a key without its public half.
        let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let key = PrivateKey::from_pem(text).unwrap();
        let public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        assert_eq!(key.public().as_bytes(), &from_hex::<32>(public).unwrap());
    }

    #[test]
    fn a_public_keys_line_is_read_again_and_a_changed_one_is_refused() {
        let key = PrivateKey::generate().unwrap().public();
        let other = PrivateKey::generate().unwrap().public();
        let line = key.to_string();
        assert_eq!(PublicKey::parse(&line), Ok(key));
        let swapped = line.replace(&key.id().to_string(), &other.id().to_string());
        assert_eq!(PublicKey::parse(&swapped), Err(KeyError::WrongId));
        for bad in
            ["", "homepot-ed25519", &format!("{line} x"), &line.replace("ed25519", "rsa"), &line.replace(' ', "")]
        {
            assert_eq!(PublicKey::parse(bad), Err(KeyError::NotPublic), "{bad}");
        }
        for bad in ["", BEGIN, END, &format!("{BEGIN}{END}"), &format!("{BEGIN}AAAA{END}"), &format!("{BEGIN}!{END}")] {
            assert_eq!(PrivateKey::from_pem(bad).err(), Some(KeyError::NotPrivate), "{bad}");
        }
    }

    #[test]
    fn keys_that_need_no_private_half_are_refused() {
        // The neutral point verifies a signature of itself and zero, over any message: this is what "weak" means.
        let mut point = [0; 32];
        point[0] = 1;
        let forged = [point, [0; 32]].concat();
        assert!(PublicKey(point).verifies(b"any message at all", &forged), "ring lets it pass, so we must not");
        assert_eq!(PublicKey::from_bytes(&point), Err(KeyError::Weak));
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(KeyError::Weak));
        point[31] = 0x80;
        assert_eq!(PublicKey::from_bytes(&point), Err(KeyError::Weak), "with the sign bit");
        assert_eq!(PublicKey::from_bytes(&[7; 31]), Err(KeyError::NotPublic));
    }
}
