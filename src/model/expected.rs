//! How many devices a caller expects to reach: what it looked at before it asked.

use crate::error::{Error, Kind, reason};

/// An error where there are other devices than the caller expects; `None`: it expects nothing.
pub fn check_expected_devices(found: u64, expected: Option<u32>) -> Result<(), Error> {
    match expected {
        Some(expected) if found != u64::from(expected) => {
            let told = format!("{found} devices match now, and expected_devices says {expected}; look at them again");
            Err(Error::new(Kind::Conflict, told).because(reason::DEVICES_CHANGED))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_than_the_expected_one_is_refused_with_a_reason() {
        assert!(
            [(3, Some(3)), (0, Some(0)), (7, None)]
                .iter()
                .all(|(found, expected)| check_expected_devices(*found, *expected).is_ok())
        );
        let error = check_expected_devices(1 << 32, Some(0)).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (Kind::Conflict, Some("DEVICES_CHANGED")));
    }
}
