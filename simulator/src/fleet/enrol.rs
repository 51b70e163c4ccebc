//! How a fleet gets its keys: through the same enrolment as any device.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use homepot::{
    Error, Kind,
    model::{DeviceId, DeviceSource, Secret, SecretKind, SiteId, to_proto_duration},
    pb::{common::v1 as common_pb, device::v1 as device_pb, registry::v1 as pb},
};
use homepot_agent::protocol::{
    connection::refused,
    endpoint,
    enroll::{self, Registration},
    reconnect::End,
};
use homepot_host::environment;
use http::Method;
use serde_json::json;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tonic::{Code, Request, transport::Endpoint};

use super::{
    args::Args,
    keys::{Keys, Known},
    members::Member,
    tally::Tally,
    updates::Kept,
};
use crate::{
    rest::{Answer, Rest},
    server::{CALL, Registry, refusal},
};

const VERSION: &str = concat!("homepot-sim ", env!("CARGO_PKG_VERSION"));

/// Each device carries it, with its fleet's name, so that operators can tell fleets apart and remove one as a set.
pub(super) const SET_LABEL: &str = "simulation";
/// Devices that enrol at the same time. More only wait for the server's check of secrets.
const TOGETHER: usize = 16;
/// A fleet of a hundred thousand takes half an hour.
const TOKEN_GOOD_FOR: Duration = Duration::from_secs(6 * 3600);
const ATTEMPTS: u32 = 30;
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// By what right devices enrol.
pub(super) enum Right {
    /// A token for each site is made.
    Admin(Box<Registry>),
    /// Somebody made one.
    Token(Secret),
}

impl Right {
    /// What was given, in the environment or in a file.
    pub(super) async fn find(args: &Args) -> anyhow::Result<Self> {
        if let Some(text) = environment::variable("HOMEPOT_ENROLLMENT_TOKEN")? {
            anyhow::ensure!(args.site.is_some(), "a token for enrolment is good for one site; name it with --site");
            let token = Secret::presented(text.trim());
            token.check_form(SecretKind::EnrollmentToken, "HOMEPOT_ENROLLMENT_TOKEN")?;
            return Ok(Self::Token(token));
        }
        let told = "give an admin's token in HOMEPOT_TOKEN or by --token-file, or a token for enrolment in \
                    HOMEPOT_ENROLLMENT_TOKEN with --site; `homepot-sim fleet --help` shows how";
        let token = args.server.token()?.context(told)?;
        Ok(Self::Admin(Box::new(args.server.registry(&token, CALL).await?)))
    }
}

/// By which door.
#[derive(Clone, Debug)]
pub(super) enum Door {
    /// As agents do.
    Grpc(Box<Endpoint>),
    /// As legacy devices do.
    Rest(Rest),
}

/// Makes the sites that are not there.
pub(super) async fn make_sites(registry: &mut Registry, fleet: &str, sites: &[SiteId]) -> anyhow::Result<()> {
    for (number, site_id) in (1..).zip(sites) {
        let request = pb::CreateSiteRequest {
            site_id: site_id.to_string(),
            name: format!("{fleet} {number} (simulated)"),
            description: "Made by homepot-sim for simulated devices".to_owned(),
            ..Default::default()
        };
        match registry.create_site(request).await {
            Ok(_) => {}
            Err(status) if status.code() == Code::AlreadyExists => {}
            Err(status) => return Err(refusal(&status).context(format!("can't make the site {site_id}"))),
        }
    }
    Ok(())
}

