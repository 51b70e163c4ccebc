//! What devices, through the link, do with the ledger.

use homepot::{
    Error, Kind,
    model::{Command, CommandId, CommandState, Delivery, Outcome},
};
use homepot_store::commands::{self, Change, Changed};

use crate::Commands;

/// What the ledger made of a device's word.
#[derive(Clone, Debug)]
pub enum Told {
    /// The row as it is now.
    Taken(Command),
    /// The row had another end already.
    Contradicted(Command),
    /// No such command of this device, or the session is no longer the device's newest.
    Missing,
}

impl Told {
    /// The row, or the answer a unary caller gets.
    pub fn into_command(self) -> Result<Command, Error> {
        match self {
            Self::Taken(command) => Ok(command),
            Self::Contradicted(command) => {
                Err(Error::new(Kind::Conflict, format!("the command is already {}", command.state.as_str())))
            }
            Self::Missing => Err(Error::not_found("Command not found")),
        }
    }
}

impl Commands {
    /// Hands over what waits for a device, oldest first: to its session of this `epoch`, or to a poller (`None`).
    pub async fn claim(&self, device: i64, epoch: Option<i64>, limit: u32) -> Result<Vec<Delivery>, Error> {
        let claimed = self.store.run("claim_commands", move |conn| commands::claim(conn, device, epoch, limit)).await?;
        metrics::counter!("homepot_commands_delivered_total").increment(claimed.len() as u64);
        Ok(claimed)
    }

    /// The command is on the device's disk.
    pub async fn acknowledge(&self, device: i64, epoch: Option<i64>, id: CommandId) -> Result<Told, Error> {
        self.change(device, epoch, id, Change { to: CommandState::Acknowledged, result: None, reason: None }).await
    }

    /// The command has started.
    pub async fn start(&self, device: i64, epoch: Option<i64>, id: CommandId) -> Result<Told, Error> {
        self.change(device, epoch, id, Change { to: CommandState::Running, result: None, reason: None }).await
    }

    /// The command has ended.
    pub async fn finish(&self, device: i64, epoch: Option<i64>, outcome: Outcome) -> Result<Told, Error> {
        let Outcome { command_id, state, result, reason } = outcome;
        self.change(device, epoch, command_id, Change { to: state, result, reason }).await
    }

    async fn change(&self, device: i64, epoch: Option<i64>, id: CommandId, change: Change) -> Result<Told, Error> {
        let to = change.to;
        let change = move |conn: &mut _| {
            let changed = commands::change(conn, id, Some(device), epoch, &change)?;
            // A device without a stream that answers for a queued command has it from somewhere: it counts as handed over.
            let knows_it_already = epoch.is_none()
                && matches!(&changed, Changed::Refused(command) if command.state == CommandState::Queued);
            if !knows_it_already {
                return Ok(changed);
            }
            let handed_over = Change { to: CommandState::Sent, result: None, reason: None };
            commands::change(conn, id, Some(device), None, &handed_over)?;
            commands::change(conn, id, Some(device), None, &change)
        };
        Ok(match self.store.run("change_command", change).await? {
            Changed::Done(command) => {
                if to.is_end() {
                    metrics::counter!("homepot_commands_finished_total", "state" => to.as_str()).increment(1);
                }
                tracing::info!(command_id = %id, device_id = %command.device_id, state = to.as_str(), "command moved on");
                Told::Taken(command)
            }
            Changed::Repeat(command) => Told::Taken(command),
            Changed::Refused(command) => Told::Contradicted(command),
            Changed::Missing => Told::Missing,
        })
    }
}
