//! Sites.

use chrono::{DateTime, Utc};

use super::{SiteId, non_empty, to_proto_timestamp};
use crate::{checked, error::Error, pb::registry::v1 as pb};

/// A site as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Unique.
    pub site_id: SiteId,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub location: Option<String>,
    /// Whether devices on the server's machine may enrol without a token, where the server allows it too.
    pub open_enrollment: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was removed, with the history of its devices kept.
    pub removed_at: Option<DateTime<Utc>>,
}

/// A site to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSite {
    /// Unique.
    pub site_id: SiteId,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub location: Option<String>,
    /// See [`Site::open_enrollment`].
    pub open_enrollment: bool,
}

/// A change of a site. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteChange {
    /// For people.
    pub name: Option<String>,
    /// For people; empty clears it.
    pub description: Option<String>,
    /// For people; empty clears it.
    pub location: Option<String>,
    /// See [`Site::open_enrollment`].
    pub open_enrollment: Option<bool>,
}

impl TryFrom<pb::CreateSiteRequest> for NewSite {
    type Error = Error;

    fn try_from(request: pb::CreateSiteRequest) -> Result<Self, Error> {
        checked::check(&request)?;
        Ok(Self {
            site_id: SiteId::parse(&request.site_id)?,
            name: request.name,
            description: non_empty(request.description),
            location: non_empty(request.location),
            open_enrollment: request.open_enrollment,
        })
    }
}

impl TryFrom<pb::UpdateSiteRequest> for SiteChange {
    type Error = Error;

    fn try_from(request: pb::UpdateSiteRequest) -> Result<Self, Error> {
        checked::check(&request)?;
        Ok(Self {
            name: request.name,
            description: request.description,
            location: request.location,
            open_enrollment: request.open_enrollment,
        })
    }
}

impl From<Site> for pb::Site {
    fn from(site: Site) -> Self {
        Self {
            site_id: site.site_id.into(),
            name: site.name,
            description: site.description.unwrap_or_default(),
            location: site.location.unwrap_or_default(),
            open_enrollment: site.open_enrollment,
            created_at: Some(to_proto_timestamp(site.created_at)),
            updated_at: Some(to_proto_timestamp(site.updated_at)),
            removed_at: site.removed_at.map(to_proto_timestamp),
        }
    }
}
