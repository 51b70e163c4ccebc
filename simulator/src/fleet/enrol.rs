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
    pb::{common::v1 as common_pb, registry::v1 as pb},
};
use homepot_agent::protocol::{
    enroll::{self, Registration},
    reconnect::End,
};
use homepot_host::environment;
use http::Method;
use serde_json::json;
use tokio::{sync::Semaphore, task::JoinSet, time::sleep};
use tonic::{Code, transport::Endpoint};

use super::{
    args::Args,
    keys::{Keys, Known},
    members::Member,
    tally::Tally,
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

/// Gives every member a key: the one it has, or a new one.
pub(super) async fn enrol(
    right: &mut Right,
    door: &Door,
    fleet: &str,
    members: &[Member],
    keys: &Arc<Keys>,
    known: &mut HashMap<DeviceId, Known>,
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
            let (turns, keys, tally) = (turns.clone(), keys.clone(), tally.clone());
            enrolling.spawn(async move {
                let _turn = turns.acquire().await?;
                let key = enrol_one(&door, &member, &token, &keys).await?;
                keys.note_key(&member.device_id, &key)
                    .with_context(|| format!("can't keep a key in {}", keys.path().display()))?;
                tally.enrolled.add(1);
                tally.newly_enrolled.add(1);
                anyhow::Ok((member.device_id, key))
            });
        }
    }
    while let Some(enrolled) = enrolling.join_next().await {
        let (device_id, key) = enrolled??;
        known.insert(device_id, Known { key, ticket: None, is_new: true });
    }
    Ok(())
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

async fn enrol_one(door: &Door, member: &Member, token: &Secret, keys: &Keys) -> anyhow::Result<Secret> {
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
            return Err(why(&end, member, keys));
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
    let path = format!("/devices/sites/{}/devices", member.site_id);
    let headers = [("x-enrollment-token", token.reveal())];
    let refused = |kind, told: String| End::Refused(Error::new(kind, told));
    match rest.call(Method::POST, &path, &headers, Some(&body)).await {
        Err(error) => Err(End::Unreachable(error.to_string())),
        Ok(Answer { status: 200 | 201, body }) => match body["api_key"].as_str() {
            Some(key) => Ok(Secret::presented(key)),
            None => Err(refused(Kind::Invalid, "the server answered the enrolment with nonsense".to_owned())),
        },
        Ok(Answer { status, body }) => {
            let kind = match status {
                409 => Kind::AlreadyExists,
                401 => Kind::Unauthenticated,
                429 => Kind::Throttled,
                500.. => Kind::Unavailable,
                _ => Kind::Invalid,
            };
            Err(refused(kind, format!("{status} {}", body["detail"])))
        }
    }
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
        End::Refused(error) if error.kind() == Kind::AlreadyExists => anyhow::anyhow!(
            "{id} is enrolled and its key is not in {}; remove the set on the server \
             (`homepot ctl devices remove-simulated`), bring back that file, or choose another --name",
            keys.path().display()
        ),
        end => anyhow::anyhow!("can't enrol {id}: {}", end.describe()),
    }
}
