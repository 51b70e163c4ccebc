//! What a scenario must keep to. All faults are told at once, each by the name of its field.

use homepot::model::{DeviceType, MAX_CLOCK_AHEAD, MAX_TARGETS};
use homepot_release::manifest::is_name;

use super::{Scenario, Updates};

pub(super) fn faults(scenario: &Scenario) -> Vec<String> {
    let mut faults = Faults(Vec::new());
    faults.devices(scenario);
    let Scenario { trade, load, disk, network, restarts, errors, hardware, downloads, clock, commands, .. } = scenario;
    faults.within("trade.opens_at_hour", trade.opens_at_hour, 0.0, 24.0);
    faults.within("trade.closes_at_hour", trade.closes_at_hour, trade.opens_at_hour, 24.0);
    faults.within("trade.utc_offset_hours", trade.utc_offset_hours, -14.0, 14.0);
    faults.within("trade.transactions_per_hour", trade.transactions_per_hour, 0.0, 1e6);
    faults.within("trade.average_volume", trade.average_volume, 0.0, 1e9);
    trade.peak_hours.iter().for_each(|hour| faults.within("trade.peak_hours", *hour, 0.0, 24.0));
    trade.weekdays_percent.iter().for_each(|day| faults.within("trade.weekdays_percent", *day, 0.0, 1_000.0));
    faults.percent("load.cpu_idle_percent", load.cpu_idle_percent);
    faults.percent("load.cpu_busy_percent", load.cpu_busy_percent);
    faults.percent("load.memory_idle_percent", load.memory_idle_percent);
    faults.percent("load.memory_busy_percent", load.memory_busy_percent);
    faults.percent("load.leaks_percent_per_day", load.leaks_percent_per_day);
    disk.at_start_percent.iter().for_each(|at| faults.percent("disk.at_start_percent", *at));
    faults.within("disk.fills_percent_per_day", disk.fills_percent_per_day, 0.0, 10_000.0);
    faults.percent("disk.cleaned_at_percent", disk.cleaned_at_percent);
    faults.within("network.latency_ms", network.latency_ms, 0.0, 60_000.0);
    faults.percent("network.flaky_percent", network.flaky_percent);
    faults.within("network.losses_per_hour", network.losses_per_hour, 0.0, 360.0);
    faults.within("network.loss_lasts_seconds", network.loss_lasts_seconds, 0.0, 86_400.0);
    faults.within("restarts.per_day", restarts.per_day, 0.0, 1_440.0);
    faults.within("restarts.lasts_seconds", restarts.lasts_seconds, 0.0, 86_400.0);
    faults.percent("errors.rate_percent", errors.rate_percent);
    faults.percent("hardware.failing_percent", hardware.failing_percent);
    faults.within("downloads.per_day", downloads.per_day, 0.0, 10_000.0);
    faults.percent("downloads.fail_percent", downloads.fail_percent);
    faults.within("downloads.takes_ms", downloads.takes_ms, 0.0, 3_600_000.0);
    faults.percent("clock.skewed_percent", clock.skewed_percent);
    faults.within("clock.skew_seconds", clock.skew_seconds, 0.0, MAX_CLOCK_AHEAD.as_secs_f64() - 30.0);
    faults.percent("commands.fail_percent", commands.fail_percent);
    faults.percent("commands.reject_percent", commands.reject_percent);
    faults.percent("commands.lose_percent", commands.lose_percent);
    let ends = commands.fail_percent + commands.reject_percent + commands.lose_percent;
    faults.percent("commands.fail_percent, reject_percent and lose_percent together", ends);
    faults.within("commands.takes_ms", commands.takes_ms, 0.0, 3_600_000.0);
    faults.updates(&scenario.updates);
    faults.events(scenario);
    faults.0
}

struct Faults(Vec<String>);

impl Faults {
    fn within(&mut self, name: &str, value: f64, least: f64, most: f64) {
        // NaN is in no range.
        if !(least..=most).contains(&value) {
            self.0.push(format!("{name} must be {least} to {most} and is {value}"));
        }
    }

    fn percent(&mut self, name: &str, value: f64) {
        self.within(name, value, 0.0, 100.0);
    }

    fn devices(&mut self, scenario: &Scenario) {
        if !scenario.devices.iter().any(|kind| kind.share > 0) {
            self.0.push("devices must have a kind with a share above 0".to_owned());
        }
        for kind in &scenario.devices {
            if DeviceType::parse(&kind.device_type).is_err() {
                self.0.push(format!("devices.device_type '{}' is no slug such as pos_terminal", kind.device_type));
            }
            self.within("devices.trades", kind.trades, 0.0, 1_000.0);
            self.within("devices.follows_trade", kind.follows_trade, 0.0, 1.0);
            self.within("devices.cores", f64::from(kind.cores), 1.0, 1_024.0);
            self.within("devices.cpu_extra_percent", kind.cpu_extra_percent, -100.0, 100.0);
            self.within("devices.share", f64::from(kind.share), 0.0, 1e6);
        }
    }

    fn updates(&mut self, updates: &Updates) {
        if updates.targets.len() > MAX_TARGETS {
            self.0.push(format!("updates.targets has more than {MAX_TARGETS} entries"));
        }
        for target in updates.targets.iter().filter(|target| !is_name(target)) {
            self.0.push(format!("updates.targets: '{target}' must be 1 to 64 of a-z, 0-9 and '-'"));
        }
        self.within("updates.applies_ms", updates.applies_ms, 0.0, 3_600_000.0);
        self.within("updates.probation_seconds", updates.probation_seconds, 0.0, 3_600.0);
        self.percent("updates.slow_percent", updates.slow_percent);
        self.within("updates.slow_bytes_per_second", updates.slow_bytes_per_second, 1.0, 1e9);
        self.percent("updates.bad_disk_percent", updates.bad_disk_percent);
        self.percent("updates.unhealthy_percent", updates.unhealthy_percent);
        self.percent("updates.lying_percent", updates.lying_percent);
        self.percent("updates.silent_percent", updates.silent_percent);
    }

    fn events(&mut self, scenario: &Scenario) {
        for event in &scenario.events {
            self.within("events.after_minutes", event.after_minutes, 0.0, 1e6);
            self.within("events.lasts_minutes", event.lasts_minutes, 0.0, 1e6);
            self.within("events.every_minutes", event.every_minutes, 0.0, 1e6);
            self.percent("events.devices_percent", event.devices_percent);
            self.within("events.factor", event.factor, 0.0, 1_000.0);
        }
    }
}
