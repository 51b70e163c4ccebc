//! Which methods the audit log tells of.

/// Every method by which an operator changes sites, devices, commands or who may do so. What operators report of other
/// programs (activity and errors) is a record by itself and not in here.
pub(super) const AUDITED: &[&str] = &[
    "/homepot.registry.v1.RegistryService/CreateSite",
    "/homepot.registry.v1.RegistryService/UpdateSite",
    "/homepot.registry.v1.RegistryService/UpdateDevice",
    "/homepot.registry.v1.RegistryService/DeactivateDevice",
    "/homepot.registry.v1.RegistryService/ActivateDevice",
    "/homepot.registry.v1.RegistryService/RotateDeviceKey",
    "/homepot.registry.v1.RegistryService/RevokeDeviceKeys",
    "/homepot.registry.v1.RegistryService/RemoveSimulatedDevices",
    "/homepot.registry.v1.RegistryService/CreateEnrollmentToken",
    "/homepot.registry.v1.RegistryService/RevokeEnrollmentToken",
    "/homepot.registry.v1.RegistryService/CreateOperator",
    "/homepot.registry.v1.RegistryService/RevokeOperator",
    "/homepot.registry.v1.RegistryService/RotateOperatorToken",
    "/homepot.command.v1.CommandService/Queue",
    "/homepot.command.v1.CommandService/Cancel",
    "/homepot.command.v1.CommandService/StartRun",
    "/homepot.command.v1.CommandService/PauseRun",
    "/homepot.command.v1.CommandService/ResumeRun",
    "/homepot.command.v1.CommandService/CancelRun",
];

#[cfg(test)]
mod tests {
    use homepot::{
        access::{Audience, METHODS},
        cost::{Cost, cost},
    };

    use super::*;

    /// Changes that cost as little as a read does.
    const SMALL_CHANGES: [&str; 3] = ["ActivateDevice", "RemoveSimulatedDevices", "ResumeRun"];

    #[test]
    fn every_method_by_which_an_operator_changes_something_is_audited_and_no_other_is() {
        let changes = |path: &str| {
            let (service, name) = path.rsplit_once('/').unwrap();
            let writes = matches!(cost(path), Cost::Write | Cost::Control);
            (writes || SMALL_CHANGES.contains(&name)) && !service.ends_with("AnalyticsService")
        };
        let of_operators = |audience: &Audience| matches!(audience, Audience::Operator(_) | Audience::FleetAdmin);
        let expected = METHODS.iter().filter(|(path, audience)| of_operators(audience) && changes(path));
        assert_eq!(expected.map(|(path, _)| *path).collect::<Vec<_>>(), AUDITED);
    }
}
