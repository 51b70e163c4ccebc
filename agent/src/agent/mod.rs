//! The loop of a running agent: one task owns the samples and the commands, and handles the events of the connection.
//!
//! What it does with commands is in `agent/orders.rs`.

mod orders;
mod updates;

use std::{collections::VecDeque, time::Duration};

use chrono::SecondsFormat;
use homepot::{
    model::{CommandId, CommandState, DeviceSource, Sample},
    pb::device::v1::FetchArtifactRequest,
};
use tokio::{
    select,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::updates::{Fetched, Said, Updates};
use crate::{
    RunError, VERSION,
    collector::Collector,
    commands::{Book, Rules, Verdict, builtin::CAPABILITIES},
    config::Config,
    enrollment, milliseconds, platform,
    protocol::{
        Event, Introduction, Outgoing, Terms,
        clock::ServerClock,
        connection, endpoint,
        fetch::Fetcher,
        reconnect::End,
        spool::{self, Spool},
        uplink::Uplink,
    },
    state::{Keeper, Settings, StateDir, StateError},
    status::{self, Phase, SpoolStatus, Status},
};

/// Until the server says otherwise.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// The processor's use is known this long after the start.
const FIRST_SAMPLE: Duration = Duration::from_millis(500);
/// A disk that takes nothing is tried again after this.
const DISK_RETRY: Duration = Duration::from_secs(10);
/// The connection says goodbye within this, or not at all.
const SHUTDOWN: Duration = Duration::from_millis(1_500);

/// Why an agent ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// It has replaced itself, put back the one before, or proved itself: the launcher is to start what is there now.
    Replaced,
}

/// Runs the agent until `stop`, and shows how it stands in `status`.
pub async fn run(config: Config, stop: CancellationToken, status: watch::Sender<Status>) -> Result<Ended, RunError> {
    if let Some(launched) = &config.launched {
        launched.follow();
    }
    let Some(keeper) = open_state(&config, &stop, &status).await? else { return Ok(Ended::Stopped) };
    let state = keeper.state().clone();
    let writer = tokio::spawn(status::keep(state.clone(), status.subscribe()));
    status.send_replace(Status::starting(&config.server.to_string()));
    let ended = enrol_and_work(config, keeper, &stop, &status).await;
    writer.abort();
    status.send_modify(|status| {
        status.phase = Phase::Stopped;
        if let Err(error) = &ended {
            status.last_error = Some(error.to_string());
            status.last_error_at = Some(platform::wall_clock());
        }
    });
    if let Err(error) = state.write_status(&status.borrow()) {
        tracing::warn!(%error, "can't write the status");
    }
    ended
}

/// Opens the state directory. A disk that takes nothing is waited for: without the files on it there is no device to measure
/// for. `None`: asked to end before it came back.
async fn open_state(
    config: &Config,
    stop: &CancellationToken,
    status: &watch::Sender<Status>,
) -> Result<Option<Keeper>, RunError> {
    loop {
        let opened = StateDir::open(&config.state_dir).and_then(|state| {
            let lock = state.lock()?;
            Ok(Keeper::new(state, lock))
        });
        match opened {
            Err(error) if error.is_of_the_disk() => {
                if !wait_for_the_disk(&error, stop, status).await {
                    return Ok(None);
                }
            }
            opened => return Ok(Some(opened?)),
        }
    }
}

/// Says what is wrong, and waits before the next attempt; `false`: asked to end.
async fn wait_for_the_disk(error: &StateError, stop: &CancellationToken, status: &watch::Sender<Status>) -> bool {
    tracing::error!(%error, retry_in_ms = milliseconds(DISK_RETRY), "the disk does not take what the agent has to keep; it is tried again");
    status.send_modify(|status| {
        status.phase = Phase::Waiting;
        status.last_error = Some(error.to_string());
        status.last_error_at = Some(platform::wall_clock());
    });
    select! {
        () = sleep_until(Instant::now() + DISK_RETRY) => true,
        () = stop.cancelled() => false,
    }
}

