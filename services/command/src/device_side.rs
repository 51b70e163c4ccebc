//! The ledger's functions for devices, which the link calls.

use homepot::{
    Error, Kind,
    model::{Command, CommandId, Delivery, DeviceId, DeviceSource, Event, Outcome, Refusal},
};
use homepot_store::{
    Lane,
    commands::{self, CLAIM_LIMIT, Changed, Claim, Handed, Speaker, Word},
};

use crate::Commands;

/// What the ledger made of a device's word.
#[derive(Clone, Debug)]
pub enum Told {
    /// The row as it is now.
    Taken(Command),
    /// From where the row stands there is no way.
    Contradicted(Command, Refusal),
    /// No such command of this device, or the session is no longer the device's newest.
    Missing,
}

impl Told {
    /// The row, where there is one.
    pub fn command(&self) -> Option<&Command> {
        match self {
            Self::Taken(command) | Self::Contradicted(command, _) => Some(command),
            Self::Missing => None,
        }
    }

    /// The row, or the answer a unary caller gets.
    pub fn into_command(self) -> Result<Command, Error> {
        match self {
            Self::Taken(command) => Ok(command),
            Self::Contradicted(_, refusal) => Err(Error::new(Kind::Conflict, refusal.to_string())),
            Self::Missing => Err(Error::not_found("Command not found")),
        }
    }
}

impl Commands {
    /// A session has begun: what its device can no longer tell is given up. Answers commands that its journal must know.
    pub async fn attached(&self, device_id: &DeviceId, pk: i64, epoch: i64) -> Result<Vec<CommandId>, Error> {
        let look = move |conn: &mut _| {
            Ok((commands::give_up_lost(conn, pk, epoch)?, commands::told_by_journal(conn, pk, epoch)?))
        };
        let (given_up, told): (Vec<CommandId>, _) =
            self.store.lane(Lane::Devices).run("give_up_lost_commands", look).await?;
        for command_id in &given_up {
            tracing::warn!(%device_id, %command_id, "command given up: its device has another journal");
        }
        if !given_up.is_empty() {
            self.changed();
        }
        Ok(told)
    }

    /// Hands over what waits for a device's session, oldest first, and what it is to be asked for; with whether there
    /// may be more. `again`: an earlier call may have been carried out without its answer getting through.
    pub async fn hand_over(
        &self,
        pk: i64,
        source: DeviceSource,
        epoch: i64,
        again: bool,
    ) -> Result<(Handed, bool), Error> {
        let handed = self.claims.run(Claim { pk, epoch, again }).await?;
        let count = handed.deliveries.len();
        if count > 0 {
            metrics::counter!("homepot_commands_delivered_total", "source" => source.as_str()).increment(count as u64);
            self.changed();
        }
        Ok((handed, count == CLAIM_LIMIT))
    }

    /// Hands over what waits for a device that polls, oldest first.
    pub async fn fetch(&self, pk: i64, source: DeviceSource, limit: u32) -> Result<Vec<Delivery>, Error> {
        let fetched = self
            .store
            .lane(Lane::Devices)
            .run("fetch_commands", move |conn| commands::claim_by_poller(conn, pk, limit))
            .await?;
        if !fetched.is_empty() {
            metrics::counter!("homepot_commands_delivered_total", "source" => source.as_str())
                .increment(fetched.len() as u64);
            self.changed();
        }
        Ok(fetched)
    }

    /// Takes what a device says of its commands, in its order, and answers for each.
    pub async fn hear(&self, words: Vec<Word>) -> Result<Vec<Told>, Error> {
        let said: Vec<_> = words.iter().map(|word| (word.command_id, word.event)).collect();
        let changed = self.words.run(words).await?;
        if changed.iter().any(|changed| matches!(changed, Changed::Done(_))) {
            self.changed();
        }
        Ok(said
            .into_iter()
            .zip(changed)
            .map(|((command_id, event), changed)| told(command_id, event, changed))
            .collect())
    }

    /// The same of a single word.
    pub async fn hear_one(&self, word: Word) -> Result<Told, Error> {
        Ok(self.hear(vec![word]).await?.pop().unwrap_or(Told::Missing))
    }
}

fn told(command_id: CommandId, event: Event, changed: Changed) -> Told {
    match changed {
        Changed::Done(command) => {
            let state = command.state.as_str();
            if command.state.is_end() {
                let source = command.source.as_str();
                metrics::counter!("homepot_commands_finished_total", "state" => state, "source" => source).increment(1);
                tracing::info!(%command_id, device_id = %command.device_id, state, "command ended");
            } else {
                tracing::debug!(%command_id, device_id = %command.device_id, state, "command moved on");
            }
            Told::Taken(command)
        }
        Changed::Repeat(command) => Told::Taken(command),
        Changed::Refused(command, refusal) => {
            tracing::warn!(%command_id, device_id = %command.device_id, ?event, state = command.state.as_str(),
                %refusal, "a device's word contradicts the ledger");
            Told::Contradicted(command, refusal)
        }
        Changed::Missing => Told::Missing,
    }
}

/// That something happened to a command.
pub fn word(speaker: Speaker, command_id: CommandId, event: Event) -> Word {
    Word { command_id, speaker, event, result: None, reason: None }
}

/// That a command ended.
pub fn outcome_word(speaker: Speaker, outcome: Outcome) -> Word {
    let Outcome { command_id, state, result, reason } = outcome;
    Word { result, reason, ..word(speaker, command_id, Event::Ended(state)) }
}
