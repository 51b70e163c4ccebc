//! `homepot-sim preview`: what a device would measure, without a server. What `homepot-sim fleet` sends with the same scenario,
//! seed, start and interval is the same.

use std::{io::Write as _, process::ExitCode, sync::Arc, time::Duration};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use homepot::model::Sample;
use serde_json::{Value, json};

use crate::{fleet, life::Life, scenario::Scenario, span};

/// Which device, and when.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Scenario: the name of one that ships, or a file. See `homepot-sim scenarios`
    #[arg(long, default_value = "healthy")]
    scenario: String,
    /// Seed of all random numbers. Another seed makes another fleet
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the device, from 1
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    device: u32,
    /// Time of the first sample, as for `fleet --start`
    #[arg(long, value_name = "TIME")]
    start: DateTime<Utc>,
    /// Time from one sample to the next
    #[arg(long, value_parser = span::parse, default_value = "5s", value_name = "SPAN")]
    interval: Duration,
    /// Number of samples
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    samples: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let scenario = Arc::new(Scenario::find(&args.scenario)?);
    let number = args.device - 1;
    let mut life = Life::new(scenario, args.seed, number, args.start, args.start);
    let mut at = fleet::first_sample(args.start, args.seed, number, args.interval);
    let step = TimeDelta::from_std(args.interval)?;
    anyhow::ensure!(step > TimeDelta::zero(), "--interval must be over 0 s");
    let (mut out, mut told) = (std::io::stdout().lock(), 0);
    while told < args.samples {
        if let Some(sample) = life.step(at).sample {
            writeln!(out, "{}", line(&sample))?;
            told += 1;
        }
        at += step;
    }
    Ok(ExitCode::SUCCESS)
}

macro_rules! line {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        /// A sample as one line of JSON, by the names of the REST API.
        fn line(sample: &Sample) -> Value {
            let temperatures: Vec<_> =
                sample.temperatures.iter().map(|t| json!({ "sensor": t.sensor, "celsius": t.celsius })).collect();
            let mut line = json!({
                "collected_at": sample.collected_at.to_rfc3339_opts(SecondsFormat::Micros, true),
                "temperatures": temperatures, "extra": sample.extra,
            });
            $(line[stringify!($name)] = sample.$name.into();)*
            line
        }
    };
}
homepot::metric_table!(line);
