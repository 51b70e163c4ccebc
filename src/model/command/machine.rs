//! The rules of the ledger: what may happen to a command in which state. Pure, so that every case is tested; whoever
//! changes a row asks here first, or does in SQL what a test holds against this.

use std::fmt;

use super::CommandState;

/// What happens to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// It is handed to its device, for the first time or again.
    HandedOver,
    /// The device has it on disk.
    Acknowledged,
    /// The device starts it.
    Started,
    /// The device tells how it ended.
    Ended(CommandState),
    /// Somebody wants it back.
    CancelAsked,
    /// Its time to live is over.
    TimeToLiveOver,
    /// The time by which the device must have reported an outcome is over.
    BoundOver,
    /// The device has lost the journal that would tell whether it ran.
    JournalLost,
    /// The ledger was restored from a backup, and does not know what happened since.
    Restored,
}

/// Who has a command that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A session of the journal that it was handed to: it can be asked back, and what the journal says of it holds.
    Session,
    /// A session of a device that keeps no journal, or of another journal: it can be asked back, but a later process of the
    /// device can't know what an earlier one did.
    Memory,
    /// A device that polls: it can't be asked anything.
    Poller,
    /// A session, and before that a poller or another journal of the device: what that one did nobody can tell. Only what
    /// is safe to repeat is ever handed on so.
    Several,
}

/// What the rules need to know of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Where it stands.
    pub state: CommandState,
    /// Who was handed it, once it was.
    pub holder: Holder,
    /// Whether somebody asked for it back.
    pub cancel_requested: bool,
}

/// The effect of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The command goes to this state.
    To(CommandState),
    /// The device is to be asked to take it back.
    AskDevice,
    /// It was so already, or is past it: a repeat, a message that overtook another.
    Stays,
}

/// Why an event is impossible where the command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Nobody was handed it.
    NotHandedOver,
    /// It has started.
    HasStarted,
    /// It has ended, and so.
    HasEnded(CommandState),
    /// It is with a device that polls, which can't be asked.
    CannotAsk,
    /// It was handed over before to where it may have run.
    MayHaveRun,
    /// Nobody asked for it back.
    NotAsked,
    /// Its time is not over, or no time runs for it here.
    NotDue,
    /// It is no end.
    NoEnd,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHandedOver => f.write_str("the command was not handed to this device"),
            Self::HasStarted => f.write_str("the command has started"),
            Self::HasEnded(state) => write!(f, "the command is already {}", state.as_str()),
            Self::CannotAsk => f.write_str("the command was fetched by a device that polls, which can't be asked"),
            Self::MayHaveRun => f.write_str("the command was handed over before, and may have run there"),
            Self::NotAsked => f.write_str("nobody asked for the command to be taken back"),
            Self::NotDue => f.write_str("the command's time is not over"),
            Self::NoEnd => f.write_str("the state is no end"),
        }
    }
}

impl Standing {
    /// The effect of `event` in this state.
    pub fn on(self, event: Event) -> Result<Step, Refusal> {
        match event {
            Event::HandedOver => self.on_handed_over(),
            Event::Acknowledged => self.on_progress(CommandState::Acknowledged),
            Event::Started => self.on_progress(CommandState::Running),
            Event::Ended(end) => self.on_ended(end),
            Event::CancelAsked => self.on_cancel_asked(),
            Event::TimeToLiveOver => self.only_from(&[CommandState::Queued], CommandState::Expired),
            Event::BoundOver => self.only_from(
                &[CommandState::Sent, CommandState::Acknowledged, CommandState::Running],
                CommandState::Unknown,
            ),
            Event::JournalLost => {
                self.only_from(&[CommandState::Sent, CommandState::Acknowledged], CommandState::Unknown)
            }
            Event::Restored => self.only_from(
                &[CommandState::Queued, CommandState::Sent, CommandState::Acknowledged, CommandState::Running],
                CommandState::Unknown,
            ),
        }
    }

    fn on_handed_over(self) -> Result<Step, Refusal> {
        match self.state {
            CommandState::Queued => Ok(Step::To(CommandState::Sent)),
            CommandState::Sent | CommandState::Acknowledged => Ok(Step::Stays),
            CommandState::Running => Err(Refusal::HasStarted),
            end => Err(Refusal::HasEnded(end)),
        }
    }

