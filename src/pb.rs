//! Code generated from `proto/`; the comments there are its documentation.
//!
//! Generated types stop at the edge of a service: convert them with the `TryFrom` and `From` of [`crate::model`].

/// What several of the packages share.
pub mod common {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.common.v1");
    }
}

/// What a device may call.
pub mod device {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.device.v1");
    }
}

/// Sites, devices, operators and their secrets.
pub mod registry {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.registry.v1");
    }
}

/// Signing in.
pub mod session {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.session.v1");
    }
}

/// Measurements.
pub mod telemetry {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.telemetry.v1");
    }
}

/// The command ledger.
pub mod command {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.command.v1");
    }
}

/// What people and applications do.
pub mod analytics {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.analytics.v1");
    }
}

/// Releases, and the rollouts that bring them to devices.
pub mod rollout {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.rollout.v1");
    }
}

/// The encoded descriptor set of all of it, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = crate::contract::OWN.descriptors;

/// A value may be a secret, so it is not shown.
impl std::fmt::Debug for device::v1::DesiredValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DesiredValue").field("variable", &self.variable).finish_non_exhaustive()
    }
}

/// A value may be a secret, so it is not shown.
impl std::fmt::Debug for rollout::v1::SetValueRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetValueRequest").field("variable", &self.variable).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::FILE_DESCRIPTOR_SET;

    type Imports = BTreeMap<String, BTreeSet<String>>;

    /// Which package imports which, read from the files' imports.
    fn imports(set: &FileDescriptorSet) -> Imports {
        let packages: BTreeMap<_, _> = set.file.iter().map(|file| (file.name(), file.package())).collect();
        let mut imports = Imports::new();
        for file in &set.file {
            let of_file = file.dependency.iter().map(|imported| packages[imported.as_str()].to_owned());
            let others = of_file.filter(|package| package != file.package());
            imports.entry(file.package().to_owned()).or_default().extend(others);
        }
        imports
    }

    /// The packages that import one another in a circle: what is left once packages that import nothing are taken away,
    /// again and again.
    fn in_circles(mut imports: Imports) -> Imports {
        loop {
            let free: Vec<_> = imports.iter().filter(|(_, of)| of.is_empty()).map(|(name, _)| name.clone()).collect();
            if free.is_empty() {
                return imports;
            }
            for name in free {
                imports.remove(&name);
                for of in imports.values_mut() {
                    of.remove(&name);
                }
            }
        }
    }

    #[test]
    fn no_packages_import_one_another_in_a_circle() {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let imports = imports(&set);
        assert!(
            imports["homepot.device.v1"].contains("homepot.telemetry.v1"),
            "the test reads no imports: {imports:?}"
        );
        assert_eq!(in_circles(imports), Imports::new());
    }

    #[test]
    fn what_may_hold_a_secret_does_not_show_it() {
        use super::{device::v1::DesiredValue, rollout::v1::SetValueRequest};
        let (variable, value) = ("pin".to_owned(), "hunter2".to_owned());
        let sent = DesiredValue { variable: variable.clone(), value: value.clone() };
        let set = SetValueRequest { variable, value, ..Default::default() };
        let shown = format!("{sent:?} {set:?}");
        assert!(shown.contains("pin") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_circle_of_packages_is_found() {
        let import = |from: &str, to: &[&str]| (from.to_owned(), to.iter().map(|to| (*to).to_owned()).collect());
        let circle = [import("a", &["b"]), import("b", &["c"]), import("c", &["a", "d"]), import("d", &[])];
        assert_eq!(in_circles(circle.into()).into_keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
