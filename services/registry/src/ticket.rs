//! Reconnect tickets: ten thousand devices come back after a restart without ten thousand runs of Argon2.
//!
//! A ticket is a MAC under a key of the server's secret ([`crate::keyring`]) over the device, the generation of its keys, an
//! expiry, and the key it was earned with: as it was shown, and as it is kept. Any replica can check it; without the key it
//! opens nothing, and it ends with the key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use homepot::model::Secret;

const GOOD_FOR_SECONDS: i64 = 24 * 3600;
const MAC_BYTES: usize = 32;

/// Makes and checks tickets.
#[derive(Clone)]
pub(crate) struct Tickets {
    secret: [u8; 32],
}

/// What a ticket speaks for.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) device: i64,
    pub(crate) credential_version: i32,
    pub(crate) key: &'a Secret,
    /// The hash the key is stored as, so that a key that was rotated out earns nothing later.
    pub(crate) stored_hash: &'a str,
}

impl Tickets {
    /// Tickets under the cluster's secret.
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// A ticket for a device that proved its key.
    pub(crate) fn issue(&self, claim: Claim<'_>, now_seconds: i64) -> String {
        let expiry = now_seconds + GOOD_FOR_SECONDS;
        let mut ticket = expiry.to_le_bytes().to_vec();
        ticket.extend_from_slice(self.mac(claim, expiry).as_bytes());
        URL_SAFE_NO_PAD.encode(ticket)
    }

    /// Whether `ticket` was issued for just this claim and is still good.
    pub(crate) fn is_good(&self, ticket: &str, claim: Claim<'_>, now_seconds: i64) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(ticket) else { return false };
        let Some((expiry, mac)) = bytes.split_first_chunk::<8>() else { return false };
        let Ok(mac) = <[u8; MAC_BYTES]>::try_from(mac) else { return false };
        let expiry = i64::from_le_bytes(*expiry);
        // blake3 compares its hashes in constant time.
        now_seconds < expiry && self.mac(claim, expiry) == blake3::Hash::from(mac)
    }

    fn mac(&self, claim: Claim<'_>, expiry: i64) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(&claim.device.to_le_bytes());
        hasher.update(&claim.credential_version.to_le_bytes());
        hasher.update(&expiry.to_le_bytes());
        hasher.update(blake3::hash(claim.key.reveal().as_bytes()).as_bytes());
        hasher.update(blake3::hash(claim.stored_hash.as_bytes()).as_bytes());
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_for_its_device_its_key_and_its_generation_until_it_expires() {
        let tickets = Tickets::new([1; 32]);
        let key = Secret::presented("k");
        let claim = Claim { device: 1, credential_version: 1, key: &key, stored_hash: "h" };
        let ticket = tickets.issue(claim, 1_000);
        assert!(tickets.is_good(&ticket, claim, 1_000));
        assert!(!tickets.is_good(&ticket, claim, 1_000 + GOOD_FOR_SECONDS));
        assert!(!tickets.is_good(&ticket, Claim { device: 2, ..claim }, 1_000));
        assert!(!tickets.is_good(&ticket, Claim { credential_version: 2, ..claim }, 1_000));
        assert!(!tickets.is_good(&ticket, Claim { key: &Secret::presented("x"), ..claim }, 1_000));
        assert!(!tickets.is_good(&ticket, Claim { stored_hash: "x", ..claim }, 1_000));
        assert!(!Tickets::new([2; 32]).is_good(&ticket, claim, 1_000));
    }

    #[test]
    fn what_is_no_ticket_opens_nothing() {
        let key = Secret::presented("k");
        let claim = Claim { device: 1, credential_version: 1, key: &key, stored_hash: "h" };
        for ticket in ["", "x", "AAAAAAAAAAAAAAAA", "%%%"] {
            assert!(!Tickets::new([1; 32]).is_good(ticket, claim, 0));
        }
    }
}
