//! `homepot-sim fleet`: many simulated devices in one process, each with a life and a connection of its own.
//!
//! A run enrols what is not enrolled, starts the devices one after another, keeps them until its time is over, lets what is
//! under way come to an end, and tells what it came to.

mod args;
mod device;
mod enrol;
mod fetch;
mod keys;
mod limits;
mod lines;
mod live;
mod members;
mod orders;
mod poller;
pub(crate) mod remove;
mod session;
mod spool;
mod stream;
mod summary;
mod tally;
mod trust;
mod updates;
mod world;

use std::{collections::HashMap, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use homepot::model::{DeviceId, SiteId};
use homepot_agent::protocol::Credentials;
use tokio::{
    select,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::{
    args::Protocol,
    device::Device,
    enrol::{Door, Right},
    keys::{Keys, Known},
    lines::{Lines, connections},
    members::Member,
    poller::Poller,
    summary::{Commands, Latency, Releases, Samples, Summary},
    tally::Tally,
    trust::Trust,
    updates::{Fate, Updates},
    world::{Timing, World},
};
pub(crate) use self::{
    args::{AFTER_HELP, Args},
    tally::{Counter, Histogram},
    world::first_sample,
};
use crate::{
    rest::Rest,
    scenario::Scenario,
    screen::{self, Screen},
};

/// Reports of legacy devices under way at the same time.
const TOGETHER: usize = 128;
/// Files that are open beside the devices' connections.
const OTHER_FILES: u64 = 64;

/// The clock of all devices of a fleet.
#[allow(clippy::disallowed_methods)]
fn wall_clock() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// Runs a fleet until `stop`, at the latest; the exit code says whether all that was sent was acknowledged.
pub(crate) async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<ExitCode> {
    let scenario = Arc::new(Scenario::find(&args.scenario)?);
    limits::raise_open_files(u64::from(connections(args.devices, args.devices_per_connection)) + OTHER_FILES)?;
    args.begin(wall_clock())?;
    let sites = match &args.site {
        Some(site) => vec![site.clone()],
        None => (1..=args.sites).map(|n| SiteId::parse(&format!("{}-{n}", args.name))).collect::<Result<_, _>>()?,
    };
    let members = members::members(&args.name, args.devices, &sites, &scenario)?;
    let (keys, known) = Keys::open(&args::state_dir(args.state_dir.as_ref())?, &args.name)?;
    let run = Run {
        screen: Screen::new(args.quiet),
        tally: Arc::default(),
        stop,
        keys: Arc::new(keys),
        args,
        scenario,
        sites,
        members,
    };
    let summary = run.go(known).await?;
    screen::answer(if run.args.json { serde_json::to_string_pretty(&summary)? } else { summary.to_string() });
    Ok(if summary.agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What came of starting the devices.
enum Ramp {
    /// All of them were attached after so long.
    Took(Duration),
    /// The run was stopped, or devices ended before.
    CutShort,
    /// The run's time was over before all of them were attached.
    Overdue,
}

struct Run {
    args: Args,
    scenario: Arc<Scenario>,
    sites: Vec<SiteId>,
    members: Vec<Member>,
    keys: Arc<Keys>,
    tally: Arc<Tally>,
    screen: Screen,
    stop: CancellationToken,
}

impl Run {
    async fn go(&self, mut known: HashMap<DeviceId, Known>) -> anyhow::Result<Summary> {
        let began = Instant::now();
        self.enrol(&mut known).await?;
        let enrolment = began.elapsed();

        let world = Arc::new(self.world()?);
        let live = world.timing.live_instant;
        let mut devices = JoinSet::new();
        let ramp = self.ramp(&world, known, &mut devices).await?;
        if !matches!(ramp, Ramp::Overdue) {
            self.stay(&mut devices).await;
        }
        let interrupted = self.stop.is_cancelled();
        self.stop.cancel();
        self.drain(devices).await?;
        let ramp = if let Ramp::Took(span) = ramp { Some(span) } else { None };
        Ok(self.summary(enrolment, ramp, live.elapsed(), interrupted))
    }

    async fn enrol(&self, known: &mut HashMap<DeviceId, Known>) -> anyhow::Result<()> {
        let door = match self.args.protocol {
            Protocol::Grpc => Door::Grpc(Box::new(self.args.server.endpoint()?)),
            Protocol::Rest => Door::Rest(self.rest()?),
        };
        let stale = select! {
            stale = enrol::put_stale_aside(&door, &self.members, known) => stale?,
            () = self.stop.cancelled() => anyhow::bail!("interrupted before devices enrolled"),
        };
        let told = format!(
            "{} keys in {} are not valid on this server: it is another one, its database was wiped, or the devices were removed",
            stale.len(),
            self.keys.path().display()
        );
        if !stale.is_empty() {
            self.screen.say(format_args!("{told}; these devices enrol anew"));
        }
        let new = self.members.iter().filter(|member| !known.contains_key(&member.device_id)).count();
        if new == 0 {
            self.tally.enrolled.add(self.members.len() as u64);
            return Ok(());
        }
        let mut right = Right::find(&self.args).await.map_err(|error| {
            if stale.is_empty() { error } else { error.context(format!("{told}; to enrol them anew needs a token")) }
        })?;
        if let (Right::Admin(registry), None) = (&mut right, &self.args.site) {
            enrol::make_sites(registry, &self.args.name, &self.sites).await?;
        }
        let bar = self.screen.bar("enrol", self.members.len() as u64);
        let (fleet, tally) = (&self.args.name, &self.tally);
        let enrolling = enrol::enrol(&mut right, &door, fleet, &self.members, &self.keys, (known, stale), tally);
        select! {
            enrolled = enrolling => enrolled?,
            () = self.stop.cancelled() => anyhow::bail!("interrupted while devices enrolled; the next run goes on from there"),
            never = live::show(&self.screen, &bar, self.tally.clone(), |tally| tally.enrolled.get()) => match never {},
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn world(&self) -> anyhow::Result<World> {
        let args = &self.args;
        let (now, now_instant) = (wall_clock(), Instant::now());
        let start = args.begin(now)?;
        let mut run = [0; 6];
        getrandom::fill(&mut run).map_err(|error| anyhow::anyhow!("no source of chance: {error}"))?;
        Ok(World {
            scenario: self.scenario.clone(),
            seed: args.seed,
            run: run.iter().map(|byte| format!("{byte:02x}")).collect(),
            lines: Lines::new(args.server.endpoint()?, args.devices, args.devices_per_connection),
            timing: Timing {
                start,
                has_past: args.start.is_some() || args.history.is_some(),
                live_from: now,
                live_instant: now_instant,
                past_interval: args.history.map(|_| args.history_interval),
                interval: args.interval,
                samples: args.samples,
            },
            spool_samples: args.spool_samples as usize,
            drain: args.drain,
            tally: self.tally.clone(),
            keys: self.keys.clone(),
            sites: self.sites.clone(),
            trust: Trust::open(args.update_root.as_ref())?,
            turns: World::turns(),
            stop: self.stop.clone(),
        })
    }

    /// Starts the devices, one after another, and waits until all of them were attached.
    async fn ramp(
        &self,
        world: &Arc<World>,
        mut known: HashMap<DeviceId, Known>,
        devices: &mut JoinSet<()>,
    ) -> anyhow::Result<Ramp> {
        let began = Instant::now();
        let count = self.members.len() as u64;
        let bar = self.screen.bar("attach", count);
        let rest = match self.args.protocol {
            Protocol::Grpc => None,
            Protocol::Rest => Some(self.rest()?),
        };
        let ramp = async {
            for (number, member) in (0..).zip(&self.members) {
                sleep_until(began + Duration::from_secs_f64(f64::from(number) / self.args.ramp)).await;
                let Some(Known { key, ticket, kept, is_new }) = known.remove(&member.device_id) else { continue };
                let (world, device_id, number) = (world.clone(), member.device_id.clone(), member.number);
                match &rest {
                    None => {
                        let credentials = Credentials { device_id, key, signer: None };
                        let (rules, fate) =
                            (&world.scenario.updates, Fate::of(&world.scenario.updates, world.lot(number)));
                        let updates = (!rules.targets.is_empty())
                            .then(|| Box::new(Updates::new(kept, rules, fate, Instant::now())));
                        devices.spawn(Device::new(world, number, credentials, ticket, updates, is_new).live())
                    }
                    Some(rest) => {
                        let every = self.args.poll_interval;
                        devices.spawn(Poller::new(world, rest.clone(), number, (device_id, key), every).live())
                    }
                };
            }
            // Looked at, not told: twenty thousand devices shall not carry a channel for it.
            while self.tally.ever_attached.get() < count && !self.all_ended(devices) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        // Devices that can't attach don't keep a run from ending.
        let planned = Duration::from_secs_f64(self.members.len() as f64 / self.args.ramp);
        let overdue = async {
            match self.args.duration {
                Some(span) => sleep_until(began + planned + span).await,
                None => std::future::pending().await,
            }
        };
        let attached = select! {
            () = ramp => Ramp::Took(began.elapsed()),
            () = self.stop.cancelled() => Ramp::CutShort,
            () = overdue => {
                self.screen.say(format_args!(
                    "{} of {count} devices attached within the run's time; it ends",
                    self.tally.ever_attached.get()
                ));
                Ramp::Overdue
            }
            never = live::show(&self.screen, &bar, self.tally.clone(), |tally| tally.ever_attached.get()) => match never {},
        };
        bar.finish_and_clear();
        let all = self.tally.ever_attached.get() == count;
        Ok(if matches!(attached, Ramp::Took(_)) && !all { Ramp::CutShort } else { attached })
    }

    fn rest(&self) -> anyhow::Result<Rest> {
        let server = &self.args.server;
        Rest::new(&self.args.rest, server.ca.as_deref(), server.allow_plaintext, TOGETHER)
    }

    fn all_ended(&self, devices: &JoinSet<()>) -> bool {
        devices.is_empty()
    }

    /// Until the run's time is over, or its devices have measured all they should.
    async fn stay(&self, devices: &mut JoinSet<()>) {
        let until = self.args.duration.map(|span| Instant::now() + span);
        let (label, length) = match (self.args.duration, self.args.samples) {
            (_, Some(samples)) => ("run", samples * self.members.len() as u64),
            (Some(span), None) => ("run", span.as_secs().max(1)),
            (None, None) => ("run", 0),
        };
        let (bar, began) = (self.screen.bar(label, length), Instant::now());
        let by_samples = self.args.samples.is_some();
        let position = move |tally: &Tally| {
            if by_samples { tally.acknowledged.get() } else { began.elapsed().as_secs() }
        };
        let ended = async { while devices.join_next().await.is_some() {} };
        let time = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        select! {
            () = ended => {}
            () = time => {}
            () = self.stop.cancelled() => {}
            never = live::show(&self.screen, &bar, self.tally.clone(), position) => match never {},
        }
        bar.finish_and_clear();
    }

    /// Waits for what is under way.
    async fn drain(&self, mut devices: JoinSet<()>) -> anyhow::Result<()> {
        let bar = self.screen.bar("settle", self.members.len() as u64);
        let ended = async {
            while let Some(ended) = devices.join_next().await {
                ended.context("a simulated device died")?;
            }
            anyhow::Ok(())
        };
        select! {
            ended = ended => ended?,
            never = live::show(&self.screen, &bar, self.tally.clone(), |tally| {
                self.members.len() as u64 - tally.attached.get().min(self.members.len() as u64)
            }) => match never {},
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn summary(&self, enrolment: Duration, ramp: Option<Duration>, lasted: Duration, interrupted: bool) -> Summary {
        let tally = &self.tally;
        let samples = Samples::of(tally);
        let (errors, outcomes) = tally.details();
        Summary {
            fleet: self.args.name.clone(),
            scenario: self.args.scenario.clone(),
            seed: self.args.seed,
            devices: self.args.devices,
            enrolled: tally.enrolled.get(),
            newly_enrolled: tally.newly_enrolled.get(),
            attached: tally.ever_attached.get(),
            sessions: tally.sessions.get(),
            connections_cut: tally.cuts.get(),
            restarts: tally.restarts.get(),
            enrolment_seconds: enrolment.as_secs_f64(),
            ramp_seconds: ramp.map(|ramp| ramp.as_secs_f64()),
            seconds: lasted.as_secs_f64(),
            interrupted,
            // Who is asked to end while devices start does not owe their sessions.
            agrees: samples.agree() && (interrupted || tally.ever_attached.get() == u64::from(self.args.devices)),
            samples,
            acknowledgement_ms: Latency::of(tally),
            releases: Releases {
                begun: tally.updates_begun.get(),
                ended: tally.updates(),
                fetched_bytes: tally.fetched_bytes.get(),
            },
            commands: Commands { received: tally.commands.get(), answered: tally.answered.get(), outcomes },
            errors,
            memory_peak_bytes: summary::memory_peak_bytes(),
        }
    }
}
