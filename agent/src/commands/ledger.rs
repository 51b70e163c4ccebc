//! What the device knows of its commands: a fold over the journal's records, and the rules that follow from it.

use std::collections::VecDeque;

use homepot::model::{CommandId, CommandState, Outcome};

use super::record::{Moment, Received, Record};

/// Commands that wait, run, or whose outcome the server does not have yet.
pub const MAX_OPEN: usize = 256;
/// Ended commands whose ids are kept. The server redelivers none of them, short of a message that crossed another.
pub const MAX_FORGOTTEN: usize = 1_000;

/// The reason of an outcome whose command started before the agent ended.
const CUT_OFF: &str = "the agent ended while the command ran and can't say how far it came";
/// The reason of an expired outcome.
pub const TOO_LATE: &str = "its time to live ran out before it could start";
/// The one command whose success shows by a new boot.
pub const REBOOT: &str = "REBOOT";

#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Waiting,
    Started { boot_id: String },
    Ended(Outcome),
}

#[derive(Clone, Debug)]
struct Entry {
    received: Received,
    stage: Stage,
    /// Whether it arrived while this process ran: then the uptime alone tells its age.
    fresh: bool,
}

/// How a command stands, to answer a delivery of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Never seen.
    New,
    /// Never seen, and there is no room.
    Full,
    /// On disk, not started.
    Waiting,
    /// Started.
    Running,
    /// Ended; the result is left out where the server has had it.
    Ended(Outcome),
}

/// What the device knows of its commands.
#[derive(Debug, Default)]
pub struct Ledger {
    /// In the order they arrived.
    open: VecDeque<Entry>,
    forgotten: VecDeque<Outcome>,
}

impl Ledger {
    /// Folds one record in. `fresh`: it was made by this process, not read back.
    pub fn apply(&mut self, record: Record, fresh: bool) {
        match record {
            Record::Received(received) => {
                if matches!(self.standing(received.command_id), Standing::New | Standing::Full) {
                    self.open.push_back(Entry { received, stage: Stage::Waiting, fresh });
                }
            }
            Record::Started { command_id, boot_id } => self.set_stage(command_id, Stage::Started { boot_id }),
            Record::Ended { command_id, state, result, reason } => {
                self.set_stage(command_id, Stage::Ended(Outcome { command_id, state, result, reason }));
            }
            Record::Forgotten { command_id, state, reason } => {
                self.open.retain(|entry| entry.received.command_id != command_id);
                self.forgotten.push_back(Outcome { command_id, state, result: None, reason });
                if self.forgotten.len() > MAX_FORGOTTEN {
                    self.forgotten.pop_front();
                }
            }
        }
    }

    /// How a command stands.
    pub fn standing(&self, id: CommandId) -> Standing {
        if let Some(entry) = self.open.iter().find(|entry| entry.received.command_id == id) {
            return match &entry.stage {
                Stage::Waiting => Standing::Waiting,
                Stage::Started { .. } => Standing::Running,
                Stage::Ended(outcome) => Standing::Ended(outcome.clone()),
            };
        }
        if let Some(outcome) = self.forgotten.iter().find(|outcome| outcome.command_id == id) {
            return Standing::Ended(outcome.clone());
        }
        if self.open.len() >= MAX_OPEN { Standing::Full } else { Standing::New }
    }

    /// The command whose turn it is, oldest first, with whether its time to live is over at `now`.
    pub fn next(&self, now: &Moment) -> Option<(&Received, bool)> {
        let entry = self.open.iter().find(|entry| entry.stage == Stage::Waiting)?;
        Some((&entry.received, entry.is_too_late(now)))
    }

    /// What the journal lacks after the agent ended in the middle of things.
    pub fn recover(&self, now: &Moment) -> Vec<Record> {
        let ended = |entry: &Entry, state, reason: Option<&str>| {
            let command_id = entry.received.command_id;
            Some(Record::Ended { command_id, state, result: None, reason: reason.map(str::to_owned) })
        };
        let lacking = |entry: &Entry| match &entry.stage {
            Stage::Started { boot_id } => {
                let rebooted = !boot_id.is_empty() && !now.boot_id.is_empty() && *boot_id != now.boot_id;
                if entry.received.command_type.as_str() == REBOOT && rebooted {
                    ended(entry, CommandState::Succeeded, None)
                } else {
                    ended(entry, CommandState::Unknown, Some(CUT_OFF))
                }
            }
            Stage::Waiting if entry.is_too_late(now) => ended(entry, CommandState::Expired, Some(TOO_LATE)),
            Stage::Waiting | Stage::Ended(_) => None,
        };
        self.open.iter().filter_map(lacking).collect()
    }

