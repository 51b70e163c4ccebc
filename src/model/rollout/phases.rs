//! How a rollout goes from few devices to all.

use std::{fmt, str::FromStr};

use crate::error::Error;

/// How many devices phases bring a rollout to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phases(Vec<Reach>);

/// How many devices a phase brings a rollout to, the phases before included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Devices(u32),
    Percent(u32),
}

const RULE: &str = "must be a number of devices, such as 10, or a percentage, such as 25%";

impl Default for Phases {
    fn default() -> Self {
        Self(vec![Reach::Devices(1), Reach::Percent(5), Reach::Percent(25), Reach::Percent(100)])
    }
}

impl Phases {
    /// Reads the phases of a request; none: [`Default`]. Those of one kind must rise.
    pub fn parse(texts: &[String]) -> Result<Self, Error> {
        if texts.is_empty() {
            return Ok(Self::default());
        }
        let reaches = texts.iter().map(|text| text.parse()).collect::<Result<Vec<Reach>, Error>>()?;
        let rise = |pair: &[Reach]| match (pair[0], pair[1]) {
            (Reach::Devices(before), Reach::Devices(after)) | (Reach::Percent(before), Reach::Percent(after)) => {
                before < after
            }
            _ => true,
        };
        if !reaches.windows(2).all(rise) {
            return Err(Error::invalid("phases", "must each be more than the one before"));
        }
        Ok(Self(reaches))
    }

    /// As a request has them.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The phase of each of `total` devices, from 1, in their order. The last one has all that are left.
    pub fn of(&self, total: u32) -> impl Iterator<Item = u32> {
        let mut ends: Vec<u32> = self
            .0
            .iter()
            .map(|reach| match *reach {
                Reach::Devices(devices) => devices.min(total),
                // Rounded up: a phase of a few percent is not without a device.
                Reach::Percent(percent) => {
                    u32::try_from((u64::from(total) * u64::from(percent)).div_ceil(100)).unwrap_or(total)
                }
            })
            .collect();
        if let Some(last) = ends.last_mut() {
            *last = total;
        }
        (0..total).map(move |place| {
            let phase = ends.iter().position(|end| place < *end).unwrap_or_default();
            u32::try_from(phase + 1).unwrap_or(u32::MAX)
        })
    }
}

impl FromStr for Reach {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = |text: &str| {
            let is_plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|number| is_plain && (1..=999_999_999).contains(number))
        };
        match text.strip_suffix('%') {
            Some(percent) => number(percent).filter(|percent| *percent <= 100).map(Self::Percent),
            None => number(text).map(Self::Devices),
        }
        .ok_or_else(|| Error::invalid("phases", RULE))
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Devices(devices) => write!(f, "{devices}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(texts: &[&str]) -> Result<Phases, Error> {
        Phases::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    fn sizes(texts: &[&str], total: u32) -> Vec<usize> {
        let phases = phases(texts).unwrap();
        let of: Vec<u32> = phases.of(total).collect();
        assert!(of.is_sorted());
        (1..=phases.count()).map(|phase| of.iter().filter(|one| **one == phase).count()).collect()
    }

    #[test]
    fn phases_begin_with_one_device_and_end_with_all() {
        assert_eq!(sizes(&[], 1_000), [1, 49, 200, 750]);
        assert_eq!(sizes(&[], 3), [1, 0, 0, 2]);
        assert_eq!(sizes(&[], 1), [1, 0, 0, 0]);
        assert_eq!(sizes(&["10"], 3), [3]);
        assert_eq!(sizes(&["2", "50%"], 10), [2, 8]);
        assert_eq!(sizes(&["50", "10%", "60%"], 100), [50, 0, 50]);
    }

    #[test]
    fn what_is_no_phase_is_refused() {
        for bad in ["", "0", "0%", "01", "101%", "-1", "+1", "1.5%", "x", "%", "1 %"] {
            let error = phases(&[bad]).unwrap_err();
            assert_eq!(error.field_violations()[0].field, "phases", "{bad}");
        }
        for bad in [["5", "5"], ["10%", "5%"]] {
            assert!(phases(&bad).is_err());
        }
        assert_eq!(phases(&["1", "5%"]).unwrap().texts(), ["1", "5%"]);
    }
}
