//! Secrets that can't be printed by accident.

use std::fmt;

use crate::error::Error;

/// The kind of a secret. Its first letters show the kind, so that a leaked secret is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// A device's key.
    DeviceKey,
    /// An operator's token.
    OperatorToken,
    /// A token that lets devices enrol.
    EnrollmentToken,
    /// A server's own secret, which opens nothing by itself.
    ServerSecret,
    /// A session of an operator at the web page.
    Session,
    /// A code that signs an operator in, once.
    SignInCode,
}

impl SecretKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::DeviceKey,
        Self::OperatorToken,
        Self::EnrollmentToken,
        Self::ServerSecret,
        Self::Session,
        Self::SignInCode,
    ];

    /// The first letters.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::DeviceKey => "hpd_",
            Self::OperatorToken => "hpo_",
            Self::EnrollmentToken => "hpe_",
            Self::ServerSecret => "hps_",
            Self::Session => "hpw_",
            Self::SignInCode => "hpl_",
        }
    }
}

/// A secret in clear. It has no `Display`, and its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// How many letters of a secret's random part are its public id: 48 of 256 bits, which leaves 208 unknown.
const PUBLIC_LETTERS: usize = 8;
/// 32 bytes as base64url without padding.
const RANDOM_LETTERS: usize = 43;

impl Secret {
    /// Writes 32 random bytes as a secret of `kind`.
    pub fn from_random(kind: SecretKind, random: [u8; 32]) -> Self {
        use base64::Engine as _;
        let letters = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random);
        Self(format!("{}{letters}", kind.prefix()))
    }

    /// Takes what a caller presented, whatever its form.
    pub fn presented(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret in clear. Name it where it is shown once, sent, or hashed; nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The public id: the prefix and the first letters, by which its hash is found. `None` when the
    /// text does not have the form of a secret of `kind`.
    pub fn public_id(&self, kind: SecretKind) -> Option<&str> {
        let random = self.0.strip_prefix(kind.prefix())?;
        let well_formed = random.len() == RANDOM_LETTERS
            && random.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        well_formed.then(|| &self.0[..kind.prefix().len() + PUBLIC_LETTERS])
    }

    /// The prefix and the first letters of a secret that `text` holds somewhere, whole or in part; `None` where it holds none.
    pub fn public_letters_within(text: &str) -> Option<&str> {
        let of_kind = |kind: SecretKind| {
            let found = &text[text.find(kind.prefix())?..];
            let (end, _) = found.char_indices().nth(kind.prefix().len() + PUBLIC_LETTERS)?;
            Some(&found[..end])
        };
        SecretKind::ALL.into_iter().find_map(of_kind)
    }

    /// Checks that the secret has the form of `kind`; the error does not repeat it.
    pub fn check_form(&self, kind: SecretKind, field: &str) -> Result<(), Error> {
        match self.public_id(kind) {
            Some(_) => Ok(()),
            None => Err(Error::invalid(
                field,
                format!("must be '{}' followed by {RANDOM_LETTERS} letters of base64url", kind.prefix()),
            )),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_tells_its_public_id_and_never_itself() {
        let secret = Secret::from_random(SecretKind::DeviceKey, [7; 32]);
        assert_eq!(secret.public_id(SecretKind::DeviceKey), Some("hpd_BwcHBwcH"));
        assert_eq!(secret.public_id(SecretKind::OperatorToken), None);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn a_secret_within_a_text_is_found_and_public_letters_alone_are_none() {
        let secret = Secret::from_random(SecretKind::EnrollmentToken, [7; 32]);
        for text in [secret.reveal().to_owned(), format!("hpd_x {} hpo_", secret.reveal())] {
            assert!(Secret::public_letters_within(&text).is_some_and(|found| found.len() == 12), "{text}");
        }
        assert_eq!(Secret::public_letters_within(secret.reveal()), Some("hpe_BwcHBwcH"));
        assert_eq!(Secret::public_letters_within("hpe_BwcHBwcH"), None);
        assert_eq!(Secret::public_letters_within("till-7"), None);
    }

    #[test]
    fn what_has_not_the_form_of_a_secret_has_no_public_id() {
        for text in ["", "hpd_", "hpd_short", "hpd_ääääääääääääääääääääääääääääääääääääääääääää"]
        {
            assert_eq!(Secret::presented(text).public_id(SecretKind::DeviceKey), None);
        }
    }
}
