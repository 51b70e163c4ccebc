//! How many bytes a packed sample takes: of a day of each of the simulator's scenarios, and of this machine's own agent.
//!
//! Blocks by themselves first, without the row that holds them and its index; last, all of the simulated devices' in the table of a
//! server. Every block is read back and compared with what went in.

mod disk;

use std::{hint::black_box, sync::Arc, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use homepot::model::{Metric, Sample, shortest_decimal};
use homepot_agent::{collector::Collector, state::StateDir};
use homepot_packing::{
    Key,
    samples::{Hour, Received, pack},
};
use homepot_simulator::{
    life::Life,
    scenario::{SHIPPED, Scenario},
};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    host::Workshop,
    report::{Bar, Report, Row, step},
};

/// Bytes a sample.
const BAR: f64 = 14.0;
/// What the simulator's devices and agents usually have.
const EVERY: TimeDelta = TimeDelta::seconds(5);
const SAMPLES_OF_AN_HOUR: u32 = 720;
/// A Saturday, when shops are open.
const DAY: i64 = 1_795_824_000;
/// What a dashboard's chart shows at once.
const CHART: [Metric; 2] = [Metric::CpuPercent, Metric::MemoryPercent];

/// What is packed.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Simulated devices of each scenario, each for a day.
    #[arg(long, default_value_t = 12)]
    pub devices: u32,
    /// Milliseconds between the samples of this machine's agent. The benchmark waits for an hour's 720 samples, as fast as this.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(10..=5_000))]
    pub agent_interval_ms: u64,
    /// Seed of the simulated devices.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self { devices: 12, agent_interval_ms: 250, seed: 1 }
    }
}

/// What was packed so far.
#[derive(Default)]
struct Packed {
    samples: usize,
    bytes: usize,
    blocks: usize,
    packing: Duration,
    /// Reading all of it.
    reading: Duration,
    /// Reading the times and what [`CHART`] names.
    charting: Duration,
}

/// Runs it.
pub async fn run(args: &Args, workshop: &Workshop, report: &mut Report) -> anyhow::Result<()> {
    let (mut rows, mut details) = (Vec::new(), json!({}));
    let mut all = Packed::default();
    let mut devices = Vec::new();
    for (name, text) in SHIPPED {
        step(&format!("pack: {} devices of {name}", args.devices));
        let scenario = Arc::new(Scenario::parse(name, text)?);
        let mut packed = Packed::default();
        for number in 0..args.devices {
            let mut blocks = disk::Blocks::new();
            for hour in day(&scenario, args.seed, number)?.chunk_by(|a, b| hour_of(a) == hour_of(b)) {
                blocks.extend(packed.add(number.into(), hour)?.map(|bytes| (hour.len(), bytes)));
            }
            devices.push(blocks);
        }
        rows.push(packed.row(name));
        details[name] = packed.describe();
        all.take(&packed);
    }
    step(&format!("pack: {SAMPLES_OF_AN_HOUR} samples of this machine's agent"));
    let mut agent = Packed::default();
    agent.add(0, &measured(args, workshop).await?)?;
    rows.push(agent.row("this machine"));
    details["this machine"] = agent.describe();
    step("pack: all of the simulated devices' on disk");
    let on_disk = disk::bytes(workshop, &devices).await? / all.samples.max(1) as f64;
    rows.push(Row::new("pack, all scenarios on disk", on_disk, "B/sample on disk").bar(Bar::AtMost(BAR)));
    rows.push(Row::new("pack, an hour", all.each(all.packing), "µs"));
    rows.push(Row::new("pack, an hour read", all.each(all.reading), "µs"));
    rows.push(Row::new("pack, two metrics of a day read", all.each(all.charting) * 24.0 / 1e3, "ms"));
    details["all scenarios"] = all.describe();
    details["all scenarios"]["bytes_a_sample_on_disk"] = on_disk.into();
    report.add("pack", rows, details)
}

/// A day of a simulated device.
fn day(scenario: &Arc<Scenario>, seed: u64, number: u32) -> anyhow::Result<Vec<Received>> {
    let start = DateTime::from_timestamp(DAY, 0).context("no such day")?;
    let mut life = Life::new(scenario.clone(), seed, number, start, start);
    // Devices don't measure on the second.
    let phase = TimeDelta::microseconds(i64::from(number) * 397_211 % 5_000_000);
    let moments = (0..24 * SAMPLES_OF_AN_HOUR).map(|turn| start + phase + EVERY * turn.cast_signed());
    let mut noise = Noise(seed ^ u64::from(number));
    Ok(moments.filter_map(|moment| life.step(moment).sample).map(|sample| received(sample, &mut noise)).collect())
}

