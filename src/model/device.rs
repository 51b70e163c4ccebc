//! Devices, what they say of themselves, and whether they are there.

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    CommandType, DeviceId, DeviceType, Faults, JsonBounds, JsonObject, SiteId, from_proto_timestamp, from_struct,
    non_empty, to_proto_duration, to_proto_timestamp, to_struct,
};
use crate::{
    error::Error,
    pb::{device::v1 as device_pb, registry::v1 as pb},
};

/// A device is offline when it was silent for this many of its heartbeat intervals.
pub const OFFLINE_AFTER_HEARTBEATS: f64 = 2.5;
const MAX_CONFIG: JsonBounds = JsonBounds { bytes: 16 * 1024, keys: 256, depth: 8 };
const MAX_CAPABILITIES: usize = 64;

/// Whether a device exists outside a simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceSource {
    /// A machine.
    Real,
    /// A simulator's.
    Simulated,
}

impl DeviceSource {
    /// The word the store uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Simulated => "simulated",
        }
    }

    /// Reads a protocol value; `None` when it says nothing.
    pub fn from_proto(field: &str, value: i32) -> Result<Option<Self>, Error> {
        match device_pb::DeviceSource::try_from(value) {
            Ok(device_pb::DeviceSource::Unspecified) => Ok(None),
            Ok(device_pb::DeviceSource::Real) => Ok(Some(Self::Real)),
            Ok(device_pb::DeviceSource::Simulated) => Ok(Some(Self::Simulated)),
            Err(_) => Err(Error::invalid(field, "is not a known source")),
        }
    }
}

impl std::str::FromStr for DeviceSource {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        match word {
            "real" => Ok(Self::Real),
            "simulated" => Ok(Self::Simulated),
            _ => Err(Error::invalid("source", "must be real or simulated")),
        }
    }
}

impl From<DeviceSource> for device_pb::DeviceSource {
    fn from(source: DeviceSource) -> Self {
        match source {
            DeviceSource::Real => Self::Real,
            DeviceSource::Simulated => Self::Simulated,
        }
    }
}

/// How a device fares.
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
    /// As told in the last Hello.
    pub agent_version: Option<String>,
    /// As told in the last Hello.
    pub boot_id: Option<String>,
    /// As told in the last Hello; `None`: it never said Hello.
    pub capabilities: Option<Vec<String>>,
    /// How often it promised to be heard.
    pub heartbeat_interval: Duration,
}

impl Presence {
    /// Whether the device is there at `now`, by the server's clock.
    pub fn status(&self, now: DateTime<Utc>) -> DeviceStatus {
        let Some(last_seen_at) = self.last_seen_at else { return DeviceStatus::Unknown };
        let silent = (now - last_seen_at).to_std().unwrap_or_default();
        if self.ended || silent > self.heartbeat_interval.mul_f64(OFFLINE_AFTER_HEARTBEATS) {
            DeviceStatus::Offline
        } else {
            DeviceStatus::Online
        }
    }

    /// For the wire; `maintenance` wins over what the clock says.
    pub fn into_proto(self, now: DateTime<Utc>, maintenance: bool) -> pb::Presence {
        let status = if maintenance { DeviceStatus::Maintenance } else { self.status(now) };
        pb::Presence {
            status: pb::DeviceStatus::from(status).into(),
            last_seen_at: self.last_seen_at.map(to_proto_timestamp),
            attached_at: self.attached_at.map(to_proto_timestamp),
            session_epoch: self.session_epoch.try_into().unwrap_or_default(),
            agent_version: self.agent_version.unwrap_or_default(),
            boot_id: self.boot_id.unwrap_or_default(),
            capabilities: self.capabilities.unwrap_or_default(),
            heartbeat_interval: Some(to_proto_duration(self.heartbeat_interval)),
            ..pb::Presence::default()
        }
    }
}

/// A device as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Unique in the fleet.
    pub device_id: DeviceId,
    /// Its site.
    pub site_id: SiteId,
    /// For people.
    pub name: String,
    /// A slug.
    pub device_type: DeviceType,
    /// As told at enrolment.
    pub ip_address: Option<String>,
    /// As told at enrolment.
    pub mac_address: Option<String>,
    /// As told at enrolment.
    pub firmware_version: Option<String>,
    /// As told at enrolment.
    pub config: Option<JsonObject>,
    /// Real or simulated.
    pub source: DeviceSource,
    /// False while it is shut out.
    pub active: bool,
    /// True while an operator has it so marked.
    pub maintenance: bool,
    /// Whether it is there.
    pub presence: Presence,
    /// When it enrolled.
    pub created_at: DateTime<Utc>,
    /// When its record last changed.
    pub updated_at: DateTime<Utc>,
}

