//! Releases, as the loop of the agent sees them: what the server wants goes to a thread that puts it in place, and what that thread
//! asks and says goes up.
//!
//! The thread owns the [`Updater`] and may block for as long as disks and programs do. It gets what it needs over a channel that
//! never blocks the loop, and answers over one that the loop reads like any other event.

use std::{
    collections::BTreeMap,
    io,
    sync::mpsc as blocking,
    thread,
    time::{Duration, Instant as Moment},
};

use homepot::{
    model::DeviceId,
    pb::{device::v1 as pb, rollout::v1 as rollout_pb},
};
use homepot_release::{Digest, Refused, TrustedRoot, manifest::Limits, verify};
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};

use super::gate::Gate;
use crate::{
    config::Config,
    hold::Holds,
    platform,
    protocol::{fetch::Fetcher, values},
    state::{StateDir, StateError},
    update::{
        Action, Event, Offer, Programs, RealDisk, Report, State, TargetReport, Targets, Timing, Updater,
        own::{self, Own},
    },
};

/// The newest trusted root, in the state directory.
const ROOT: &str = "trust-root";
/// Where the updater keeps its own files, in the state directory.
const DIRECTORY: &str = "updates";
/// What the thread may say before the loop has read it.
const CHANNEL: usize = 16;
/// How often somebody looks whether a target was changed.
const LOOK: Duration = Duration::from_secs(60);
/// While a release is fetched it is told no more often how far that is.
const FETCH_REPORT: Duration = Duration::from_secs(5);
/// A disk that takes nothing is tried again after this.
const RETRY: Duration = Duration::from_secs(10);

/// What the thread says.
#[derive(Debug)]
pub(super) enum Said {
    /// How far the device is, and what it has.
    Report(pb::UpdateReport),
    /// A part of a file is to be fetched.
    Fetch(pb::FetchArtifactRequest),
    /// Nothing is to be fetched any more.
    Fetched,
    /// The agent has replaced itself: this process is to end.
    Replaced,
}

/// What the thread is told.
enum Order {
    /// The release that the device should have.
    Desired(Box<pb::DesiredRelease>),
    /// A report is durable, and what the device is to do by now.
    Acknowledged(pb::UpdateReportAck),
    /// A session began: the server may not have what was said before.
    Attached,
    /// A part came, or did not.
    Fetched { digest: Digest, offset: u64, part: Result<Vec<u8>, (String, bool)> },
}

/// A part of a file that came, or did not; with the fetcher, which has nothing else to do.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) fetcher: Fetcher,
    pub(super) request: pb::FetchArtifactRequest,
    pub(super) part: Result<Vec<u8>, (String, bool)>,
}

/// Fetches a part.
pub(super) async fn fetch(mut fetcher: Fetcher, request: pb::FetchArtifactRequest) -> Fetched {
    let part = fetcher.fetch(request.clone()).await;
    Fetched { fetcher, request, part }
}

/// The end of the fetch that is under way; never, where none is.
pub(super) async fn fetched(fetching: &mut Option<JoinHandle<Fetched>>) -> Fetched {
    let Some(task) = fetching else { return std::future::pending().await };
    let fetched = task.await;
    *fetching = None;
    match fetched {
        Ok(fetched) => fetched,
        // It neither panics nor is it cancelled.
        Err(_) => std::future::pending().await,
    }
}

