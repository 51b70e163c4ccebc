//! One device's stream, from Hello to Goodbye. One task owns it: whatever happens to a session happens in here.

use std::{future::Future, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    Error, Kind,
    model::{CommandId, Event as CommandEvent, Hello, StateCause, to_proto_duration, to_proto_timestamp},
    pb::{
        common::v1 as common_pb,
        device::v1::{self as pb, attach_response::Message},
    },
};
use homepot_command::{Inbox, Speaker, Told, Word, outcome_word, word};
use homepot_hints::Wakeup;
use homepot_registry::Begun;
use homepot_runtime::{auth::DeviceCaller, backoff::Backoff, limits::Quota};
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::Instant};
use tonic::Streaming;
use tracing::Instrument as _;

use crate::{
    Link,
    alarm::{Alarm, WaitsFor},
    goodbye::{goodbye, history, is_contested, reason},
    handshake,
    inbound::{Received, count_refusal, next_messages, received},
    outbound::Outbound,
    placing,
    protocol::{self, Batch, Incoming, Lost, MAX_SAMPLES, MAX_UNACKNOWLEDGED},
    sessions::End,
    trace, updates,
};

/// A session whose clock is further than this from the server's ends.
const CLOCK_MOVED: TimeDelta = TimeDelta::seconds(10);
/// What news of a loss count for in a device's write quota: a few bytes make a row and a commit of their own, and come when
/// there was an outage.
const LOSS: usize = 4_096;
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(5);

/// Runs a session to its end, and sends the device the reason if it is still connected.
pub(crate) async fn run(
    link: Link,
    (caller, quota, request_id): (DeviceCaller, Option<Quota>, Box<str>),
    mut inbound: Streaming<pb::AttachRequest>,
    outbound: Outbound,
) {
    let (device, device_id, source) = (caller.pk, caller.device_id.clone(), caller.source.as_str());
    let key_id = caller.key_id.clone();
    let trace = trace::attach(&device_id, &request_id);
    let log = trace::attach_in_log(&device_id, &request_id, &trace);
    let opened = Session::open(link.clone(), caller, &mut inbound, outbound.clone()).instrument(log).instrument(trace);
    let end = match opened.await {
        Ok((mut session, closed)) => {
            session.quota = quota;
            let end = session.live(inbound, closed).await;
            session.leave(&end).await;
            end
        }
        Err(end) => end,
    };
    tracing::info!(%device_id, request_id, ?end, "session ended");
    metrics::counter!("homepot_sessions_ended_total", "reason" => reason(&end).as_str_name(), "source" => source)
        .increment(1);
    if end != End::PeerGone {
        let contested = end == End::Superseded && is_contested(&link, device, key_id).await;
        let goodbye = goodbye(&end, contested, link.come_back_after(device));
        let _ = outbound.send(Message::Goodbye(goodbye)).await;
    }
}

/// What a session wakes up for.
enum Event {
    /// Commands may wait.
    Hint,
    /// Commands were claimed as they were queued.
    Claimed,
    /// The device said something, or nothing more.
    Messages(Vec<Received>),
}

pub(crate) struct Session {
    pub(crate) link: Link,
    pub(crate) caller: DeviceCaller,
    /// What it may write; `None`: as much as it likes.
    quota: Option<Quota>,
    pub(crate) epoch: i64,
    wakeup: Wakeup,
    pub(crate) outbound: Outbound,
    pub(crate) clock: SessionClock,
    /// How far the device's clock was ahead at its Hello, where that is enough to matter.
    skew: Option<TimeDelta>,
    /// What the device was told to have; `None`: it takes no releases, and nobody asks what it should have.
    pub(crate) told: Option<Mutex<Option<updates::Told>>>,
}

/// The clock that a device is told: the database's when the session began, and from then on what has passed. A step of that
/// clock in between must not lengthen a command's time to live.
#[derive(Clone, Copy)]
pub(crate) struct SessionClock {
    began: DateTime<Utc>,
    since: Instant,
}

impl SessionClock {
    fn start(now: DateTime<Utc>) -> Self {
        Self { began: now, since: Instant::now() }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.began + self.since.elapsed()
    }

    /// What it showed at that moment, of the session or before.
    pub(crate) fn at(&self, moment: Instant) -> DateTime<Utc> {
        self.began + moment.saturating_duration_since(self.since) - self.since.saturating_duration_since(moment)
    }
}

