//! Operators, what they may do and where, and the tokens that let devices enrol.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{DeviceSource, Labels, OperatorName, SiteId, to_proto_timestamp};
use crate::{
    error::Error,
    pb::{common::v1 as common_pb, registry::v1 as pb},
};

/// What an operator may do; each role may do all that the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Look.
    Viewer,
    /// Look, command, change devices.
    Operator,
    /// All of it.
    Admin,
}

impl Role {
    /// The word for people and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Reads a protocol value; it is required.
    pub fn from_proto(field: &str, value: i32) -> Result<Self, Error> {
        match pb::Role::try_from(value) {
            Ok(pb::Role::Viewer) => Ok(Self::Viewer),
            Ok(pb::Role::Operator) => Ok(Self::Operator),
            Ok(pb::Role::Admin) => Ok(Self::Admin),
            Ok(pb::Role::Unspecified) => Err(Error::missing(field)),
            Err(_) => Err(Error::invalid(field, "is not a known role")),
        }
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        match word {
            "viewer" => Ok(Self::Viewer),
            "operator" => Ok(Self::Operator),
            "admin" => Ok(Self::Admin),
            _ => Err(Error::invalid("role", "must be viewer, operator or admin")),
        }
    }
}

impl From<Role> for pb::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}

/// Where an operator may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteScope {
    /// Everywhere.
    All,
    /// At these sites only.
    Only(Vec<SiteId>),
}

impl SiteScope {
    /// Whether `site` is within.
    pub fn allows(&self, site: &SiteId) -> bool {
        match self {
            Self::All => true,
            Self::Only(sites) => sites.contains(site),
        }
    }

    /// Whether all of `other` is within.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(_), Self::Only(sites)) => sites.iter().all(|site| self.allows(site)),
        }
    }

    /// The sites as texts; `None` for all.
    pub fn site_ids(&self) -> Option<Vec<String>> {
        match self {
            Self::All => None,
            Self::Only(sites) => Some(sites.iter().map(ToString::to_string).collect()),
        }
    }
}

/// Someone or something with a token, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Unique.
    pub name: OperatorName,
    /// Its role.
    pub role: Role,
    /// Where.
    pub scope: SiteScope,
    /// Public id of its token. Of one that signs in with an identity provider it is nobody's: its sessions end when it changes.
    pub token_id: String,
    /// Who it is at the identity provider with which it signs in; `None`: it has a token.
    pub identity: Option<Identity>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its token ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who made it; `None`: the server's first start, or an earlier version.
    pub made_by: Option<OperatorName>,
}

/// A person at an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// The provider's own name for the person, which never changes.
    pub subject: String,
}

impl Operator {
    /// Whether its token is good at `now`.
    pub fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl From<Operator> for pb::Operator {
    fn from(operator: Operator) -> Self {
        let token_id = if operator.identity.is_none() { operator.token_id } else { String::new() };
        let (issuer, subject) = operator.identity.map(|of| (of.issuer, of.subject)).unwrap_or_default();
        Self {
            name: operator.name.into(),
            role: pb::Role::from(operator.role).into(),
            site_ids: operator.scope.site_ids().unwrap_or_default(),
            token_id,
            issuer,
            subject,
            created_at: Some(to_proto_timestamp(operator.created_at)),
            expires_at: operator.expires_at.map(to_proto_timestamp),
            revoked_at: operator.revoked_at.map(to_proto_timestamp),
            made_by: operator.made_by.map(Into::into).unwrap_or_default(),
        }
    }
}

/// A secret that lets devices enrol, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollmentToken {
    /// Its public id.
    pub token_id: String,
    /// The one site it is good for.
    pub site_id: SiteId,
    /// What its devices are.
    pub source: DeviceSource,
    /// Devices that may still enrol with it.
    pub uses_left: i32,
    /// Devices that could when it was made.
    pub max_uses: i32,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was ended early.
    pub revoked_at: Option<DateTime<Utc>>,
    /// What its devices are marked with.
    pub labels: Labels,
}

impl EnrollmentToken {
    /// Whether a device may enrol with it at `now`.
    pub fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at && self.uses_left > 0
    }
}

impl From<EnrollmentToken> for pb::EnrollmentToken {
    fn from(token: EnrollmentToken) -> Self {
        Self {
            token_id: token.token_id,
            site_id: token.site_id.into(),
            source: common_pb::DeviceSource::from(token.source).into(),
            uses_left: token.uses_left.try_into().unwrap_or_default(),
            max_uses: token.max_uses.try_into().unwrap_or_default(),
            created_by: token.created_by,
            created_at: Some(to_proto_timestamp(token.created_at)),
            expires_at: Some(to_proto_timestamp(token.expires_at)),
            revoked_at: token.revoked_at.map(to_proto_timestamp),
            labels: token.labels.into_iter().collect(),
        }
    }
}
