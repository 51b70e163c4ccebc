//! Rollouts as operators start, see and steer them.

use std::collections::HashMap;

use homepot::{
    Error, Kind,
    model::{
        DeviceId, DeviceUpdate, Page, PageRequest, Phases, PlannedDevice, Release, ReleaseId, Rollout, RolloutDevice,
        RolloutId, RolloutOrder, RolloutState, Target, TargetChange, UpdateState, Whom,
    },
};
use homepot_hints::Topic;
use homepot_operator_api::{check_fresh_for, said};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{
    Lane,
    devices::DeviceRef,
    releases,
    rollouts::{self as rows, Candidate, Started},
    runs::Starter,
};
use uuid::Uuid;

use crate::{Rollouts, values::Settler};

impl Rollouts {
    /// Starts a rollout; true when the idempotency key named an earlier one.
    pub(crate) async fn start(
        &self,
        caller: &OperatorCaller,
        mut order: RolloutOrder,
        expected_devices: Option<u32>,
    ) -> Result<(Rollout, bool), Error> {
        if let Some(earlier) = order.replaces {
            order.target = self.get(caller, earlier).await?.order.target;
        }
        check_fresh_for(caller, &order.target)?;
        if let Whom::Matching { site_id: Some(site_id), .. } = &order.target.whom {
            self.directory.site(caller, site_id.clone()).await?;
        }
        let release = match order.replaces {
            None => self.release_for(caller, order.release_id, &order.target).await?,
            Some(_) => self.installable(order.release_id).await?,
        };
        let settler = self.settler(release).await?;
        let rollout_id = RolloutId(Uuid::now_v7());
        let starter = Starter { name: caller.name.to_string(), scope: caller.scope.clone(), expected_devices };
        let asked = order.clone();
        let insert = move |conn: &mut _| {
            let settle = |conn: &mut _, candidates: &[Candidate]| settler.settle_sealed(conn, candidates);
            rows::start(conn, rollout_id, &asked, &starter, settle)
        };
        let (started, to_tell) = self.store.run("insert_rollout", insert).await?;
        to_tell.into_iter().for_each(|pk| self.hints.wake(pk));
        match started {
            Started::New(rollout) => {
                self.hints.tell(Topic::Rollouts);
                Ok((rollout, false))
            }
            Started::Existing(rollout) if is_same(&rollout.order, &order) => Ok((rollout, true)),
            Started::Existing(rollout) => Err(Error::new(
                Kind::AlreadyExists,
                format!("the idempotency key names rollout {}, which was asked for something else", rollout.rollout_id),
            )),
        }
    }

    /// The release of a rollout for these devices. What is wrong with the devices is told first: so who may not see them is told the
    /// same, whatever the release.
    async fn release_for(&self, caller: &OperatorCaller, id: ReleaseId, target: &Target) -> Result<Release, Error> {
        match self.installable(id).await {
            Ok(release) => Ok(release),
            Err(error) => {
                let (target, scope) = (target.clone(), caller.scope.clone());
                self.store.run("check_target", move |conn| rows::candidates(conn, &target, &scope)).await?;
                Err(error)
            }
        }
    }

    /// A release that devices may begin to install.
    pub(crate) async fn installable(&self, id: ReleaseId) -> Result<Release, Error> {
        let release = self.get_release(id).await?;
        if release.expires_at <= self.store.now() {
            let told = format!("the release expired at {}; build and sign it again", release.expires_at.to_rfc3339());
            return Err(Error::new(Kind::Conflict, told));
        }
        Ok(release)
    }

    /// The devices that a rollout would have now, by id, each with its phase and what would change on it.
    pub(crate) async fn plan(
        &self,
        caller: &OperatorCaller,
        release_id: ReleaseId,
        target: Target,
        phases: Phases,
    ) -> Result<Vec<PlannedDevice>, Error> {
        if let Whom::Matching { site_id: Some(site_id), .. } = &target.whom {
            self.directory.site(caller, site_id.clone()).await?;
        }
        let settler = self.settler(self.release_for(caller, release_id, &target).await?).await?;
        let scope = caller.scope.clone();
        let plan = move |conn: &mut _| {
            let candidates = rows::candidates(conn, &target, &scope)?;
            let settled = settler.settle(conn, &candidates)?;
            let taken = settled.iter().filter(|settled| settled.is_ok()).count();
            let mut phases = phases.of(u32::try_from(taken).unwrap_or(u32::MAX));
            let planned = candidates.into_iter().zip(settled).map(|(candidate, settled)| {
                let (phase, reason, changes, values) = match settled {
                    Ok(given) => {
                        let (values, has_them) = settler.shown(&candidate, given);
                        let changes = changes(&candidate, settler.release(), has_them);
                        (phases.next().unwrap_or_default(), None, changes, values)
                    }
                    Err(reason) => (0, Some(reason), Vec::new(), Vec::new()),
                };
                let DeviceRef { device_id, site_id, source, .. } = candidate.device;
                PlannedDevice { device_id, site_id, source, phase, reason, changes, values }
            });
            Ok(planned.collect())
        };
        Ok(self.store.lane(Lane::Reports).run("plan_rollout", plan).await?)
    }

