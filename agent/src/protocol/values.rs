//! The values of a release's variables, as the server gives them. It may lie: they have to keep the bounds that people signed.

use std::collections::BTreeMap;

use homepot::pb::device::v1 as pb;
use homepot_release::{
    CheckedValues,
    value::{self, Variable},
};

/// Reads and checks the values; the error names the variables at fault, and shows no value.
pub fn read(variables: &[Variable], given: &[pb::DesiredValue]) -> Result<CheckedValues, String> {
    let texts: BTreeMap<String, String> =
        given.iter().map(|given| (given.variable.clone(), given.value.clone())).collect();
    if texts.len() < given.len() {
        return Err("the server gave a variable two values".to_owned());
    }
    value::read(variables, &texts)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use homepot_release::value::Bounds;

    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<CheckedValues, String> {
        let variable = |name: &str, secret, bounds| Variable {
            name: name.to_owned(),
            bounds,
            required: true,
            secret,
            default: None,
        };
        let text = Bounds::Text { max_length: 8, pattern: Some("[a-z0-9]+".to_owned()), multiline: false };
        let variables = [variable("pin", true, text), variable("port", false, Bounds::Integer { min: 1, max: 9 })];
        let given = given
            .iter()
            .map(|(variable, value)| pb::DesiredValue { variable: (*variable).into(), value: (*value).into() });
        super::read(&variables, &given.collect::<Vec<_>>())
    }

    #[test]
    fn values_within_the_signed_bounds_are_taken() {
        let values = read(&[("port", "8"), ("pin", "hunter2")]).unwrap();
        assert!(values.has_secrets());
        assert_eq!(values.reveal().count(), 2);
    }

    #[test]
    fn a_server_that_lies_about_values_is_refused_and_no_value_is_repeated() {
        for (given, expected) in [
            (&[("pin", "hunter2"), ("port", "10")][..], "variable port: must be from 1 to 9"),
            (&[("pin", "hunter2"), ("port", "x")], "variable port: must be an integer"),
            (&[("pin", "hunter2")], "variable port: a value is required"),
            (&[("pin", "hunter2"), ("port", "1"), ("path", "/etc")], "variable path: the release has no such"),
            (&[("pin", "hunter2"), ("port", "1"), ("port", "2")], "two values"),
            (&[("pin", "hunter2\nadmin = true"), ("port", "1")], "variable pin: must"),
            (&[("pin", "hunter2 hunter2"), ("port", "1")], "variable pin: must"),
        ] {
            let told = read(given).unwrap_err();
            assert!(told.starts_with(expected) || told.contains(expected), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
