//! What of a sample is a number, and what many of those numbers come to.

mod table;
mod value;

use chrono::{DateTime, Utc};

use super::DeviceId;
use crate::{error::Error, metric_table, pb::telemetry::v1 as pb};

pub(super) use self::value::Value;

macro_rules! metrics {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        /// A metric: a field of [`Sample`](super::Sample) that holds a number. Its discriminant is its place in
        /// [`Metric::ALL`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $about] $metric,)*
        }

        impl Metric {
            /// Every metric, in the order of the protocol.
            pub const ALL: [Self; COUNT] = [$(Self::$metric),*];
        }

        const COUNT: usize = [$(stringify!($name)),*].len();

        static ENTRIES: [Entry; COUNT] = {
            use self::{MetricKind::*, Unit::*, heading::*};
            [$(Entry {
                name: stringify!($name),
                description: $about.trim_ascii(),
                is_single: matches!(stringify!($column).as_bytes(), b"Float"),
                details: Details $more,
            }),*]
        };
    };
}
metric_table!(metrics);

/// What the table says of a metric.
struct Entry {
    name: &'static str,
    description: &'static str,
    is_single: bool,
    details: Details,
}

struct Details {
    unit: Unit,
    kind: MetricKind,
    heading: Option<Heading>,
}

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Hundredths of a whole.
    Percent,
    /// Runnable tasks.
    Tasks,
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Whatever is counted.
    Items,
    /// The currency of the site.
    Currency,
}

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Up and down.
    Gauge,
    /// From 0 when the device boots, and then only up.
    Counter,
}

/// How a metric looks in a table for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heading {
    place: u8,
    /// The heading of the column.
    pub text: &'static str,
    /// Whether the column stands in wide tables only.
    pub wide: bool,
}

/// The words of the table.
mod heading {
    use super::Heading;

    pub(super) const fn always(place: u8, text: &'static str) -> Option<Heading> {
        Some(Heading { place, text, wide: false })
    }

    pub(super) const fn wide(place: u8, text: &'static str) -> Option<Heading> {
        Some(Heading { place, text, wide: true })
    }
}

impl Metric {
    /// The names of all of them, in the same order.
    pub const NAMES: [&'static str; COUNT] = {
        let mut names = [""; COUNT];
        let mut at = 0;
        while at < names.len() {
            names[at] = ENTRIES[at].name;
            at += 1;
        }
        names
    };

    /// Those that have a column in a table for people, in the order in which they stand there.
    pub const SHOWN: [Self; shown_count()] = shown();

    const fn entry(self) -> &'static Entry {
        &ENTRIES[self as usize]
    }

    /// As the field is called on the wire, in the database and over REST.
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// What is measured, and its unit, in one line.
    pub const fn description(self) -> &'static str {
        self.entry().description
    }

    /// The unit.
    pub const fn unit(self) -> Unit {
        self.entry().details.unit
    }

    /// How it moves.
    pub const fn kind(self) -> MetricKind {
        self.entry().details.kind
    }

    /// How it looks in a table for people; `None`: it has no column there.
    pub const fn heading(self) -> Option<Heading> {
        self.entry().details.heading
    }

    /// Whether it is kept in single precision, which is six digits: enough for a percentage or a time.
    pub const fn is_single(self) -> bool {
        self.entry().is_single
    }

    /// The metric of that name.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|metric| metric.name() == name);
        found.ok_or_else(|| {
            let known: Vec<_> = Self::NAMES.to_vec();
            Error::invalid("metrics", format!("'{name}' is not a metric; there are {}", known.join(", ")))
        })
    }

    /// `value` without the digits that come of how it is kept: of 45.6 all the time the average is 45.6.
    pub fn rounded(self, value: f64) -> f64 {
        #[allow(clippy::cast_possible_truncation)] // that is what is asked for
        if self.is_single() { shortest_decimal(value as f32) } else { value }
    }
}

const fn shown_count() -> usize {
    let (mut count, mut at) = (0, 0);
    while at < COUNT {
        if ENTRIES[at].details.heading.is_some() {
            count += 1;
        }
        at += 1;
    }
    count
}