/// Gives every member a key: the one it has, or a new one. What is `stale` is used where the device is there still.
pub(super) async fn enrol(
    right: &mut Right,
    door: &Door,
    fleet: &str,
    members: &[Member],
    keys: &Arc<Keys>,
    (known, mut stale): (&mut HashMap<DeviceId, Known>, HashMap<DeviceId, Known>),
    tally: &Arc<Tally>,
) -> anyhow::Result<()> {
    let mut wanted: BTreeMap<SiteId, Vec<Member>> = BTreeMap::new();
    for member in members {
        if known.contains_key(&member.device_id) {
            tally.enrolled.add(1);
        } else {
            wanted.entry(member.site_id.clone()).or_default().push(member.clone());
        }
    }
    let turns = Arc::new(Semaphore::new(TOGETHER));
    let mut enrolling = JoinSet::new();
    for (site_id, members) in wanted {
        let token = match right {
            Right::Token(token) => token.clone(),
            Right::Admin(registry) => make_token(registry, fleet, &site_id, members.len()).await?,
        };
        for member in members {
            let (door, token) = (door.clone(), token.clone());
            let old = stale.remove(&member.device_id);
            let (turns, keys, tally) = (turns.clone(), keys.clone(), tally.clone());
            enrolling.spawn(async move {
                let _turn = turns.acquire().await?;
                let key = match (enrol_one(&door, &member, &token, &keys).await, old) {
                    (Ok(key), _) => key,
                    // It is there still: only others of its site were removed.
                    (Err(end), Some(old)) if is_there_already(&end) => {
                        tally.enrolled.add(1);
                        return Ok((member.device_id, old));
                    }
                    (Err(end), _) => return Err(why(&end, &member, &keys)),
                };
                keys.note_key(&member.device_id, &key)
                    .with_context(|| format!("can't keep a key in {}", keys.path().display()))?;
                tally.enrolled.add(1);
                tally.newly_enrolled.add(1);
                anyhow::Ok((member.device_id, Known { key, ticket: None, kept: Kept::default(), is_new: true }))
            });
        }
    }
    while let Some(enrolled) = enrolling.join_next().await {
        let (device_id, of_device) = enrolled??;
        known.insert(device_id, of_device);
    }
    Ok(())
}

/// Puts aside the keys that the server does not take any more, as after the set was removed or the database wiped, and on
/// another server; answers how many. One device of each site is asked for all: sets are removed by site or as a whole, and
/// each wrong key counts against this address.
///
/// What is put aside stays in the file: should a device turn out to be there still, its key is used.
pub(super) async fn put_stale_aside(
    door: &Door,
    members: &[Member],
    known: &mut HashMap<DeviceId, Known>,
) -> anyhow::Result<HashMap<DeviceId, Known>> {
    let mut by_site: BTreeMap<&SiteId, Vec<&Member>> = BTreeMap::new();
    for member in members.iter().filter(|member| known.contains_key(&member.device_id)) {
        by_site.entry(&member.site_id).or_default().push(member);
    }
    let mut stale = HashMap::new();
    for members in by_site.into_values() {
        let Some(first) = members.first() else { continue };
        if is_taken(door, &first.device_id, &known[&first.device_id].key).await? {
            continue;
        }
        let ids = members.into_iter().map(|member| &member.device_id);
        stale.extend(ids.filter_map(|id| known.remove_entry(id)));
    }
    Ok(stale)
}

/// Whether the server knows the device and takes its key.
async fn is_taken(door: &Door, device_id: &DeviceId, key: &Secret) -> anyhow::Result<bool> {
    for attempt in 1.. {
        let asked = match door {
            Door::Grpc(endpoint) => show(endpoint, device_id, key).await,
            Door::Rest(rest) => show_as_legacy(rest, device_id, key).await,
        };
        match asked {
            Ok(is_taken) => return Ok(is_taken),
            Err(end) if attempt == ATTEMPTS || !passes(&end) => {
                anyhow::bail!("can't ask whether the key of {device_id} is valid: {}", end.describe());
            }
            Err(_) => sleep(AGAIN_AFTER * attempt.min(10)).await,
        }
    }
    unreachable!("the last attempt returns")
}

/// Shows the key with a report of nothing, which the server refuses once it has let the device in.
async fn show(endpoint: &Endpoint, device_id: &DeviceId, key: &Secret) -> Result<bool, End> {
    let mut request = Request::new(device_pb::ReportSamplesRequest::default());
    let value = |text: &str, sensitive| endpoint::metadata(text, sensitive).map_err(End::Refused);
    request.metadata_mut().insert("x-device-id", value(device_id.as_str(), false)?);
    request.metadata_mut().insert("x-api-key", value(key.reveal(), true)?);
    let mut client = endpoint::connect(endpoint).await?;
    let Err(status) = timeout(CALL, client.report_samples(request)).await.map_err(|_| End::NoWelcome)? else {
        return Ok(true);
    };
    match status.code() {
        // Whoever is shut out is known.
        Code::InvalidArgument | Code::PermissionDenied => Ok(true),
        Code::Unauthenticated => Ok(false),
        _ => Err(refused(&status)),
    }
}

async fn show_as_legacy(rest: &Rest, device_id: &DeviceId, key: &Secret) -> Result<bool, End> {
    let headers = [("x-device-id", device_id.as_str()), ("x-api-key", key.reveal())];
    match rest.call(Method::POST, "/api/v1/analytics/device-metrics", &headers, Some(&json!({}))).await {
        Err(error) => Err(End::Unreachable(error.to_string())),
        Ok(Answer { status: 401, .. }) => Ok(false),
        Ok(Answer { status: 403 | 422, .. }) => Ok(true),
        Ok(Answer { status, body }) => Err(legacy_refusal(status, &body["detail"])),
    }
}