async fn enrol_and_work(
    config: Config,
    mut keeper: Keeper,
    stop: &CancellationToken,
    status: &watch::Sender<Status>,
) -> Result<Ended, RunError> {
    let config_error = |fault: String| RunError::Config(vec![fault]);
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|error| config_error(format!("ca_file: can't read {}: {error}", path.display())))
    };
    let ca = config.ca_file.as_ref().map(read).transpose()?;
    let endpoint = endpoint::endpoint(&config.server, ca.as_deref())
        .map_err(|error| config_error(format!("server: can't set up the way to {}: {error}", config.server)))?;

    let state = keeper.state().clone();
    let credentials = loop {
        match enrollment::credentials(&config, &state, &endpoint, status, stop).await {
            Err(RunError::State(error)) if error.is_of_the_disk() => {
                if !wait_for_the_disk(&error, stop, status).await {
                    return Ok(Ended::Stopped);
                }
            }
            answer => match answer? {
                Some(credentials) => break credentials,
                None => return Ok(Ended::Stopped),
            },
        }
    };
    keeper.copy();
    let boot_id = platform::boot_id();
    let spool = spool::Options {
        directory: Some(state.file("spool")),
        max_bytes: config.spool_max_bytes,
        max_age: config.spool_max_age,
    };
    let mut spool = Spool::open(spool);
    spool.set_boot(&boot_id);
    let book = Book::open(&state.file("commands.journal"), &orders::now(&boot_id)).map_err(RunError::Journal)?;
    let settings = match state.settings() {
        Err(error) if error.is_of_the_disk() => {
            tracing::warn!(%error, "what SET_INTERVAL set can't be read; the server's interval counts");
            Settings::default()
        }
        settings => settings?,
    };
    let introduction = Introduction {
        agent_version: VERSION.to_owned(),
        boot_id: boot_id.clone(),
        capabilities: CAPABILITIES.iter().map(|&name| name.to_owned()).collect(),
        source: DeviceSource::Real,
        journal_id: book.journal_id().to_owned(),
        takes_releases: updates::are_taken(&config),
    };
    let updates = updates::Updates::start(&config, &credentials.device_id, &state, &boot_id)
        .map_err(|error| config_error(format!("update_root_file: {error}")))?;
    let (ticket, newest_ticket) = watch::channel(None);
    let agent = Agent {
        updates,
        fetcher: Some(Fetcher::new(endpoint.clone(), credentials.clone(), newest_ticket)),
        fetching: None,
        fetch_next: None,
        book,
        settings,
        collector: Collector::new(state.clone(), &boot_id, config.host_root.clone()),
        uplink: Uplink::new(spool),
        rules: config.rules,
        state,
        keeper,
        status: status.clone(),
        server_interval: SAMPLE_INTERVAL,
        outgoing: None,
        messages: VecDeque::new(),
        running: None,
        started: Instant::now(),
        last_sample: None,
        boot_id,
        clock: None,
        journal_is_another: false,
        is_replaced: false,
    };
    tracing::info!(device_id = %credentials.device_id, server = %config.server, version = VERSION, "agent started");
    if let Some(launched) = &config.launched {
        launched.is_up();
    }
    let leave = stop.child_token();
    let events = connection::spawn(endpoint, credentials, introduction, ticket, leave.clone());
    agent.work(events, &leave).await;
    Ok(if leave.is_cancelled() && !stop.is_cancelled() { Ended::Replaced } else { Ended::Stopped })
}

struct Agent {
    book: Book,
    settings: Settings,
    collector: Collector,
    uplink: Uplink,
    rules: Rules,
    state: StateDir,
    keeper: Keeper,
    status: watch::Sender<Status>,
    server_interval: Duration,
    /// There while a session is.
    outgoing: Option<mpsc::Sender<Outgoing>>,
    /// What is to be said of commands in this session, before any sample.
    messages: VecDeque<Outgoing>,
    /// Puts releases in place; `None`: the configuration names no target.
    updates: Option<Updates>,
    /// There while nothing is being fetched.
    fetcher: Option<Fetcher>,
    /// The one part of a file that is being fetched.
    fetching: Option<JoinHandle<Fetched>>,
    /// The part that is wanted next: another release came while a part of the one before was on its way.
    fetch_next: Option<FetchArtifactRequest>,
    /// The one command that runs. The others wait their turn.
    running: Option<(CommandId, JoinHandle<Verdict>)>,
    started: Instant,
    last_sample: Option<Instant>,
    boot_id: String,
    /// The server's, as the latest session told it.
    clock: Option<ServerClock>,
    /// The agent has replaced itself: it ends once no command runs.
    is_replaced: bool,
    /// This session began with a journal that turned out to have lost records: nothing it hands over may be believed new.
    journal_is_another: bool,
}

