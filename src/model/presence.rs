//! Whether devices are there, and when they came and went.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{DeviceId, DeviceSource, to_proto_duration, to_proto_timestamp};
use crate::{
    error::Error,
    pb::{common::v1 as common_pb, registry::v1 as pb},
};

/// A device is offline when it was silent for this many of its heartbeat intervals.
pub const OFFLINE_AFTER_HEARTBEATS: f64 = 2.5;

/// The status of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceStatus {
    /// Never heard of since it enrolled.
    Unknown,
    /// Heard of within [`OFFLINE_AFTER_HEARTBEATS`] intervals.
    Online,
    /// Its stream ended, or it was silent for longer.
    Offline,
    /// Marked by an operator.
    Maintenance,
}

impl DeviceStatus {
    /// The word for people and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Maintenance => "maintenance",
        }
    }

    /// Reads a filter; `None` for any.
    pub fn from_proto(field: &str, value: i32) -> Result<Option<Self>, Error> {
        match pb::DeviceStatus::try_from(value) {
            Ok(pb::DeviceStatus::Unspecified) => Ok(None),
            Ok(pb::DeviceStatus::Unknown) => Ok(Some(Self::Unknown)),
            Ok(pb::DeviceStatus::Online) => Ok(Some(Self::Online)),
            Ok(pb::DeviceStatus::Offline) => Ok(Some(Self::Offline)),
            Ok(pb::DeviceStatus::Maintenance) => Ok(Some(Self::Maintenance)),
            Ok(pb::DeviceStatus::Error) => Err(Error::invalid(field, "no device is in this status in this version")),
            Err(_) => Err(Error::invalid(field, "is not a known status")),
        }
    }
}

impl FromStr for DeviceStatus {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        match word {
            "unknown" => Ok(Self::Unknown),
            "online" => Ok(Self::Online),
            "offline" => Ok(Self::Offline),
            "maintenance" => Ok(Self::Maintenance),
            _ => Err(Error::invalid("status", "is not a known status")),
        }
    }
}

impl From<DeviceStatus> for pb::DeviceStatus {
    fn from(status: DeviceStatus) -> Self {
        match status {
            DeviceStatus::Unknown => Self::Unknown,
            DeviceStatus::Online => Self::Online,
            DeviceStatus::Offline => Self::Offline,
            DeviceStatus::Maintenance => Self::Maintenance,
        }
    }
}

/// What the store knows of a device being there. The judgement is [`Presence::status`].
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    /// When the server last heard of it; `None`: never.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When its session began; `None`: it holds no stream.
    pub attached_at: Option<DateTime<Utc>>,
    /// True when its last session ended and nothing was heard since.
    pub ended: bool,
    /// The newest session's number.
    pub session_epoch: i64,
    /// As the last Hello declared.
    pub agent_version: Option<String>,
    /// As the last Hello declared.
    pub boot_id: Option<String>,
    /// As the last Hello declared; `None`: it never sent Hello.
    pub capabilities: Option<Vec<String>>,
    /// How often it promised to be heard.
    pub heartbeat_interval: Duration,
    /// The status that was last recorded. The record follows the actual status within a second or two.
    pub recorded: DeviceStatus,
    /// Since when.
    pub recorded_since: Option<DateTime<Utc>>,
    /// True while it comes and goes all the time.
    pub flapping: bool,
    /// Since when machines of different boots have been taking its session from one another.
    pub contested_since: Option<DateTime<Utc>>,
    /// How far its clock was ahead of the server's at its last Hello; `None`: it did not say.
    pub clock_skew: Option<TimeDelta>,
    /// The database's clock when all this was read: replicas' clocks differ.
    pub read_at: DateTime<Utc>,
}

impl Presence {
    /// Whether the device is there.
    pub fn status(&self) -> DeviceStatus {
        match self.silent_at() {
            None => DeviceStatus::Unknown,
            Some(silent_at) if self.ended || silent_at < self.read_at => DeviceStatus::Offline,
            Some(_) => DeviceStatus::Online,
        }
    }

    /// Since when that is so; `None`: never heard of.
    pub fn status_since(&self) -> Option<DateTime<Utc>> {
        let silent_at = self.silent_at()?;
        match self.status() {
            status if status == self.recorded => self.recorded_since,
            DeviceStatus::Offline if !self.ended => Some(silent_at),
            _ => self.last_seen_at,
        }
    }

    /// When it will have been silent for too long.
    fn silent_at(&self) -> Option<DateTime<Utc>> {
        let bound = self.heartbeat_interval.mul_f64(OFFLINE_AFTER_HEARTBEATS);
        self.last_seen_at.map(|last_seen_at| last_seen_at + TimeDelta::from_std(bound).unwrap_or(TimeDelta::MAX))
    }

