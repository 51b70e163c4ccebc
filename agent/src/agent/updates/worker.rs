//! The thread that owns the [`Updater`].

use std::{
    sync::mpsc as blocking,
    time::{Duration, Instant as Moment},
};

use homepot::pb::device::v1 as pb;
use homepot_release::{Refused, TrustedRoot, verify};
use tokio::{runtime::Handle, sync::mpsc};

use super::{
    Order, Said,
    gate::Gate,
    words::{state_of, told},
};
use crate::{
    hold::Holds,
    platform,
    protocol::values,
    state::{StateDir, StateError},
    update::{Action, Event, Offer, Programs, RealDisk, State, Targets, Timing, Updater},
};

/// The newest trusted root, in the state directory.
const ROOT: &str = "trust-root";
/// Where the updater keeps its own files, in the state directory.
const DIRECTORY: &str = "updates";
/// How often somebody looks whether a target was changed.
const LOOK: Duration = Duration::from_secs(60);
/// While a release is fetched it is told no more often how far that is.
const FETCH_REPORT: Duration = Duration::from_secs(5);
/// A disk that takes nothing is tried again after this.
const RETRY: Duration = Duration::from_secs(10);

/// The thread.
pub(super) struct Worker {
    pub(super) targets: Targets,
    pub(super) timing: Timing,
    pub(super) device: verify::Device,
    pub(super) configured_root: Vec<u8>,
    pub(super) state: StateDir,
    pub(super) boot_id: String,
    pub(super) holds: Holds,
    pub(super) runtime: Handle,
    pub(super) orders: blocking::Receiver<Order>,
    pub(super) said: mpsc::Sender<Said>,
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
    pub(super) fn run(mut self) {
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
