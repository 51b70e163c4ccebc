//! Who calls as a service of this server: whoever shows a certificate of an authority that the settings name.
//!
//! Devices and operators show none and are let in as before, unless every caller has to. A certificate that is not good ends
//! the handshake: whoever shows one means it to count. No session is resumed where certificates are looked at, because a
//! resumed one would not show its certificate again, however long ago it ended.

use std::{fmt, path::Path, sync::Arc};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::ring,
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use super::{TlsError, Watched, caller::roots, watched::Parsed};
use crate::reload::Files;

type Verifier = Arc<dyn ClientCertVerifier>;

/// The authorities of services' certificates. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct ClientAuthorities {
    watched: Watched<Verifier>,
    /// Whether whoever shows no certificate is refused.
    is_required: bool,
}

impl ClientAuthorities {
    /// Reads the authorities in the file that `setting` names.
    pub fn load(setting: &'static str, file: &Path, is_required: bool) -> Result<Self, TlsError> {
        let watched = Watched::load(setting, vec![file.into()], |paths, pem| {
            let (roots, ends) = roots(&paths[0], &pem[0])?;
            let provider = Arc::new(ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let unfit = |error: rustls::server::VerifierBuilderError| TlsError::Authorities {
                path: paths[0].clone(),
                cause: error.to_string(),
            };
            Ok(Parsed { value: verifier.map_err(unfit)?, ends })
        })?;
        Ok(Self { watched, is_required })
    }

    /// Their file, for whoever looks at all of them.
    pub fn files(&self) -> Arc<dyn Files> {
        self.watched.files()
    }

    /// What checks the certificates of those who call; it goes by the authorities that count at the time.
    pub(super) fn verifier(&self) -> Verifier {
        Arc::new(self.clone())
    }
}

impl ClientCertVerifier for ClientAuthorities {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // None, because the authorities may be replaced: the caller shows what it has.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.watched.current().verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.watched.current().verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.watched.current().verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.watched.current().supported_verify_schemes()
    }
}

impl fmt::Debug for ClientAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAuthorities").field("is_required", &self.is_required).finish_non_exhaustive()
    }
}
