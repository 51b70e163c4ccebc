//! One simulated device that holds no stream: a legacy client of the REST contract, which reports, asks for commands now and
//! then, carries them out one after another, and tells how each ended.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use homepot::model::{CommandId, CommandState, DeviceId, Sample, Secret};
use http::Method;
use serde_json::{Map, Value, json};
use tokio::{
    select,
    time::{Instant, sleep, sleep_until},
};

use super::world::{World, first_sample};
use crate::{
    life::{
        Life,
        chance::{fraction, mix_all},
    },
    rest::{Answer, Rest, RestError},
};

/// A legacy device reports this often unless it is told otherwise.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// A report that got no answer is made again after so long.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

pub(super) struct Poller {
    world: Arc<World>,
    rest: Rest,
    number: u32,
    device_id: DeviceId,
    key: Secret,
    life: Life,
    next: DateTime<Utc>,
    interval: Duration,
    poll_interval: Duration,
    next_poll: Instant,
    measured: u64,
    was_heard: bool,
    /// Of the commands that may run once only: a legacy device keeps none of this, so its server hands them over once.
    is_heard: bool,
}

impl Poller {
    pub(super) fn new(
        world: Arc<World>,
        rest: Rest,
        number: u32,
        (device_id, key): (DeviceId, Secret),
        poll_interval: Duration,
    ) -> Self {
        let timing = &world.timing;
        let interval = timing.interval.unwrap_or(SAMPLE_INTERVAL);
        let now = Instant::now();
        Self {
            life: Life::new(world.scenario.clone(), world.seed, number, timing.start, timing.live_from),
            next: first_sample(timing.time(now), world.seed, number, interval),
            next_poll: timing.due(first_sample(timing.time(now), world.seed, number, poll_interval)),
            world,
            rest,
            number,
            device_id,
            key,
            interval,
            poll_interval,
            measured: 0,
            was_heard: false,
            is_heard: false,
        }
    }

    pub(super) async fn live(mut self) {
        let samples = self.world.timing.samples;
        let stop = self.world.stop.clone();
        while samples.is_none_or(|samples| self.measured < samples) {
            let report = self.world.timing.due(self.next);
            select! {
                () = stop.cancelled() => break,
                () = sleep_until(report.min(self.next_poll)) => {}
            }
            if report <= Instant::now() {
                self.report().await;
            }
            if self.next_poll <= Instant::now() {
                self.next_poll = Instant::now() + self.poll_interval;
                self.poll().await;
            }
        }
        if self.is_heard {
            self.world.tally.attached.take(1);
        }
    }

    /// Measures and reports; again and again until there is an answer, or the run is over.
    async fn report(&mut self) {
        let at = self.next;
        let moment = self.life.step(at);
        self.next = at + TimeDelta::from_std(self.interval).unwrap_or(TimeDelta::MAX);
        let world = self.world.clone();
        let tally = &world.tally;
        let Some(sample) = moment.sample else { return self.heard(false) };
        tally.measured.add(1);
        self.measured += 1;
        if !moment.reachable {
            // A legacy device keeps nothing.
            tally.lost.add(1);
            return self.heard(false);
        }
        let body = report(&self.device_id, &sample);
        let until = Instant::now() + world.drain;
        tally.sent.add(1);
        for attempt in 0.. {
            let began = Instant::now();
            match self.call(Method::POST, "/api/v1/analytics/device-metrics", Some(&body)).await {
                Ok(Answer { status: 201, .. }) => {
                    tally.acknowledged.add(1);
                    tally.latency.record(began.elapsed());
                    return self.heard(true);
                }
                Ok(Answer { status: 500.., body }) => {
                    tally.error(format!("a report was not taken: {}", body["detail"]))
                }
                Ok(Answer { status, body }) => {
                    tally.refused.add(1);
                    tally.error(format!("a report was refused with {status}: {}", body["detail"]));
                    return self.heard(false);
                }
                Err(error) => tally.error(error.to_string()),
            }
            self.heard(false);
            if Instant::now() >= until {
                return;
            }
            tally.resent.add(u64::from(attempt > 0));
            sleep(AGAIN_AFTER).await;
        }
    }

