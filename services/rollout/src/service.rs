//! `ReleaseService` and `RolloutService`: read requests and pass them on.

use std::collections::BTreeSet;

use homepot::{
    Error,
    model::{
        DeviceId, Faults, Page, PageRequest, Phases, PlannedDevice, ReleaseId, RolloutId, RolloutOrder, RolloutState,
        Sha256, Target, UpdateState,
    },
    pb::rollout::v1::{self as pb, release_service_server::ReleaseService, rollout_service_server::RolloutService},
};
use homepot_operator_api::{Answers, operator_service, reaches_far};
use homepot_runtime::auth::OperatorCaller;

use crate::Rollouts;

/// The operators' face of releases and rollouts.
#[derive(Clone)]
pub struct Service {
    pub(crate) rollouts: Rollouts,
}

impl Service {
    pub(crate) fn new(rollouts: Rollouts) -> Self {
        Self { rollouts }
    }

    async fn add_trust_root(
        &self,
        caller: &OperatorCaller,
        request: pb::AddTrustRootRequest,
    ) -> Result<pb::AddTrustRootResponse, Error> {
        let root = self.rollouts.add_trust_root(caller, request.signed_root).await?;
        Ok(pb::AddTrustRootResponse { root: Some(root.into()) })
    }

    async fn list_trust_roots(
        &self,
        _: &OperatorCaller,
        request: pb::ListTrustRootsRequest,
    ) -> Result<pb::ListTrustRootsResponse, Error> {
        let page = PageRequest::parse(request.page_size, &request.page_token)?;
        let (roots, next_page_token) = self.rollouts.list_trust_roots(page).await?.into_answer(Into::into);
        Ok(pb::ListTrustRootsResponse { roots, next_page_token })
    }

    async fn upload_artifact(
        &self,
        caller: &OperatorCaller,
        request: pb::UploadArtifactRequest,
    ) -> Result<pb::UploadArtifactResponse, Error> {
        let pb::UploadArtifactRequest { sha256, size, offset, data } = request;
        let sha256 = Sha256::parse(&sha256)?;
        let artifact = self.rollouts.upload(caller, sha256, size, offset, data).await?;
        Ok(pb::UploadArtifactResponse { artifact: Some(artifact.into()) })
    }

    async fn get_artifact(
        &self,
        _: &OperatorCaller,
        request: pb::GetArtifactRequest,
    ) -> Result<pb::GetArtifactResponse, Error> {
        let artifact = self.rollouts.get_artifact(Sha256::parse(&request.sha256)?).await?;
        Ok(pb::GetArtifactResponse { artifact: Some(artifact.into()) })
    }

    async fn create_release(
        &self,
        caller: &OperatorCaller,
        request: pb::CreateReleaseRequest,
    ) -> Result<pb::CreateReleaseResponse, Error> {
        let (release, existed) = self.rollouts.create_release(caller, request.signed_release).await?;
        Ok(pb::CreateReleaseResponse { release: Some(release.into()), existed })
    }

    async fn get_release(
        &self,
        _: &OperatorCaller,
        request: pb::GetReleaseRequest,
    ) -> Result<pb::GetReleaseResponse, Error> {
        let release = self.rollouts.get_release(ReleaseId::parse(&request.release_id)?).await?;
        Ok(pb::GetReleaseResponse { release: Some(release.into()) })
    }

    async fn list_releases(
        &self,
        _: &OperatorCaller,
        request: pb::ListReleasesRequest,
    ) -> Result<pb::ListReleasesResponse, Error> {
        let page = PageRequest::parse(request.page_size, &request.page_token)?;
        let name = Some(request.name).filter(|name| !name.is_empty());
        let (releases, next_page_token) = self.rollouts.list_releases(name, page).await?.into_answer(Into::into);
        Ok(pb::ListReleasesResponse { releases, next_page_token })
    }