impl Device {
    /// For the wire, judged at `now`.
    pub fn into_proto(self, now: DateTime<Utc>) -> pb::Device {
        pb::Device {
            device_id: self.device_id.into(),
            site_id: self.site_id.into(),
            name: self.name,
            device_type: self.device_type.into(),
            ip_address: self.ip_address.unwrap_or_default(),
            mac_address: self.mac_address.unwrap_or_default(),
            firmware_version: self.firmware_version.unwrap_or_default(),
            config: self.config.as_ref().map(to_struct),
            source: device_pb::DeviceSource::from(self.source).into(),
            active: self.active,
            maintenance: self.maintenance,
            presence: Some(self.presence.into_proto(now, self.maintenance)),
            created_at: Some(to_proto_timestamp(self.created_at)),
            updated_at: Some(to_proto_timestamp(self.updated_at)),
            ..pb::Device::default()
        }
    }
}

/// A change of a device; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceChange {
    /// For people.
    pub name: Option<String>,
    /// A slug.
    pub device_type: Option<DeviceType>,
    /// See [`Device::maintenance`].
    pub maintenance: Option<bool>,
    /// See [`Device::active`].
    pub active: Option<bool>,
}

impl TryFrom<pb::UpdateDeviceRequest> for DeviceChange {
    type Error = Error;

    fn try_from(request: pb::UpdateDeviceRequest) -> Result<Self, Error> {
        let mut faults = Faults::new();
        if let Some(name) = &request.name {
            faults.text("name", name, 1, 200);
        }
        let device_type = request.device_type.and_then(|text| faults.take(DeviceType::parse(&text)));
        faults.check()?;
        Ok(Self { name: request.name, device_type, maintenance: request.maintenance, active: None })
    }
}

/// What a device says of itself when it enrols.
#[derive(Clone, Debug, PartialEq)]
pub struct Enrollment {
    /// The site to join.
    pub site_id: SiteId,
    /// The id it goes by.
    pub device_id: DeviceId,
    /// For people.
    pub name: String,
    /// A slug.
    pub device_type: DeviceType,
    /// Its own idea of its address.
    pub ip_address: Option<String>,
    /// Six pairs of hexadecimal digits.
    pub mac_address: Option<String>,
    /// Version of its software.
    pub firmware_version: Option<String>,
    /// Whatever it wants remembered.
    pub config: Option<JsonObject>,
    /// What it says it is; `None`: nothing.
    pub source: Option<DeviceSource>,
    /// Lets it ask again for a key whose answer got lost.
    pub claim: Option<Vec<u8>>,
}

impl TryFrom<device_pb::EnrollRequest> for Enrollment {
    type Error = Error;

    fn try_from(request: device_pb::EnrollRequest) -> Result<Self, Error> {
        let mut faults = Faults::new();
        let site_id = faults.take(SiteId::parse(&request.site_id));
        let device_id = faults.take(DeviceId::parse(&request.device_id));
        faults.text("name", &request.name, 1, 200);
        faults.text("firmware_version", &request.firmware_version, 0, 128);
        let device_type = match request.device_type.as_str() {
            "" => Some(DeviceType::default()),
            text => faults.take(DeviceType::parse(text)),
        };
        if !request.ip_address.is_empty() && request.ip_address.parse::<IpAddr>().is_err() {
            faults.add("ip_address", "is neither an IPv4 nor an IPv6 address");
        }
        if !request.mac_address.is_empty() && !is_mac_address(&request.mac_address) {
            faults.add("mac_address", "is not six pairs of hexadecimal digits with ':' or '-' between");
        }
        let config = request.config.as_ref().and_then(|c| faults.take(from_struct("config", c, MAX_CONFIG)));
        let source = faults.take(DeviceSource::from_proto("source", request.source)).flatten();
        if !request.claim.is_empty() && !(16..=64).contains(&request.claim.len()) {
            faults.add("claim", "must be 16 to 64 bytes");
        }
        let enrollment = site_id.zip(device_id).zip(device_type).map(|((site_id, device_id), device_type)| Self {
            site_id,
            device_id,
            name: request.name,
            device_type,
            ip_address: non_empty(request.ip_address),
            mac_address: non_empty(request.mac_address),
            firmware_version: non_empty(request.firmware_version),
            config,
            source,
            claim: Some(request.claim).filter(|claim| !claim.is_empty()),
        });
        faults.finish(enrollment)
    }
}

