//! What the journal holds.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use homepot::model::{CommandId, CommandState, CommandType, Delivery, JsonObject, Outcome};
use serde::{Deserialize, Serialize};

use crate::milliseconds;

/// A point in time by all the clocks the device has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// By the wall clock, which people and NTP may set.
    pub wall: DateTime<Utc>,
    /// Since the boot, which nobody sets.
    pub uptime_ms: u64,
    /// Which boot.
    pub boot_id: String,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// Names the journal: its first line.
    Journal {
        /// Made at random.
        journal_id: String,
        /// Records that the journal had before this one and no longer has; `None`: it is of an agent that kept no mark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
    },
    /// A command arrived.
    Received(Received),
    /// A command that waits arrived again, with what is left of its time.
    Renewed(Renewed),
    /// A command starts.
    Started {
        /// Which.
        #[serde(with = "id")]
        command_id: CommandId,
        /// In which boot.
        boot_id: String,
    },
    /// A command ended; the server does not know yet.
    Ended {
        /// Which.
        #[serde(with = "id")]
        command_id: CommandId,
        /// How.
        #[serde(with = "word")]
        state: CommandState,
        /// What came of it.
        result: Option<JsonObject>,
        /// Why it did not succeed.
        reason: Option<String>,
    },
    /// The server knows how it ended; the id is kept, so that a late redelivery does not run it again.
    Forgotten {
        /// Which.
        #[serde(with = "id")]
        command_id: CommandId,
        /// How it ended.
        #[serde(with = "word")]
        state: CommandState,
        /// Why it did not succeed.
        reason: Option<String>,
    },
}

/// A command on its way in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// As the server sent it.
    pub delivery: Delivery,
    /// How long it was under way at most; `None`: that can't be told.
    pub under_way: Option<Duration>,
    /// When it arrived.
    pub at: Moment,
}

/// What is left of the time of a command that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// Which.
    #[serde(with = "id")]
    pub command_id: CommandId,
    /// It must not start later than this after `at`.
    pub time_to_live_ms: u64,
    /// When it arrived again.
    pub at: Moment,
    /// When its time is over, by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A command as it arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// Its id.
    #[serde(with = "id")]
    pub command_id: CommandId,
    /// What to do.
    #[serde(with = "word")]
    pub command_type: CommandType,
    /// Its arguments.
    pub payload: Option<JsonObject>,
    /// It must not start later than this after `at`.
    pub time_to_live_ms: u64,
    /// How long it may run.
    pub run_timeout_ms: u64,
    /// When it arrived.
    pub at: Moment,
    /// When its time is over, by the server's clock; `None`: the server did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Arrival {
    /// What is left of the time to live for sure, in milliseconds.
    pub fn left_ms(&self) -> u64 {
        milliseconds(self.delivery.time_to_live.saturating_sub(self.under_way.unwrap_or_default()))
    }

    /// When the time is over, by the server's clock.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        let left = TimeDelta::from_std(self.delivery.time_to_live).ok()?;
        self.delivery.server_time?.checked_add_signed(left)
    }
}

impl From<Arrival> for Received {
    fn from(arrival: Arrival) -> Self {
        let (time_to_live_ms, expires_at) = (arrival.left_ms(), arrival.expires_at());
        let Arrival { delivery, at, .. } = arrival;
        Self {
            command_id: delivery.command_id,
            command_type: delivery.command_type,
            payload: delivery.payload,
            time_to_live_ms,
            run_timeout_ms: milliseconds(delivery.run_timeout),
            at,
            expires_at,
        }
    }
}

impl From<Arrival> for Renewed {
    fn from(arrival: Arrival) -> Self {
        let (time_to_live_ms, expires_at) = (arrival.left_ms(), arrival.expires_at());
        Self { command_id: arrival.delivery.command_id, time_to_live_ms, at: arrival.at, expires_at }
    }
}

impl Received {
    /// Whether its time is over at `now`, for the process that heard of it.
    pub fn is_over(&self, now: &Moment) -> bool {
        now.uptime_ms.checked_sub(self.at.uptime_ms).is_none_or(|age| age >= self.time_to_live_ms)
    }

    /// How long it may run.
    pub fn run_timeout(&self) -> Duration {
        Duration::from_millis(self.run_timeout_ms)
    }
}

impl Record {
    /// That a command ended as `outcome` says.
    pub fn ended(outcome: Outcome) -> Self {
        let Outcome { command_id, state, result, reason } = outcome;
        Self::Ended { command_id, state, result, reason }
    }
}

mod id {
    use homepot::model::CommandId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(id: &CommandId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CommandId, D::Error> {
        CommandId::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Types that are a checked word.
mod word {
    use std::str::FromStr;

    use homepot::model::{CommandState, CommandType};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) trait Word: FromStr<Err = homepot::Error> {
        fn text(&self) -> &str;
    }

    impl Word for CommandState {
        fn text(&self) -> &str {
            self.as_str()
        }
    }

    impl Word for CommandType {
        fn text(&self) -> &str {
            self.as_str()
        }
    }

    pub(super) fn serialize<W: Word, S: Serializer>(word: &W, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(word.text())
    }

    pub(super) fn deserialize<'de, W: Word, D: Deserializer<'de>>(deserializer: D) -> Result<W, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
