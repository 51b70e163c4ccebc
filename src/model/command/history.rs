//! How a command came to where it stands.

use chrono::{DateTime, Utc};

use super::CommandState;
use crate::{model::to_proto_timestamp, pb::command::v1 as pb};

/// A step of a command from one state to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state it went to.
    pub state: CommandState,
    /// When, by the database's clock.
    pub time: DateTime<Utc>,
    /// What brought it there.
    pub cause: String,
}

impl From<Transition> for pb::Transition {
    fn from(transition: Transition) -> Self {
        Self {
            state: pb::CommandState::from(transition.state).into(),
            time: Some(to_proto_timestamp(transition.time)),
            cause: transition.cause,
        }
    }
}
