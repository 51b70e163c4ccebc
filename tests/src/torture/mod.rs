//! The crash test of the command ledger and of rollouts: a small HOMEPOT of real processes, each of which is killed again and
//! again while commands flow, releases are rolled out and the database suffers, and a verdict on what is left of the promises.
//!
//! `cast` is everyone who can be killed, `schedule` says who is when, `traffic` is what operators do meanwhile, and `updates`
//! what they roll out. In the end `ledger` reads the ledger, `deeds` what the commands' programs really did, `updates` what
//! lies on the devices, and `verdict` holds all of it, with the devices' journals, against each promise. `make torture` runs it
//! for minutes, `tests/e2e/torture.rs` for seconds.

mod cast;
pub mod deeds;
mod ledger;
mod replicas;
mod schedule;
mod traffic;
pub mod updates;
mod verdict;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use homepot_agent::commands::{Record, journal::Journal};
use tokio::time::{Instant, interval, sleep_until};

use self::{
    cast::{Cast, Trace},
    schedule::Schedule,
    traffic::Traffic,
    updates::{Found, looks, rollouts::Rollouts},
    verdict::Evidence,
};
use crate::data_parent;

/// How often those who are down are looked after.
const TEND: Duration = Duration::from_millis(50);
const PROGRESS: Duration = Duration::from_secs(5);
/// Offline after 2.5 heartbeats of a second, when both replicas have noticed; far more is a ghost.
const GHOST: Duration = Duration::from_secs(10);

/// What carries wake-ups between the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    /// Notifications of the database.
    Postgres,
    /// A Redis, which is killed as everyone else is.
    Redis,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long everyone is killed.
    pub time: Duration,
    /// How many devices.
    pub agents: usize,
    /// Commands a second.
    pub rate: u32,
    /// Repeats the schedule.
    pub seed: u64,
    /// What carries wake-ups.
    pub transport: Transport,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How many commands the ledger has.
    pub commands: usize,
    /// How many rollouts were started.
    pub rollouts: usize,
    /// All counters, in a few lines.
    pub summary: String,
    /// Each broken promise with all that is known of it.
    pub offences: Vec<String>,
    /// Where logs, journals and the database lie, if promises were broken.
    pub kept: Option<PathBuf>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.offences.iter().try_for_each(|offence| write!(f, "{offence}"))?;
        if let Some(kept) = &self.kept {
            writeln!(f, "logs, journals and the database are in {}", kept.display())?;
        }
        f.write_str(&self.summary)
    }
}

/// Runs all of it. `progress` gets a line from time to time.
pub async fn run(plan: &Plan, progress: impl Fn(String)) -> Verdict {
    // Kept, also when this panics: what is in there tells why.
    let directory = data_parent().keep();
    progress(format!("{plan:?} in {}", directory.display()));
    let mut cast = Cast::start(&directory, plan).await;
    let traffic = Traffic::start(plan, &cast.operators);
    let publisher = cast.publisher();
    let rollouts = Rollouts::start(plan, &cast.operators, publisher);
    kill(plan, &mut cast, &traffic, &progress).await;

    cast.bring_up();
    let mut evidence = Evidence { absent: cast.wait_for_agents().await, ..Evidence::default() };
    progress("everyone is up again; waiting for the last answers".to_owned());
    evidence.told = tended(&mut cast, traffic.finish()).await;
    progress(format!("{} commands were queued; waiting for their ends", evidence.told.commands.len()));
    evidence.rollouts = tended(&mut cast, rollouts.finish()).await;
    progress(format!("{} rollouts were started, and have ended", evidence.rollouts.rollouts.len()));
    ledger::settle(&mut cast, plan.agents).await;
    evidence.ghosts = cast.end_agents(GHOST).await;
    evidence.ledger = ledger::read(&cast.operators, plan.agents).await;
    for Trace { device, state_dir, deeds, looks, targets } in cast.traces() {
        evidence.journals.insert(device.clone(), journal(&state_dir.join("commands.journal")));
        evidence.deeds.extend(deeds::read(&deeds));
        evidence.looks.insert(device.clone(), looks::read(&looks));
        let found = targets.map(|target| Found::at(&target).expect("a target can be read"));
        evidence.found.insert(device, found);
    }
    let (counters, offences) = verdict::judge(&evidence);
    let mut summary = format!("{}\nkills: {}\n{counters}", evidence.counts(), cast.kills);
    if !cast.falls().is_empty() {
        summary = format!("{summary}\nended by themselves: {:?}", cast.falls());
    }
    if !cast.operators.faults().is_empty() {
        summary = format!("{summary}\nanswers that were asked for again: {:?}", cast.operators.faults());
    }
    drop(cast);
    let kept = (!offences.is_empty()).then(|| directory.clone());
    if kept.is_none() {
        // What can't be removed is in nobody's way.
        let _ = std::fs::remove_dir_all(&directory);
    }
    let (commands, rollouts) = (evidence.ledger.commands.len(), evidence.rollouts.rollouts.len());
    Verdict { commands, rollouts, summary, offences, kept }
}

/// Strikes by the schedule until the time is over.
async fn kill(plan: &Plan, cast: &mut Cast, traffic: &Traffic, progress: &impl Fn(String)) {
    if !cast.has_disk() {
        progress("this user may mount nothing in a namespace of its own, so no disk is filled".to_owned());
    }
    let schedule = Schedule::new(plan.seed, plan.agents, plan.transport == Transport::Redis, cast.has_disk());
    let (start, end) = (Instant::now(), Instant::now() + plan.time);
    let (mut tend, mut tell) = (interval(TEND), interval(PROGRESS));
    let mut next = start;
    for step in schedule {
        next += step.pause;
        if next >= end {
            break;
        }
        loop {
            tokio::select! {
                biased;
                () = sleep_until(next) => break,
                _ = tell.tick() => {
                    let (seconds, queued) = (start.elapsed().as_secs(), traffic.answered());
                    progress(format!("{seconds:>4} s: {queued} commands queued; killed {}", cast.kills));
                }
                _ = tend.tick() => cast.tend(),
            }
        }
        cast.strike(step.blow, step.away);
    }
}

/// Waits for operators, and looks after everyone meanwhile.
async fn tended<T>(cast: &mut Cast, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let mut tend = interval(TEND);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = tend.tick() => cast.tend(),
        }
    }
}

/// The records of a journal that is whole.
fn journal(path: &Path) -> Result<Vec<Record>, String> {
    let (_, found) = Journal::open(path).map_err(|error| format!("its journal can't be read: {error}"))?;
    match (found.damaged, found.set_aside) {
        (0, None) => Ok(found.records),
        damage => Err(format!("its journal is damaged: {damage:?}")),
    }
}
