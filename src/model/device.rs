//! Devices, and what they say of themselves.

use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    CommandType, DeviceId, DeviceType, Faults, JsonBounds, JsonObject, Labels, Presence, ProofKey, SiteId,
    from_proto_duration, from_proto_timestamp, from_struct, non_empty, parse_labels, to_proto_timestamp, to_struct,
};
use crate::{
    checked,
    error::Error,
    pb::{common::v1 as common_pb, device::v1 as device_pb, registry::v1 as pb},
};

const MAX_CONFIG: JsonBounds = JsonBounds { bytes: 16 * 1024, keys: 256, depth: 8 };
/// A configuration with what the device added since it enrolled.
const MAX_OWN_CONFIG: JsonBounds = JsonBounds { bytes: 32 * 1024, ..MAX_CONFIG };
const NO_IP_ADDRESS: &str = "is neither an IPv4 nor an IPv6 address";
const NO_MAC_ADDRESS: &str = "is not six pairs of hexadecimal digits with ':' or '-' between";
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
    /// Both.
    pub const ALL: [Self; 2] = [Self::Real, Self::Simulated];

    /// The word the store uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Simulated => "simulated",
        }
    }

    /// The one that it is not.
    pub fn other(self) -> Self {
        match self {
            Self::Real => Self::Simulated,
            Self::Simulated => Self::Real,
        }
    }

    /// Reads a protocol value; `None` when it says nothing.
    pub fn from_proto(field: &str, value: i32) -> Result<Option<Self>, Error> {
        match common_pb::DeviceSource::try_from(value) {
            Ok(common_pb::DeviceSource::Unspecified) => Ok(None),
            Ok(common_pb::DeviceSource::Real) => Ok(Some(Self::Real)),
            Ok(common_pb::DeviceSource::Simulated) => Ok(Some(Self::Simulated)),
            Err(_) => Err(Error::invalid(field, "must be real or simulated")),
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

impl From<DeviceSource> for common_pb::DeviceSource {
    fn from(source: DeviceSource) -> Self {
        match source {
            DeviceSource::Real => Self::Real,
            DeviceSource::Simulated => Self::Simulated,
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
    /// As the device reported it.
    pub ip_address: Option<String>,
    /// As the device reported it.
    pub mac_address: Option<String>,
    /// As the device reported it.
    pub firmware_version: Option<String>,
    /// As the device reported it.
    pub config: Option<JsonObject>,
    /// Real or simulated.
    pub source: DeviceSource,
    /// False while it is shut out.
    pub active: bool,
    /// True while an operator has it so marked.
    pub maintenance: bool,
    /// What operators marked it with.
    pub labels: Labels,
    /// Whether it has a proof key.
    pub proves: bool,
    /// Whether it is there.
    pub presence: Presence,
    /// When it enrolled.
    pub created_at: DateTime<Utc>,
    /// When its record last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was removed, with its history kept.
    pub removed_at: Option<DateTime<Utc>>,
}

impl Device {
    /// For the wire.
    pub fn into_proto(self) -> pb::Device {
        pb::Device {
            device_id: self.device_id.into(),
            site_id: self.site_id.into(),
            name: self.name,
            device_type: self.device_type.into(),
            ip_address: self.ip_address.unwrap_or_default(),
            mac_address: self.mac_address.unwrap_or_default(),
            firmware_version: self.firmware_version.unwrap_or_default(),
            config: self.config.as_ref().map(to_struct),
            source: common_pb::DeviceSource::from(self.source).into(),
            active: self.active,
            maintenance: self.maintenance,
            presence: Some(self.presence.into_proto(self.source, self.maintenance)),
            created_at: Some(to_proto_timestamp(self.created_at)),
            updated_at: Some(to_proto_timestamp(self.updated_at)),
            labels: self.labels.into_iter().collect(),
            proves: self.proves,
            removed_at: self.removed_at.map(to_proto_timestamp),
        }
    }
}

/// A change of a device. Fields that are `None` stay as they are.
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
    /// Takes the place of all labels.
    pub labels: Option<Labels>,
}

impl TryFrom<pb::UpdateDeviceRequest> for DeviceChange {
    type Error = Error;

    fn try_from(request: pb::UpdateDeviceRequest) -> Result<Self, Error> {
        checked::check(&request)?;
        let mut faults = Faults::new();
        let device_type = request.device_type.and_then(|text| faults.take(DeviceType::parse_any_case(&text)));
        let labels = request.labels.and_then(|labels| faults.take(parse_labels("labels.labels", labels.labels)));
        faults.check()?;
        Ok(Self { name: request.name, device_type, maintenance: request.maintenance, active: None, labels })
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
    /// The source that it declares; `None`: none.
    pub source: Option<DeviceSource>,
    /// Lets it ask again for a key whose answer got lost.
    pub claim: Option<Vec<u8>>,
    /// What its proofs will be checked by.
    pub proof_key: Option<ProofKey>,
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
            text => faults.take(DeviceType::parse_any_case(text)),
        };
        if !request.ip_address.is_empty() && request.ip_address.parse::<IpAddr>().is_err() {
            faults.add("ip_address", NO_IP_ADDRESS);
        }
        if !request.mac_address.is_empty() && !is_mac_address(&request.mac_address) {
            faults.add("mac_address", NO_MAC_ADDRESS);
        }
        let config = request.config.as_ref().and_then(|c| faults.take(from_struct("config", c, MAX_CONFIG)));
        let source = faults.take(DeviceSource::from_proto("source", request.source)).flatten();
        if !request.claim.is_empty() && !(16..=64).contains(&request.claim.len()) {
            faults.add("claim", "must be 16 to 64 bytes");
        }
        let proof_key = match request.proof_key.as_slice() {
            [] => None,
            bytes => match ProofKey::try_from(bytes) {
                Ok(_) if source == Some(DeviceSource::Simulated) => {
                    faults.add("proof_key", "is for real devices only");
                    None
                }
                Ok(key) => Some(key),
                Err(_) => {
                    faults.add("proof_key", "must be 32 bytes");
                    None
                }
            },
        };
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
            proof_key,
        });
        faults.finish(enrollment)
    }
}

