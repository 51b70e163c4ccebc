//! What the device knows of its commands: a fold over the journal's records, and the rules that follow from it.
//!
//! A command starts by a clock that nobody sets, and only as long as the process that heard of it lives: what an earlier
//! one left waiting is *held* until the server hands it over again and tells what is left of its time. The wall clock of a
//! device without a battery may show last year, so nothing starts by it.

use std::{collections::VecDeque, io};

use chrono::{DateTime, Utc};
use homepot::model::{CommandId, CommandState, JsonObject, Outcome, is_safe_to_repeat};

use super::record::{Arrival, Moment, Received, Record, Renewed};

/// Commands that wait, run, or whose outcome the server does not have yet.
pub const MAX_OPEN: usize = 256;
/// As many again may be known by their cancellation alone.
pub const MAX_OPEN_AND_CANCELLED: usize = 2 * MAX_OPEN;
/// Payloads, results and reasons of those, as JSON. One more payload, and reasons, may lie above it.
pub const MAX_OPEN_BYTES: usize = 4 * 1024 * 1024;
/// Ended commands whose ids are kept. The server redelivers none of them, short of a message that crossed another.
pub const MAX_FORGOTTEN: usize = 1_000;
/// What is kept of the reason of each of them.
const MAX_FORGOTTEN_REASON: usize = 200;
/// What the contract takes.
const MAX_REASON: usize = 2_000;

/// The reason of an outcome whose command started before the agent ended.
const CUT_OFF: &str = "the agent ended while the command ran and can't say how far it came";
/// The reason of an outcome whose command may have started, for all that a damaged journal tells.
pub const DAMAGED: &str = "the device's command journal was damaged, so it can't say whether the command ran";
/// The same of a journal that lost records.
pub const BEHIND: &str =
    "the device's command journal lacks records it once had, so it can't say whether the command ran";
/// The reason of a command that is rejected for want of room.
const TOO_MANY: &str = "too many commands wait on this device";
/// The reason of an outcome whose result had no room.
const NO_ROOM: &str = "the result was left out: too much waits for the server on this device";
/// The reason of an expired outcome.
pub const TOO_LATE: &str = "its time to live ran out before it could start";
/// The one command whose success shows by a new boot.
pub const REBOOT: &str = "REBOOT";

#[derive(Clone, Debug)]
enum Stage {
    Waiting {
        received: Received,
        /// Whether this process heard of it; otherwise it is held.
        fresh: bool,
    },
    Started {
        boot_id: String,
        /// Without its payload. `None`: a damaged journal lost it.
        received: Option<Received>,
    },
    Ended(Outcome),
}

#[derive(Clone, Debug)]
struct Entry {
    command_id: CommandId,
    stage: Stage,
    /// Of payload, result and reason.
    bytes: usize,
}

