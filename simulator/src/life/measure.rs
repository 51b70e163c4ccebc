//! What a device measures of the life it leads.

use chrono::{DateTime, Timelike as _, Utc};
use homepot::model::{JsonObject, Sample, Temperature};
use serde_json::json;

use super::{
    Life,
    chance::{count, happens, happens_within, normal, skewed},
    occasions::Now,
    trade,
};
use crate::scenario::{Kind, Load};

/// What a bad configuration adds to the processor's use.
const BAD_CONFIGURATION_CPU: f64 = 22.0;
/// By the device's UTC.
const NIGHTLY_BATCH_HOUR: u32 = 2;
const NIGHTLY_BATCH_CPU: f64 = 45.0;
/// What failing hardware adds.
const FAILING_CPU: f64 = 30.0;
const FAILING_ERRORS: f64 = 12.0;
const FAILING_CELSIUS: f64 = 31.0;

impl Life {
    pub(super) fn measure(&mut self, now: DateTime<Utc>, seconds: f64, events: &Now) -> Sample {
        let trading = self.trading(now, seconds, events);
        let scenario = self.scenario.clone();
        let kind = &scenario.devices[self.kind];
        let load = kind.follows_trade * trading;
        self.work(now, seconds, load, kind);
        let latency = self.latency(load, events);
        let error_rate = self.error_rate();
        let (transaction_count, transaction_volume) = self.sales(trading, kind.trades, seconds, error_rate);
        self.traffic(seconds, load);
        self.fill_disk(seconds, load);
        let memory = self.memory(now, seconds, load);
        let connections = count(&mut self.rng, 4.0 + 18.0 * load);
        let queue = count(&mut self.rng, (latency / 120.0 + error_rate / 8.0 + load * 0.6).min(400.0));
        let temperature = self.temperature();
        let whole = |value: i64| i32::try_from(value).ok();
        Sample {
            cpu_percent: Some(hundredths(self.state.cpu)),
            memory_percent: Some(hundredths(memory)),
            disk_percent: Some(hundredths(self.state.disk)),
            swap_percent: Some(hundredths(((memory - 82.0) * 2.2).clamp(0.0, 90.0))),
            load_1m: Some(hundredths(self.state.loads[0])),
            load_5m: Some(hundredths(self.state.loads[1])),
            load_15m: Some(hundredths(self.state.loads[2])),
            network_latency_ms: Some(hundredths(latency)),
            transaction_count,
            transaction_volume,
            error_rate: Some(hundredths(error_rate)),
            active_connections: whole(connections),
            queue_depth: whole(queue),
            collection_interval_ms: whole((seconds * 1_000.0) as i64).filter(|interval| *interval > 0),
            bytes_sent: Some(self.state.bytes_sent as i64),
            bytes_received: Some(self.state.bytes_received as i64),
            uptime_seconds: Some((now - self.state.up_since).num_seconds().max(0)),
            temperatures: vec![Temperature { sensor: "cpu".to_owned(), celsius: hundredths(temperature) }],
            extra: self.download(seconds),
            ..Sample::empty(self.clock(now))
        }
    }

    /// How busy its shop is.
    fn trading(&mut self, now: DateTime<Utc>, seconds: f64, events: &Now) -> f64 {
        self.state.mood = Self::drift(&mut self.rng, self.state.mood, 900.0, seconds, 0.18);
        let level = trade::level(&self.scenario.trade, now) * self.character.size * events.trade_factor;
        (level * (1.0 + self.state.mood)).max(0.0)
    }

    fn work(&mut self, now: DateTime<Utc>, seconds: f64, load: f64, kind: &Kind) {
        let Load { cpu_idle_percent: idle, cpu_busy_percent: busy, .. } = self.scenario.load;
        let mut aim = idle + kind.cpu_extra_percent + (busy - idle) * load;
        if kind.nightly_batch && now.hour() == NIGHTLY_BATCH_HOUR {
            aim += NIGHTLY_BATCH_CPU;
        }
        if self.state.bad_configuration.is_some() {
            aim += BAD_CONFIGURATION_CPU;
        }
        if self.character.failing {
            aim += FAILING_CPU;
        }
        let reached = 1.0 - (-seconds / 25.0).exp();
        let spread = 1.0 + aim.clamp(0.0, 100.0) * 0.06;
        self.state.cpu += (aim - self.state.cpu) * reached + normal(&mut self.rng) * spread;
        self.state.cpu = self.state.cpu.clamp(0.4, 100.0);
        let runnable = self.state.cpu / 100.0 * f64::from(kind.cores) * if aim > 95.0 { 1.6 } else { 1.0 };
        for (load, over) in self.state.loads.iter_mut().zip([60.0, 300.0, 900.0]) {
            *load += (runnable - *load) * (1.0 - (-seconds / over).exp());
        }
    }

