//! What the journal holds.

use std::time::Duration;

use chrono::{DateTime, Utc};
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
    /// A command arrived.
    Received(Received),
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
    /// It must not start later than this after it arrived.
    pub time_to_live_ms: u64,
    /// How long it may run.
    pub run_timeout_ms: u64,
    /// When it arrived.
    pub at: Moment,
}

impl Received {
    /// A command that arrived at `at`.
    pub fn new(delivery: Delivery, at: Moment) -> Self {
        Self {
            command_id: delivery.command_id,
            command_type: delivery.command_type,
            payload: delivery.payload,
            time_to_live_ms: milliseconds(delivery.time_to_live),
            run_timeout_ms: milliseconds(delivery.run_timeout),
            at,
        }
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