async fn make_token(registry: &mut Registry, fleet: &str, site_id: &SiteId, uses: usize) -> anyhow::Result<Secret> {
    let request = pb::CreateEnrollmentTokenRequest {
        site_id: site_id.to_string(),
        max_uses: u32::try_from(uses).unwrap_or(u32::MAX),
        time_to_live: Some(to_proto_duration(TOKEN_GOOD_FOR)),
        source: common_pb::DeviceSource::Simulated.into(),
        labels: [(SET_LABEL.to_owned(), fleet.to_owned())].into(),
    };
    let answer = registry.create_enrollment_token(request).await;
    let answer = answer.map_err(|status| refusal(&status).context(format!("can't make a token for {site_id}")))?;
    Ok(Secret::presented(answer.into_inner().secret))
}

async fn enrol_one(door: &Door, member: &Member, token: &Secret, keys: &Keys) -> Result<Secret, End> {
    for attempt in 1.. {
        let asked = match door {
            Door::Grpc(endpoint) => ask(endpoint, member, token, keys).await,
            Door::Rest(rest) => ask_as_legacy(rest, member, token).await,
        };
        let end = match asked {
            Ok(key) => return Ok(key),
            Err(end) => end,
        };
        if attempt == ATTEMPTS || !passes(&end) {
            return Err(end);
        }
        sleep(AGAIN_AFTER * attempt.min(10)).await;
    }
    unreachable!("the last attempt returns")
}

async fn ask(endpoint: &Endpoint, member: &Member, token: &Secret, keys: &Keys) -> Result<Secret, End> {
    let registration = Registration {
        site_id: member.site_id.clone(),
        device_id: member.device_id.clone(),
        name: member.name.clone(),
        device_type: member.device_type.clone(),
        source: DeviceSource::Simulated,
        firmware_version: VERSION.to_owned(),
        claim: keys.claim(member.number),
        // Only real devices prove themselves.
        proof_key: None,
    };
    enroll::enroll(endpoint, &registration, Some(token)).await
}

async fn ask_as_legacy(rest: &Rest, member: &Member, token: &Secret) -> Result<Secret, End> {
    let body = json!({
        "device_id": member.device_id.as_str(), "name": member.name, "device_type": member.device_type.as_str(),
        "firmware_version": VERSION, "source": DeviceSource::Simulated.as_str(),
    });
    let path = format!("/api/v1/devices/sites/{}/devices", member.site_id);
    let headers = [("x-enrollment-token", token.reveal())];
    match rest.call(Method::POST, &path, &headers, Some(&body)).await {
        Err(error) => Err(End::Unreachable(error.to_string())),
        Ok(Answer { status: 200 | 201, body }) => match body["api_key"].as_str() {
            Some(key) => Ok(Secret::presented(key)),
            None => {
                let told = "the server answered the enrolment with nonsense";
                Err(End::Refused(Error::new(Kind::Invalid, told)))
            }
        },
        Ok(Answer { status, body }) => Err(legacy_refusal(status, &body["detail"])),
    }
}

fn legacy_refusal(status: u16, detail: &serde_json::Value) -> End {
    let kind = match status {
        409 => Kind::AlreadyExists,
        401 => Kind::Unauthenticated,
        429 => Kind::Throttled,
        500.. => Kind::Unavailable,
        _ => Kind::Invalid,
    };
    End::Refused(Error::new(kind, format!("{status} {detail}")))
}

fn is_there_already(end: &End) -> bool {
    matches!(end, End::Refused(error) if error.kind() == Kind::AlreadyExists)
}

/// Whether it may work a moment later.
fn passes(end: &End) -> bool {
    match end {
        End::Refused(error) => {
            matches!(error.kind(), Kind::Throttled | Kind::Unavailable | Kind::Timeout | Kind::Internal)
        }
        _ => true,
    }
}

fn why(end: &End, member: &Member, keys: &Keys) -> anyhow::Error {
    let id = &member.device_id;
    match end {
        end if is_there_already(end) => anyhow::anyhow!(
            "{id} is enrolled and its key is not in {}; remove the set on the server \
             (`homepot ctl devices remove-simulated`), bring back that file, or choose another --name",
            keys.path().display()
        ),
        end => anyhow::anyhow!("can't enrol {id}: {}", end.describe()),
    }
}