    /// Messages may overtake one another, so a step that is behind says nothing new.
    fn on_progress(self, to: CommandState) -> Result<Step, Refusal> {
        match self.state {
            CommandState::Queued => Err(Refusal::NotHandedOver),
            CommandState::Sent => Ok(Step::To(to)),
            CommandState::Acknowledged if to == CommandState::Running => Ok(Step::To(to)),
            // A command that was expired or cancelled was never taken or started: the device contradicts itself.
            CommandState::Expired | CommandState::Cancelled => Err(Refusal::HasEnded(self.state)),
            _ => Ok(Step::Stays),
        }
    }

    fn on_ended(self, end: CommandState) -> Result<Step, Refusal> {
        if !end.is_end() {
            return Err(Refusal::NoEnd);
        }
        let never_started = matches!(end, CommandState::Expired | CommandState::Cancelled);
        let says_it_never_ran = never_started || end == CommandState::Rejected;
        let end = match self.holder {
            // That it never ran is true of the one that says so, and nobody knows of the other.
            Holder::Several if says_it_never_ran => CommandState::Unknown,
            // Once nobody knew, only a journal can still tell that nothing happened. That it ran anyone can tell.
            Holder::Memory | Holder::Poller if says_it_never_ran && self.state == CommandState::Unknown => {
                CommandState::Unknown
            }
            _ => end,
        };
        if self.state == end {
            return Ok(Step::Stays);
        }
        match self.state {
            CommandState::Queued => Err(Refusal::NotHandedOver),
            CommandState::Running if never_started => Err(Refusal::HasStarted),
            CommandState::Sent | CommandState::Acknowledged | CommandState::Running | CommandState::Unknown => {
                if end == CommandState::Cancelled && !self.cancel_requested {
                    return Err(Refusal::NotAsked);
                }
                Ok(Step::To(end))
            }
            ended => Err(Refusal::HasEnded(ended)),
        }
    }

    fn on_cancel_asked(self) -> Result<Step, Refusal> {
        match self.state {
            CommandState::Queued => Ok(Step::To(CommandState::Cancelled)),
            CommandState::Sent | CommandState::Acknowledged if self.cancel_requested => Ok(Step::Stays),
            CommandState::Sent | CommandState::Acknowledged => match self.holder {
                Holder::Session | Holder::Memory => Ok(Step::AskDevice),
                Holder::Poller => Err(Refusal::CannotAsk),
                Holder::Several => Err(Refusal::MayHaveRun),
            },
            CommandState::Running => Err(Refusal::HasStarted),
            CommandState::Cancelled => Ok(Step::Stays),
            end => Err(Refusal::HasEnded(end)),
        }
    }

    fn only_from(self, from: &[CommandState], to: CommandState) -> Result<Step, Refusal> {
        if from.contains(&self.state) {
            return Ok(Step::To(to));
        }
        match self.state {
            state if state == to => Ok(Step::Stays),
            state if state.is_end() => Err(Refusal::HasEnded(state)),
            CommandState::Running => Err(Refusal::HasStarted),
            _ => Err(Refusal::NotDue),
        }
    }
}

#[cfg(test)]
mod tests {
    use CommandState::{Acknowledged, Cancelled, Expired, Failed, Queued, Rejected, Running, Sent, Succeeded, Unknown};

    use super::*;

    fn standing(state: CommandState) -> Standing {
        Standing { state, holder: Holder::Session, cancel_requested: false }
    }

    fn events() -> Vec<Event> {
        let ends = CommandState::ALL.into_iter().map(Event::Ended);
        let others = [
            Event::HandedOver,
            Event::Acknowledged,
            Event::Started,
            Event::CancelAsked,
            Event::TimeToLiveOver,
            Event::BoundOver,
            Event::JournalLost,
            Event::Restored,
        ];
        others.into_iter().chain(ends).collect()
    }

    fn standings() -> Vec<Standing> {
        let mut all = Vec::new();
        for state in CommandState::ALL {
            for holder in [Holder::Session, Holder::Memory, Holder::Poller, Holder::Several] {
                for cancel_requested in [false, true] {
                    all.push(Standing { state, holder, cancel_requested });
                }
            }
        }
        all
    }

