//! Enrols once: where there is a key, nothing is asked of the server.

use homepot::{
    Error, Kind,
    model::{DeviceId, DeviceSource},
};
use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

use crate::{
    RunError, VERSION,
    config::Config,
    milliseconds,
    protocol::{
        Credentials,
        enroll::{Registration, enroll},
        reconnect::{End, Reconnect, random},
    },
    state::StateDir,
    status::{Phase, Status},
};

/// Who this device is, enrolling it first if it has no key. `None`: asked to end before that came about.
pub(crate) async fn credentials(
    config: &Config,
    state: &StateDir,
    endpoint: &Endpoint,
    status: &watch::Sender<Status>,
    stop: &CancellationToken,
) -> Result<Option<Credentials>, RunError> {
    let known = state.identity(config.device_id.as_ref())?;
    if let Some(identity) = &known
        && let Some(key) = &identity.key
    {
        check_id(config, &identity.device_id)?;
        if config.site_id.is_some() && config.site_id != identity.site_id {
            tracing::warn!(enrolled_at = ?identity.site_id, "the site counts at enrolment only; this device has enrolled");
        }
        status.send_modify(|status| {
            status.device_id = Some(identity.device_id.to_string());
            status.site_id = identity.site_id.as_ref().map(ToString::to_string);
        });
        config.remove_left_token();
        let device_id = identity.device_id.clone();
        return Ok(Some(Credentials { device_id, key: key.clone(), signer: state.signer()? }));
    }

    // An enrolment that was cut short goes on under the id it began with.
    let begun = known.map(|identity| identity.device_id);
    let device_id = config.device_id.clone().or(begun).or_else(|| config.default_device_id.clone());
    let mut faults = Vec::new();
    if config.site_id.is_none() {
        faults.push("site: is required to enrol; give --site, or site in the configuration".to_owned());
    }
    if device_id.is_none() {
        faults.push("device_id: is required, for the host's name gives none; give --device-id".to_owned());
    }
    let token = config.token().map_err(|fault| faults.push(fault)).ok().flatten();
    let Some((site_id, device_id)) = config.site_id.clone().zip(device_id).filter(|_| faults.is_empty()) else {
        return Err(RunError::Config(faults));
    };

    let server = config.server.to_string();
    let (claim, signer) = state.begin_enrollment(&device_id, &site_id, &server)?;
    status.send_modify(|status| {
        status.phase = Phase::Enrolling;
        status.device_id = Some(device_id.to_string());
        status.site_id = Some(site_id.to_string());
    });
    let registration = Registration {
        site_id: site_id.clone(),
        device_id: device_id.clone(),
        name: config.name.clone(),
        device_type: config.device_type.clone(),
        source: DeviceSource::Real,
        firmware_version: VERSION.to_owned(),
        claim,
        proof_key: Some(signer.public()),
    };
    let mut reconnect = Reconnect::new();
    loop {
        let answer = select! {
            answer = enroll(endpoint, &registration, token.as_ref()) => answer,
            () = stop.cancelled() => return Ok(None),
        };
        let end = match answer {
            Ok(key) => {
                state.finish_enrollment(&device_id, &site_id, &server, &key)?;
                tracing::info!(%device_id, %site_id, %server, "enrolled");
                config.remove_left_token();
                return Ok(Some(Credentials { device_id, key, signer: Some(signer) }));
            }
            Err(End::Refused(error)) if is_final(&error) => {
                return Err(RunError::Enrollment(explain(&error, &device_id, token.is_some())));
            }
            Err(end) => end,
        };
        let wait = reconnect.after(&end, Instant::now(), random());
        tracing::warn!(reason = end.describe(), retry_in_ms = milliseconds(wait), "not enrolled yet");
        status.send_modify(|status| status.failed(&end, wait));
        select! {
            () = sleep(wait) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

fn check_id(config: &Config, device_id: &DeviceId) -> Result<(), RunError> {
    match &config.device_id {
        Some(asked) if asked != device_id => Err(RunError::Config(vec![format!(
            "device_id: {asked} was asked for, and {} holds the key of {device_id}; name another state directory",
            config.state_dir.display()
        )])),
        _ => Ok(()),
    }
}

/// Whether asking again can't help.
fn is_final(error: &Error) -> bool {
    !matches!(error.kind(), Kind::Unavailable | Kind::Timeout | Kind::Throttled | Kind::Internal)
}

fn explain(error: &Error, device_id: &DeviceId, with_token: bool) -> String {
    match error.kind() {
        Kind::AlreadyExists => format!(
            "{error}. If that is this machine and its key is lost, have an operator revoke the device's keys, rotate the key \
             and write it to .device_api_key in the state directory; otherwise give another --device-id than {device_id}"
        ),
        Kind::Unauthenticated if with_token => {
            format!("{error}. The enrolment token may be used up, over, or for another site")
        }
        Kind::Unauthenticated => {
            format!(
                "{error}. Give an enrolment token in HOMEPOT_ENROLLMENT_TOKEN or enrollment_token_file, or write it to the \
                 file enrollment/token beside the configuration file"
            )
        }
        _ => error.to_string(),
    }
}
