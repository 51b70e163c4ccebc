//! Who may call what: the one table that the auth layer enforces and `docs/access.md` tells.
//!
//! A method that is missing here is refused to everybody, so a new rpc can't be opened by forgetting it.

use crate::model::Role;

/// Who a method is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The device itself, by its id and key.
    Device,
    /// Whoever holds an enrolment token, or is let in by open enrolment; the method itself checks.
    Enrollee,
    /// An operator of this role or a higher one, within its sites.
    Operator(Role),
    /// An admin that is bound to no site.
    FleetAdmin,
}

/// The stream a device lives on: the only call a device with a proof key may make, for it proves itself there.
pub const ATTACH: &str = "/homepot.device.v1.DeviceService/Attach";

/// Every method of every service, by its gRPC path.
pub const METHODS: &[(&str, Audience)] = &[
    ("/homepot.device.v1.DeviceService/Enroll", Audience::Enrollee),
    (ATTACH, Audience::Device),
    ("/homepot.device.v1.DeviceService/ReportSamples", Audience::Device),
    ("/homepot.device.v1.DeviceService/FetchCommands", Audience::Device),
    ("/homepot.device.v1.DeviceService/AcknowledgeCommand", Audience::Device),
    ("/homepot.device.v1.DeviceService/ReportOutcome", Audience::Device),
    ("/homepot.device.v1.DeviceService/ReportHeartbeat", Audience::Device),
    ("/homepot.device.v1.DeviceService/UpdateSelf", Audience::Device),
    ("/homepot.device.v1.DeviceService/ReportError", Audience::Device),
    ("/homepot.device.v1.DeviceService/WhoAmI", Audience::Device),
    ("/homepot.registry.v1.RegistryService/CreateSite", Audience::FleetAdmin),
    ("/homepot.registry.v1.RegistryService/GetSite", Audience::Operator(Role::Viewer)),
    ("/homepot.registry.v1.RegistryService/ListSites", Audience::Operator(Role::Viewer)),
    ("/homepot.registry.v1.RegistryService/UpdateSite", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/GetDevice", Audience::Operator(Role::Viewer)),
    ("/homepot.registry.v1.RegistryService/ListDevices", Audience::Operator(Role::Viewer)),
    ("/homepot.registry.v1.RegistryService/SummarizeFleet", Audience::Operator(Role::Viewer)),
    ("/homepot.registry.v1.RegistryService/UpdateDevice", Audience::Operator(Role::Operator)),
    ("/homepot.registry.v1.RegistryService/DeactivateDevice", Audience::Operator(Role::Operator)),
    ("/homepot.registry.v1.RegistryService/ActivateDevice", Audience::Operator(Role::Operator)),
    ("/homepot.registry.v1.RegistryService/RotateDeviceKey", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/RevokeDeviceKeys", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/RemoveSimulatedDevices", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/GetPresence", Audience::Operator(Role::Viewer)),
    ("/homepot.registry.v1.RegistryService/ListStateChanges", Audience::Operator(Role::Viewer)),
    ("/homepot.registry.v1.RegistryService/Watch", Audience::Operator(Role::Viewer)),
    ("/homepot.registry.v1.RegistryService/CreateEnrollmentToken", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/ListEnrollmentTokens", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/RevokeEnrollmentToken", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/CreateOperator", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/ListOperators", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/RevokeOperator", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/RotateOperatorToken", Audience::Operator(Role::Admin)),
    ("/homepot.registry.v1.RegistryService/WhoAmI", Audience::Operator(Role::Viewer)),
    ("/homepot.telemetry.v1.TelemetryService/Latest", Audience::Operator(Role::Viewer)),
    ("/homepot.telemetry.v1.TelemetryService/ListSamples", Audience::Operator(Role::Viewer)),
    ("/homepot.telemetry.v1.TelemetryService/Query", Audience::Operator(Role::Viewer)),
    ("/homepot.telemetry.v1.TelemetryService/Watch", Audience::Operator(Role::Viewer)),
    ("/homepot.command.v1.CommandService/Queue", Audience::Operator(Role::Operator)),
    ("/homepot.command.v1.CommandService/Cancel", Audience::Operator(Role::Operator)),
    ("/homepot.command.v1.CommandService/Get", Audience::Operator(Role::Viewer)),
    ("/homepot.command.v1.CommandService/List", Audience::Operator(Role::Viewer)),
    ("/homepot.command.v1.CommandService/Watch", Audience::Operator(Role::Viewer)),
    ("/homepot.command.v1.CommandService/StartRun", Audience::Operator(Role::Operator)),
    ("/homepot.command.v1.CommandService/GetRun", Audience::Operator(Role::Viewer)),
    ("/homepot.command.v1.CommandService/ListRuns", Audience::Operator(Role::Viewer)),
    ("/homepot.command.v1.CommandService/ListRunDevices", Audience::Operator(Role::Viewer)),
    ("/homepot.command.v1.CommandService/PauseRun", Audience::Operator(Role::Operator)),
    ("/homepot.command.v1.CommandService/ResumeRun", Audience::Operator(Role::Operator)),
    ("/homepot.command.v1.CommandService/CancelRun", Audience::Operator(Role::Operator)),
    ("/homepot.analytics.v1.AnalyticsService/LogActivity", Audience::Operator(Role::Viewer)),
    ("/homepot.analytics.v1.AnalyticsService/LogError", Audience::Operator(Role::Viewer)),
    ("/homepot.analytics.v1.AnalyticsService/ListActivities", Audience::Operator(Role::Viewer)),
    ("/homepot.analytics.v1.AnalyticsService/ListErrors", Audience::Operator(Role::Viewer)),
    ("/homepot.analytics.v1.AnalyticsService/AggregateActivities", Audience::Operator(Role::Viewer)),
    ("/homepot.analytics.v1.AnalyticsService/AggregateErrors", Audience::Operator(Role::Viewer)),
];

/// Who the method at `path` is for; `None` when no such method is known.
pub fn audience(path: &str) -> Option<Audience> {
    METHODS.iter().find(|(method, _)| *method == path).map(|(_, audience)| *audience)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn every_method_of_the_contract_has_its_audience_and_no_other_has() {
        let set = prost_types::FileDescriptorSet::decode(crate::pb::FILE_DESCRIPTOR_SET).unwrap();
        let mut told: Vec<_> = METHODS.iter().map(|(path, _)| (*path).to_owned()).collect();
        let mut real: Vec<_> = set
            .file
            .iter()
            .flat_map(|file| file.service.iter().map(move |service| (file.package(), service)))
            .flat_map(|(package, service)| {
                service.method.iter().map(move |method| format!("/{package}.{}/{}", service.name(), method.name()))
            })
            .collect();
        told.sort();
        real.sort();
        assert_eq!(told, real);
    }
}
