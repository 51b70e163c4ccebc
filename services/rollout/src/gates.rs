//! What holds rollouts back: the update policies of sites, and approvals.

use homepot::{
    Error, Kind,
    model::{Rollout, RolloutId, SiteId, SitePolicy, UpdatePolicy},
    pb::rollout::v1 as pb,
};
use homepot_hints::Topic;
use homepot_operator_api::check_fresh_for;
use homepot_runtime::auth::OperatorCaller;
use homepot_store::rollouts::{self as rows, Approved};

use crate::{Rollouts, service::Service};

impl Rollouts {
    /// The update policy of a site that the caller may see.
    async fn policy(&self, caller: &OperatorCaller, site_id: SiteId) -> Result<SitePolicy, Error> {
        let site = self.directory.site(caller, site_id).await?;
        Ok(self.store.run("find_update_policy", move |conn| rows::find_policy(conn, &site.site_id)).await?)
    }

    /// Replaces the update policy of a site, and has the devices that wait for a window ask again.
    async fn set_policy(&self, caller: &OperatorCaller, site_id: SiteId, policy: UpdatePolicy) -> Result<(), Error> {
        rows::check_time_zone(&policy.time_zone)?;
        let site = self.directory.site(caller, site_id).await?;
        let name = caller.name.to_string();
        let set = move |conn: &mut _| rows::set_policy(conn, &site.site_id, &policy, &name);
        let to_tell = self.store.run("set_update_policy", set).await?;
        to_tell.into_iter().for_each(|pk| self.hints.wake(pk));
        Ok(())
    }

    /// Approves a rollout as a second person.
    async fn approve(&self, caller: &OperatorCaller, id: RolloutId) -> Result<Rollout, Error> {
        let rollout = self.get(caller, id).await?;
        check_fresh_for(caller, &rollout.order.target)?;
        let name = caller.name.to_string();
        match self.store.run("approve_rollout", move |conn| rows::approve(conn, id, &name)).await? {
            Approved::Yes(rollout) => {
                self.hints.tell(Topic::Rollouts);
                Ok(*rollout)
            }
            Approved::BySamePerson => Err(Error::new(
                Kind::Forbidden,
                "a rollout is approved by another operator than the one that started it",
            )),
            Approved::NotAwaited => Err(Error::new(Kind::Conflict, "the rollout waits for no approval")),
        }
    }
}

impl Service {
    pub(crate) async fn get_update_policy(
        &self,
        caller: &OperatorCaller,
        request: pb::GetUpdatePolicyRequest,
    ) -> Result<pb::GetUpdatePolicyResponse, Error> {
        Ok(self.rollouts.policy(caller, SiteId::parse(&request.site_id)?).await?.into())
    }

    pub(crate) async fn set_update_policy(
        &self,
        caller: &OperatorCaller,
        request: pb::SetUpdatePolicyRequest,
    ) -> Result<pb::SetUpdatePolicyResponse, Error> {
        let site_id = SiteId::parse(&request.site_id)?;
        let policy = UpdatePolicy::try_from(request.policy.unwrap_or_default())?;
        self.rollouts.set_policy(caller, site_id, policy.clone()).await?;
        Ok(pb::SetUpdatePolicyResponse { policy: Some(policy.into()) })
    }

    pub(crate) async fn approve_rollout(
        &self,
        caller: &OperatorCaller,
        request: pb::ApproveRolloutRequest,
    ) -> Result<pb::ApproveRolloutResponse, Error> {
        let rollout = self.rollouts.approve(caller, RolloutId::parse(&request.rollout_id)?).await?;
        Ok(pb::ApproveRolloutResponse { rollout: Some(rollout.into()) })
    }
}