    /// All that is legal, spelled out; everything else must be refused with a reason.
    #[test]
    fn every_event_in_every_state_is_a_known_step_or_refused() {
        use Step::{AskDevice, Stays, To};
        let legal: &[(CommandState, Event, Step)] = &[
            (Queued, Event::HandedOver, To(Sent)),
            (Queued, Event::CancelAsked, To(Cancelled)),
            (Queued, Event::TimeToLiveOver, To(Expired)),
            (Queued, Event::Restored, To(Unknown)),
            (Sent, Event::Restored, To(Unknown)),
            (Acknowledged, Event::Restored, To(Unknown)),
            (Running, Event::Restored, To(Unknown)),
            (Unknown, Event::Restored, Stays),
            (Sent, Event::HandedOver, Stays),
            (Sent, Event::Acknowledged, To(Acknowledged)),
            (Sent, Event::Started, To(Running)),
            (Sent, Event::CancelAsked, AskDevice),
            (Sent, Event::BoundOver, To(Unknown)),
            (Sent, Event::JournalLost, To(Unknown)),
            (Sent, Event::Ended(Succeeded), To(Succeeded)),
            (Sent, Event::Ended(Failed), To(Failed)),
            (Sent, Event::Ended(Rejected), To(Rejected)),
            (Sent, Event::Ended(Expired), To(Expired)),
            (Sent, Event::Ended(Unknown), To(Unknown)),
            (Acknowledged, Event::HandedOver, Stays),
            (Acknowledged, Event::Acknowledged, Stays),
            (Acknowledged, Event::Started, To(Running)),
            (Acknowledged, Event::CancelAsked, AskDevice),
            (Acknowledged, Event::BoundOver, To(Unknown)),
            (Acknowledged, Event::JournalLost, To(Unknown)),
            (Acknowledged, Event::Ended(Succeeded), To(Succeeded)),
            (Acknowledged, Event::Ended(Failed), To(Failed)),
            (Acknowledged, Event::Ended(Rejected), To(Rejected)),
            (Acknowledged, Event::Ended(Expired), To(Expired)),
            (Acknowledged, Event::Ended(Unknown), To(Unknown)),
            (Running, Event::Acknowledged, Stays),
            (Running, Event::Started, Stays),
            (Running, Event::BoundOver, To(Unknown)),
            (Running, Event::Ended(Succeeded), To(Succeeded)),
            (Running, Event::Ended(Failed), To(Failed)),
            (Running, Event::Ended(Rejected), To(Rejected)),
            (Running, Event::Ended(Unknown), To(Unknown)),
            (Succeeded, Event::Acknowledged, Stays),
            (Succeeded, Event::Started, Stays),
            (Succeeded, Event::Ended(Succeeded), Stays),
            (Failed, Event::Acknowledged, Stays),
            (Failed, Event::Started, Stays),
            (Failed, Event::Ended(Failed), Stays),
            (Rejected, Event::Acknowledged, Stays),
            (Rejected, Event::Started, Stays),
            (Rejected, Event::Ended(Rejected), Stays),
            (Expired, Event::TimeToLiveOver, Stays),
            (Expired, Event::Ended(Expired), Stays),
            (Cancelled, Event::CancelAsked, Stays),
            (Cancelled, Event::Ended(Cancelled), Stays),
            (Unknown, Event::Acknowledged, Stays),
            (Unknown, Event::Started, Stays),
            (Unknown, Event::BoundOver, Stays),
            (Unknown, Event::JournalLost, Stays),
            (Unknown, Event::Ended(Succeeded), To(Succeeded)),
            (Unknown, Event::Ended(Failed), To(Failed)),
            (Unknown, Event::Ended(Rejected), To(Rejected)),
            (Unknown, Event::Ended(Expired), To(Expired)),
            (Unknown, Event::Ended(Unknown), Stays),
        ];
        for state in CommandState::ALL {
            for event in events() {
                let expected = legal.iter().find(|(at, on, _)| (*at, *on) == (state, event)).map(|(.., step)| *step);
                let got = standing(state).on(event);
                assert_eq!(got.ok(), expected, "{state:?} on {event:?}");
                if let Err(refusal) = got {
                    assert!(!refusal.to_string().is_empty());
                }
            }
        }
    }

    #[test]
    fn an_end_stays_but_for_unknown_which_takes_a_late_outcome() {
        for standing in standings().into_iter().filter(|standing| standing.state.is_end()) {
            for event in events() {
                if let Ok(Step::To(next)) = standing.on(event) {
                    assert_eq!(standing.state, Unknown);
                    assert!(next.is_end() && matches!(event, Event::Ended(_)));
                }
            }
        }
    }