    /// How every open command stands, oldest first: what a new session is told.
    pub fn open(&self) -> impl Iterator<Item = (CommandId, Standing)> {
        self.open.iter().map(|entry| (entry.received.command_id, self.standing(entry.received.command_id)))
    }

    /// How a command ended that the server does not know of yet.
    pub fn unacknowledged(&self, id: CommandId) -> Option<&Outcome> {
        self.open.iter().find_map(|entry| match &entry.stage {
            Stage::Ended(outcome) if entry.received.command_id == id => Some(outcome),
            _ => None,
        })
    }

    /// How many outcomes the server does not know of yet.
    pub fn pending_outcomes(&self) -> usize {
        self.open.iter().filter(|entry| matches!(entry.stage, Stage::Ended(_))).count()
    }

    /// The fewest records that say all of it.
    pub fn records(&self) -> Vec<Record> {
        let forgotten = self.forgotten.iter().map(|outcome| Record::Forgotten {
            command_id: outcome.command_id,
            state: outcome.state,
            reason: outcome.reason.clone(),
        });
        let open = self.open.iter().flat_map(|entry| {
            let command_id = entry.received.command_id;
            let stage = match &entry.stage {
                Stage::Waiting => None,
                Stage::Started { boot_id } => Some(Record::Started { command_id, boot_id: boot_id.clone() }),
                Stage::Ended(outcome) => Some(Record::ended(outcome.clone())),
            };
            std::iter::once(Record::Received(entry.received.clone())).chain(stage)
        });
        forgotten.chain(open).collect()
    }

    fn set_stage(&mut self, id: CommandId, stage: Stage) {
        if let Some(entry) = self.open.iter_mut().find(|entry| entry.received.command_id == id) {
            entry.stage = stage;
        }
    }
}