/// With the digits that history keeps, and received as soon as batches are written: some milliseconds later.
fn received(sample: Sample, noise: &mut Noise) -> Received {
    let received_at = sample.collected_at + TimeDelta::microseconds(noise.next(4_000, 30_000));
    Received { sample: kept(sample), received_at }
}

macro_rules! kept {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        fn kept(mut sample: Sample) -> Sample {
            $(sample.$name = sample.$name.map(|value| kept!($column value));)*
            sample
        }
    };
    (Float $value:ident) => { shortest_decimal($value as f32) };
    ($column:ident $value:ident) => { $value };
}
homepot::metric_table!(kept);

/// Numbers that look like chance and are the same in each run.
struct Noise(u64);

impl Noise {
    fn next(&mut self, from: i64, to: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + ((self.0 >> 33) as i64) % (to - from)
    }
}

fn hour_of(received: &Received) -> DateTime<Utc> {
    received.sample.collected_at.duration_trunc(TimeDelta::hours(1)).unwrap_or_default()
}

/// What the agent measures of this machine, at times five seconds apart, give or take what it really was late or early.
async fn measured(args: &Args, workshop: &Workshop) -> anyhow::Result<Vec<Received>> {
    let directory = workshop.scratch()?;
    let state = StateDir::open(&directory.path().join("agent"))?;
    let mut collector = Collector::new(state, "bench", None);
    let every = Duration::from_millis(args.agent_interval_ms);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = DateTime::from_timestamp(DAY, 0).context("no such day")?;
    let mut noise = Noise(args.seed);
    let mut samples = Vec::new();
    ticks.tick().await;
    let began = Instant::now();
    for turn in 0..SAMPLES_OF_AN_HOUR {
        ticks.tick().await;
        // A tick may come a little early; what matters is how they differ.
        let late = began.elapsed().as_micros() as i64 - every.as_micros() as i64 * i64::from(turn + 1);
        let mut sample = collector.collect(Some(Duration::from_micros(noise.next(400, 900).unsigned_abs())));
        let second = TimeDelta::seconds(1);
        sample.collected_at =
            start + EVERY * turn.cast_signed() + TimeDelta::microseconds(late).clamp(-second, second) + second;
        sample.collection_interval_ms = Some(5_000 + (late / 1_000) as i32 % 5);
        samples.push(received(sample, &mut noise));
    }
    Ok(samples)
}

impl Packed {
    /// Tells the block.
    fn add(&mut self, device: i64, hour: &[Received]) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(first) = hour.first() else { return Ok(None) };
        let key = Key { device, hour: hour_of(first) };
        let started = Instant::now();
        let bytes = pack(key, hour)?;
        self.packing += started.elapsed();
        let started = Instant::now();
        let read = Hour::open(key, &bytes)?.samples()?;
        self.reading += started.elapsed();
        anyhow::ensure!(read == hour, "{key:?}: what is read is not what was packed");
        let started = Instant::now();
        let block = Hour::open(key, &bytes)?;
        black_box(block.times()?);
        for metric in CHART {
            black_box(block.metric(metric)?);
        }
        self.charting += started.elapsed();
        self.samples += hour.len();
        self.bytes += bytes.len();
        self.blocks += 1;
        Ok(Some(bytes))
    }

    fn take(&mut self, other: &Self) {
        self.samples += other.samples;
        self.bytes += other.bytes;
        self.blocks += other.blocks;
        self.packing += other.packing;
        self.reading += other.reading;
        self.charting += other.charting;
    }

    fn bytes_a_sample(&self) -> f64 {
        self.bytes as f64 / self.samples.max(1) as f64
    }

    /// Microseconds a block.
    fn each(&self, span: Duration) -> f64 {
        span.as_secs_f64() * 1e6 / self.blocks.max(1) as f64
    }

    fn row(&self, name: &str) -> Row {
        Row::new(format!("pack, {name}"), self.bytes_a_sample(), "B/sample").bar(Bar::AtMost(BAR))
    }

    fn describe(&self) -> Value {
        json!({
            "samples": self.samples, "blocks": self.blocks, "bytes": self.bytes,
            "bytes_a_sample": self.bytes_a_sample(),
            "packing_us_a_block": self.each(self.packing), "reading_us_a_block": self.each(self.reading),
        })
    }
}