impl Agent {
    /// Never waits for anything but the next of its events, so that the connection can always hand one over. The
    /// journal is the exception: it is written in place, for nothing may overtake it.
    async fn work(mut self, mut events: mpsc::Receiver<Event>, stop: &CancellationToken) {
        let mut deadline: Option<Instant> = None;
        loop {
            if deadline.is_none() && !self.is_replaced {
                self.start_next();
            }
            if self.is_replaced && self.running.is_none() {
                stop.cancel();
            }
            self.publish();
            let has_outgoing =
                self.outgoing.is_some() && (!self.messages.is_empty() || self.uplink.ready(Instant::now()));
            let (next_sample, due) = (self.next_sample(), self.uplink.due());
            select! {
                event = events.recv() => match event {
                    Some(event) => self.on_event(event),
                    None => break,
                },
                permit = room(self.outgoing.clone()), if has_outgoing => self.send(permit),
                (id, verdict) = ended(&mut self.running) => self.on_end(id, verdict),
                said = updates::said(&mut self.updates) => self.on_said(said),
                fetched = updates::fetched(&mut self.fetching) => self.on_fetched(fetched),
                () = sleep_until(next_sample), if deadline.is_none() => self.sample(),
                () = sleep_until(due.unwrap_or(next_sample)), if due.is_some_and(|_| !has_outgoing) => {
                    self.uplink.sync(Instant::now());
                }
                () = stop.cancelled(), if deadline.is_none() => deadline = Some(Instant::now() + SHUTDOWN),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
            }
        }
        self.uplink.close(Instant::now());
        if let Some((id, _)) = &self.running {
            tracing::warn!(command_id = %id, "a command still runs; the next run of the agent can't say how it ended");
        }
        tracing::info!("agent stopped");
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connecting => self.status.send_modify(|status| status.phase = Phase::Connecting),
            Event::Attached { terms, outgoing } => self.on_attached(&terms, outgoing),
            Event::SamplesAcknowledged { first_seq, last_seq, refused } => {
                self.uplink.acknowledged(first_seq, last_seq, Instant::now());
                for (index, field, reason) in refused {
                    tracing::warn!(first_seq, last_seq, index, field, reason, "the server refused a sample");
                }
            }
            Event::JournalCheck(ids) => self.on_journal_check(&ids),
            Event::Command(_) | Event::Cancellation { .. } | Event::UnreadableCommand { .. }
                if self.journal_is_another => {}
            Event::Command(delivery) => self.on_delivery(delivery),
            Event::Cancellation { command_id, reason } => self.on_cancellation(command_id, &reason),
            Event::UnreadableCommand { command_id, reason } => self.on_unreadable(command_id, reason),
            Event::OutcomeAcknowledged { command_id, refusal } => {
                if !refusal.is_empty() {
                    tracing::warn!(%command_id, refusal, "the server refused an outcome for good");
                }
                self.book.forget(command_id);
            }
            Event::DesiredRelease(desired) => {
                tracing::info!(generation = desired.generation, action = ?desired.action(), "the server says what to have");
                if let Some(updates) = &self.updates {
                    updates.desired(desired);
                }
            }
            Event::UpdateReportAcknowledged(ack) => {
                if let Some(updates) = &self.updates {
                    updates.acknowledged(ack);
                }
            }
            Event::Refused { message, field, reason } => {
                tracing::warn!(message_kind = message, field, reason, "the server refused a message");
            }
            Event::Detached { end, retry_in } => self.on_detached(&end, retry_in),
        }
    }

    fn on_attached(&mut self, terms: &Terms, outgoing: mpsc::Sender<Outgoing>) {
        tracing::info!(
            session_epoch = terms.session_epoch,
            sample_interval_ms = milliseconds(terms.sample_interval),
            heartbeat_interval_ms = milliseconds(terms.heartbeat_interval),
            "attached"
        );
        self.outgoing = Some(outgoing);
        self.server_interval = terms.sample_interval;
        self.uplink.attached(terms, Instant::now());
        self.clock = terms.clock;
        self.journal_is_another = false;
        self.say_how_commands_stand();
        if let Some(updates) = &self.updates {
            updates.attached();
        }
        self.status.send_modify(|status| {
            status.phase = Phase::Attached;
            status.session_epoch = Some(terms.session_epoch);
            status.last_attached_at = Some(platform::wall_clock());
            status.retry_at = None;
        });
    }

    fn on_detached(&mut self, end: &End, retry_in: Duration) {
        self.outgoing = None;
        self.messages.clear();
        self.uplink.detached();
        let (reason, retry_in_ms) = (end.describe(), milliseconds(retry_in));
        if end.needs_a_person() {
            tracing::error!(reason, retry_in_ms, "detached; someone has to look at this");
        } else {
            tracing::warn!(reason, retry_in_ms, "detached");
        }
        self.status.send_modify(|status| status.failed(end, retry_in));
    }

    /// The thread of updates says something; `None`: it has ended, and has said why.
    fn on_said(&mut self, said: Option<Said>) {
        match said {
            Some(Said::Report(report)) if self.outgoing.is_some() => self.messages.push_back(Outgoing::Update(report)),
            // The next session is told anew.
            Some(Said::Report(_)) => {}
            Some(Said::Fetch(request)) => {
                self.fetch_next = Some(request);
                self.fetch();
            }
            Some(Said::Replaced) => {
                tracing::info!("the agent ends, and its launcher starts what a release has put in its place");
                self.is_replaced = true;
            }
            // Its connection goes with the last part.
            Some(Said::Fetched) => {
                if let Some(fetcher) = &mut self.fetcher {
                    fetcher.rest();
                }
            }
            None => self.updates = None,
        }
    }

    /// Fetches the part that is wanted, unless another one is on its way.
    fn fetch(&mut self) {
        if self.fetch_next.is_some()
            && let Some(fetcher) = self.fetcher.take()
        {
            self.fetching = self.fetch_next.take().map(|request| tokio::spawn(updates::fetch(fetcher, request)));
        }
    }

    fn on_fetched(&mut self, Fetched { fetcher, request, part }: Fetched) {
        self.fetcher = Some(fetcher);
        self.fetch();
        if let Some(updates) = &self.updates {
            updates.fetched(&request, part);
        }
    }

    fn interval(&self) -> Duration {
        self.settings.interval().unwrap_or(self.server_interval)
    }

    fn next_sample(&self) -> Instant {
        match self.last_sample {
            Some(last) => last + self.interval(),
            None => self.started + FIRST_SAMPLE,
        }
    }

    fn sample(&mut self) {
        self.last_sample = Some(Instant::now());
        self.keeper.put_back();
        self.book.put_back();
        let sample = self.collector.collect(self.uplink.round_trip());
        self.uplink.push(&sample, platform::since_boot(), Instant::now());
        // After it is kept: what the log tells is never lost.
        log(&sample);
    }

    fn send(&mut self, permit: Option<mpsc::OwnedPermit<Outgoing>>) {
        let Some(permit) = permit else {
            // The session is over; the connection is about to say so.
            self.outgoing = None;
            return;
        };
        let message = self.messages.pop_front();
        if let Some(message) = message.or_else(|| self.uplink.next(Instant::now(), today())) {
            permit.send(message);
        }
    }

    fn publish(&mut self) {
        let interval = milliseconds(self.interval());
        let (spool, outcomes) = (SpoolStatus::of(self.uplink.spool()), self.book.pending_outcomes());
        self.status.send_if_modified(|status| {
            let changed =
                (status.sample_interval_ms, status.pending_outcomes) != (interval, outcomes) || status.spool != spool;
            status.sample_interval_ms = interval;
            status.pending_outcomes = outcomes;
            status.spool = spool;
            changed
        });
    }
}

