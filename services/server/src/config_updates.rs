//! Rollouts bring what the ledger's `UPDATE_CONFIG` says; neither service knows the other.

use futures_util::{FutureExt as _, future::BoxFuture};
use homepot::Error;
use homepot_command::ConfigUpdates;
use homepot_rollout::Rollouts;
use homepot_runtime::auth::OperatorCaller;
use homepot_store::commands::{Inserted, NewRow};

/// Configurations by rollouts.
pub(crate) struct ByRollouts(pub(crate) Rollouts);

impl ConfigUpdates for ByRollouts {
    fn queue<'a>(&'a self, caller: &'a OperatorCaller, row: NewRow) -> BoxFuture<'a, Result<Option<Inserted>, Error>> {
        self.0.update_config(caller, row).boxed()
    }
}
