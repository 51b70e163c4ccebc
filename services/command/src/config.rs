//! `UPDATE_CONFIG` for devices that take releases: a rollout brings it, which is another service's to do.

use futures_util::future::BoxFuture;
use homepot::{
    Error, Kind,
    model::{CommandType, UPDATE_CONFIG},
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{
    commands::{Inserted, NewRow},
    devices::DeviceRef,
};

use crate::Commands;

/// Whoever brings configurations to devices.
pub trait ConfigUpdates: Send + Sync {
    /// Keeps the command and brings what it says; `None`: the device takes no releases.
    fn queue<'a>(&'a self, caller: &'a OperatorCaller, row: NewRow) -> BoxFuture<'a, Result<Option<Inserted>, Error>>;
}

/// Whether a rollout brings such a command to the device: it has a session, and does not say that it carries out the command itself.
pub(crate) fn goes_by_rollout(device: &DeviceRef, command_type: &CommandType) -> bool {
    let declared = device.capabilities.as_ref().filter(|_| command_type.as_str() == UPDATE_CONFIG);
    declared.is_some_and(|names| !names.iter().any(|name| name == UPDATE_CONFIG))
}

impl Commands {
    /// Queues a command. One that updates the configuration of a device with a session goes by a rollout, unless the device says that
    /// it carries out the command itself.
    pub(crate) async fn insert(
        &self,
        caller: &OperatorCaller,
        device: &DeviceRef,
        row: NewRow,
    ) -> Result<Inserted, Error> {
        let by_rollout = goes_by_rollout(device, &row.command.command_type);
        let Some(config) = self.config.as_ref().filter(|_| by_rollout) else {
            return self.insert_and_claim(row).await;
        };
        let told = format!("device {} takes no releases, so nothing can bring it a configuration", device.device_id);
        config.queue(caller, row).await?.ok_or_else(|| Error::new(Kind::Conflict, told))
    }
}
