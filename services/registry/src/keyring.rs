//! What is derived from the server's secret, which the database does not hold.
//!
//! All replicas on one database are given the same secret. From it come the keys of reconnect tickets, of check tags and of
//! sign-ins with an identity provider, and a fingerprint by which replicas notice that theirs differ. None of them can be derived from another.

use homepot::model::Secret;
use homepot_store::secrets::{CheckTag, StoredSecret};

/// Bytes of a tag that name the secret it was made under.
const NAME_BYTES: usize = 4;

/// See the [module](self). It has no `Debug`.
pub(crate) struct Keyring {
    tickets: [u8; 32],
    tags: [u8; 32],
    sign_ins: [u8; 32],
    fingerprint: [u8; 16],
}

/// What a tag says of a secret that somebody shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precheck {
    /// It is wrong.
    Wrong,
    /// It is right, but for one guess in four billion: Argon2 has the last word.
    Fits,
    /// Nothing: there is no tag, or it was made under another secret.
    Unknown,
}

impl Keyring {
    /// Derives everything from the server's secret.
    pub(crate) fn new(secret: &Secret) -> Self {
        let derive = |context| blake3::derive_key(context, secret.reveal().as_bytes());
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&derive("homepot 2026-11-27 fingerprint of the server's secret")[..16]);
        Self {
            tickets: derive("homepot 2026-11-27 reconnect tickets"),
            tags: derive("homepot 2026-11-27 check tags"),
            sign_ins: derive("homepot 2026-11-28 sign-ins with an identity provider"),
            fingerprint,
        }
    }

    /// The key of reconnect tickets.
    pub(crate) fn ticket_key(&self) -> [u8; 32] {
        self.tickets
    }

    /// The key of sign-ins with an identity provider.
    pub(crate) fn sign_in_key(&self) -> [u8; 32] {
        self.sign_ins
    }

    /// Tells this server's secret from another's, and nothing else.
    pub(crate) fn fingerprint(&self) -> [u8; 16] {
        self.fingerprint
    }

    /// The tag to keep beside the hash of `secret`.
    ///
    /// Its MAC has 32 bits. That is enough: who guesses makes the server run Argon2 once in four billion tries. More would
    /// serve nobody but a thief of both the database and the server's secret, who then learns 32 of 208 unknown bits.
    pub(crate) fn tag(&self, secret: &Secret) -> CheckTag {
        let mac = blake3::keyed_hash(&self.tags, secret.reveal().as_bytes());
        let mut tag = [0; 8];
        let (name, check) = tag.split_at_mut(NAME_BYTES);
        name.copy_from_slice(&self.fingerprint[..NAME_BYTES]);
        check.copy_from_slice(&mac.as_bytes()[..8 - NAME_BYTES]);
        tag
    }

    /// What is known of `secret` before Argon2.
    pub(crate) fn precheck(&self, secret: &Secret, stored: &StoredSecret) -> Precheck {
        match stored.check_tag {
            Some(tag) if tag[..NAME_BYTES] == self.fingerprint[..NAME_BYTES] => {
                // As numbers: in constant time.
                let fits = u64::from_le_bytes(tag) == u64::from_le_bytes(self.tag(secret));
                if fits { Precheck::Fits } else { Precheck::Wrong }
            }
            _ => Precheck::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_tells_right_from_wrong_under_its_own_secret_and_says_nothing_under_another() {
        let (ours, theirs) = (Keyring::new(&Secret::presented("a")), Keyring::new(&Secret::presented("b")));
        let (key, wrong) = (Secret::presented("key"), Secret::presented("kex"));
        let stored = |check_tag| StoredSecret { hash: "hash".to_owned(), check_tag };
        let tagged = stored(Some(ours.tag(&key)));
        assert_eq!(ours.precheck(&key, &tagged), Precheck::Fits);
        assert_eq!(ours.precheck(&wrong, &tagged), Precheck::Wrong);
        assert_eq!(theirs.precheck(&key, &tagged), Precheck::Unknown);
        assert_eq!(ours.precheck(&key, &stored(None)), Precheck::Unknown);
    }

    #[test]
    fn what_the_database_is_told_of_the_secret_is_no_key_of_it() {
        let keyring = Keyring::new(&Secret::presented("a"));
        assert_ne!(keyring.tickets, keyring.tags);
        for key in [keyring.tickets, keyring.tags] {
            assert_ne!(key[..16], keyring.fingerprint);
        }
    }
}
