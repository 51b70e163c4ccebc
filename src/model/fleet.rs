//! How many devices there are, and how they fare.

use super::{DeviceSource, DeviceStatus, DeviceType, SiteId};
use crate::{
    Error,
    pb::{common::v1 as common_pb, registry::v1 as pb},
};

/// A count that never mixes real devices with simulated ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BySource {
    /// Of real devices.
    pub real: u64,
    /// Of simulated ones.
    pub simulated: u64,
}

impl BySource {
    /// The count of one source.
    pub fn get(self, source: DeviceSource) -> u64 {
        match source {
            DeviceSource::Real => self.real,
            DeviceSource::Simulated => self.simulated,
        }
    }

    /// Counts `more`.
    pub fn add(&mut self, source: DeviceSource, more: u64) {
        match source {
            DeviceSource::Real => self.real += more,
            DeviceSource::Simulated => self.simulated += more,
        }
    }

    /// Both counts, each with its source.
    pub fn each(self) -> [(DeviceSource, u64); 2] {
        DeviceSource::ALL.map(|source| (source, self.get(source)))
    }

    /// Whether nothing was counted.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Devices of one source, counted at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSummary {
    /// Which were counted.
    pub source: DeviceSource,
    /// All of them.
    pub total: u64,
    /// Devices of the other source that would have been counted, were they of this one.
    pub not_counted: u64,
    /// Those of `total` that are shut out.
    pub inactive: u64,
    /// Each status once.
    pub by_status: Vec<(DeviceStatus, u64)>,
    /// The types with the most devices, most first.
    pub by_device_type: Vec<(DeviceType, u64)>,
    /// How many more types there are.
    pub device_types_left_out: usize,
    /// The sites with the most devices, most first.
    pub by_site: Vec<SiteCount>,
    /// How many more sites with devices there are.
    pub sites_left_out: usize,
}

/// What a list of devices is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceOrder {
    /// By id.
    #[default]
    Id,
    /// By name, whatever its case.
    Name,
    /// By the site's id.
    Site,
    /// By type.
    Type,
    /// By status: offline, maintenance, never seen, online.
    Status,
    /// By when they were last heard, the longest silent first.
    LastSeen,
}

impl DeviceOrder {
    /// The word for keys of pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Site => "site",
            Self::Type => "type",
            Self::Status => "status",
            Self::LastSeen => "last_seen",
        }
    }

    /// Reads it as a request has it.
    pub fn from_proto(field: &str, value: i32) -> Result<Self, Error> {
        match pb::DeviceOrder::try_from(value) {
            Ok(pb::DeviceOrder::Unspecified | pb::DeviceOrder::Id) => Ok(Self::Id),
            Ok(pb::DeviceOrder::Name) => Ok(Self::Name),
            Ok(pb::DeviceOrder::Site) => Ok(Self::Site),
            Ok(pb::DeviceOrder::Type) => Ok(Self::Type),
            Ok(pb::DeviceOrder::Status) => Ok(Self::Status),
            Ok(pb::DeviceOrder::LastSeen) => Ok(Self::LastSeen),
            Err(_) => Err(Error::invalid(field, "is not a known order")),
        }
    }
}

/// Devices of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteCount {
    /// The site.
    pub site_id: SiteId,
    /// All of them.
    pub devices: u64,
    /// Those that are online.
    pub online: u64,
}

impl From<FleetSummary> for pb::SummarizeFleetResponse {
    fn from(summary: FleetSummary) -> Self {
        let status = |(status, devices)| pb::StatusCount { status: pb::DeviceStatus::from(status).into(), devices };
        let device_type = |(device_type, devices): (DeviceType, u64)| pb::DeviceTypeCount {
            device_type: device_type.into(),
            devices,
        };
        let site = |count: SiteCount| pb::SiteCount {
            site_id: count.site_id.into(),
            devices: count.devices,
            online: count.online,
        };
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            source: common_pb::DeviceSource::from(summary.source).into(),
            total: summary.total,
            not_counted: summary.not_counted,
            inactive: summary.inactive,
            by_status: summary.by_status.into_iter().map(status).collect(),
            by_device_type: summary.by_device_type.into_iter().map(device_type).collect(),
            device_types_left_out: number(summary.device_types_left_out),
            by_site: summary.by_site.into_iter().map(site).collect(),
            sites_left_out: number(summary.sites_left_out),
        }
    }
}