    async fn start_rollout(
        &self,
        caller: &OperatorCaller,
        request: pb::StartRolloutRequest,
    ) -> Result<pb::StartRolloutResponse, Error> {
        let expected_devices = request.expected_devices;
        let (rollout, existed) =
            self.rollouts.start(caller, RolloutOrder::try_from(request)?, expected_devices).await?;
        Ok(pb::StartRolloutResponse { rollout: Some(rollout.into()), existed })
    }

    async fn plan_rollout(
        &self,
        caller: &OperatorCaller,
        request: pb::PlanRolloutRequest,
    ) -> Result<pb::PlanRolloutResponse, Error> {
        let mut faults = Faults::new();
        let release_id = faults.take(ReleaseId::parse(&request.release_id));
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let target = faults.take(Target::try_from(request.target.unwrap_or_default()));
        let phases = faults.take(Phases::parse(&request.phases));
        let all = release_id.zip(page).zip(target).zip(phases);
        let (((release_id, page), target), phases) = faults.finish(all)?;
        let needs_fresh_sign_in = reaches_far(caller, &target);
        let devices = self.rollouts.plan(caller, release_id, target, phases).await?;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let sites: BTreeSet<_> = devices.iter().map(|device| &device.site_id).collect();
        let is_skipped = |device: &&PlannedDevice| device.reason.is_some();
        let is_current = |device: &&PlannedDevice| device.reason.is_none() && device.changes.is_empty();
        let (devices_total, sites) = (count(devices.len()), count(sites.len()));
        let devices_skipped = count(devices.iter().filter(is_skipped).count());
        let devices_current = count(devices.iter().filter(is_current).count());
        let is_after =
            |device: &PlannedDevice| page.after.as_deref().is_none_or(|after| device.device_id.as_str() > after);
        let rest = devices.into_iter().filter(is_after).take(page.size as usize + 1).collect();
        let key = |device: &PlannedDevice| device.device_id.to_string();
        let (devices, next_page_token) = Page::cut(rest, page.size, key).within_bytes(key).into_answer(Into::into);
        Ok(pb::PlanRolloutResponse {
            devices_total,
            devices_skipped,
            devices_current,
            sites,
            needs_fresh_sign_in,
            devices,
            next_page_token,
        })
    }

    async fn get_rollout(
        &self,
        caller: &OperatorCaller,
        request: pb::GetRolloutRequest,
    ) -> Result<pb::GetRolloutResponse, Error> {
        let rollout = self.rollouts.get(caller, RolloutId::parse(&request.rollout_id)?).await?;
        Ok(pb::GetRolloutResponse { rollout: Some(rollout.into()) })
    }

