//! The one call that makes a device and answers its key.

use std::time::Duration;

use homepot::{
    Error, Kind,
    model::{DeviceId, DeviceSource, DeviceType, ProofKey, Secret, SiteId},
    pb::{common::v1 as common_pb, device::v1 as pb},
};
use tokio::time::timeout;
use tonic::{Request, transport::Endpoint};

use super::{endpoint, reconnect::End};

const DEADLINE: Duration = Duration::from_secs(20);

/// What a device tells of itself.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The site to join.
    pub site_id: SiteId,
    /// The id it goes by.
    pub device_id: DeviceId,
    /// For people.
    pub name: String,
    /// A slug.
    pub device_type: DeviceType,
    /// Real or simulated.
    pub source: DeviceSource,
    /// Version of its software.
    pub firmware_version: String,
    /// Random bytes that lie on disk already, so that the call can be repeated when its answer gets lost.
    pub claim: [u8; 32],
    /// The public half of the device's proof key, of which the other half lies on disk already; `None`: its API key is to be
    /// enough, as for simulated devices.
    pub proof_key: Option<ProofKey>,
}

/// Asks for a key, with `token` or, under open enrolment, without.
pub async fn enroll(endpoint: &Endpoint, registration: &Registration, token: Option<&Secret>) -> Result<Secret, End> {
    let refused = |error: Error| End::Refused(error);
    let mut request = Request::new(pb::EnrollRequest {
        site_id: registration.site_id.to_string(),
        device_id: registration.device_id.to_string(),
        name: registration.name.clone(),
        device_type: registration.device_type.to_string(),
        firmware_version: registration.firmware_version.clone(),
        source: common_pb::DeviceSource::from(registration.source).into(),
        claim: registration.claim.to_vec(),
        proof_key: registration.proof_key.map(|key| key.to_vec()).unwrap_or_default(),
        ..Default::default()
    });
    if let Some(token) = token {
        request.metadata_mut().insert("x-enrollment-token", endpoint::metadata(token.reveal(), true).map_err(refused)?);
    }
    let call = async {
        let mut client = endpoint::connect(endpoint).await?;
        client.enroll(request).await.map_err(|status| refused(Error::from(&status)))
    };
    let answer = timeout(DEADLINE, call)
        .await
        .map_err(|_| refused(Error::new(Kind::Timeout, "the server did not answer in time")))??
        .into_inner();
    let well_formed = !answer.api_key.is_empty() && answer.api_key.bytes().all(|b| b.is_ascii_graphic());
    if answer.device_id != registration.device_id.as_str() || !well_formed {
        return Err(refused(Error::new(Kind::Internal, "the server answered the enrolment with nonsense")));
    }
    Ok(Secret::presented(answer.api_key))
}
