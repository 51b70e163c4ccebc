//! The ledger's functions for operators.

use homepot::{
    Error, Kind,
    model::{CATALOGUE, Command, CommandId, CommandState, CommandType, DeviceId, NewCommand, Page, PageRequest},
};
use homepot_operator_api::visible;
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{
    commands::{self, Inserted, NewRow, RecentFilter},
    devices::DeviceRef,
};
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{Claimed, Commands};

impl Commands {
    /// Queues a command; true when the idempotency key named an earlier one.
    /// Where the call is traced, `trace` is its place, so that what becomes of the command is in the same trace.
    pub(crate) async fn queue(
        &self,
        caller: &OperatorCaller,
        command: NewCommand,
        trace: Option<String>,
    ) -> Result<(Command, bool), Error> {
        let device = self.directory.device(caller, command.device_id.clone()).await?;
        if !device.active {
            return Err(Error::new(Kind::Conflict, "Device is inactive"));
        }
        check_known(&device, &command.command_type)?;

        let pk = device.pk;
        let row = NewRow {
            command_id: CommandId(Uuid::now_v7()),
            pk,
            site_id: device.site_id.clone(),
            source: device.source,
            command: command.clone(),
            created_by: caller.name.to_string(),
            run_id: None,
            trace,
            epoch: None,
        };
        match self.insert(caller, &device, row).await? {
            Inserted::New(row) => {
                self.hints.wake(pk);
                Ok((self.queued(row), false))
            }
            Inserted::Claimed(row, _) => Ok((self.queued(row), false)),
            Inserted::Existing(row) if row.command_type == command.command_type && row.payload == command.payload => {
                Ok((row, true))
            }
            Inserted::Existing(row) => Err(Error::new(
                Kind::AlreadyExists,
                format!("the idempotency key names command {}, which has another type or payload", row.command_id),
            )),
        }
    }

    fn queued(&self, command: Command) -> Command {
        self.changed();
        metrics::counter!("homepot_commands_queued_total", "source" => command.source.as_str()).increment(1);
        command
    }

    /// Queues a command, and where the device's session is in this process, claims it for that in the same transaction. Done even if
    /// the caller leaves meanwhile: what is claimed must reach the session.
    pub(crate) async fn insert_and_claim(&self, row: NewRow) -> Result<Inserted, Error> {
        let Some(place) = self.inboxes.place(row.pk) else { return Ok(self.inserts.run(row).await?) };
        let (inserts, asked) = (self.inserts.clone(), Instant::now());
        let row = NewRow { epoch: Some(place.epoch()), ..row };
        let work = async move {
            let inserted = inserts.run(row).await;
            match &inserted {
                Ok(Inserted::Claimed(command, delivery)) => {
                    metrics::counter!("homepot_commands_delivered_total", "source" => command.source.as_str())
                        .increment(1);
                    place.fill(Claimed { delivery: delivery.clone(), trace: command.trace.clone(), asked });
                }
                Ok(_) => {}
                // It may be committed all the same.
                Err(_) => place.leave_unsure(),
            }
            inserted
        };
        let done = tokio::spawn(work.in_current_span()).await.map_err(|error| {
            tracing::error!(%error, "queue a command");
            Error::internal()
        });
        Ok(done??)
    }

    /// A command of a device the caller may see.
    pub(crate) async fn get(&self, caller: &OperatorCaller, command_id: CommandId) -> Result<Command, Error> {
        let found = self.store.run("find_command", move |conn| commands::find(conn, command_id)).await?;
        visible(caller, found, |command| &command.site_id).ok_or_else(|| Error::not_found("Command not found"))
    }

    /// The commands of a device the caller may see, newest first.
    pub(crate) async fn list(
        &self,
        caller: &OperatorCaller,
        device_id: DeviceId,
        states: Vec<CommandState>,
        page: PageRequest,
    ) -> Result<Page<Command>, Error> {
        let pk = self.directory.device(caller, device_id).await?.pk;
        Ok(self.store.run("list_commands", move |conn| commands::list(conn, pk, &states, &page)).await?)
    }

    /// The commands of all devices the caller may see, newest first.
    pub(crate) async fn recent(&self, filter: RecentFilter, page: PageRequest) -> Result<Page<Command>, Error> {
        Ok(self.store.run("list_recent_commands", move |conn| commands::recent(conn, &filter, &page)).await?)
    }
}

/// A device that declared what it can do is sent only that, or what HOMEPOT itself knows. A legacy device never
/// declares anything, and may know types that HOMEPOT does not.
pub(crate) fn check_known(device: &DeviceRef, command_type: &CommandType) -> Result<(), Error> {
    let Some(declared) = &device.capabilities else { return Ok(()) };
    let wanted = command_type.as_str();
    if declared.iter().any(|name| name == wanted) || CATALOGUE.iter().any(|(name, _)| *name == wanted) {
        return Ok(());
    }
    let mut known: Vec<_> =
        CATALOGUE.iter().map(|(name, _)| *name).chain(declared.iter().map(String::as_str)).collect();
    known.sort_unstable();
    known.dedup();
    Err(Error::invalid(
        "command_type",
        format!("is not known to device {}; it knows {}", device.device_id, known.join(", ")),
    ))
}

#[cfg(test)]
mod tests {
    use homepot::model::{DeviceSource, SiteId};

    use super::*;

    fn device(capabilities: Option<&[&str]>) -> DeviceRef {
        DeviceRef {
            pk: 1,
            device_id: DeviceId::parse("d").unwrap(),
            site_id: SiteId::parse("s").unwrap(),
            source: DeviceSource::Real,
            active: true,
            capabilities: capabilities.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        }
    }

    #[test]
    fn a_device_is_sent_what_it_declared_or_what_the_catalogue_has() {
        let queue = |capabilities, name| check_known(&device(capabilities), &CommandType::parse(name).unwrap());
        assert!(queue(Some(&["UPDATE_POS"]), "UPDATE_POS").is_ok());
        assert!(queue(Some(&[]), "PING").is_ok());
        assert!(queue(None, "UPDATE_POS").is_ok());
        let error = queue(Some(&["PING"]), "UPDATE_POS").unwrap_err();
        assert_eq!(error.field_violations()[0].field, "command_type");
    }
}