    #[test]
    fn nothing_goes_back() {
        let rank = |state: CommandState| match state {
            Queued => 0,
            Sent => 1,
            Acknowledged => 2,
            Running => 3,
            Unknown => 4,
            _ => 5,
        };
        for standing in standings() {
            for event in events() {
                if let Ok(Step::To(next)) = standing.on(event) {
                    assert!(rank(next) > rank(standing.state), "{standing:?} on {event:?}");
                }
            }
        }
    }

    #[test]
    fn a_cancel_before_the_start_wins_or_says_why_it_can_not() {
        assert_eq!(standing(Queued).on(Event::CancelAsked), Ok(Step::To(Cancelled)));
        for state in [Sent, Acknowledged] {
            let asked = Standing { cancel_requested: true, ..standing(state) };
            let polled = Standing { holder: Holder::Poller, ..standing(state) };
            assert_eq!(standing(state).on(Event::CancelAsked), Ok(Step::AskDevice));
            assert_eq!(asked.on(Event::CancelAsked), Ok(Step::Stays));
            assert_eq!(asked.on(Event::Ended(Cancelled)), Ok(Step::To(Cancelled)));
            assert_eq!(polled.on(Event::CancelAsked), Err(Refusal::CannotAsk));
            let handed_on = Standing { holder: Holder::Several, ..standing(state) };
            assert_eq!(handed_on.on(Event::CancelAsked), Err(Refusal::MayHaveRun));
        }
        assert_eq!(standing(Running).on(Event::CancelAsked), Err(Refusal::HasStarted));
        for end in [Succeeded, Failed, Rejected, Expired, Unknown] {
            assert_eq!(standing(end).on(Event::CancelAsked), Err(Refusal::HasEnded(end)));
        }
    }

    #[test]
    fn who_was_handed_a_command_after_others_cant_say_that_it_never_ran() {
        for state in [Sent, Acknowledged] {
            let handed_on = Standing { holder: Holder::Several, ..standing(state) };
            for end in [Expired, Rejected] {
                assert_eq!(handed_on.on(Event::Ended(end)), Ok(Step::To(Unknown)));
            }
            assert_eq!(handed_on.on(Event::Ended(Succeeded)), Ok(Step::To(Succeeded)));
        }
        let unknown = Standing { holder: Holder::Several, ..standing(Unknown) };
        assert_eq!(unknown.on(Event::Ended(Expired)), Ok(Step::Stays));
    }

    #[test]
    fn once_nobody_knew_only_a_journal_can_tell_that_a_command_never_ran() {
        for holder in [Holder::Session, Holder::Memory, Holder::Poller, Holder::Several] {
            let unknown = Standing { holder, cancel_requested: true, ..standing(Unknown) };
            for end in [Expired, Cancelled, Rejected] {
                let expected = if holder == Holder::Session { Step::To(end) } else { Step::Stays };
                assert_eq!(unknown.on(Event::Ended(end)), Ok(expected), "{holder:?} says {end:?}");
            }
            for end in [Succeeded, Failed] {
                assert_eq!(unknown.on(Event::Ended(end)), Ok(Step::To(end)), "{holder:?} says {end:?}");
            }
        }
        for state in [Sent, Acknowledged] {
            let held = Standing { holder: Holder::Memory, cancel_requested: true, ..standing(state) };
            assert_eq!(held.on(Event::Ended(Cancelled)), Ok(Step::To(Cancelled)));
            assert_eq!(Standing { cancel_requested: false, ..held }.on(Event::CancelAsked), Ok(Step::AskDevice));
        }
    }

    #[test]
    fn a_device_cancels_only_what_it_was_asked_to_and_what_it_has_not_started() {
        for state in [Sent, Acknowledged, Unknown] {
            assert_eq!(standing(state).on(Event::Ended(Cancelled)), Err(Refusal::NotAsked));
        }
        let late = Standing { cancel_requested: true, ..standing(Unknown) };
        assert_eq!(late.on(Event::Ended(Cancelled)), Ok(Step::To(Cancelled)));
        let running = Standing { cancel_requested: true, ..standing(Running) };
        assert_eq!(running.on(Event::Ended(Cancelled)), Err(Refusal::HasStarted));
    }
}
