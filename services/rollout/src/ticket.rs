//! Tickets for transfers: a MAC under a key of the server's secret over the device, the release and an expiry. Any replica can check
//! it without the database. It opens nothing without the device's own credentials.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use homepot::model::{ReleaseId, Secret};
use uuid::Uuid;

const GOOD_FOR_SECONDS: i64 = 3600;
const MAC_BYTES: usize = 32;
const HEAD_BYTES: usize = 24;

/// Makes and checks tickets.
pub(crate) struct Tickets {
    key: [u8; 32],
}

impl Tickets {
    /// Tickets under the server's secret.
    pub(crate) fn new(secret: &Secret) -> Self {
        Self { key: blake3::derive_key("homepot 2026-11-28 transfer tickets", secret.reveal().as_bytes()) }
    }

    /// A ticket for the files of a release.
    pub(crate) fn issue(&self, device: i64, release: ReleaseId, now_seconds: i64) -> String {
        let mut ticket = (now_seconds + GOOD_FOR_SECONDS).to_le_bytes().to_vec();
        ticket.extend_from_slice(release.0.as_bytes());
        let mac = self.mac(device, &ticket);
        ticket.extend_from_slice(mac.as_bytes());
        URL_SAFE_NO_PAD.encode(ticket)
    }

    /// The release whose files a ticket opens for this device; `None`: it opens nothing, or no more.
    pub(crate) fn check(&self, ticket: &str, device: i64, now_seconds: i64) -> Option<ReleaseId> {
        let bytes = URL_SAFE_NO_PAD.decode(ticket).ok()?;
        let (head, mac) = bytes.split_at_checked(HEAD_BYTES)?;
        let mac = <[u8; MAC_BYTES]>::try_from(mac).ok()?;
        // blake3 compares its hashes in constant time.
        if self.mac(device, head) != blake3::Hash::from(mac) {
            return None;
        }
        let (expiry, release) = head.split_first_chunk::<8>()?;
        let release = ReleaseId(Uuid::from_slice(release).ok()?);
        (now_seconds < i64::from_le_bytes(*expiry)).then_some(release)
    }

    fn mac(&self, device: i64, head: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&device.to_le_bytes());
        hasher.update(head);
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_its_release_for_its_device_until_it_expires() {
        let tickets = Tickets::new(&Secret::presented("secret"));
        let release = ReleaseId(Uuid::from_u128(7));
        let ticket = tickets.issue(1, release, 1_000);
        assert_eq!(tickets.check(&ticket, 1, 1_000), Some(release));
        assert_eq!(tickets.check(&ticket, 1, 1_000 + GOOD_FOR_SECONDS), None);
        assert_eq!(tickets.check(&ticket, 2, 1_000), None);
        assert_eq!(Tickets::new(&Secret::presented("other")).check(&ticket, 1, 1_000), None);
        let bytes = URL_SAFE_NO_PAD.decode(&ticket).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(tickets.check(&URL_SAFE_NO_PAD.encode(changed), 1, 1_000), None, "byte {place}");
        }
        for bad in ["", "x", "AAAA", "%"] {
            assert_eq!(tickets.check(bad, 1, 0), None);
        }
    }
}
