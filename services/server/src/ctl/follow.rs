//! Following one command to its end.

use std::{ops::ControlFlow, time::Duration};

use homepot::pb::command::v1 as pb;

use super::{
    calls::follow,
    commands::state_word,
    out::{Out, note},
    status::{self, Status},
    words,
};
use crate::client::Client;

/// A command that somebody waits for, and how much of its way was told.
pub(super) struct Waiting {
    /// As it was last heard of.
    pub(super) command: pb::Command,
    /// Steps of its history.
    told: usize,
}

impl Waiting {
    pub(super) fn new(command: pb::Command) -> Self {
        Self { command, told: 0 }
    }

    /// Takes what was heard; answers the steps that are new, each with the time since the command was queued.
    fn hear(&mut self, command: pb::Command) -> Vec<(pb::CommandState, Duration)> {
        self.command = command;
        let created = words::read_time(&self.command.created_at).unwrap_or_default();
        let mut steps: Vec<_> = self.command.history.iter().map(|step| (step.state(), step.time)).collect();
        // A history may be older than the row it comes with.
        if steps.last().is_none_or(|(state, _)| *state != self.command.state()) {
            steps.push((self.command.state(), self.command.finished_at));
        }
        let new = steps.split_off(self.told.min(steps.len()));
        self.told += new.len();
        let after = |time| words::read_time(&time).and_then(|time| (time - created).to_std().ok());
        new.into_iter().map(|(state, time)| (state, after(time).unwrap_or_default())).collect()
    }
}

/// Follows a command until it has ended, or for `timeout`; shows each step.
pub(super) async fn wait(
    client: &Client,
    out: &Out,
    waiting: &mut Waiting,
    timeout: Duration,
) -> anyhow::Result<Status> {
    let command_id = waiting.command.command_id.clone();
    let mut ledger = client.command();
    let open = async |cursor| {
        ledger.watch(pb::WatchRequest { command_ids: vec![command_id.clone()], cursor, ..Default::default() }).await
    };
    let take = async |news: Option<pb::WatchResponse>| {
        out.check_reader()?;
        for command in news.unwrap_or_default().commands {
            let command_type = command.command_type.clone();
            for (state, after) in waiting.hear(command) {
                out.text(format_args!("{command_type} {:<13}+{}", state_word(state), words::elapsed(after)))?;
            }
            if let Some(status) = end(waiting.command.state()) {
                tell_end(out, &waiting.command)?;
                return Ok(ControlFlow::Break(status));
            }
        }
        Ok(ControlFlow::Continue(()))
    };
    if let Ok(ended) = tokio::time::timeout(timeout, follow(open, take)).await {
        return ended;
    }
    let state = state_word(waiting.command.state());
    note(format_args!(
        "still {state} after {}; it goes on: homepot ctl commands get {command_id}",
        words::elapsed(timeout)
    ));
    Ok(status::STILL_UNDER_WAY)
}

fn tell_end(out: &Out, command: &pb::Command) -> anyhow::Result<()> {
    if !command.reason.is_empty() {
        out.text(format_args!("{} {:<13}{}", command.command_type, "because", command.reason))?;
    }
    if command.result.is_some() {
        out.text(format_args!("{} {:<13}{}", command.command_type, "answered", words::object(&command.result)))?;
    }
    Ok(())
}

/// The exit status of an end; `None`: it is none.
fn end(state: pb::CommandState) -> Option<Status> {
    use pb::CommandState as State;
    match state {
        State::Succeeded => Some(status::SUCCEEDED),
        State::Failed | State::Rejected | State::Expired | State::Cancelled => Some(status::FAILED),
        State::Unknown => Some(status::UNKNOWN),
        State::Unspecified | State::Queued | State::Sent | State::Acknowledged | State::Running => None,
    }
}

#[cfg(test)]
mod tests {
    use pb::CommandState as State;
    use prost_types::Timestamp;

    use super::*;

    fn command(states: &[State]) -> pb::Command {
        let at = |nanos| Some(Timestamp { seconds: 7, nanos });
        let step = |(place, state): (usize, &State)| pb::Transition {
            state: (*state).into(),
            time: at(i32::try_from(place).unwrap() * 2_000_000),
            cause: String::new(),
        };
        pb::Command {
            created_at: at(0),
            state: (*states.last().unwrap()).into(),
            history: states.iter().enumerate().map(step).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn each_step_is_told_once_also_when_messages_come_twice_or_steps_come_together() {
        let mut waiting = Waiting::new(pb::Command::default());
        let mut heard = |states: &[State]| {
            let steps = waiting.hear(command(states));
            steps.into_iter().map(|(state, after)| (state, after.as_millis())).collect::<Vec<_>>()
        };
        assert_eq!(heard(&[State::Queued]), [(State::Queued, 0)]);
        assert_eq!(heard(&[State::Queued]), []);
        let way = [State::Queued, State::Sent, State::Acknowledged];
        assert_eq!(heard(&way), [(State::Sent, 2), (State::Acknowledged, 4)]);
        assert_eq!(heard(&way), []);
    }

    #[test]
    fn the_exit_status_tells_success_failure_and_what_nobody_knows() {
        let ends = [State::Succeeded, State::Failed, State::Rejected, State::Cancelled, State::Expired, State::Unknown];
        assert_eq!(ends.map(end), {
            use status::{FAILED, SUCCEEDED, UNKNOWN};
            [SUCCEEDED, FAILED, FAILED, FAILED, FAILED, UNKNOWN].map(Some)
        });
        assert!([State::Queued, State::Sent, State::Acknowledged, State::Running].iter().all(|s| end(*s).is_none()));
    }
}