impl Session {
    /// Waits for Hello, and for the proof where there is one to give; makes this the device's newest session, answers
    /// Welcome. Until then nothing of the device has changed: an impostor does not disturb the session it has.
    async fn open(
        link: Link,
        caller: DeviceCaller,
        inbound: &mut Streaming<pb::AttachRequest>,
        outbound: Outbound,
    ) -> Result<(Self, oneshot::Receiver<End>), End> {
        let opened = Instant::now().into_std();
        let hello = handshake::introduced(&link, &caller, inbound, &outbound).await?;
        let config = &link.inner.config;
        let (pk, heartbeat, replica) = (caller.pk, config.heartbeat_interval, config.replica.clone());
        let stream = outbound.clone();
        let is_open = move || !stream.is_closed();
        let registry = &link.inner.registry;
        let begun = registry.begin_session(&caller, hello.clone(), replica, heartbeat, opened, is_open).await;
        let epoch = match begun {
            Ok(Some(Begun::Epoch(epoch))) => epoch,
            Ok(Some(Begun::Late)) => return Err(End::Superseded),
            Ok(Some(Begun::Gone)) => return Err(End::PeerGone),
            // Its key ended while Hello was under way.
            Ok(None) => return Err(End::Revoked),
            Err(error) => {
                tracing::warn!(%error, device_id = %caller.device_id, "begin session");
                return Err(End::Internal);
            }
        };
        let closed =
            link.inner.sessions.insert(pk, caller.source, epoch, caller.credential_version, caller.key_id.clone());
        // Before the first claim, so that no hint falls between.
        let wakeup = link.inner.commands.hints().device(pk);
        let clock = SessionClock::start(link.clock().now);
        let skew = placing::skew(hello.device_time, clock.now());
        let told = hello.takes_releases.then(Mutex::default);
        let mut session = Self { link, caller, quota: None, epoch, wakeup, outbound, clock, skew, told };
        if let Err(end) = session.welcome(&hello).await {
            session.leave(&end).await;
            return Err(end);
        }
        if session.link.is_draining() {
            session.link.inner.sessions.close(pk, epoch, End::Draining);
        }
        Ok((session, closed))
    }

    async fn welcome(&mut self, hello: &Hello) -> Result<(), End> {
        let config = &self.link.inner.config;
        let now = self.clock.now();
        let pace = protocol::backlog_pace(config.backlog_budget, self.link.inner.sessions.count());
        let skew_ms = hello.device_time.map(|time| (time - now).num_milliseconds());
        tracing::info!(device_id = %self.caller.device_id, epoch = self.epoch, agent_version = hello.agent_version,
            clock_skew_ms = skew_ms, "device attached");
        let welcome = pb::Welcome {
            protocol: Hello::PROTOCOL,
            session_epoch: self.epoch.try_into().unwrap_or_default(),
            sample_interval: Some(to_proto_duration(config.sample_interval)),
            heartbeat_interval: Some(to_proto_duration(config.heartbeat_interval)),
            server_time: Some(to_proto_timestamp(now)),
            max_samples_per_message: u32::try_from(MAX_SAMPLES).unwrap_or(u32::MAX),
            max_unacknowledged_samples: MAX_UNACKNOWLEDGED,
            reconnect_ticket: std::mem::take(&mut self.caller.ticket),
            backlog_samples_per_second: pace,
            max_sample_age: Some(to_proto_duration(self.link.inner.telemetry.max_sample_age())),
            source: common_pb::DeviceSource::from(self.caller.source).into(),
        };
        self.outbound.send(Message::Welcome(welcome)).await
    }

    /// The loop that owns the stream.
    async fn live(&self, mut inbound: Streaming<pb::AttachRequest>, mut closed: oneshot::Receiver<End>) -> End {
        let config = &self.link.inner.config;
        let age = protocol::jittered(config.max_session_age, getrandom::u32().unwrap_or(u32::MAX / 2));
        let mut alarm = Alarm::new(age, protocol::silence(config.heartbeat_interval));
        // What waits already is handed over first.
        let mut event = Event::Hint;
        let commands = &self.link.inner.commands;
        let mut attached =
            Box::pin(self.until_available(|| commands.attached(&self.caller.device_id, self.caller.pk, self.epoch)));
        let checked = tokio::select! {
            biased;
            end = self.cut_short(&mut closed, &mut alarm, WaitsFor::Store) => return end,
            attached = &mut attached => match attached {
                Ok(told) => self.check_journal(&told).await,
                Err(end) => Err(end),
            },
        };
        drop(attached);
        if let Err(end) = checked {
            return end;
        }
        // From here on commands may come without a claim of this session's; those that wait come first.
        let inbox = commands.inbox(self.caller.pk, self.epoch);
        loop {
            let heard = matches!(event, Event::Messages(_));
            // Boxed, so that the many sessions that wait keep no room for what the few that work need.
            let mut work = Box::pin(self.work(event, &inbox));
            tokio::select! {
                biased;
                end = self.cut_short(&mut closed, &mut alarm, WaitsFor::Store) => return end,
                step = &mut work => if let Err(end) = step { return end },
            }
            drop(work);
            if heard {
                alarm.heard();
            }
            event = tokio::select! {
                biased;
                end = self.cut_short(&mut closed, &mut alarm, WaitsFor::Device) => return end,
                () = self.wakeup.hint() => Event::Hint,
                () = inbox.arrived() => Event::Claimed,
                messages = next_messages(&mut inbound) => Event::Messages(messages),
            };
        }
    }