    fn memory(&mut self, now: DateTime<Utc>, seconds: f64, load: f64) -> f64 {
        let scenario = &self.scenario.load;
        let up_days = (now - self.state.up_since).as_seconds_f64() / 86_400.0;
        let leaked = (scenario.leaks_percent_per_day * up_days).min(40.0);
        let busy = (scenario.memory_busy_percent - scenario.memory_idle_percent) * load.min(1.3);
        let used = scenario.memory_idle_percent + busy + leaked;
        self.state.memory_noise = Self::drift(&mut self.rng, self.state.memory_noise, 600.0, seconds, 2.0);
        (used + self.state.memory_noise).clamp(3.0, 99.5)
    }

    fn latency(&mut self, load: f64, events: &Now) -> f64 {
        let worse = if self.character.flaky { 2.5 } else { 1.0 } * if self.character.failing { 4.0 } else { 1.0 };
        let median = self.character.latency_ms * (1.0 + 0.5 * load) * worse * events.latency_factor;
        skewed(&mut self.rng, median, 0.3).min(30_000.0)
    }

    fn error_rate(&mut self) -> f64 {
        let worse = self.state.bad_configuration.map_or(1.0, |bad| bad.factor);
        let failing = if self.character.failing { FAILING_ERRORS } else { 0.0 };
        let median = self.scenario.errors.rate_percent * worse + failing;
        skewed(&mut self.rng, median, 0.5).clamp(0.0, 100.0)
    }

    fn sales(&mut self, trading: f64, trades: f64, seconds: f64, error_rate: f64) -> (Option<i64>, Option<f64>) {
        if trades <= 0.0 {
            return (None, None);
        }
        let trade = &self.scenario.trade;
        let mean = trade.transactions_per_hour * trades * trading * seconds / 3_600.0 * (1.0 - error_rate / 100.0);
        let average = trade.average_volume;
        let sold = count(&mut self.rng, mean);
        // The sum of many baskets spreads as the root of their number.
        let spread = 0.6 * (sold as f64).sqrt() * normal(&mut self.rng);
        let volume = (average * (sold as f64 + spread)).max(sold as f64 * 0.5);
        (Some(sold), Some(hundredths(volume)))
    }

    fn traffic(&mut self, seconds: f64, load: f64) {
        let noise = skewed(&mut self.rng, 1.0, 0.4);
        self.state.bytes_sent += seconds * (400.0 + 6_000.0 * load) * noise;
        self.state.bytes_received += seconds * (900.0 + 24_000.0 * load) * noise;
    }

    fn fill_disk(&mut self, seconds: f64, load: f64) {
        let disk = &self.scenario.disk;
        let faster = if self.character.failing { 6.0 } else { 1.0 };
        self.state.disk += disk.fills_percent_per_day * faster * seconds / 86_400.0 * (0.6 + 0.8 * load);
        if self.state.disk >= disk.cleaned_at_percent && !self.character.failing {
            self.state.disk = self.character.disk_start.min(disk.cleaned_at_percent * 0.8);
        }
        self.state.disk = self.state.disk.clamp(0.0, 99.9);
    }

    fn temperature(&mut self) -> f64 {
        let hot = if self.character.failing { FAILING_CELSIUS } else { 0.0 };
        36.0 + 0.3 * self.state.cpu + hot + normal(&mut self.rng)
    }

    /// A configuration that was fetched, with how that went; the server's rules for `extra` hold.
    fn download(&mut self, seconds: f64) -> Option<JsonObject> {
        let downloads = &self.scenario.downloads;
        let comes = happens_within(&mut self.rng, downloads.per_day, seconds);
        let fails = happens(&mut self.rng, downloads.fail_percent / 100.0);
        let takes = skewed(&mut self.rng, downloads.takes_ms, 0.5);
        if !comes {
            return None;
        }
        if !fails {
            self.state.configuration += 1;
        }
        let told = json!({
            "version": self.state.configuration, "succeeded": !fails, "duration_ms": takes as u64,
        });
        Some([("config_download".to_owned(), told)].into_iter().collect())
    }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