    /// For the wire, of a device of this source; `maintenance` wins over what the clock says.
    pub fn into_proto(self, source: DeviceSource, maintenance: bool) -> pb::Presence {
        let status = if maintenance { DeviceStatus::Maintenance } else { self.status() };
        pb::Presence {
            status: pb::DeviceStatus::from(status).into(),
            status_since: self.status_since().map(to_proto_timestamp),
            last_seen_at: self.last_seen_at.map(to_proto_timestamp),
            attached_at: self.attached_at.map(to_proto_timestamp),
            session_epoch: self.session_epoch.try_into().unwrap_or_default(),
            agent_version: self.agent_version.unwrap_or_default(),
            boot_id: self.boot_id.unwrap_or_default(),
            capabilities: self.capabilities.unwrap_or_default(),
            heartbeat_interval: Some(to_proto_duration(self.heartbeat_interval)),
            flapping: self.flapping,
            contested_since: self.contested_since.map(to_proto_timestamp),
            clock_skew: self
                .clock_skew
                .map(|skew| prost_types::Duration { seconds: skew.num_seconds(), nanos: skew.subsec_nanos() }),
            source: common_pb::DeviceSource::from(source).into(),
        }
    }
}

/// Why a device's state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateCause {
    /// It attached its stream.
    Attached,
    /// A call of its own was heard.
    Heard,
    /// Its stream ended.
    Detached,
    /// Nothing was heard for too long.
    Silent,
    /// It came and went too often to show each change.
    Flapping,
    /// It has stopped doing so.
    Settled,
    /// Two machines use its key.
    Contested,
    /// A real device took over the id of a simulated one.
    TookOver,
}

impl StateCause {
    const ALL: [Self; 8] = [
        Self::Attached,
        Self::Heard,
        Self::Detached,
        Self::Silent,
        Self::Flapping,
        Self::Settled,
        Self::Contested,
        Self::TookOver,
    ];

    /// The word for people and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Heard => "heard",
            Self::Detached => "detached",
            Self::Silent => "silent",
            Self::Flapping => "flapping",
            Self::Settled => "settled",
            Self::Contested => "contested",
            Self::TookOver => "took_over",
        }
    }
}

impl FromStr for StateCause {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let cause = Self::ALL.into_iter().find(|cause| cause.as_str() == word);
        cause.ok_or_else(|| Error::invalid("cause", "is not a known cause"))
    }
}

impl From<StateCause> for pb::StateChangeCause {
    fn from(cause: StateCause) -> Self {
        match cause {
            StateCause::Attached => Self::Attached,
            StateCause::Heard => Self::Heard,
            StateCause::Detached => Self::Detached,
            StateCause::Silent => Self::Silent,
            StateCause::Flapping => Self::Flapping,
            StateCause::Settled => Self::Settled,
            StateCause::Contested => Self::Contested,
            StateCause::TookOver => Self::TookOver,
        }
    }
}

/// A device came, went, or began or ceased to do so all the time.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChange {
    /// When, by the database's clock.
    pub at: DateTime<Utc>,
    /// The device's status from then on.
    pub status: DeviceStatus,
    /// Why.
    pub cause: StateCause,
    /// The same in words.
    pub detail: String,
    /// True when changes are only counted from here on.
    pub flapping: bool,
    /// Changes since the entry before that have no entry of their own.
    pub changes_not_shown: u32,
    /// The session that it is about.
    pub session_epoch: i64,
}

impl StateChange {
    /// For the wire.
    pub fn into_proto(self, device_id: &DeviceId) -> pb::StateChange {
        pb::StateChange {
            device_id: device_id.to_string(),
            status: pb::DeviceStatus::from(self.status).into(),
            time: Some(to_proto_timestamp(self.at)),
            cause: pb::StateChangeCause::from(self.cause).into(),
            detail: self.detail,
            flapping: self.flapping,
            changes_not_shown: self.changes_not_shown,
            session_epoch: self.session_epoch.try_into().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(seconds_ago: i64, ended: bool) -> Presence {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Presence {
            last_seen_at: Some(now - TimeDelta::seconds(seconds_ago)),
            attached_at: None,
            ended,
            session_epoch: 1,
            agent_version: None,
            boot_id: None,
            capabilities: None,
            heartbeat_interval: Duration::from_secs(10),
            recorded: DeviceStatus::Online,
            recorded_since: Some(now - TimeDelta::hours(1)),
            flapping: false,
            contested_since: None,
            clock_skew: None,
            read_at: now,
        }
    }

    #[test]
    fn a_device_is_offline_after_two_and_a_half_heartbeats_and_at_once_when_its_stream_ends() {
        for (ago, ended, status) in [
            (0, false, DeviceStatus::Online),
            (25, false, DeviceStatus::Online),
            (26, false, DeviceStatus::Offline),
            (0, true, DeviceStatus::Offline),
        ] {
            assert_eq!(seen(ago, ended).status(), status);
        }
        assert_eq!(Presence { last_seen_at: None, ..seen(0, true) }.status(), DeviceStatus::Unknown);
    }

    #[test]
    fn silence_begins_where_it_became_too_long_also_before_it_is_recorded() {
        let online = seen(5, false);
        assert_eq!(online.status_since(), online.recorded_since);
        let silent = seen(60, false);
        assert_eq!(silent.status_since(), Some(silent.read_at - TimeDelta::seconds(35)));
        let recorded = Presence { recorded: DeviceStatus::Offline, ..seen(60, false) };
        assert_eq!(recorded.status_since(), recorded.recorded_since);
        assert_eq!(Presence { last_seen_at: None, ..seen(0, false) }.status_since(), None);
    }

    #[test]
    fn every_cause_is_read_back_from_its_word() {
        for cause in StateCause::ALL {
            assert_eq!(cause.as_str().parse(), Ok(cause));
        }
    }
}
