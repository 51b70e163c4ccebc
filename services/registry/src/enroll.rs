//! How a device joins: with a token, or without one where this machine and the site are open.

use chrono::Utc;
use homepot::{
    Error, Kind,
    model::{Device, DeviceSource, Enrollment, Secret, SecretKind, SiteId},
};
use homepot_runtime::auth::Enrollee;
use homepot_store::{
    devices::{self, Enrolled, NewDevice},
    enrollment_tokens, sites,
};

use crate::{OpenEnrollment, Registry};

/// By what right a device joins.
struct Admission {
    token_id: Option<String>,
    source: DeviceSource,
}

impl Registry {
    /// Makes a device; the key in the answer is the only copy.
    pub async fn enroll(&self, enrollee: Enrollee, enrollment: Enrollment) -> Result<(Device, Secret), Error> {
        let admission = self.admit(enrollee, &enrollment).await?;
        let key = self.mint(SecretKind::DeviceKey).await?;
        let (site_id, device_id) = (enrollment.site_id.clone(), enrollment.device_id.clone());
        let claim_hash = enrollment.claim.as_ref().map(|claim| blake3::hash(claim).as_bytes().to_vec());
        let device = NewDevice {
            enrollment,
            source: admission.source,
            key_id: key.public_id,
            key_hash: key.hash,
            token_id: admission.token_id,
            claim_hash,
        };
        match self.inner.store.run("enroll_device", move |conn| devices::enroll(conn, &device)).await? {
            Enrolled::Device(device) => {
                self.presence_changed();
                metrics::counter!("homepot_enrollments_total", "source" => device.source.as_str()).increment(1);
                tracing::info!(device_id = %device.device_id, site_id = %device.site_id, "device enrolled");
                Ok((device, key.secret))
            }
            Enrolled::Taken => Err(Error::new(Kind::AlreadyExists, format!("Device {device_id} already exists"))),
            Enrolled::SiteMissing => Err(Error::not_found(format!("Site {site_id} not found"))),
            Enrolled::TokenSpent => Err(refusal()),
        }
    }

    async fn admit(&self, enrollee: Enrollee, enrollment: &Enrollment) -> Result<Admission, Error> {
        match enrollee.token.clone() {
            Some(token) => self.admit_by_token(token, enrollee, enrollment).await,
            None => self.admit_openly(enrollee, enrollment).await,
        }
    }

    async fn admit_by_token(
        &self,
        token: Secret,
        enrollee: Enrollee,
        enrollment: &Enrollment,
    ) -> Result<Admission, Error> {
        let found = match token.public_id(SecretKind::EnrollmentToken) {
            Some(token_id) => {
                let token_id = token_id.to_owned();
                self.inner
                    .store
                    .run("find_enrollment_token", move |conn| enrollment_tokens::find(conn, &token_id))
                    .await?
            }
            None => None,
        };
        let hash = found.as_ref().map(|(_, hash)| hash.as_str());
        let name = token.public_id(SecretKind::EnrollmentToken).unwrap_or("enrollment");
        if !self.check(name, &token, hash, enrollee.peer).await? {
            return Err(refusal());
        }
        let Some((token, _)) = found else { return Err(refusal()) };
        // A spent token still answers a repeat whose first answer got lost; the store counts the uses.
        let spent_only = token.revoked_at.is_none() && Utc::now() < token.expires_at;
        if !spent_only {
            return Err(refusal());
        }
        if token.site_id != enrollment.site_id {
            self.find_site(&enrollment.site_id).await?;
            let told = format!("the enrollment token is not for site {}", enrollment.site_id);
            return Err(Error::new(Kind::Forbidden, told));
        }
        if enrollment.source.is_some_and(|source| source != token.source) {
            let told = format!("the enrollment token is for {} devices", token.source.as_str());
            return Err(Error::new(Kind::Forbidden, told));
        }
        Ok(Admission { token_id: Some(token.token_id), source: token.source })
    }

    async fn admit_openly(&self, enrollee: Enrollee, enrollment: &Enrollment) -> Result<Admission, Error> {
        let open = match self.inner.config.open_enrollment {
            OpenEnrollment::Off => false,
            OpenEnrollment::Loopback => enrollee.peer.on_this_machine,
        };
        if !open || !self.find_site(&enrollment.site_id).await?.open_enrollment {
            return Err(refusal());
        }
        Ok(Admission { token_id: None, source: enrollment.source.unwrap_or(DeviceSource::Real) })
    }

    /// The site, or the contract's answer that there is none.
    pub(crate) async fn find_site(&self, site_id: &SiteId) -> Result<homepot::model::Site, Error> {
        let wanted = site_id.clone();
        let found = self.inner.store.run("find_site", move |conn| sites::find(conn, &wanted)).await?;
        found.ok_or_else(|| Error::not_found(format!("Site {site_id} not found")))
    }
}

fn refusal() -> Error {
    Error::new(Kind::Unauthenticated, "Invalid or missing enrollment token")
}
