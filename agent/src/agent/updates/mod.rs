//! Releases, as the loop of the agent sees them: what the server wants goes to a thread that puts it in place, and what that thread
//! asks and says goes up.
//!
//! The thread owns the [`Updater`] and may block for as long as disks and programs do. It gets what it needs over a channel that
//! never blocks the loop, and answers over one that the loop reads like any other event.

mod gate;
mod words;
mod worker;

use std::{collections::BTreeMap, io, sync::mpsc as blocking, thread};

use homepot::{model::DeviceId, pb::device::v1 as pb};
use homepot_release::{Digest, manifest::Limits, verify};
use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};

use self::worker::Worker;
use crate::{
    config::Config,
    hold::Holds,
    platform,
    protocol::fetch::Fetcher,
    state::StateDir,
    update::{
        Targets,
        own::{self, Own},
    },
};

/// What the thread may say before the loop has read it.
const CHANNEL: usize = 16;

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
                labels: config.labels.clone(),
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