/// How a command stands, to answer a delivery of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
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
            Record::Journal { .. } => {}
            Record::Received(received) => {
                let id = received.command_id;
                if matches!(self.standing(id), Progress::New | Progress::Full) {
                    self.open.push_back(Entry::new(id, Stage::Waiting { received, fresh }));
                }
            }
            Record::Renewed(renewed) => self.renew(renewed, fresh),
            Record::Started { command_id, boot_id } => self.start(command_id, boot_id),
            Record::Ended { command_id, state, result, reason } => {
                self.end(Outcome { command_id, state, result, reason });
            }
            Record::Forgotten { command_id, state, reason } => {
                self.open.retain(|entry| entry.command_id != command_id);
                let reason = reason.map(|reason| reason.chars().take(MAX_FORGOTTEN_REASON).collect());
                self.forgotten.retain(|outcome| outcome.command_id != command_id);
                self.forgotten.push_back(Outcome { command_id, state, result: None, reason });
                if self.forgotten.len() > MAX_FORGOTTEN {
                    self.forgotten.pop_front();
                }
            }
        }
    }

    /// How a command stands.
    pub fn standing(&self, id: CommandId) -> Progress {
        if let Some(entry) = self.entry(id) {
            return match &entry.stage {
                Stage::Waiting { .. } => Progress::Waiting,
                Stage::Started { .. } => Progress::Running,
                Stage::Ended(outcome) => Progress::Ended(outcome.clone()),
            };
        }
        if let Some(outcome) = self.forgotten.iter().find(|outcome| outcome.command_id == id) {
            return Progress::Ended(outcome.clone());
        }
        if self.open.len() >= MAX_OPEN || self.bytes() >= MAX_OPEN_BYTES { Progress::Full } else { Progress::New }
    }

    /// What the journal gets when a command arrives, for the first time or again; `None`: it says all there is to say.
    pub fn on_arrival(&self, arrival: Arrival) -> Option<Record> {
        let id = arrival.delivery.command_id;
        let over = arrival.left_ms() == 0;
        let Some(entry) = self.entry(id) else {
            return match self.standing(id) {
                Progress::New if over => Some(expired(id)),
                Progress::New => Some(Record::Received(arrival.into())),
                // Remembered among the ended, so that whatever comes of it later is answered alike.
                Progress::Full => Some(Record::Forgotten {
                    command_id: id,
                    state: CommandState::Rejected,
                    reason: Some(TOO_MANY.to_owned()),
                }),
                _ => None,
            };
        };
        match &entry.stage {
            Stage::Waiting { received, fresh: true } => {
                if arrival.delivery.time_to_live.is_zero() {
                    return Some(expired(id));
                }
                // Both are less than there is. Of what can't be measured, the first word stands.
                let known = received.at.uptime_ms.saturating_add(received.time_to_live_ms);
                let told = arrival.at.uptime_ms.saturating_add(arrival.left_ms());
                (arrival.under_way.is_some() && told > known).then(|| Record::Renewed(arrival.into()))
            }
            Stage::Waiting { fresh: false, .. } if over => Some(expired(id)),
            Stage::Waiting { fresh: false, .. } => Some(Record::Renewed(arrival.into())),
            Stage::Started { .. } | Stage::Ended(_) => None,
        }
    }

    /// What the journal gets when the server takes a command back. A command that was never seen is remembered as
    /// cancelled, so that a delivery that comes later does not run. `None`: it has started or ended, or there is no room.
    pub fn on_cancellation(&self, id: CommandId, reason: &str) -> Option<Record> {
        let taken_back = match self.standing(id) {
            Progress::Waiting | Progress::New => true,
            Progress::Full => self.open.len() < MAX_OPEN_AND_CANCELLED,
            Progress::Running | Progress::Ended(_) => false,
        };
        let reason: String = reason.chars().take(MAX_REASON).collect();
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        taken_back.then_some(Record::Ended { command_id: id, state: CommandState::Cancelled, result: None, reason })
    }

    /// The command whose turn it is, oldest first. What is held does not keep others waiting.
    pub fn next(&self, now: &Moment) -> Option<&Received> {
        self.open.iter().find_map(|entry| match &entry.stage {
            Stage::Waiting { received, fresh: true } if !is_over(received, true, now) => Some(received),
            _ => None,
        })
    }

    /// A command that waits and whose time is over, by the device's own clocks.
    pub fn overdue(&self, now: &Moment) -> Option<CommandId> {
        self.open.iter().find_map(|entry| match &entry.stage {
            Stage::Waiting { received, fresh } if is_over(received, *fresh, now) => Some(entry.command_id),
            _ => None,
        })
    }

    /// A command that is held and whose time is over by the server's clock, which has reached `server_time`.
    pub fn overdue_at(&self, server_time: DateTime<Utc>) -> Option<CommandId> {
        self.open.iter().find_map(|entry| match &entry.stage {
            Stage::Waiting { received, fresh: false } if received.expires_at.is_some_and(|at| at <= server_time) => {
                Some(entry.command_id)
            }
            _ => None,
        })
    }

    /// What the journal lacks after the agent ended in the middle of things. `fault`: some of it is damaged or missing, so
    /// that what seems to wait may have started; and which reason that is.
    pub fn recover(&self, now: &Moment, fault: Option<&str>) -> Vec<Record> {
        let unknown = |id, reason: &str| ended(id, CommandState::Unknown, Some(reason));
        let lacking = |entry: &Entry| match &entry.stage {
            Stage::Started { boot_id, received } => {
                let rebooted = !boot_id.is_empty() && !now.boot_id.is_empty() && *boot_id != now.boot_id;
                let reboots = received.as_ref().is_some_and(|received| received.command_type.as_str() == REBOOT);
                Some(if rebooted && reboots {
                    ended(entry.command_id, CommandState::Succeeded, None)
                } else {
                    unknown(entry.command_id, CUT_OFF)
                })
            }
            Stage::Waiting { received, fresh } => match fault {
                Some(fault) => Some(unknown(entry.command_id, fault)),
                None => is_over(received, *fresh, now).then(|| expired(entry.command_id)),
            },
            Stage::Ended(_) => None,
        };
        self.open.iter().filter_map(lacking).collect()
    }

    /// What ends whatever waits, because it may have started for all that this ledger knows.
    pub fn distrusted(&self, reason: &str) -> Vec<Record> {
        let waits = |entry: &&Entry| matches!(entry.stage, Stage::Waiting { .. });
        let end = |entry: &Entry| ended(entry.command_id, CommandState::Unknown, Some(reason));
        self.open.iter().filter(waits).map(end).collect()
    }

    /// Whether a command that waits may run twice.
    pub fn is_safe_to_repeat(&self, id: CommandId) -> bool {
        match self.entry(id).map(|entry| &entry.stage) {
            Some(Stage::Waiting { received, .. }) => is_safe_to_repeat(&received.command_type),
            _ => false,
        }
    }

    /// How every open command stands, oldest first: what a new session is told.
    pub fn open(&self) -> impl Iterator<Item = (CommandId, Progress)> {
        self.open.iter().map(|entry| (entry.command_id, self.standing(entry.command_id)))
    }

    /// How a command ended that the server does not know of yet.
    pub fn unacknowledged(&self, id: CommandId) -> Option<&Outcome> {
        match &self.entry(id)?.stage {
            Stage::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// How many outcomes the server does not know of yet.
    pub fn pending_outcomes(&self) -> usize {
        self.open.iter().filter(|entry| matches!(entry.stage, Stage::Ended(_))).count()
    }

    /// An outcome as there is room for it: without its result where too much waits.
    pub fn fitting(&self, mut outcome: Outcome) -> Outcome {
        let others = self.bytes() - self.entry(outcome.command_id).map_or(0, |entry| entry.bytes);
        if others + size(&outcome.result, outcome.reason.as_deref()) > MAX_OPEN_BYTES && outcome.result.take().is_some()
        {
            outcome.reason.get_or_insert_with(|| NO_ROOM.to_owned());
        }
        outcome
    }

    /// The fewest records that say all of it.
    pub fn records(&self) -> Vec<Record> {
        let forgotten = self.forgotten.iter().map(|outcome| Record::Forgotten {
            command_id: outcome.command_id,
            state: outcome.state,
            reason: outcome.reason.clone(),
        });
        let open = self.open.iter().flat_map(|entry| {
            let command_id = entry.command_id;
            let (received, stage) = match &entry.stage {
                Stage::Waiting { received, .. } => (Some(received), None),
                Stage::Started { boot_id, received } => {
                    (received.as_ref(), Some(Record::Started { command_id, boot_id: boot_id.clone() }))
                }
                Stage::Ended(outcome) => (None, Some(Record::ended(outcome.clone()))),
            };
            received.cloned().map(Record::Received).into_iter().chain(stage)
        });
        forgotten.chain(open).collect()
    }

    fn bytes(&self) -> usize {
        self.open.iter().map(|entry| entry.bytes).sum()
    }

    fn entry(&self, id: CommandId) -> Option<&Entry> {
        self.open.iter().find(|entry| entry.command_id == id)
    }

    fn entry_mut(&mut self, id: CommandId) -> Option<&mut Entry> {
        self.open.iter_mut().find(|entry| entry.command_id == id)
    }

    fn is_forgotten(&self, id: CommandId) -> bool {
        self.forgotten.iter().any(|outcome| outcome.command_id == id)
    }

    fn renew(&mut self, renewed: Renewed, is_fresh: bool) {
        let Some(entry) = self.entry_mut(renewed.command_id) else { return };
        if let Stage::Waiting { received, fresh } = &mut entry.stage {
            let Renewed { time_to_live_ms, at, expires_at, .. } = renewed;
            (received.time_to_live_ms, received.at, received.expires_at) = (time_to_live_ms, at, expires_at);
            *fresh = is_fresh;
        }
    }

    /// From here on the payload is of no use: a command that has started is never started again.
    fn start(&mut self, id: CommandId, boot_id: String) {
        let Some(entry) = self.entry_mut(id) else {
            if !self.is_forgotten(id) {
                self.open.push_back(Entry::new(id, Stage::Started { boot_id, received: None }));
            }
            return;
        };
        if let Stage::Waiting { received, .. } = &entry.stage {
            let received = Some(Received { payload: None, ..received.clone() });
            *entry = Entry::new(id, Stage::Started { boot_id, received });
        }
    }

    /// The first end stands.
    fn end(&mut self, outcome: Outcome) {
        let id = outcome.command_id;
        let forgotten = self.is_forgotten(id);
        match self.entry_mut(id) {
            Some(Entry { stage: Stage::Ended(_), .. }) => {}
            Some(entry) => *entry = Entry::new(id, Stage::Ended(outcome)),
            None if forgotten => {}
            None => self.open.push_back(Entry::new(id, Stage::Ended(outcome))),
        }
    }
}

impl Entry {
    fn new(command_id: CommandId, stage: Stage) -> Self {
        let bytes = match &stage {
            Stage::Waiting { received, .. } => size(&received.payload, None),
            Stage::Started { .. } => 0,
            Stage::Ended(outcome) => size(&outcome.result, outcome.reason.as_deref()),
        };
        Self { command_id, stage, bytes }
    }
}

/// Whether the time to live is over.
///
/// While the process that heard of a command lives, the uptime alone tells. Of what is held it tells too, as long as the
/// boot is the same; and a boot that has lasted longer than the whole time to live leaves nothing of it. The wall clock is
/// asked only where the server's is not known, and only to end something: when it went back it says nothing.
fn is_over(received: &Received, fresh: bool, now: &Moment) -> bool {
    let (arrived, ttl) = (&received.at, received.time_to_live_ms);
    if fresh {
        return received.is_over(now);
    }
    let age = now.uptime_ms.checked_sub(arrived.uptime_ms);
    let same_boot = !now.boot_id.is_empty() && now.boot_id == arrived.boot_id;
    let by_uptime = if same_boot { age.is_some_and(|age| age >= ttl) } else { now.uptime_ms >= ttl };
    let wall_age = u64::try_from((now.wall - arrived.wall).num_milliseconds()).unwrap_or_default();
    by_uptime || (received.expires_at.is_none() && wall_age >= ttl)
}

fn ended(command_id: CommandId, state: CommandState, reason: Option<&str>) -> Record {
    Record::Ended { command_id, state, result: None, reason: reason.map(str::to_owned) }
}

fn expired(command_id: CommandId) -> Record {
    ended(command_id, CommandState::Expired, Some(TOO_LATE))
}

/// As JSON, without making it.
fn size(object: &Option<JsonObject>, reason: Option<&str>) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    if let Some(object) = object {
        // Neither a count nor a JSON object can fail to be written.
        let _ = serde_json::to_writer(&mut count, object);
    }
    count.0 + reason.map_or(0, str::len)
}

#[cfg(test)]
mod tests;
