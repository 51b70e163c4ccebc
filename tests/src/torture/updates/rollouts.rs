//! What operators roll out meanwhile: one signed release after the other, of which some are taken back, and in the end one that
//! every device has to have.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use homepot::{
    model::to_proto_duration,
    pb::{
        command::v1::Target,
        rollout::v1::{
            AbortRolloutRequest, AddTrustRootRequest, CreateReleaseRequest, GetDeviceUpdateRequest,
            GetDeviceUpdateResponse, GetRolloutRequest, ListRolloutsRequest, ResumeRolloutRequest, Rollout,
            RolloutState, StartRolloutRequest, UploadArtifactRequest,
        },
    },
};
use homepot_release::Digest;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, interval, timeout},
};
use tonic::{Code, Status};

use super::{TARGETS, content};
use crate::{
    Publisher,
    grpc::Clients,
    torture::{
        Plan,
        cast::{SITE, device_id},
        replicas::Replicas,
    },
};

/// Another release comes after this time, whatever became of the one before.
const EVERY: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(250);
/// Of so many rollouts one is taken back before its time is over.
const TAKEN_BACK: u32 = 4;
/// Longer than devices may say nothing: a device that is only killed now and then never counts as silent.
const SILENCE: Duration = Duration::from_secs(3_600);
/// A rollout that moves brings a device to its end in seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// All that the operators were told.
#[derive(Debug, Default)]
pub(in crate::torture) struct Told {
    /// The rollouts that were started: their keys, and every id that was answered.
    pub(in crate::torture) rollouts: Vec<(String, Vec<String>)>,
    /// The number of the last release, which all devices have to have.
    pub(in crate::torture) last: u64,
    /// What the server says of each device in the end.
    pub(in crate::torture) updates: BTreeMap<String, GetDeviceUpdateResponse>,
    /// The rollouts that there are in the end.
    pub(in crate::torture) kept: Vec<Rollout>,
    /// Refusals of what there is no reason to refuse.
    pub(in crate::torture) refusals: Vec<String>,
}

/// The operators who roll releases out.
pub(in crate::torture) struct Rollouts {
    stop: watch::Sender<bool>,
    work: JoinHandle<Operator>,
}

/// One of them.
struct Operator {
    replicas: Replicas,
    publisher: Publisher,
    rng: Rng,
    agents: usize,
    told: Told,
}

/// Gives the server the keys of `publisher`; the first root, for agents.
pub(in crate::torture) async fn introduce(replicas: &Replicas, publisher: &Publisher) -> Vec<u8> {
    let request = AddTrustRootRequest { signed_root: publisher.next_root() };
    let added =
        replicas.until_answered(0, &request, |mut to, it| async move { to.releases.add_trust_root(it).await }).await;
    added.expect("the admin may add a root");
    request.signed_root
}

impl Rollouts {
    /// Starts them.
    pub(in crate::torture) fn start(plan: &Plan, replicas: &Replicas, publisher: Publisher) -> Self {
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let mut operator = Operator {
            replicas: replicas.clone(),
            publisher,
            rng: Rng::with_seed(plan.seed ^ 3),
            agents: plan.agents,
            told: Told::default(),
        };
        let work = tokio::spawn(async move {
            while !*stopped.borrow() {
                operator.roll_out(&mut stopped).await;
            }
            operator
        });
        Self { stop, work }
    }

    /// Starts no further one of these. Then rolls a last release out to all devices, and waits until nothing moves any more.
    pub(in crate::torture) async fn finish(self) -> Told {
        self.stop.send_replace(true);
        let mut operator = self.work.await.expect("operators do not panic");
        operator.finish().await;
        operator.told
    }
}