    /// Before anything is handed over: a journal that is older than what it said may not know of a command that it ran.
    async fn check_journal(&self, told: &[CommandId]) -> Result<(), End> {
        if told.is_empty() {
            return Ok(());
        }
        let command_ids = told.iter().map(ToString::to_string).collect();
        self.outbound.send(Message::JournalCheck(pb::JournalCheck { command_ids })).await
    }

    /// Waits for an end that comes from outside.
    async fn cut_short(&self, closed: &mut oneshot::Receiver<End>, alarm: &mut Alarm, waits_for: WaitsFor) -> End {
        loop {
            let end = tokio::select! {
                biased;
                end = &mut *closed => return end.unwrap_or(End::Superseded),
                () = self.outbound.closed() => return End::PeerGone,
                end = alarm.goes_off(waits_for) => end,
            };
            if end != End::Silent || !self.is_slowed_down() {
                return end;
            }
            // What it says waits for its quota, so that its silence is our doing.
            alarm.heard();
            self.heard();
        }
    }

    fn is_slowed_down(&self) -> bool {
        self.quota.as_ref().is_some_and(|quota| quota.wait().is_some())
    }

    fn heard(&self) {
        self.link.inner.presence.heard(self.caller.pk, self.epoch, self.link.inner.config.heartbeat_interval);
    }

    async fn work(&self, event: Event, inbox: &Inbox) -> Result<(), End> {
        match event {
            Event::Hint => {
                self.deliver(inbox).await?;
                self.tell_desired().await
            }
            Event::Claimed => self.deliver_claimed(inbox).await,
            Event::Messages(messages) => self.handle(messages).await,
        }
    }

    /// Lets go of everything the session holds.
    async fn leave(&self, end: &End) {
        let (pk, epoch) = (self.caller.pk, self.epoch);
        self.link.inner.sessions.remove(pk, epoch);
        if matches!(end, End::Aged | End::Draining) {
            // It was told to come back at once, and its history should not show that it did. Should it stay away, the
            // clock will tell.
            return;
        }
        let cause = if *end == End::Silent { StateCause::Silent } else { StateCause::Detached };
        if let Err(error) = self.link.inner.registry.end_session(pk, epoch, cause, history(end)).await {
            // The clock will tell: nothing more is heard of it.
            tracing::warn!(%error, device_id = %self.caller.device_id, "end session");
        }
    }

    /// Takes messages in their order. What they say of commands is told the ledger together, as far as nothing else comes
    /// in between: a device that takes, starts and ends a command in one go costs one change of its row.
    async fn handle(&self, messages: Vec<Received>) -> Result<(), End> {
        let clock = protocol::SampleClock { skew: self.skew, ..self.link.clock() };
        if (clock.now - self.clock.now()).abs() > CLOCK_MOVED {
            // The device goes by a clock that is no longer the server's. It comes back at once and learns the new one.
            return Err(End::Aged);
        }
        self.heard();
        let (mut words, speaker) = (Vec::new(), self.speaker());
        for message in messages {
            let incoming = match received(message) {
                Ok(message) => protocol::read(message, clock),
                Err(end) => {
                    self.tell_ledger(words).await?;
                    return Err(end);
                }
            };
            match incoming {
                Ok(Incoming::Acknowledged(id)) => words.push(word(speaker, id, CommandEvent::Acknowledged)),
                Ok(Incoming::Started(id)) => words.push(word(speaker, id, CommandEvent::Started)),
                Ok(Incoming::Outcome(outcome)) => words.push(outcome_word(speaker, outcome)),
                other => {
                    self.tell_ledger(std::mem::take(&mut words)).await?;
                    self.handle_other(other).await?;
                }
            }
        }
        self.tell_ledger(words).await
    }

    /// A message that says nothing of a command.
    async fn handle_other(&self, incoming: Result<Incoming, pb::Refusal>) -> Result<(), End> {
        match incoming {
            Ok(Incoming::Hello(_)) => Err(End::Protocol("Hello came twice".to_owned())),
            Ok(Incoming::Samples(batch)) => self.store(batch).await,
            Ok(Incoming::Lost(lost)) => self.record(lost).await,
            Ok(Incoming::Update(report)) => self.note_update(report).await,
            Ok(_) => Ok(()),
            Err(refusal) => self.refuse(refusal).await,
        }
    }