impl Entry {
    /// Whether the time to live is over. The uptime can't be set, so while this process has watched it alone counts.
    /// After a restart of the agent the wall clock must agree; after a boot it is all there is. In doubt it is over.
    fn is_too_late(&self, now: &Moment) -> bool {
        let (arrived, ttl) = (&self.received.at, self.received.time_to_live_ms);
        let by_uptime = now.uptime_ms.checked_sub(arrived.uptime_ms).is_none_or(|age| age >= ttl);
        let wall_age = (now.wall - arrived.wall).num_milliseconds();
        let by_wall = u64::try_from(wall_age).map_or(true, |age| age >= ttl);
        let same_boot = !now.boot_id.is_empty() && now.boot_id == arrived.boot_id;
        match (self.fresh, same_boot) {
            (true, _) => by_uptime,
            (false, true) => by_uptime || by_wall,
            (false, false) => by_wall,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use homepot::model::CommandType;

    use super::*;

    fn id(n: u128) -> CommandId {
        CommandId(uuid::Uuid::from_u128(n))
    }

    /// `wall` and `uptime` in seconds.
    fn moment(wall: i64, uptime: u64, boot: &str) -> Moment {
        let wall = DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::seconds(wall);
        Moment { wall, uptime_ms: uptime * 1_000, boot_id: boot.to_owned() }
    }

    fn received(n: u128, command_type: &str, ttl: u64) -> Record {
        Record::Received(Received {
            command_id: id(n),
            command_type: CommandType::parse(command_type).unwrap(),
            payload: None,
            time_to_live_ms: ttl * 1_000,
            run_timeout_ms: 1_000,
            at: moment(0, 100, "a"),
        })
    }

    fn started(n: u128) -> Record {
        Record::Started { command_id: id(n), boot_id: "a".to_owned() }
    }

    fn ended(n: u128) -> Record {
        Record::Ended { command_id: id(n), state: CommandState::Succeeded, result: None, reason: None }
    }

    fn ledger(records: Vec<Record>, fresh: bool) -> Ledger {
        let mut ledger = Ledger::default();
        records.into_iter().for_each(|record| ledger.apply(record, fresh));
        ledger
    }

    fn recovered(records: Vec<Record>, now: &Moment) -> Vec<(CommandId, CommandState)> {
        let state = |record| match record {
            Record::Ended { command_id, state, .. } => (command_id, state),
            other => panic!("{other:?}"),
        };
        ledger(records, false).recover(now).into_iter().map(state).collect()
    }

    #[test]
    fn a_command_that_ended_is_answered_and_never_waits_again() {
        let mut ledger = ledger(vec![received(1, "PING", 60), started(1), ended(1)], true);
        ledger.apply(received(1, "PING", 60), true);
        assert!(matches!(ledger.standing(id(1)), Standing::Ended(_)));
        assert_eq!(ledger.next(&moment(0, 100, "a")), None);
        ledger.apply(Record::Forgotten { command_id: id(1), state: CommandState::Succeeded, reason: None }, true);
        ledger.apply(received(1, "PING", 60), true);
        assert!(matches!(ledger.standing(id(1)), Standing::Ended(_)));
        assert_eq!((ledger.pending_outcomes(), ledger.open().count()), (0, 0));
    }

    #[test]
    fn a_command_that_had_started_is_unknown_after_a_crash() {
        let now = moment(5, 105, "a");
        assert_eq!(recovered(vec![received(1, "RESTART_APP", 60), started(1)], &now), [(id(1), CommandState::Unknown)]);
        assert_eq!(recovered(vec![received(1, "REBOOT", 60), started(1)], &now), [(id(1), CommandState::Unknown)]);
    }

    #[test]
    fn a_reboot_succeeded_when_the_boot_is_another_and_nothing_else_does() {
        let now = moment(60, 5, "b");
        assert_eq!(recovered(vec![received(1, "REBOOT", 600), started(1)], &now), [(id(1), CommandState::Succeeded)]);
        assert_eq!(recovered(vec![received(1, "RESTART_APP", 60), started(1)], &now), [(id(1), CommandState::Unknown)]);
    }

    #[test]
    fn a_command_that_had_not_started_may_still_start_within_its_time() {
        assert_eq!(recovered(vec![received(1, "PING", 60)], &moment(30, 130, "a")), []);
        let after_boot = ledger(vec![received(1, "PING", 60)], false);
        assert!(!after_boot.next(&moment(30, 3, "b")).unwrap().1);
    }

    #[test]
    fn after_a_restart_either_clock_ends_the_time_to_live_and_doubt_does_too() {
        let expired = [(id(1), CommandState::Expired)];
        for now in [
            moment(30, 160, "a"), // the uptime says so
            moment(60, 130, "a"), // the wall clock says so
            moment(-1, 130, "a"), // the wall clock went back
            moment(30, 99, "a"),  // the uptime went back
            moment(60, 3, "b"),   // after a boot, the wall clock
            moment(-1, 3, "b"),   // after a boot, the wall clock makes no sense
        ] {
            assert_eq!(recovered(vec![received(1, "PING", 60)], &now), expired, "{now:?}");
        }
    }

    #[test]
    fn a_step_of_the_wall_clock_expires_nothing_that_this_process_received() {
        let ledger = ledger(vec![received(1, "PING", 60)], true);
        assert!(!ledger.next(&moment(1_000_000, 159, "a")).unwrap().1);
        assert!(ledger.next(&moment(0, 160, "a")).unwrap().1);
    }

    #[test]
    fn compaction_says_the_same_in_fewer_records() {
        let all = vec![
            received(1, "PING", 60),
            started(1),
            ended(1),
            Record::Forgotten { command_id: id(1), state: CommandState::Succeeded, reason: None },
            received(2, "PING", 60),
            started(2),
            received(3, "PING", 60),
        ];
        let ledger = ledger(all, false);
        let again = super::tests::ledger(ledger.records(), false);
        assert_eq!(ledger.records().len(), 4);
        for n in 1..=4 {
            assert_eq!(again.standing(id(n)), ledger.standing(id(n)));
        }
    }

    #[test]
    fn a_full_ledger_takes_no_more_and_old_ids_are_let_go() {
        let mut ledger = ledger((0..MAX_OPEN as u128).map(|n| received(n, "PING", 60)).collect(), true);
        assert_eq!(ledger.standing(id(9_999)), Standing::Full);
        for n in 0..MAX_FORGOTTEN as u128 + 10 {
            ledger.apply(Record::Forgotten { command_id: id(n), state: CommandState::Succeeded, reason: None }, true);
        }
        assert_eq!(ledger.records().len(), MAX_FORGOTTEN);
    }
}
