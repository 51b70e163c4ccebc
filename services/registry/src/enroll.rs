//! Enrolment: with a token, or without one on this machine where the site allows it. Only enrolment decides whether a
//! device is real or simulated.

use std::time::{Duration, Instant};

use homepot::{
    Error, Kind,
    model::{Device, DeviceId, DeviceSource, Enrollment, Labels, Secret, SecretKind, SelfChange, SiteId},
};
use homepot_runtime::auth::Enrollee;
use homepot_store::{
    Lane,
    devices::{self, Enrolled, NewDevice},
    enrollment_tokens,
    secrets::Owner,
    sites,
};

use crate::{
    OpenEnrollment, Registry,
    authenticator::{Shown, place},
};

/// Within this time a token may run into so many ids of other sites as a name may fail in a minute elsewhere.
pub(crate) const PROBES_WINDOW: Duration = Duration::from_secs(3600);
const WRONG_TOKEN: &str = "Invalid or missing enrollment token";

/// A site's id that leads nowhere.
const NOWHERE: &str = "unknown";

/// By what right a device joins.
struct Admission {
    token_id: Option<String>,
    source: DeviceSource,
    labels: Labels,
}

impl Registry {
    /// Makes a device; the key in the answer is the only copy.
    pub async fn enroll(&self, enrollee: Enrollee, enrollment: Enrollment) -> Result<(Device, Secret), Error> {
        let peer = enrollee.peer;
        let admission = self.admit(enrollee, &enrollment).await?;
        let by = admission.token_id.as_deref().unwrap_or(enrollment.device_id.as_str());
        let key = self.mint(SecretKind::DeviceKey, place(by, peer)).await?;
        let (site_id, device_id) = (enrollment.site_id.clone(), enrollment.device_id.clone());
        let token_id = admission.token_id.clone();
        let pair = self.inner.verified.fingerprint(device_id.as_str(), &key.secret, &key.kept.hash);
        let claim_hash = enrollment.claim.as_ref().map(|claim| blake3::hash(claim).as_bytes().to_vec());
        let device = NewDevice {
            enrollment,
            source: admission.source,
            key: key.kept,
            token_id: admission.token_id,
            claim_hash,
            labels: admission.labels,
        };
        let outcome = self
            .inner
            .store
            .lane(Lane::Devices)
            .run("enroll_device", move |conn| devices::enroll(conn, &device))
            .await?;
        let device = match outcome {
            Enrolled::Device(device) => Ok(device),
            Enrolled::TookOver(device) => {
                // The stream of the simulator ends.
                self.inner.shut_out.notify_one();
                metrics::counter!("homepot_takeovers_total").increment(1);
                tracing::info!(%device_id, %site_id, token_id, "a real device took over a simulated one");
                Ok(device)
            }
            Enrolled::Taken => Err(taken(&device_id)),
            Enrolled::TakenElsewhere => {
                // An id is unique in the fleet, so this has to be told. But no token may go on asking, see `admit_by_token`.
                self.inner.probes.fail(token_id.as_deref().unwrap_or_default(), None, Instant::now());
                tracing::warn!(%device_id, %site_id, token_id, "a device asked for an id of another site");
                Err(taken(&device_id))
            }
            Enrolled::SiteMissing => Err(Error::not_found(format!("Site {site_id} not found"))),
            Enrolled::TokenSpent => Err(refusal()),
        }?;
        self.presence_changed();
        // Its first call need not be checked the slow way: the pair was made here.
        self.inner.verified.remember(pair, Instant::now());
        metrics::counter!("homepot_enrollments_total", "source" => device.source.as_str()).increment(1);
        tracing::info!(%device_id, %site_id, source = device.source.as_str(), "device enrolled");
        Ok((device, key.secret))
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
        let name = token.public_id(SecretKind::EnrollmentToken).unwrap_or("enrollment");
        let kept = found.as_ref().map(|found| (&found.secret, Owner::Enrollment(name.to_owned())));
        if !self.check(Shown { name, secret: &token, kept, peer: enrollee.peer }).await? {
            return Err(self.refusal(name, enrollee.peer, WRONG_TOKEN));
        }
        // One without uses left still answers a repeat whose first answer got lost; the store counts the uses.
        let Some(found) = found.filter(|found| found.is_good) else { return Err(refusal()) };
        let token = found.token;
        if self.inner.probes.name_failed_too_often(&token.token_id, None, Instant::now()) {
            let told = "this token was used for too many ids of other sites' devices; try again in an hour";
            return Err(Error::new(Kind::Throttled, told).retry_after(PROBES_WINDOW));
        }
        if token.site_id != enrollment.site_id {
            // Whether there is such a site or not.
            let told = format!("the enrollment token is not for site {}", enrollment.site_id);
            return Err(Error::new(Kind::Forbidden, told));
        }
        check_source(enrollment, token.source)?;
        Ok(Admission { token_id: Some(token.token_id), source: token.source, labels: token.labels })
    }

