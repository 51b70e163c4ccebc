//! The parts of a scenario, with what they are when a file leaves them out: a healthy shop.

use serde::Deserialize;

/// A kind of device.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// A slug such as `pos_terminal`.
    pub device_type: String,
    /// What people call one; a number follows.
    pub name: String,
    /// How many there are, in proportion to the other kinds.
    pub share: u32,
    /// How much of the trade goes through one, 1 being that of a till; 0: it sells nothing.
    #[serde(default)]
    pub trades: f64,
    /// How much its load follows the trade, from 0 to 1.
    #[serde(default = "one")]
    pub follows_trade: f64,
    /// Processors.
    #[serde(default = "two")]
    pub cores: u32,
    /// Added to what the scenario says of processors, in percent.
    #[serde(default)]
    pub cpu_extra_percent: f64,
    /// Whether it works at night, from 02:00 to 03:00.
    #[serde(default)]
    pub nightly_batch: bool,
}

fn one() -> f64 {
    1.0
}

fn two() -> u32 {
    2
}

/// Tills for the most part, with what stands behind them.
pub(super) fn shop() -> Vec<Kind> {
    let kind =
        |device_type: &str, name: &str, share, trades, follows_trade, cores, cpu_extra_percent, nightly_batch| Kind {
            device_type: device_type.to_owned(),
            name: name.to_owned(),
            share,
            trades,
            follows_trade,
            cores,
            cpu_extra_percent,
            nightly_batch,
        };
    vec![
        kind("pos_terminal", "Till", 12, 1.0, 1.0, 2, 0.0, false),
        kind("iot_sensor", "Sensor", 5, 0.0, 0.1, 1, -4.0, false),
        kind("linux_server", "Server", 3, 0.0, 0.7, 8, 6.0, true),
        kind("gateway", "Gateway", 3, 0.0, 0.9, 4, 2.0, false),
        kind("industrial_controller", "Controller", 1, 0.0, 0.2, 2, 4.0, false),
    ]
}

/// What is sold, and when.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trade {
    /// Opening hour, by the shop's clock.
    pub opens_at_hour: f64,
    /// Closing hour.
    pub closes_at_hour: f64,
    /// Hours of the rush.
    pub peak_hours: Vec<f64>,
    /// The shop's clock against UTC.
    pub utc_offset_hours: f64,
    /// Transactions of one till in its best hour.
    pub transactions_per_hour: f64,
    /// What a transaction comes to on average, in the site's currency.
    pub average_volume: f64,
    /// From Monday to Sunday, in percent of a full day.
    pub weekdays_percent: [f64; 7],
}

impl Default for Trade {
    fn default() -> Self {
        Self {
            opens_at_hour: 8.0,
            closes_at_hour: 20.0,
            peak_hours: vec![12.5, 17.5],
            utc_offset_hours: 0.0,
            transactions_per_hour: 45.0,
            average_volume: 23.5,
            weekdays_percent: [90.0, 85.0, 90.0, 95.0, 110.0, 125.0, 60.0],
        }
    }
}

/// Processor and memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Load {
    /// Processor use when nothing is sold.
    pub cpu_idle_percent: f64,
    /// Processor use in the rush.
    pub cpu_busy_percent: f64,
    /// Memory use when nothing is sold.
    pub memory_idle_percent: f64,
    /// Memory use in the rush.
    pub memory_busy_percent: f64,
    /// Memory that is never given back, until a restart.
    pub leaks_percent_per_day: f64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            cpu_idle_percent: 6.0,
            cpu_busy_percent: 42.0,
            memory_idle_percent: 34.0,
            memory_busy_percent: 55.0,
            leaks_percent_per_day: 0.6,
        }
    }
}

/// How disks fill.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disk {
    /// Between these two at the start.
    pub at_start_percent: [f64; 2],
    /// Logs, receipts, updates.
    pub fills_percent_per_day: f64,
    /// When it is this full, the device cleans up.
    pub cleaned_at_percent: f64,
}

impl Default for Disk {
    fn default() -> Self {
        Self { at_start_percent: [22.0, 58.0], fills_percent_per_day: 1.4, cleaned_at_percent: 88.0 }
    }
}

/// Latency, and connections that are lost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Round trips, on average.
    pub latency_ms: f64,
    /// Devices whose line is bad.
    pub flaky_percent: f64,
    /// How often a bad line is lost.
    pub losses_per_hour: f64,
    /// For how long, on average.
    pub loss_lasts_seconds: f64,
}

impl Default for Network {
    fn default() -> Self {
        Self { latency_ms: 18.0, flaky_percent: 2.0, losses_per_hour: 2.0, loss_lasts_seconds: 20.0 }
    }
}

/// Restarts by themselves: updates, power, people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restarts {
    /// How often.
    pub per_day: f64,
    /// How long a device is away, on average.
    pub lasts_seconds: f64,
}

impl Default for Restarts {
    fn default() -> Self {
        Self { per_day: 0.15, lasts_seconds: 60.0 }
    }
}

/// Operations that fail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Errors {
    /// Share of them, usually.
    pub rate_percent: f64,
}

impl Default for Errors {
    fn default() -> Self {
        Self { rate_percent: 0.3 }
    }
}

/// Devices about to die: hot, slow, full of errors, and gone every so often.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hardware {
    /// How many of them.
    pub failing_percent: f64,
    /// These for certain, by number from 0.
    pub failing: Vec<u32>,
}

/// Configurations that devices fetch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Downloads {
    /// How often.
    pub per_day: f64,
    /// How many fail.
    pub fail_percent: f64,
    /// How long one takes, on average.
    pub takes_ms: f64,
}

impl Default for Downloads {
    fn default() -> Self {
        Self { per_day: 4.0, fail_percent: 1.0, takes_ms: 850.0 }
    }
}

/// Clocks that are off.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// How many devices' are.
    pub skewed_percent: f64,
    /// By how much at most, either way. The server takes 300 s ahead.
    pub skew_seconds: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { skewed_percent: 5.0, skew_seconds: 8.0 }
    }
}

/// How commands end. What is left over succeeds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Commands {
    /// Tried, and did not work.
    pub fail_percent: f64,
    /// Declined.
    pub reject_percent: f64,
    /// Started, and cut short by a restart: nobody can say how it ended.
    pub lose_percent: f64,
    /// How long one takes, on average.
    pub takes_ms: f64,
}

impl Default for Commands {
    fn default() -> Self {
        Self { fail_percent: 2.0, reject_percent: 0.5, lose_percent: 0.2, takes_ms: 400.0 }
    }
}

/// Something that happens at a certain time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// When, from the start of the run.
    pub after_minutes: f64,
    /// For how long.
    pub lasts_minutes: f64,
    /// From one start to the next; 0: once.
    #[serde(default)]
    pub every_minutes: f64,
    /// How many devices it meets, drawn anew each time.
    #[serde(default = "everybody")]
    pub devices_percent: f64,
    /// How strong: what is usual, times this.
    #[serde(default = "double")]
    pub factor: f64,
}

fn everybody() -> f64 {
    100.0
}

fn double() -> f64 {
    2.0
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// More is sold.
    Rush,
    /// Connections are lost.
    NetworkLoss,
    /// Round trips take longer.
    SlowNetwork,
    /// Devices fetch a configuration that is bad for them: errors and load times `factor`, until it is taken back.
    BadConfiguration,
}