    async fn list_rollouts(
        &self,
        caller: &OperatorCaller,
        request: pb::ListRolloutsRequest,
    ) -> Result<pb::ListRolloutsResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let state = faults.take(RolloutState::from_proto("state", request.state));
        let release_id = Some(&request.release_id).filter(|id| !id.is_empty());
        let release_id = release_id.and_then(|id| faults.take(ReleaseId::parse(id)));
        let (page, state) = faults.finish(page.zip(state))?;
        let page = self.rollouts.list(caller, state, release_id, page).await?;
        let (rollouts, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListRolloutsResponse { rollouts, next_page_token })
    }

    async fn list_rollout_devices(
        &self,
        caller: &OperatorCaller,
        request: pb::ListRolloutDevicesRequest,
    ) -> Result<pb::ListRolloutDevicesResponse, Error> {
        let mut faults = Faults::new();
        let id = faults.take(RolloutId::parse(&request.rollout_id));
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let states: Result<Vec<_>, Error> =
            request.states.iter().map(|state| UpdateState::from_proto("states", *state)).collect();
        let states = faults.take(states);
        let ((id, page), states) = faults.finish(id.zip(page).zip(states))?;
        let states = states.into_iter().flatten().collect();
        let page = self.rollouts.list_devices(caller, id, states, page).await?;
        let (devices, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListRolloutDevicesResponse { devices, next_page_token })
    }

    async fn pause_rollout(
        &self,
        caller: &OperatorCaller,
        request: pb::PauseRolloutRequest,
    ) -> Result<pb::PauseRolloutResponse, Error> {
        let id = RolloutId::parse(&request.rollout_id)?;
        let rollout = self.rollouts.pause(caller, id, &request.reason).await?;
        Ok(pb::PauseRolloutResponse { rollout: Some(rollout.into()) })
    }

    async fn resume_rollout(
        &self,
        caller: &OperatorCaller,
        request: pb::ResumeRolloutRequest,
    ) -> Result<pb::ResumeRolloutResponse, Error> {
        let rollout = self.rollouts.resume(caller, RolloutId::parse(&request.rollout_id)?).await?;
        Ok(pb::ResumeRolloutResponse { rollout: Some(rollout.into()) })
    }

    async fn abort_rollout(
        &self,
        caller: &OperatorCaller,
        request: pb::AbortRolloutRequest,
    ) -> Result<pb::AbortRolloutResponse, Error> {
        let id = RolloutId::parse(&request.rollout_id)?;
        let rollout = self.rollouts.abort(caller, id, &request.reason).await?;
        Ok(pb::AbortRolloutResponse { rollout: Some(rollout.into()) })
    }

    async fn watch(
        &self,
        caller: &OperatorCaller,
        request: pb::WatchRequest,
    ) -> Result<Answers<pb::WatchResponse>, Error> {
        self.rollouts.watch(caller, &request).await
    }

    async fn get_device_update(
        &self,
        caller: &OperatorCaller,
        request: pb::GetDeviceUpdateRequest,
    ) -> Result<pb::GetDeviceUpdateResponse, Error> {
        let update = self.rollouts.device_update(caller, DeviceId::parse(&request.device_id)?).await?;
        Ok(update.into())
    }
}

operator_service! {
    impl ReleaseService for Service, with messages of pb;
    unary {
        add_trust_root(AddTrustRootRequest) -> AddTrustRootResponse;
        list_trust_roots(ListTrustRootsRequest) -> ListTrustRootsResponse;
        upload_artifact(UploadArtifactRequest) -> UploadArtifactResponse;
        get_artifact(GetArtifactRequest) -> GetArtifactResponse;
        create_release(CreateReleaseRequest) -> CreateReleaseResponse;
        get_release(GetReleaseRequest) -> GetReleaseResponse;
        list_releases(ListReleasesRequest) -> ListReleasesResponse;
    }
    streams {}
}

operator_service! {
    impl RolloutService for Service, with messages of pb;
    unary {
        start_rollout(StartRolloutRequest) -> StartRolloutResponse;
        plan_rollout(PlanRolloutRequest) -> PlanRolloutResponse;
        get_rollout(GetRolloutRequest) -> GetRolloutResponse;
        list_rollouts(ListRolloutsRequest) -> ListRolloutsResponse;
        list_rollout_devices(ListRolloutDevicesRequest) -> ListRolloutDevicesResponse;
        pause_rollout(PauseRolloutRequest) -> PauseRolloutResponse;
        resume_rollout(ResumeRolloutRequest) -> ResumeRolloutResponse;
        abort_rollout(AbortRolloutRequest) -> AbortRolloutResponse;
        approve_rollout(ApproveRolloutRequest) -> ApproveRolloutResponse;
        get_update_policy(GetUpdatePolicyRequest) -> GetUpdatePolicyResponse;
        set_update_policy(SetUpdatePolicyRequest) -> SetUpdatePolicyResponse;
        get_device_update(GetDeviceUpdateRequest) -> GetDeviceUpdateResponse;
    }
    streams {
        watch(WatchRequest) -> WatchResponse as WatchStream;
    }
}