    async fn poll(&mut self) {
        let waiting = match self.call(Method::GET, "/api/v1/devices/pending", None).await {
            Ok(Answer { status: 200, body }) => body,
            Ok(Answer { status, body }) => {
                return self.world.tally.error(format!("asking for commands got {status}: {}", body["detail"]));
            }
            Err(error) => return self.world.tally.error(error.to_string()),
        };
        for command in waiting.as_array().into_iter().flatten() {
            self.world.tally.commands.add(1);
            self.obey(command).await;
        }
    }

    async fn obey(&mut self, command: &Value) {
        let id = command["command_id"].as_str().unwrap_or_default().to_owned();
        let kind = command["command_type"].as_str().unwrap_or_default();
        let rules = &self.world.scenario.commands;
        let lot = CommandId::parse(&id).map_or(0, |id| id.0.as_u64_pair().1);
        let lot = mix_all(&[self.world.seed, u64::from(self.number), lot]);
        let percent = fraction(lot) * 100.0;
        sleep(Duration::from_secs_f64(rules.takes_ms / 1_000.0 * 2.0 * fraction(lot ^ 1))).await;
        if kind == "REBOOT" {
            self.life.restart(self.world.timing.time(Instant::now()), TimeDelta::seconds(15));
        }
        // A legacy device knows two ends, and says nothing at all of a command that a restart cut short.
        let lost = rules.lose_percent;
        if percent < lost {
            return;
        }
        let fails = percent - lost < rules.fail_percent + rules.reject_percent;
        let (status, state) =
            if fails { ("failed", CommandState::Failed) } else { ("completed", CommandState::Succeeded) };
        let body = json!({ "status": status, "result": { "simulated": true } });
        match self.call(Method::PUT, &format!("/api/v1/devices/{id}/status"), Some(&body)).await {
            Ok(Answer { status: 200, .. }) => {
                self.world.tally.answered.add(1);
                self.world.tally.outcome(state);
            }
            Ok(Answer { status, body }) => {
                self.world.tally.error(format!("an outcome was refused with {status}: {}", body["detail"]));
            }
            Err(error) => self.world.tally.error(error.to_string()),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, RestError> {
        let headers = [
            ("x-device-id", self.device_id.as_str()),
            ("x-api-key", self.key.reveal()),
            ("x-device-source", "simulated"),
        ];
        self.rest.call(method, path, &headers, body).await
    }

    fn heard(&mut self, heard: bool) {
        let tally = &self.world.tally;
        if heard && !std::mem::replace(&mut self.was_heard, true) {
            tally.ever_attached.add(1);
        }
        match (self.is_heard, heard) {
            (false, true) => tally.attached.add(1),
            (true, false) => tally.attached.take(1),
            _ => {}
        }
        self.is_heard = heard;
    }
}

/// What the contract's body has room for.
fn report(device_id: &DeviceId, sample: &Sample) -> Value {
    let mut body = Map::new();
    body.insert("device_id".to_owned(), device_id.as_str().into());
    let mut number = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value.into());
        }
    };
    number("cpu_percent", sample.cpu_percent);
    number("memory_percent", sample.memory_percent);
    number("disk_percent", sample.disk_percent);
    number("network_latency_ms", sample.network_latency_ms);
    number("transaction_volume", sample.transaction_volume);
    number("error_rate", sample.error_rate);
    number("collection_interval_seconds", sample.collection_interval_ms.map(|ms| f64::from(ms) / 1_000.0));
    let whole = [
        ("transaction_count", sample.transaction_count),
        ("active_connections", sample.active_connections.map(i64::from)),
        ("queue_depth", sample.queue_depth.map(i64::from)),
    ];
    for (name, value) in whole {
        if let Some(value) = value {
            body.insert(name.to_owned(), value.into());
        }
    }
    let extra = json!({ "bytes_sent": sample.bytes_sent, "bytes_recv": sample.bytes_received });
    body.insert("extra_metrics".to_owned(), extra);
    body.into()
}