    async fn refuse(&self, refusal: pb::Refusal) -> Result<(), End> {
        count_refusal(&refusal.message);
        tracing::warn!(device_id = %self.caller.device_id, message = refusal.message, field = refusal.field,
            reason = refusal.reason, "message refused");
        self.outbound.send(Message::Refusal(refusal)).await
    }

    /// Acknowledges after the commit. While the store is away this waits, and nothing more is read: the device holds its
    /// samples.
    async fn store(&self, batch: Batch) -> Result<(), End> {
        let Batch { first_seq, last_seq, samples, expected, mut refused } = batch;
        protocol::count_refused(&refused, self.caller.source);
        protocol::count_corrected(&samples, self.caller.source);
        let trace = trace::samples(&self.caller.device_id, samples.len());
        let ingest = self.link.inner.telemetry.ingest(self.caller.pk, self.caller.source, samples, expected);
        let stored = ingest.instrument(trace).await;
        let refused_late = stored.map_err(|error| {
            tracing::warn!(device_id = %self.caller.device_id, %error, "samples not stored");
            // Only a server that stops has no place for samples.
            if error.kind() == Kind::Unavailable { End::Draining } else { End::Internal }
        })?;
        protocol::add_refused(&mut refused, refused_late);
        self.outbound.send(Message::SamplesAck(pb::SamplesAck { seq: last_seq, refused, first_seq })).await
    }

    /// Keeps the news of samples that will never come; acknowledged as samples are.
    async fn record(&self, lost: Lost) -> Result<(), End> {
        let Lost { first_seq, last_seq, loss } = lost;
        tracing::info!(device_id = %self.caller.device_id, samples = loss.samples, reason = loss.reason.as_str(),
            "device lost samples");
        if let Some(quota) = &self.quota {
            quota.count(LOSS);
        }
        let telemetry = &self.link.inner.telemetry;
        self.until_available(|| telemetry.record_loss(self.caller.pk, loss.clone())).await?;
        let (reason, source) = (loss.reason.as_str(), self.caller.source.as_str());
        metrics::counter!("homepot_samples_lost_total", "reason" => reason, "source" => source).increment(loss.samples);
        self.outbound.send(Message::SamplesAck(pb::SamplesAck { seq: last_seq, refused: Vec::new(), first_seq })).await
    }

    /// Tells the ledger, and acknowledges outcomes once they are durable. An answer of "missing" may also mean that a newer
    /// session took over, which must not be acknowledged.
    async fn tell_ledger(&self, words: Vec<Word>) -> Result<(), End> {
        if words.is_empty() {
            return Ok(());
        }
        let commands = &self.link.inner.commands;
        let told = self.until_available(|| commands.hear(words.clone())).await?;
        if told.iter().any(|told| matches!(told, Told::Missing)) && !self.is_newest().await? {
            return Err(End::Superseded);
        }
        for (word, told) in words.into_iter().zip(told) {
            let _trace = told.command().map(trace::heard);
            if matches!(word.event, CommandEvent::Ended(_)) {
                let (command_id, refusal) = (word.command_id.to_string(), refusal(told));
                self.outbound.send(Message::OutcomeAck(pb::OutcomeAck { command_id, refusal })).await?;
            }
        }
        Ok(())
    }

    async fn is_newest(&self) -> Result<bool, End> {
        let registry = &self.link.inner.registry;
        let standing =
            self.until_available(|| registry.standing(vec![(self.caller.pk, self.caller.key_id.clone())])).await?;
        Ok(standing.first().is_some_and(|standing| standing.epoch == self.epoch))
    }

    fn speaker(&self) -> Speaker {
        Speaker::Session { pk: self.caller.pk, epoch: self.epoch }
    }

    /// Repeats a call while the store is away; the session's other ends still end it.
    pub(crate) async fn until_available<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, End>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
        loop {
            match call().await {
                Ok(done) => return Ok(done),
                Err(error) if error.kind() == Kind::Unavailable => {
                    tracing::debug!(device_id = %self.caller.device_id, %error, "store away, waiting");
                    backoff.pause().await;
                }
                Err(error) => {
                    tracing::warn!(device_id = %self.caller.device_id, %error, "session can't go on");
                    return Err(End::Internal);
                }
            }
        }
    }
}

/// Why an outcome was not taken; empty: it was.
fn refusal(told: Told) -> String {
    match told {
        Told::Taken(_) => String::new(),
        Told::Contradicted(_, refusal) => refusal.to_string(),
        Told::Missing => "there is no such command of this device".to_owned(),
    }
}