impl Operator {
    /// Rolls a release out to all devices or to some, and looks after it for a while. One that is not done then goes on beside
    /// the next, or is taken back.
    async fn roll_out(&mut self, stopped: &mut watch::Receiver<bool>) {
        let some: Vec<_> = (0..self.agents).filter(|_| self.rng.bool()).map(device_id).collect();
        let by_id = Target { device_ids: some.clone(), ..Default::default() };
        let target = if some.is_empty() || self.rng.bool() { all_devices() } else { by_id };
        let taken_back = self.rng.u32(..TAKEN_BACK) == 0;
        let Some(id) = self.start(target).await else { return };
        let mut ended = false;
        let work = async {
            tokio::select! {
                () = self.tend(&id) => ended = true,
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        };
        // What is not done by then is left to itself.
        let _ = timeout(EVERY, work).await;
        if taken_back && !ended {
            self.abort(&id).await;
        }
    }

    /// A last release for all devices. Then all rollouts are looked after until each has ended, or nothing moves any more.
    async fn finish(&mut self) {
        self.start(all_devices()).await;
        let (mut before, mut moved) = (Vec::new(), Instant::now());
        let mut pace = interval(LOOK);
        loop {
            pace.tick().await;
            let mut open = self.list().await;
            open.retain(|rollout| !has_ended(rollout));
            for rollout in open.iter().filter(|rollout| rollout.state() == RolloutState::Halted) {
                self.resume(&rollout.rollout_id).await;
            }
            if open != before {
                moved = Instant::now();
            }
            if open.is_empty() || moved.elapsed() > PATIENCE {
                break;
            }
            before = open;
        }
        self.told.kept = self.list().await;
        for device_id in (0..self.agents).map(device_id) {
            let request = GetDeviceUpdateRequest { device_id };
            let call = |mut to: Clients, it| async move { to.rollouts.get_device_update(it).await };
            let update = self.replicas.until_answered(0, &request, call).await.expect("the admin may see devices");
            self.told.updates.insert(request.device_id, update);
        }
    }

    /// Makes a release and starts a rollout of it, at both servers with one key; `None`: it was refused.
    async fn start(&mut self, target: Target) -> Option<String> {
        let number = self.told.last + 1;
        self.told.last = number;
        let release_id = match self.publish(number).await {
            Ok(release_id) => release_id,
            Err(status) => {
                self.refused(&status);
                return None;
            }
        };
        let in_one_phase = self.rng.bool();
        let phases: &[&str] = if in_one_phase { &["100%"] } else { &["1", "100%"] };
        let request = StartRolloutRequest {
            release_id,
            target: Some(target),
            phases: phases.iter().map(|phase| (*phase).to_owned()).collect(),
            soak: Some(prost_types::Duration::default()),
            silence: Some(to_proto_duration(SILENCE)),
            idempotency_key: format!("rollout-{number}"),
            ..Default::default()
        };
        let mut ids = Vec::new();
        for replica in 0..2 {
            let call = |mut to: Clients, it| async move { to.rollouts.start_rollout(it).await };
            match self.replicas.until_answered(replica, &request, call).await {
                Ok(started) => ids.push(started.rollout.unwrap_or_default().rollout_id),
                Err(status) => {
                    self.refused(&status);
                    return None;
                }
            }
        }
        let id = ids[0].clone();
        self.told.rollouts.push((request.idempotency_key, ids));
        Some(id)
    }

    /// Gives the servers a release; answers its id.
    async fn publish(&self, number: u64) -> Result<String, Status> {
        let data = content(number);
        let size = u32::try_from(data.len()).expect("a small file");
        let upload = UploadArtifactRequest { sha256: Digest::of(&data).to_string(), size, offset: 0, data };
        let call = |mut to: Clients, it| async move { to.releases.upload_artifact(it).await };
        self.replicas.until_answered(0, &upload, call).await?;
        let signed_release = self.publisher.release("torture", &TARGETS, &upload.data);
        let call = |mut to: Clients, it| async move { to.releases.create_release(it).await };
        let created = self.replicas.until_answered(1, &CreateReleaseRequest { signed_release }, call).await?;
        Ok(created.release.unwrap_or_default().release_id)
    }

    /// Has a rollout go on whenever failures halt it, until it has ended: devices that are killed in the middle fail.
    async fn tend(&mut self, id: &str) {
        let request = GetRolloutRequest { rollout_id: id.to_owned() };
        let mut pace = interval(LOOK);
        loop {
            pace.tick().await;
            let call = |mut to: Clients, it| async move { to.rollouts.get_rollout(it).await };
            let rollout = match self.replicas.until_answered(0, &request, call).await {
                Ok(answer) => answer.rollout.unwrap_or_default(),
                Err(status) => return self.refused(&status),
            };
            if has_ended(&rollout) {
                return;
            }
            if rollout.state() == RolloutState::Halted {
                self.resume(id).await;
            }
        }
    }

    async fn resume(&mut self, id: &str) {
        let request = ResumeRolloutRequest { rollout_id: id.to_owned() };
        let call = |mut to: Clients, it| async move { to.rollouts.resume_rollout(it).await };
        let resumed = self.replicas.until_answered(1, &request, call).await;
        self.may_be_too_late(resumed.map(drop));
    }

    async fn abort(&mut self, id: &str) {
        let request = AbortRolloutRequest { rollout_id: id.to_owned(), reason: "torture".to_owned() };
        let call = |mut to: Clients, it| async move { to.rollouts.abort_rollout(it).await };
        let aborted = self.replicas.until_answered(0, &request, call).await;
        self.may_be_too_late(aborted.map(drop));
    }

    async fn list(&self) -> Vec<Rollout> {
        let call = |mut to: Clients, it| async move { to.rollouts.list_rollouts(it).await };
        let request = ListRolloutsRequest { page_size: 1_000, ..Default::default() };
        let listed = self.replicas.until_answered(0, &request, call).await.expect("the admin may list rollouts");
        listed.rollouts
    }

    fn may_be_too_late(&mut self, answer: Result<(), Status>) {
        if let Err(status) = answer
            && status.code() != Code::FailedPrecondition
        {
            self.refused(&status);
        }
    }

    fn refused(&mut self, status: &Status) {
        self.told.refusals.push(status.to_string());
    }
}

/// Whether nothing follows.
pub(in crate::torture) fn has_ended(rollout: &Rollout) -> bool {
    matches!(rollout.state(), RolloutState::Completed | RolloutState::Aborted)
}

fn all_devices() -> Target {
    Target { site_id: SITE.to_owned(), ..Default::default() }
}
