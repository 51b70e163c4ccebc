//! The roles that a process can run.

use std::{collections::BTreeSet, fmt, str::FromStr};

use homepot_runtime::settings::Listening;

/// One part of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// `RegistryService` and `SessionService`.
    Registry,
    /// `TelemetryService` and `AnalyticsService`.
    Telemetry,
    /// `CommandService`, `ReleaseService`, `RolloutService` and `ValueService`.
    Command,
    /// `DeviceService`: the devices' streams.
    Link,
    /// REST.
    Gateway,
}

impl Role {
    /// Every part, in the order in which they start.
    pub(crate) const ALL: [Self; 5] = [Self::Registry, Self::Telemetry, Self::Command, Self::Link, Self::Gateway];

    /// Those that are gRPC services.
    pub(crate) const SERVICES: [Self; 4] = [Self::Registry, Self::Telemetry, Self::Command, Self::Link];

    /// Its word in the settings.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Telemetry => "telemetry",
            Self::Command => "command",
            Self::Link => "link",
            Self::Gateway => "gateway",
        }
    }

    /// The gRPC services it answers for, by their full names.
    pub(crate) fn grpc_services(self) -> &'static [&'static str] {
        match self {
            Self::Registry => &["homepot.registry.v1.RegistryService", "homepot.session.v1.SessionService"],
            Self::Telemetry => &["homepot.telemetry.v1.TelemetryService", "homepot.analytics.v1.AnalyticsService"],
            Self::Command => &[
                "homepot.command.v1.CommandService",
                "homepot.rollout.v1.ReleaseService",
                "homepot.rollout.v1.RolloutService",
                "homepot.rollout.v1.ValueService",
            ],
            Self::Link => &["homepot.device.v1.DeviceService"],
            Self::Gateway => &[],
        }
    }
}

/// The parts this process runs; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roles(BTreeSet<Role>);

impl Roles {
    /// Every part.
    pub(crate) fn all() -> Self {
        Self(Role::ALL.into())
    }

    /// Whether `role` runs here.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// The one role that runs here, where it is one.
    pub(crate) fn only(&self) -> Option<Role> {
        self.0.first().copied().filter(|_| self.0.len() == 1)
    }

    /// Whether any gRPC service runs here; they are what needs the database.
    pub(crate) fn any_service(&self) -> bool {
        self.grpc_services().next().is_some()
    }

    /// The listeners that these roles need.
    pub(crate) fn listening(&self) -> Listening {
        Listening { grpc: self.any_service(), rest: self.has(Role::Gateway), devices: self.has(Role::Link) }
    }

    /// The gRPC services that run here, by their full names.
    pub(crate) fn grpc_services(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().flat_map(|role| role.grpc_services()).copied()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|role| role.as_str()).collect();
        f.write_str(&words.join(","))
    }
}

impl FromStr for Roles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let role = |word: &str| Role::ALL.into_iter().find(|role| role.as_str() == word).ok_or_else(|| word.to_owned());
        let (known, unknown): (Vec<_>, Vec<_>) = words.map(role).partition(Result::is_ok);
        let unknown: Vec<_> = unknown.into_iter().filter_map(Result::err).map(|word| format!("'{word}'")).collect();
        if !unknown.is_empty() {
            return Err(format!("{} is not a role; there are {}", unknown.join(", "), Self::all()));
        }
        if known.is_empty() {
            return Err(format!("names no role; there are {}", Self::all()));
        }
        Ok(Self(known.into_iter().flatten().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_in_any_order_and_told_in_one() {
        let roles: Roles = "gateway, registry,registry".parse().unwrap();
        assert_eq!(roles.to_string(), "registry,gateway");
        assert!(roles.any_service() && roles.has(Role::Gateway) && !roles.has(Role::Link));
        assert!(!"gateway".parse::<Roles>().unwrap().any_service());
    }

    #[test]
    fn unknown_roles_are_all_named() {
        let error = "link,lnik,x".parse::<Roles>().unwrap_err();
        assert_eq!(error, "'lnik', 'x' is not a role; there are registry,telemetry,command,link,gateway");
        assert!(" , ".parse::<Roles>().unwrap_err().starts_with("names no role"));
    }
}