fn is_mac_address(text: &str) -> bool {
    let pairs: Vec<_> = text.split([':', '-']).collect();
    pairs.len() == 6 && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A device's change of its own record. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SelfChange {
    /// Its own idea of its address.
    pub ip_address: Option<String>,
    /// Six pairs of hexadecimal digits.
    pub mac_address: Option<String>,
    /// Version of its software.
    pub firmware_version: Option<String>,
    /// Each key takes the place of the same key of the configuration.
    pub config: Option<JsonObject>,
}

impl SelfChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The configuration after the change; all of it together is bounded.
    pub fn merge(&self, config: Option<JsonObject>) -> Result<Option<JsonObject>, Error> {
        let Some(change) = &self.config else { return Ok(config) };
        let mut merged = config.unwrap_or_default();
        merged.extend(change.clone());
        MAX_OWN_CONFIG.check("config", &merged)?;
        Ok(Some(merged))
    }
}

impl TryFrom<device_pb::UpdateSelfRequest> for SelfChange {
    type Error = Error;

    fn try_from(request: device_pb::UpdateSelfRequest) -> Result<Self, Error> {
        let mut faults = Faults::new();
        if let Some(version) = &request.firmware_version {
            faults.text("firmware_version", version, 1, 128);
        }
        if request.ip_address.as_ref().is_some_and(|text| text.parse::<IpAddr>().is_err()) {
            faults.add("ip_address", NO_IP_ADDRESS);
        }
        if request.mac_address.as_deref().is_some_and(|text| !is_mac_address(text)) {
            faults.add("mac_address", NO_MAC_ADDRESS);
        }
        let config = request.config.as_ref().and_then(|c| faults.take(from_struct("config", c, MAX_OWN_CONFIG)));
        faults.check()?;
        Ok(Self {
            ip_address: request.ip_address,
            mac_address: request.mac_address,
            firmware_version: request.firmware_version,
            config,
        })
    }
}

impl From<Device> for device_pb::UpdateSelfResponse {
    fn from(device: Device) -> Self {
        Self {
            device_id: device.device_id.into(),
            site_id: device.site_id.into(),
            ip_address: device.ip_address.unwrap_or_default(),
            mac_address: device.mac_address.unwrap_or_default(),
            firmware_version: device.firmware_version.unwrap_or_default(),
            config: device.config.as_ref().map(to_struct),
        }
    }
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
    /// The source that it declares; `None`: none.
    pub source: Option<DeviceSource>,
    /// Its clock.
    pub device_time: Option<DateTime<Utc>>,
    /// The journal it keeps its commands in; `None`: it keeps none.
    pub journal_id: Option<String>,
    /// Since its boot; `None`: it did not say.
    pub since_boot: Option<Duration>,
    /// Whether releases may bring files to it.
    pub takes_releases: bool,
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
        let since_boot =
            hello.since_boot.as_ref().and_then(|span| faults.take(from_proto_duration("since_boot", span)));
        faults.check()?;
        Ok(Self {
            agent_version: hello.agent_version,
            boot_id: hello.boot_id,
            capabilities,
            source,
            device_time,
            journal_id: non_empty(hello.journal_id),
            since_boot,
            takes_releases: hello.takes_releases,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enrolment_tells_all_its_faults_at_once() {
        let request = device_pb::EnrollRequest {
            device_id: "-".to_owned(),
            ip_address: "1.2.3".to_owned(),
            mac_address: "00:11".to_owned(),
            claim: vec![0; 3],
            proof_key: vec![0; 31],
            ..Default::default()
        };
        let error = Enrollment::try_from(request).unwrap_err();
        let fields: Vec<_> = error.field_violations().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["site_id", "device_id", "name", "ip_address", "mac_address", "claim", "proof_key"]);
    }
}
