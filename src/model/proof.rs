//! How a device proves that it is the one that enrolled: what it signs, once for both sides. No cryptography in here.

use super::DeviceId;

/// The public half of a device's proof key.
pub type ProofKey = [u8; 32];

/// What a server asks to be signed: random, and good for one stream.
pub type Nonce = [u8; 32];

/// Sets the signature apart from any other that the same key might ever make.
const LABEL: &[u8] = b"homepot device proof v1\0";

/// What a device signs to answer `nonce`. Label and nonce are of fixed length, so no two pairs of nonce and id read alike.
pub fn proof_text(nonce: &Nonce, device_id: &DeviceId) -> Vec<u8> {
    [LABEL, nonce, device_id.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_nonce_and_one_device() {
        let text = |nonce, id| proof_text(&[nonce; 32], &DeviceId::parse(id).unwrap());
        assert_eq!(text(1, "d"), [b"homepot device proof v1\0".as_slice(), &[1; 32], b"d"].concat());
        assert_ne!(text(1, "d"), text(2, "d"));
        assert_ne!(text(1, "d"), text(1, "e"));
    }
}