    async fn admit_openly(&self, enrollee: Enrollee, enrollment: &Enrollment) -> Result<Admission, Error> {
        let open = match self.inner.open_enrollment {
            OpenEnrollment::Off => false,
            OpenEnrollment::Loopback => enrollee.peer.on_this_machine,
        };
        if !open || !self.find_site(&enrollment.site_id).await?.open_enrollment {
            return Err(refusal());
        }
        let source = enrollment.source.unwrap_or(DeviceSource::Real);
        Ok(Admission { token_id: None, source, labels: Labels::new() })
    }

    /// The site that an enrolment token is for, for a device that does not say where it joins. Whether the token is good is
    /// judged when the device enrols: one that nobody knows leads nowhere, and is refused there like any other.
    pub async fn site_of(&self, enrollee: &Enrollee) -> Result<String, Error> {
        let Some(token) = &enrollee.token else { return Ok(String::new()) };
        let token_id = token.public_id(SecretKind::EnrollmentToken).unwrap_or_default().to_owned();
        let find = move |conn: &mut _| enrollment_tokens::find(conn, &token_id);
        let found = self.inner.store.run("find_enrollment_token", find).await?;
        Ok(found.map_or_else(|| NOWHERE.to_owned(), |found| found.token.site_id.into()))
    }

    /// Changes what a device says of itself, and answers its record.
    pub async fn update_self(&self, pk: i64, change: SelfChange) -> Result<Device, Error> {
        let is_change = !change.is_empty();
        let update = move |conn: &mut _| devices::update_self(conn, pk, &change);
        let device = self.inner.store.run("update_self", update).await?;
        if is_change {
            self.presence_changed();
        }
        device.ok_or_else(|| Error::not_found("Device not found"))
    }

    /// The site, or the contract's answer that there is none.
    pub(crate) async fn find_site(&self, site_id: &SiteId) -> Result<homepot::model::Site, Error> {
        let wanted = site_id.clone();
        let found = self.inner.store.run("find_site", move |conn| sites::find(conn, &wanted)).await?;
        found.ok_or_else(|| Error::not_found(format!("Site {site_id} not found")))
    }
}

/// A device must be what its token is for. A proof key is a real device's, whatever it declares.
fn check_source(enrollment: &Enrollment, of_token: DeviceSource) -> Result<(), Error> {
    let says_real = enrollment.source == Some(DeviceSource::Real) || enrollment.proof_key.is_some();
    let told = match of_token {
        DeviceSource::Simulated if says_real => {
            "the enrollment token is for simulated devices and this device is real; enrol it with a token for real devices"
        }
        DeviceSource::Real if enrollment.source == Some(DeviceSource::Simulated) => {
            "the enrollment token is for real devices and this device is simulated; enrol it with a token for simulated \
             devices"
        }
        _ => return Ok(()),
    };
    Err(Error::new(Kind::Forbidden, told))
}

fn taken(device_id: &DeviceId) -> Error {
    Error::new(Kind::AlreadyExists, format!("Device {device_id} already exists"))
}

fn refusal() -> Error {
    Error::new(Kind::Unauthenticated, WRONG_TOKEN)
}

#[cfg(test)]
mod tests {
    use homepot::pb::{common::v1 as common_pb, device::v1 as pb};

    use super::*;

    #[test]
    fn a_token_makes_only_what_it_is_for_and_a_proof_key_counts_as_saying_real() {
        let check = |declared: common_pb::DeviceSource, proof_key: &[u8], of_token| {
            let request = pb::EnrollRequest {
                site_id: "s".to_owned(),
                device_id: "d".to_owned(),
                name: "d".to_owned(),
                source: declared.into(),
                proof_key: proof_key.to_vec(),
                ..Default::default()
            };
            check_source(&Enrollment::try_from(request).unwrap(), of_token).is_ok()
        };
        use DeviceSource::{Real, Simulated};
        let (nothing, real, simulated) =
            (common_pb::DeviceSource::Unspecified, common_pb::DeviceSource::Real, common_pb::DeviceSource::Simulated);
        for (declared, proof_key, with_real, with_simulated) in [
            (nothing, &[][..], true, true),
            (nothing, &[1; 32], true, false),
            (real, &[], true, false),
            (real, &[1; 32], true, false),
            (simulated, &[], false, true),
        ] {
            assert_eq!(check(declared, proof_key, Real), with_real, "{declared:?} {proof_key:?}");
            assert_eq!(check(declared, proof_key, Simulated), with_simulated, "{declared:?} {proof_key:?}");
        }
    }
}
