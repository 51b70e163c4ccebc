//! What each method may cost the server: the one table by which calls are limited.
//!
//! A method that is missing here counts as a [`Cost::Write`] with a page for an answer, so that a new rpc has a limit
//! before anybody thinks of it; a test asks for its line all the same.

use crate::access::ATTACH;

/// Which limits a call comes under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Takes something back or stops something: never limited.
    Control,
    /// Reads or changes one thing; its answer is short.
    Small,
    /// Adds rows or replaces content: what it carries counts towards the caller's write quota.
    Write,
    /// Answers up to a page of 1 MiB: few of them at once for each operator.
    Page,
    /// Sums up many rows: very few at once, for each operator and in all.
    Report,
    /// Streams series for as long as the caller reads: few at once for each operator.
    Series,
    /// Lives for as long as the caller watches: so many for each operator.
    Watch,
    /// The stream of a device: what it carries counts towards the device's write quota, and waits for it.
    Session,
}

/// The cost of every method, by its gRPC path.
pub const COSTS: &[(&str, Cost)] = &[
    // Nobody is known yet; the number of uses of a token bounds it.
    ("/homepot.device.v1.DeviceService/Enroll", Cost::Small),
    (ATTACH, Cost::Session),
    ("/homepot.device.v1.DeviceService/WhoAmI", Cost::Small),
    ("/homepot.device.v1.DeviceService/ReportSamples", Cost::Write),
    ("/homepot.device.v1.DeviceService/FetchCommands", Cost::Small),
    ("/homepot.device.v1.DeviceService/AcknowledgeCommand", Cost::Small),
    // Ends a row that is there already.
    ("/homepot.device.v1.DeviceService/ReportOutcome", Cost::Small),
    ("/homepot.device.v1.DeviceService/ReportError", Cost::Write),
    ("/homepot.device.v1.DeviceService/ReportHeartbeat", Cost::Small),
    ("/homepot.device.v1.DeviceService/UpdateSelf", Cost::Write),
    ("/homepot.registry.v1.RegistryService/CreateSite", Cost::Write),
    ("/homepot.registry.v1.RegistryService/GetSite", Cost::Small),
    ("/homepot.registry.v1.RegistryService/ListSites", Cost::Page),
    ("/homepot.registry.v1.RegistryService/UpdateSite", Cost::Write),
    ("/homepot.registry.v1.RegistryService/GetDevice", Cost::Small),
    ("/homepot.registry.v1.RegistryService/ListDevices", Cost::Page),
    ("/homepot.registry.v1.RegistryService/SummarizeFleet", Cost::Report),
    ("/homepot.registry.v1.RegistryService/UpdateDevice", Cost::Write),
    ("/homepot.registry.v1.RegistryService/DeactivateDevice", Cost::Control),
    ("/homepot.registry.v1.RegistryService/ActivateDevice", Cost::Small),
    ("/homepot.registry.v1.RegistryService/RotateDeviceKey", Cost::Write),
    ("/homepot.registry.v1.RegistryService/RevokeDeviceKeys", Cost::Control),
    ("/homepot.registry.v1.RegistryService/RemoveSimulatedDevices", Cost::Small),
    ("/homepot.registry.v1.RegistryService/GetPresence", Cost::Small),
    ("/homepot.registry.v1.RegistryService/ListStateChanges", Cost::Page),
    ("/homepot.registry.v1.RegistryService/Watch", Cost::Watch),
    ("/homepot.registry.v1.RegistryService/CreateEnrollmentToken", Cost::Write),
    ("/homepot.registry.v1.RegistryService/ListEnrollmentTokens", Cost::Page),
    ("/homepot.registry.v1.RegistryService/RevokeEnrollmentToken", Cost::Control),
    ("/homepot.registry.v1.RegistryService/CreateOperator", Cost::Write),
    ("/homepot.registry.v1.RegistryService/ListOperators", Cost::Page),
    ("/homepot.registry.v1.RegistryService/RevokeOperator", Cost::Control),
    ("/homepot.registry.v1.RegistryService/RotateOperatorToken", Cost::Write),
    ("/homepot.registry.v1.RegistryService/WhoAmI", Cost::Small),
    ("/homepot.telemetry.v1.TelemetryService/Latest", Cost::Page),
    ("/homepot.telemetry.v1.TelemetryService/ListSamples", Cost::Page),
    ("/homepot.telemetry.v1.TelemetryService/Query", Cost::Series),
    ("/homepot.telemetry.v1.TelemetryService/Watch", Cost::Watch),
    ("/homepot.command.v1.CommandService/Queue", Cost::Write),
    ("/homepot.command.v1.CommandService/Cancel", Cost::Control),
    ("/homepot.command.v1.CommandService/Get", Cost::Page),
    ("/homepot.command.v1.CommandService/List", Cost::Page),
    ("/homepot.command.v1.CommandService/Watch", Cost::Watch),
    ("/homepot.command.v1.CommandService/StartRun", Cost::Write),
    ("/homepot.command.v1.CommandService/GetRun", Cost::Page),
    ("/homepot.command.v1.CommandService/ListRuns", Cost::Page),
    ("/homepot.command.v1.CommandService/ListRunDevices", Cost::Page),
    ("/homepot.command.v1.CommandService/PauseRun", Cost::Control),
    ("/homepot.command.v1.CommandService/ResumeRun", Cost::Small),
    ("/homepot.command.v1.CommandService/CancelRun", Cost::Control),
    ("/homepot.analytics.v1.AnalyticsService/LogActivity", Cost::Write),
    ("/homepot.analytics.v1.AnalyticsService/LogError", Cost::Write),
    ("/homepot.analytics.v1.AnalyticsService/ListActivities", Cost::Page),
    ("/homepot.analytics.v1.AnalyticsService/ListErrors", Cost::Page),
    ("/homepot.analytics.v1.AnalyticsService/AggregateActivities", Cost::Report),
    ("/homepot.analytics.v1.AnalyticsService/AggregateErrors", Cost::Report),
];

/// The cost of the method at `path`.
pub fn cost(path: &str) -> Cost {
    COSTS.iter().find(|(method, _)| *method == path).map_or(Cost::Write, |(_, cost)| *cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::METHODS;

    #[test]
    fn every_method_has_its_cost_and_no_other_has() {
        let sorted = |paths: Vec<&'static str>| {
            let mut paths = paths;
            paths.sort_unstable();
            paths
        };
        let costs = sorted(COSTS.iter().map(|(path, _)| *path).collect());
        let methods = sorted(METHODS.iter().map(|(path, _)| *path).collect());
        assert_eq!(costs, methods);
    }
}
