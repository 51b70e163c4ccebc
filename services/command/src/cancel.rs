//! Cancels commands, and waits for the answer of a device that has the command.

use std::time::Duration;

use homepot::{
    Error, Kind,
    model::{Command, CommandId, CommandState, Event},
};
use homepot_hints::Topic;
use homepot_runtime::auth::OperatorCaller;
use homepot_store::commands::{Changed, Speaker, Word};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::Commands;

/// How often a device's answer is looked for where no hint tells of it.
const LOOK: Duration = Duration::from_millis(500);

impl Commands {
    /// Takes a command back, if it has not started; waits up to `wait` for a device that has to be asked.
    pub(crate) async fn cancel(
        &self,
        caller: &OperatorCaller,
        command_id: CommandId,
        reason: Option<String>,
        wait: Duration,
    ) -> Result<Command, Error> {
        self.get(caller, command_id).await?;
        let by = &caller.name;
        let reason = reason.map_or_else(|| format!("cancelled by {by}"), |why| format!("cancelled by {by}: {why}"));
        let word = Word {
            command_id,
            speaker: Speaker::Operator,
            event: Event::CancelAsked,
            result: None,
            reason: Some(reason),
        };
        let mut news = self.hints.listen(Topic::Ledger);
        let changed = self.words.run(vec![word]).await?.pop().unwrap_or(Changed::Missing);
        let command = match changed {
            Changed::Done(command) => {
                self.changed();
                command
            }
            Changed::Repeat(command) => command,
            Changed::Refused(_, refusal) => {
                return Err(Error::new(Kind::Conflict, format!("too late to cancel: {refusal}")));
            }
            Changed::Missing => return Err(Error::not_found("Command not found")),
        };
        if command.state.is_end() {
            return Ok(command);
        }
        let device = self.directory.device(caller, command.device_id).await?;
        self.hints.wake(device.pk);
        let deadline = Instant::now() + wait;
        loop {
            let command = self.get(caller, command_id).await?;
            match command.state {
                CommandState::Queued | CommandState::Sent | CommandState::Acknowledged if Instant::now() < deadline => {
                }
                CommandState::Queued | CommandState::Sent | CommandState::Acknowledged | CommandState::Cancelled => {
                    return Ok(command);
                }
                CommandState::Running => {
                    return Err(Error::new(Kind::Conflict, "too late to cancel: the command has started"));
                }
                end => {
                    let told = format!("too late to cancel: the command is already {}", end.as_str());
                    return Err(Error::new(Kind::Conflict, told));
                }
            }
            let look = (Instant::now() + LOOK).min(deadline);
            tokio::select! {
                _ = timeout_at(look, news.changed()) => {}
                () = sleep_until(look) => {}
            }
        }
    }
}