    /// What settles the values of devices for a release.
    pub(crate) async fn settler(&self, release: Release) -> Result<Settler, Error> {
        let id = release.release_id;
        let signed = self.store.run("signed_release", move |conn| releases::signed(conn, id)).await?;
        let signed = signed.ok_or_else(|| Error::not_found("Release not found"))?;
        Settler::new(self.seals.clone(), release, &signed)
    }

    /// A rollout the caller may see.
    pub(crate) async fn get(&self, caller: &OperatorCaller, id: RolloutId) -> Result<Rollout, Error> {
        let scope = caller.scope.clone();
        let found = self.store.run("find_rollout", move |conn| rows::find(conn, id, &scope)).await?;
        found.ok_or_else(|| Error::not_found("Rollout not found"))
    }

    /// The rollouts the caller may see, newest first.
    pub(crate) async fn list(
        &self,
        caller: &OperatorCaller,
        state: Option<RolloutState>,
        release_id: Option<ReleaseId>,
        page: PageRequest,
    ) -> Result<Page<Rollout>, Error> {
        let (scope, filter) = (caller.scope.clone(), (state, release_id));
        Ok(self.store.run("list_rollouts", move |conn| rows::list(conn, &scope, filter, &page)).await?)
    }

    /// The devices of a rollout the caller may see.
    pub(crate) async fn list_devices(
        &self,
        caller: &OperatorCaller,
        id: RolloutId,
        states: Vec<UpdateState>,
        page: PageRequest,
    ) -> Result<Page<RolloutDevice>, Error> {
        self.get(caller, id).await?;
        Ok(self.store.run("list_rollout_devices", move |conn| rows::devices(conn, id, &states, &page)).await?)
    }

    /// Lets no further device begin.
    pub(crate) async fn pause(&self, caller: &OperatorCaller, id: RolloutId, why: &str) -> Result<Rollout, Error> {
        self.get(caller, id).await?;
        let reason = said("paused", caller, why);
        let paused = self.store.run("pause_rollout", move |conn| rows::pause(conn, id, &reason)).await?;
        self.moved(paused)
    }

    /// Goes on.
    pub(crate) async fn resume(&self, caller: &OperatorCaller, id: RolloutId) -> Result<Rollout, Error> {
        let rollout = self.get(caller, id).await?;
        check_fresh_for(caller, &rollout.order.target)?;
        let resumed = self.store.run("resume_rollout", move |conn| rows::resume(conn, id)).await?;
        self.moved(resumed)
    }

    /// Ends a rollout, and tells its devices.
    pub(crate) async fn abort(&self, caller: &OperatorCaller, id: RolloutId, why: &str) -> Result<Rollout, Error> {
        self.get(caller, id).await?;
        let reason = said("aborted", caller, why);
        let aborted = self.store.run("abort_rollout", move |conn| rows::abort(conn, id, &reason)).await?;
        let aborted = aborted.map(|(rollout, to_tell)| {
            to_tell.into_iter().for_each(|pk| self.hints.wake(pk));
            rollout
        });
        self.moved(aborted)
    }

    fn moved(&self, rollout: Option<Rollout>) -> Result<Rollout, Error> {
        let refused = "the rollout has ended, or waits for an approval";
        let rollout = rollout.ok_or_else(|| Error::new(Kind::Conflict, refused))?;
        self.hints.tell(Topic::Rollouts);
        Ok(rollout)
    }

    /// What a device should have and what it has.
    pub(crate) async fn device_update(&self, caller: &OperatorCaller, id: DeviceId) -> Result<DeviceUpdate, Error> {
        let device = self.directory.device(caller, id).await?;
        Ok(self.store.run("find_device_update", move |conn| rows::find_update(conn, device.pk)).await?)
    }
}

/// Whether both ask for the same, how fast aside.
fn is_same(one: &RolloutOrder, other: &RolloutOrder) -> bool {
    (one.release_id, &one.target, one.replaces, &one.phases, &one.description)
        == (other.release_id, &other.target, other.replaces, &other.phases, &other.description)
}

/// What would change on a device. What a template becomes is not known here; whether the same release put it there with the same
/// values (`has_values`) is.
fn changes(candidate: &Candidate, release: &Release, has_values: bool) -> Vec<TargetChange> {
    let targets: HashMap<&str, _> =
        candidate.targets.iter().flatten().map(|target| (target.name.as_str(), target)).collect();
    let change = |file: &homepot::model::ReleaseFile| {
        let target = targets.get(file.target.as_str())?;
        let is_same = match file.is_template {
            true => target.counter == release.counter && !target.is_drifted && has_values,
            false => target.sha256.as_ref() == Some(&file.sha256),
        };
        (!is_same).then(|| TargetChange {
            target: file.target.clone(),
            from: target.sha256.clone(),
            to: file.sha256.clone(),
        })
    };
    release.files.iter().filter_map(change).collect()
}