fn is_mac_address(text: &str) -> bool {
    let pairs: Vec<_> = text.split([':', '-']).collect();
    pairs.len() == 6 && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// What a device says first on its stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Hello {
    /// Version of the agent.
    pub agent_version: String,
    /// Changes when the device boots.
    pub boot_id: String,
    /// Command types it can carry out.
    pub capabilities: Vec<CommandType>,
    /// What it says it is; `None`: nothing.
    pub source: Option<DeviceSource>,
    /// Its clock.
    pub device_time: Option<DateTime<Utc>>,
    /// The journal it keeps its commands in; `None`: it keeps none.
    pub journal_id: Option<String>,
}

impl Hello {
    /// The one protocol of this version.
    pub const PROTOCOL: u32 = 1;
}

impl TryFrom<device_pb::Hello> for Hello {
    type Error = Error;

    fn try_from(hello: device_pb::Hello) -> Result<Self, Error> {
        let mut faults = Faults::new();
        if hello.protocol_min > Self::PROTOCOL || hello.protocol_max < Self::PROTOCOL {
            faults.add("protocol_min", format!("the server speaks protocol {} only", Self::PROTOCOL));
        }
        faults.text("agent_version", &hello.agent_version, 0, 64);
        faults.text("boot_id", &hello.boot_id, 0, 64);
        faults.text("journal_id", &hello.journal_id, 0, 64);
        if hello.capabilities.len() > MAX_CAPABILITIES {
            faults.add("capabilities", format!("has more than {MAX_CAPABILITIES} entries"));
        }
        let mut capabilities = Vec::new();
        for text in hello.capabilities.iter().take(MAX_CAPABILITIES) {
            match CommandType::parse_any_case(text) {
                Ok(command_type) => capabilities.push(command_type),
                Err(_) => faults.add("capabilities", "has an entry that is no command type"),
            }
        }
        let source = faults.take(DeviceSource::from_proto("source", hello.source)).flatten();
        let device_time =
            hello.device_time.as_ref().and_then(|time| faults.take(from_proto_timestamp("device_time", time)));
        faults.check()?;
        Ok(Self {
            agent_version: hello.agent_version,
            boot_id: hello.boot_id,
            capabilities,
            source,
            device_time,
            journal_id: non_empty(hello.journal_id),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(seconds_ago: i64, ended: bool) -> (Presence, DateTime<Utc>) {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let presence = Presence {
            last_seen_at: Some(now - chrono::TimeDelta::seconds(seconds_ago)),
            attached_at: None,
            ended,
            session_epoch: 1,
            agent_version: None,
            boot_id: None,
            capabilities: None,
            heartbeat_interval: Duration::from_secs(10),
        };
        (presence, now)
    }

    #[test]
    fn a_device_is_offline_after_two_and_a_half_heartbeats_and_at_once_when_its_stream_ends() {
        for (ago, ended, status) in [
            (0, false, DeviceStatus::Online),
            (25, false, DeviceStatus::Online),
            (26, false, DeviceStatus::Offline),
            (0, true, DeviceStatus::Offline),
        ] {
            let (presence, now) = seen(ago, ended);
            assert_eq!(presence.status(now), status);
        }
        let (presence, now) = seen(0, true);
        assert_eq!(Presence { last_seen_at: None, ..presence }.status(now), DeviceStatus::Unknown);
    }

    #[test]
    fn an_enrolment_tells_all_its_faults_at_once() {
        let request = device_pb::EnrollRequest {
            device_id: "-".to_owned(),
            ip_address: "1.2.3".to_owned(),
            mac_address: "00:11".to_owned(),
            claim: vec![0; 3],
            ..Default::default()
        };
        let error = Enrollment::try_from(request).unwrap_err();
        let fields: Vec<_> = error.field_violations().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["site_id", "device_id", "name", "ip_address", "mac_address", "claim"]);
    }
}