/// Sorted by place; two in one place do not compile.
const fn shown() -> [Metric; shown_count()] {
    let mut shown = [Metric::ALL[0]; shown_count()];
    let (mut found, mut place) = (0, 0);
    while place < u8::MAX {
        let (mut at, before) = (0, found);
        while at < COUNT {
            if let Some(heading) = &ENTRIES[at].details.heading
                && heading.place == place
            {
                shown[found] = Metric::ALL[at];
                found += 1;
            }
            at += 1;
        }
        assert!(found - before <= 1, "two metrics have the same place in the table of samples");
        place += 1;
    }
    assert!(found == shown.len(), "a place is too high");
    shown
}

/// The shortest decimal that means the same number in single precision: 12.34 comes back as 12.34, not as
/// 12.34000015258789.
pub fn shortest_decimal(value: f32) -> f64 {
    let exact = f64::from(value);
    // Nearly all that is measured has few decimals, and trying them takes a tenth of printing.
    if exact.abs() < 1e6 {
        for power in [1.0, 10.0, 100.0, 1_000.0] {
            let decimal = (exact * power).round() / power;
            #[allow(clippy::cast_possible_truncation)]
            if decimal as f32 == value {
                return decimal;
            }
        }
    }
    value.to_string().parse().unwrap_or(exact)
}

impl From<Metric> for pb::Metric {
    fn from(metric: Metric) -> Self {
        let number = i32::try_from(metric as usize + 1).unwrap_or_default();
        Self::try_from(number).unwrap_or(Self::Unspecified)
    }
}

impl TryFrom<i32> for Metric {
    type Error = Error;

    fn try_from(number: i32) -> Result<Self, Error> {
        let found = usize::try_from(number).ok().and_then(|n| n.checked_sub(1)).and_then(|place| Self::ALL.get(place));
        found.copied().ok_or_else(|| Error::invalid("metrics", "holds what is not a metric"))
    }
}

/// What measurements of one metric come to. Two of them, of any two sets of measurements, can be taken together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregate {
    /// How many; at least 1.
    pub count: i64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// All together.
    pub sum: f64,
    /// The newest.
    pub last: f64,
    /// When the newest was measured.
    pub last_at: DateTime<Utc>,
}

impl Aggregate {
    /// One measurement.
    pub fn of(at: DateTime<Utc>, value: f64) -> Self {
        Self { count: 1, min: value, max: value, sum: value, last: value, last_at: at }
    }

    /// The mean.
    #[allow(clippy::cast_precision_loss)]
    pub fn average(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// Both together. Of two that are equally new, the larger `last` wins, so that the order does not matter.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let newer = match self.last_at.cmp(&other.last_at) {
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Equal if other.last > self.last => other,
            _ => self,
        };
        Self {
            count: self.count + other.count,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
            last: newer.last,
            last_at: newer.last_at,
        }
    }
}

/// Why samples of a device are missing for good, in the device's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// No more room on the device.
    SpoolFull,
    /// Held for longer than the server takes them.
    TooOld,
    /// Could not be read back from the device's disk.
    Damaged,
}

impl LossReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::SpoolFull, Self::TooOld, Self::Damaged];

    /// As the database and REST have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SpoolFull => "spool_full",
            Self::TooOld => "too_old",
            Self::Damaged => "damaged",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl From<LossReason> for pb::GapReason {
    fn from(reason: LossReason) -> Self {
        match reason {
            LossReason::SpoolFull => Self::SpoolFull,
            LossReason::TooOld => Self::TooOld,
            LossReason::Damaged => Self::Damaged,
        }
    }
}

impl TryFrom<pb::GapReason> for LossReason {
    type Error = Error;

    fn try_from(reason: pb::GapReason) -> Result<Self, Error> {
        match reason {
            pb::GapReason::SpoolFull => Ok(Self::SpoolFull),
            pb::GapReason::TooOld => Ok(Self::TooOld),
            pb::GapReason::Damaged => Ok(Self::Damaged),
            pb::GapReason::Unspecified | pb::GapReason::NoSamples => {
                Err(Error::invalid("reason", "must be SPOOL_FULL, TOO_OLD or DAMAGED"))
            }
        }
    }
}

/// Samples that a device had to let go of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When the first of them was measured.
    pub start: DateTime<Utc>,
    /// When the last of them was measured; not before `start`.
    pub end: DateTime<Utc>,
    /// How many; at least 1.
    pub samples: u64,
    /// Why.
    pub reason: LossReason,
}

/// A [`Loss`] with its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLoss {
    /// The device.
    pub device_id: DeviceId,
    /// The loss.
    pub loss: Loss,
}

#[cfg(test)]
mod tests;
