//! How fast files go to devices: so many bytes a second to each of them, and to all of them from this replica.
//!
//! An answer says when the device is to ask again, so that whoever keeps to it waits on its own side. Who does not waits here.

use std::time::Duration;

use homepot::{Error, Kind};
use homepot_runtime::limits::{Quota, Quotas, Rate};
use tokio::time::sleep;

/// How long a call waits for its turn: less than devices wait for their answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The rates, in bytes a second; `None`: as fast as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferRates {
    /// To each device.
    pub device: Option<u64>,
    /// To all devices of this process.
    pub all: Option<u64>,
}

/// Keeps to [`TransferRates`].
pub(crate) struct Pace {
    devices: Quotas<i64>,
    all: Option<Quota>,
}

impl Pace {
    pub(crate) fn new(rates: TransferRates) -> Self {
        // A part goes at once where nothing went before; who comes next waits for as long as that may take.
        let rate = |per_second: u64| Rate { per_second, burst: 0 };
        Self { devices: Quotas::new(rates.device.map(rate)), all: rates.all.map(rate).map(Quota::new) }
    }

    /// Waits until so many bytes may go to a device.
    pub(crate) async fn turn(&self, device: i64, bytes: usize) -> Result<(), Error> {
        let own = self.devices.of(&device).map(|quota| quota.reserve(bytes, PATIENCE)).transpose();
        let own = own.map_err(|wait| refused("this device", wait))?;
        let all = self.all.as_ref().map(|quota| quota.reserve(bytes, PATIENCE)).transpose();
        let all = all.map_err(|wait| refused("all devices", wait))?;
        if let Some(wait) = own.max(all).filter(|wait| !wait.is_zero()) {
            sleep(wait).await;
        }
        Ok(())
    }

    /// How long the device is to wait before it asks for more.
    pub(crate) fn next_after(&self, device: i64) -> Duration {
        self.devices.of(&device).and_then(|quota| quota.wait()).unwrap_or_default()
    }
}

fn refused(whose: &str, wait: Duration) -> Error {
    metrics::counter!("homepot_limits_refused_total", "limit" => "transfer_rate").increment(1);
    let told = format!("files go to {whose} as fast as the server is allowed to send them; ask for this part later");
    Error::new(Kind::Throttled, told).retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: usize = 256 * 1024;

    fn about(wait: Duration, seconds: f64) {
        assert!((wait.as_secs_f64() - seconds).abs() < 0.5, "{wait:?} instead of {seconds} s");
    }

    #[tokio::test]
    async fn a_device_is_told_when_to_ask_again_and_another_one_is_not_held_up() {
        let pace = Pace::new(TransferRates { device: Some(65_536), all: None });
        pace.turn(1, PART).await.unwrap();
        about(pace.next_after(1), 4.0);
        assert_eq!(pace.next_after(2), Duration::ZERO);
    }

    #[tokio::test]
    async fn whoever_would_wait_for_too_long_is_told_when_to_come_back() {
        let pace = Pace::new(TransferRates { device: None, all: Some(8_192) });
        pace.turn(1, PART).await.unwrap();
        let error = pace.turn(2, PART).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Throttled);
        about(error.retry_delay().unwrap(), 32.0);
    }

    #[tokio::test]
    async fn without_rates_nobody_waits() {
        let pace = Pace::new(TransferRates::default());
        for _ in 0..1_000 {
            pace.turn(1, PART).await.unwrap();
        }
        assert_eq!(pace.next_after(1), Duration::ZERO);
    }
}