/// What the thread says next; never, where there is none.
pub(super) async fn said(updates: &mut Option<Updates>) -> Option<Said> {
    match updates {
        Some(updates) => updates.said.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether releases are taken: there is a place for them, and somebody who signs.
pub(super) fn are_taken(config: &Config) -> bool {
    (!config.targets.targets.is_empty() || may_replace_itself(config)) && config.update_root_file.is_some()
}

/// Whether the agent itself is a target: its configuration says so, and there is somebody who starts the new one.
fn may_replace_itself(config: &Config) -> bool {
    config.update_self && config.launched.is_some()
}

/// The targets of the configuration, with the agent itself where that may be replaced.
fn targets(config: &Config, state: &StateDir) -> Targets {
    let mut targets = config.targets.clone();
    if config.update_self && config.launched.is_none() {
        tracing::warn!("update_self needs the launcher; start the agent by `homepot-agent launch`");
    }
    if may_replace_itself(config) {
        let directory = state.file(own::DIRECTORY);
        // The way to a target must not go through links.
        match platform::make_private_dir(&directory).and_then(|()| directory.canonicalize()) {
            Ok(directory) => {
                targets.own = Some(Own::of_this_process(&directory));
                targets.targets.insert(own::AGENT.to_owned(), own::target(directory));
            }
            Err(error) => {
                tracing::error!(%error, "there is no place for a new agent; none is taken until the next start")
            }
        }
    }
    targets
}

/// The thread, from the outside.
#[derive(Debug)]
pub(super) struct Updates {
    orders: blocking::Sender<Order>,
    said: mpsc::Receiver<Said>,
}

impl Updates {
    /// Starts the thread; `None`: the configuration names no target.
    pub(super) fn start(
        config: &Config,
        device_id: &DeviceId,
        state: &StateDir,
        boot_id: &str,
    ) -> io::Result<Option<Self>> {
        let Some(root) = config.update_root_file.as_ref().filter(|_| are_taken(config)) else { return Ok(None) };
        let (orders, taken) = blocking::channel();
        let (sender, said) = mpsc::channel(CHANNEL);
        let site = state.identity(None).ok().flatten().and_then(|identity| identity.site_id);
        let holds = Holds::new(config.hold_directory.clone(), boot_id.to_owned());
        if config.hold_directory.starts_with(&config.state_dir) {
            holds.make_directory()?;
        }
        let worker = Worker {
            targets: targets(config, state),
            timing: config.timing,
            device: verify::Device {
                id: device_id.to_string(),
                site: site.map(String::from).unwrap_or_default(),
                device_type: config.device_type.to_string(),
                labels: BTreeMap::new(),
                known: BTreeMap::new(),
                limits: Limits::default(),
            },
            configured_root: std::fs::read(root)
                .map_err(|error| io::Error::new(error.kind(), format!("can't read {}: {error}", root.display())))?,
            state: state.clone(),
            boot_id: boot_id.to_owned(),
            holds,
            runtime: Handle::current(),
            orders: taken,
            said: sender,
        };
        thread::Builder::new().name("updates".to_owned()).spawn(move || worker.run())?;
        Ok(Some(Self { orders, said }))
    }

    /// The server says what the device should have.
    pub(super) fn desired(&self, desired: pb::DesiredRelease) {
        self.tell(Order::Desired(Box::new(desired)));
    }

    /// The server has a report.
    pub(super) fn acknowledged(&self, ack: pb::UpdateReportAck) {
        self.tell(Order::Acknowledged(ack));
    }

    /// A session began.
    pub(super) fn attached(&self) {
        self.tell(Order::Attached);
    }

    /// A part of a file came; an error says why not, and whether it never will.
    pub(super) fn fetched(&self, request: &pb::FetchArtifactRequest, part: Result<Vec<u8>, (String, bool)>) {
        if let Some(digest) = Digest::parse(&request.sha256) {
            self.tell(Order::Fetched { digest, offset: request.offset.into(), part });
        }
    }

    fn tell(&self, order: Order) {
        // A thread that has ended has said why.
        let _ = self.orders.send(order);
    }
}

pub(super) struct Worker {
    targets: Targets,
    timing: Timing,
    device: verify::Device,
    configured_root: Vec<u8>,
    state: StateDir,
    boot_id: String,
    pub(super) holds: Holds,
    runtime: Handle,
    orders: blocking::Receiver<Order>,
    said: mpsc::Sender<Said>,
}

/// What the thread keeps between two orders.
pub(super) struct Work {
    pub(super) updater: Updater<RealDisk, Programs>,
    root: TrustedRoot,
    /// Opens transfers, by the newest order of the server.
    ticket: String,
    /// The last report, and when it was sent.
    pub(super) told: Option<(pb::UpdateReport, Moment)>,
    /// A report while files are fetched that waits for its time.
    is_due: bool,
    /// A part was asked for since the files were last complete.
    fetches: bool,
    /// What keeps a complete release waiting.
    pub(super) gate: Gate,
}

/// The loop has gone.
pub(super) struct Gone;

impl Worker {
    fn run(mut self) {
        let root = match self.root() {
            Ok(root) => root,
            Err(reason) => {
                tracing::error!(reason, "releases are not taken: the trust root is no good");
                return;
            }
        };
        let Some(updater) = self.open() else { return };
        let mut work = Work {
            updater,
            root,
            ticket: String::new(),
            told: None,
            is_due: false,
            fetches: false,
            gate: Gate::default(),
        };
        tracing::info!(targets = self.targets.targets.len(), root = work.root.root().version, "releases are taken");
        let _ = self.work(&mut work);
    }

    /// The newest root that follows from the configured one, as far as is known.
    fn root(&self) -> Result<TrustedRoot, String> {
        let configured = TrustedRoot::first(&self.configured_root).map_err(|refused| refused.to_string())?;
        let kept = match self.state.read(ROOT) {
            Ok(kept) => kept,
            Err(error) => return Err(error.to_string()),
        };
        // It was checked before it was kept, in a directory that is this agent's alone.
        let kept = kept.and_then(|bytes| TrustedRoot::first(&bytes).ok());
        Ok(match kept {
            Some(kept) if kept.root().version > configured.root().version => kept,
            _ => configured,
        })
    }

    /// Opens the updater, which brings back or goes on with what was cut short; a disk that takes nothing is waited for.
    fn open(&self) -> Option<Updater<RealDisk, Programs>> {
        loop {
            let opened = RealDisk::new(&self.state.file(DIRECTORY)).and_then(|disk| {
                let runner = Programs::new(self.runtime.clone());
                Updater::open(disk, runner, self.targets.clone(), self.timing, &self.boot_id, platform::since_boot())
            });
            match opened {
                Ok(updater) => return Some(updater),
                Err(error) => tracing::error!(%error, "the journal of updates can't be read; it is tried again"),
            }
            match self.orders.recv_timeout(RETRY) {
                Err(blocking::RecvTimeoutError::Disconnected) => return None,
                // Whatever the server wants is said again in the next session.
                Ok(_) | Err(blocking::RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn work(&mut self, work: &mut Work) -> Result<(), Gone> {
        let mut looked = Moment::now();
        self.resume_applying(work);
        self.act(work, Event::Tick)?;
        loop {
            let wake = work.updater.wake_after(platform::since_boot()).unwrap_or(LOOK);
            let report = if work.is_due { FETCH_REPORT } else { LOOK };
            let wait = wake.min(report).min(LOOK.saturating_sub(looked.elapsed())).min(work.gate.wake_after());
            match self.orders.recv_timeout(wait) {
                Ok(order) => self.take(work, order)?,
                Err(blocking::RecvTimeoutError::Timeout) => self.act(work, Event::Tick)?,
                Err(blocking::RecvTimeoutError::Disconnected) => return Err(Gone),
            }
            self.tend(work)?;
            if work.is_due {
                self.report(work)?;
            }
            if looked.elapsed() >= LOOK {
                looked = Moment::now();
                self.look(work)?;
            }
        }
    }

    fn take(&mut self, work: &mut Work, order: Order) -> Result<(), Gone> {
        match order {
            Order::Desired(desired) => {
                let generation = desired.generation;
                match desired.action() {
                    pb::UpdateAction::Cancel => self.act(work, Event::Cancel { generation }),
                    pb::UpdateAction::Install => {
                        work.ticket.clone_from(&desired.transfer_ticket);
                        if work.updater.state() == Some(State::Waiting) {
                            // Said again, it is to ask again.
                            work.told = None;
                        }
                        let event = match self.verify(work, &desired) {
                            Ok(offer) => Event::Offer(Box::new(offer)),
                            Err(reason) => Event::Refuse { generation, reason },
                        };
                        self.act(work, event)
                    }
                    pb::UpdateAction::Wait | pb::UpdateAction::Unspecified => Ok(()),
                }
            }
            Order::Acknowledged(ack) => {
                let generation = ack.generation;
                match (state_of(ack.state()), work.updater.state()) {
                    (Some(State::Waiting), Some(State::Waiting)) => self.answered(work, &ack),
                    (Some(state), _) => self.act(work, Event::Acknowledge { generation, state }),
                    (None, _) => Ok(()),
                }
            }
            Order::Attached => {
                work.told = None;
                self.act(work, Event::Attached)?;
                self.report(work)
            }
            Order::Fetched { digest, offset, part } => {
                let event = match part {
                    Ok(bytes) => Event::Chunk { digest, offset, bytes },
                    Err((reason, is_final)) => Event::ChunkFailed { digest, reason, is_final },
                };
                self.act(work, event)
            }
        }
    }

    /// Follows the roots as far as they follow one another, and checks the release.
    fn verify(&mut self, work: &mut Work, desired: &pb::DesiredRelease) -> Result<Offer, String> {
        for root in &desired.signed_roots {
            // Those that it has already, and whatever does not follow, change nothing.
            let Ok(next) = work.root.next(root) else { continue };
            if let Err(error) = self.keep_root(&next) {
                return Err(format!("a new trust root can't be kept: {error}"));
            }
            tracing::info!(version = next.root().version, "trust root replaced by the next one");
            work.root = next;
        }
        self.device.known = work.updater.known();
        let now = u64::try_from(platform::wall_clock().timestamp()).unwrap_or_default();
        let manifest = verify::verify(&work.root, &desired.signed_release, &self.device, now)
            .map_err(|refused: Refused| refused.to_string())?;
        let values = values::read(&manifest.manifest().variables, &desired.values)?;
        Ok(Offer { generation: desired.generation, manifest, values })
    }

    fn keep_root(&self, root: &TrustedRoot) -> Result<(), StateError> {
        self.state.write(ROOT, root.encode())
    }

    pub(super) fn act(&mut self, work: &mut Work, event: Event) -> Result<(), Gone> {
        for action in work.updater.handle(event, platform::since_boot()) {
            match action {
                Action::Report => self.report(work)?,
                Action::AskToApply { .. } => {
                    self.note_holds(work)?;
                    self.report(work)?;
                }
                Action::Restart => self.say(Said::Replaced)?,
                Action::Fetch { digest, offset, length } => {
                    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                    let request = pb::FetchArtifactRequest {
                        ticket: work.ticket.clone(),
                        sha256: digest.to_string(),
                        offset: small(offset),
                        length: small(length),
                    };
                    work.fetches = true;
                    self.say(Said::Fetch(request))?;
                }
            }
        }
        work.gate.let_go(work.updater.state());
        if work.fetches && work.updater.state() != Some(State::Downloading) {
            work.fetches = false;
            self.say(Said::Fetched)?;
        }
        Ok(())
    }

    /// Says how far the device is, unless that was said; how many bytes came only now and then.
    pub(super) fn report(&mut self, work: &mut Work) -> Result<(), Gone> {
        let report = told(work.updater.report(platform::since_boot()));
        work.is_due = false;
        if let Some((before, at)) = &work.told {
            if *before == report {
                return Ok(());
            }
            let only_bytes = pb::UpdateReport { fetched_bytes: before.fetched_bytes, ..report.clone() } == *before;
            if only_bytes && at.elapsed() < FETCH_REPORT {
                work.is_due = true;
                return Ok(());
            }
        }
        work.told = Some((report.clone(), Moment::now()));
        self.say(Said::Report(report))
    }

    /// Says what the device has, where somebody changed it.
    fn look(&mut self, work: &mut Work) -> Result<(), Gone> {
        for target in work.updater.look(platform::since_boot()).iter().filter(|target| target.has_drifted()) {
            tracing::warn!(target = target.name, fault = target.fault, "a target is not what its release put there");
        }
        self.report(work)
    }

    fn say(&self, said: Said) -> Result<(), Gone> {
        self.said.blocking_send(said).map_err(|_| Gone)
    }
}

fn told(report: Report) -> pb::UpdateReport {
    let Report { generation, state, reason, offset, acknowledged: _, targets } = report;
    let state = state.map_or(rollout_pb::UpdateState::Unspecified, |state| match state {
        State::Downloading => rollout_pb::UpdateState::Downloading,
        State::Waiting if reason.is_empty() => rollout_pb::UpdateState::Verified,
        State::Waiting => rollout_pb::UpdateState::Held,
        State::Applying => rollout_pb::UpdateState::Applying,
        State::Probation => rollout_pb::UpdateState::Probation,
        State::Confirmed => rollout_pb::UpdateState::Confirmed,
        State::Rejected => rollout_pb::UpdateState::Rejected,
        State::Failed => rollout_pb::UpdateState::Failed,
        State::RolledBack => rollout_pb::UpdateState::RolledBack,
        State::RollbackFailed => rollout_pb::UpdateState::RollbackFailed,
        State::Cancelled => rollout_pb::UpdateState::Cancelled,
    });
    let targets = targets.into_iter().map(|target: TargetReport| rollout_pb::DeviceTarget {
        drifted: target.has_drifted(),
        sha256: target.sha256.map(|sha256| sha256.to_string()).unwrap_or_default(),
        counter: target.counter,
        target: target.name,
    });
    let (state, targets) = (state.into(), targets.collect());
    pb::UpdateReport { generation, state, fetched_bytes: offset, targets, reason, can_wait: true }
}

/// A state of a report, as the updater has it.
fn state_of(state: rollout_pb::UpdateState) -> Option<State> {
    use rollout_pb::UpdateState as Told;
    Some(match state {
        Told::Downloading => State::Downloading,
        Told::Verified => State::Waiting,
        Told::Applying => State::Applying,
        Told::Probation => State::Probation,
        Told::Confirmed => State::Confirmed,
        Told::Rejected => State::Rejected,
        Told::Failed => State::Failed,
        Told::RolledBack => State::RolledBack,
        Told::RollbackFailed => State::RollbackFailed,
        Told::Cancelled => State::Cancelled,
        Told::Unspecified
        | Told::Waiting
        | Told::Offered
        | Told::Held
        | Told::Superseded
        | Told::Unreachable
        | Told::Skipped => return None,
    })
}