fn today() -> spool::Now {
    spool::Now { wall: platform::wall_clock(), since_boot: platform::since_boot() }
}

/// Room for one message; `None`: the session is over.
async fn room(outgoing: Option<mpsc::Sender<Outgoing>>) -> Option<mpsc::OwnedPermit<Outgoing>> {
    outgoing?.reserve_owned().await.ok()
}

/// The end of the running command; never, where none runs.
async fn ended(running: &mut Option<(CommandId, JoinHandle<Verdict>)>) -> (CommandId, Verdict) {
    let Some((id, task)) = running else { return std::future::pending().await };
    let (id, verdict) = (*id, task.await);
    *running = None;
    let fault = |error| Verdict::without_success(CommandState::Unknown, format!("the agent lost sight of it: {error}"));
    (id, verdict.unwrap_or_else(fault))
}

macro_rules! log {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        /// Every value as it is sent, so that what the server stored can be held against it.
        fn log(sample: &Sample) {
            let temperatures: Vec<_> = sample.temperatures.iter().map(|t| (t.sensor.as_str(), t.celsius)).collect();
            tracing::debug!(
                target: "homepot_agent::sample",
                collected_at = sample.collected_at.to_rfc3339_opts(SecondsFormat::Micros, true),
                $($name = sample.$name,)*
                collection_interval_ms = sample.collection_interval_ms,
                temperatures = ?temperatures,
                "sample"
            );
        }
    };
}
homepot::metric_table!(log);
