//! The one call that makes a device and answers its key.

use std::time::Duration;

use homepot::{
    Error, Kind,
    model::{DeviceId, DeviceSource, DeviceType, Secret, SiteId},
    pb::device::v1 as pb,
};
use tokio::time::timeout;
use tonic::{Request, metadata::MetadataValue, transport::Endpoint};

use super::endpoint;

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
}

/// Asks for a key, with `token` or, under open enrolment, without.
pub async fn enroll(endpoint: &Endpoint, registration: &Registration, token: Option<&Secret>) -> Result<Secret, Error> {
    let mut request = Request::new(pb::EnrollRequest {
        site_id: registration.site_id.to_string(),
        device_id: registration.device_id.to_string(),
        name: registration.name.clone(),
        device_type: registration.device_type.to_string(),
        firmware_version: registration.firmware_version.clone(),
        source: pb::DeviceSource::from(registration.source).into(),
        claim: registration.claim.to_vec(),
        ..Default::default()
    });
    if let Some(token) = token {
        let mut value: MetadataValue<_> = token
            .reveal()
            .parse()
            .map_err(|_| Error::invalid("enrollment_token", "holds a letter that can't be sent"))?;
        value.set_sensitive(true);
        request.metadata_mut().insert("x-enrollment-token", value);
    }
    let call = async {
        let channel = endpoint
            .connect()
            .await
            .map_err(|error| Error::new(Kind::Unavailable, format!("the server can't be reached: {error}")))?;
        endpoint::client(channel).enroll(request).await.map_err(|status| Error::from(&status))
    };
    let answer = timeout(DEADLINE, call)
        .await
        .map_err(|_| Error::new(Kind::Timeout, "the server did not answer in time"))??
        .into_inner();
    let well_formed = !answer.api_key.is_empty() && answer.api_key.bytes().all(|b| b.is_ascii_graphic());
    if answer.device_id != registration.device_id.as_str() || !well_formed {
        return Err(Error::new(Kind::Internal, "the server answered the enrolment with nonsense"));
    }
    Ok(Secret::presented(answer.api_key))
}
