//! One simulated device on its stream. One task owns it: its life, what it has not got rid of, and its connection.

mod releases;

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use homepot::{
    Kind as ErrorKind,
    model::{DeviceSource, Hello, to_proto_timestamp},
    pb::{
        common::v1 as common_pb,
        device::v1::{self as pb, AttachRequest, AttachResponse, attach_request::Message as Up},
    },
};
use homepot_agent::protocol::{
    Credentials, Event,
    connection::refused,
    messages::{Inbound, inbound},
    reconnect::{End, Farewell, Reconnect, random},
};
use prost::Message as _;
use tokio::{
    select,
    time::{Instant, sleep_until, timeout},
};
use tonic::transport::Channel;

use super::{
    fetch::Fetching,
    orders::{Doings, Effect, Facts, Orders},
    session::Session,
    spool::Spool,
    stream::{self, Opened},
    updates::Updates,
    world::{World, first_sample},
};
use crate::life::{Life, Moment, chance::mix_all};

/// From the first packet to Welcome.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// Until the server says otherwise.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// The server ends its half of a stream within this, or not at all.
const FAREWELL: Duration = Duration::from_secs(2);
/// Steps of a life at a time; other devices want their turn too.
const STEPS: usize = 64;
/// A moment that never comes.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) struct Device {
    world: Arc<World>,
    number: u32,
    credentials: Credentials,
    ticket: Option<String>,
    life: Life,
    spool: Spool,
    orders: Orders,
    /// What it does with releases; `None`: it takes none.
    updates: Option<Box<Updates>>,
    fetching: Option<(Instant, Fetching)>,
    /// For files, while there is something to fetch.
    files: Option<Channel>,
    /// When the next sample is measured, by the run's clock.
    next: DateTime<Utc>,
    /// As the server says.
    server_interval: Duration,
    /// As a command said.
    own_interval: Option<Duration>,
    measured: u64,
    running: bool,
    reachable: bool,
    reconnect: Reconnect,
    link: Link,
    was_attached: bool,
    /// The run ends; no later than this.
    leaves_by: Option<Instant>,
}

type Opening = Pin<Box<dyn Future<Output = Result<Opened, End>> + Send>>;

enum Link {
    Away { retry_at: Instant },
    Opening(Opening),
    Attached(Box<Session>),
}

enum Heard {
    Opened(Result<Opened, End>),
    Message(Result<Option<AttachResponse>, tonic::Status>),
}

impl Link {
    /// The next thing that comes from the server; never, while there is no connection.
    async fn next(&mut self) -> Heard {
        match self {
            Self::Away { .. } => std::future::pending().await,
            Self::Opening(opening) => Heard::Opened(opening.await),
            Self::Attached(session) => Heard::Message(session.down.message().await),
        }
    }
}

impl Device {
    /// Only a new device has the past that a run begins with: an old one has had its own.
    pub(super) fn new(
        world: Arc<World>,
        number: u32,
        credentials: Credentials,
        ticket: Option<String>,
        updates: Option<Box<Updates>>,
        is_new: bool,
    ) -> Self {
        let timing = &world.timing;
        let interval = timing.interval.unwrap_or(SAMPLE_INTERVAL);
        let has_past = is_new || timing.past_interval.is_none();
        let start = if has_past { timing.start } else { timing.live_from };
        let life = Life::new(world.scenario.clone(), world.seed, number, start, timing.live_from);
        let now = timing.time(Instant::now());
        let mut next = first_sample(start, world.seed, number, interval);
        while !(has_past && timing.has_past) && next < now {
            next = timing.after(next, interval);
        }
        Self {
            number,
            credentials,
            ticket,
            life,
            spool: Spool::new(world.spool_samples),
            orders: Orders::default(),
            updates,
            fetching: None,
            files: None,
            next,
            server_interval: interval,
            own_interval: None,
            measured: 0,
            running: true,
            reachable: true,
            reconnect: Reconnect::new(),
            link: Link::Away { retry_at: Instant::now() },
            was_attached: false,
            leaves_by: None,
            world,
        }
    }

    /// Lives until the run ends and all is settled, or the time for that is over.
    pub(super) async fn live(mut self) {
        loop {
            let now = Instant::now();
            self.measure(now);
            self.obey(now);
            self.update(now);
            self.connect(now);
            self.speak(now);
            if self.is_done(now) {
                return self.part().await;
            }
            let wake = self.wake_at(now);
            let stop = self.world.stop.clone();
            select! {
                biased;
                () = stop.cancelled(), if self.leaves_by.is_none() => {
                    self.leaves_by = Some(Instant::now() + self.world.drain);
                }
                heard = self.link.next() => self.hear(heard),
                (asked, came) = releases::fetched(&mut self.fetching) => self.fetched(came, asked),
                () = sleep_until(wake) => {}
            }
        }
    }

    fn is_done(&self, now: Instant) -> bool {
        let settled = self.spool.is_empty() && self.orders.is_empty();
        match self.leaves_by {
            Some(by) => settled || now >= by,
            None => settled && self.has_measured_all(),
        }
    }

    fn has_measured_all(&self) -> bool {
        self.world.timing.samples.is_some_and(|samples| self.measured >= samples)
    }

    fn interval(&self) -> Duration {
        self.own_interval.or(self.world.timing.interval).unwrap_or(self.server_interval)
    }

    /// Whether there is a sample to measure and room for it. While a stream stands nothing is dropped: a server that is slow
    /// makes the device late.
    fn may_measure(&self) -> bool {
        let in_past = self.next < self.world.timing.live_from;
        let away = !matches!(self.link, Link::Attached(_));
        self.leaves_by.is_none() && !self.has_measured_all() && (!self.spool.is_full() || (away && !in_past))
    }

    fn measure(&mut self, now: Instant) {
        for _ in 0..STEPS {
            if !self.may_measure() || self.world.timing.due(self.next) > now {
                return;
            }
            let at = self.next;
            let moment = self.life.step(at);
            self.next = self.world.timing.after(at, self.interval());
            self.note(moment, at);
        }
    }

    fn note(&mut self, moment: Moment, at: DateTime<Utc>) {
        let tally = &self.world.tally;
        if let Some(sample) = moment.sample {
            tally.measured.add(1);
            self.measured += 1;
            if let Some(was_sent) = self.spool.push(&sample.into(), at) {
                tally.lost.add(1);
                tally.lost_after_sending.add(u64::from(was_sent));
            }
        }
        if at < self.world.timing.live_from {
            // What is made up for happened; the connection that tells of it is today's.
            return;
        }
        if self.running && !moment.running {
            tally.restarts.add(1);
        }
        let could_be_reached = self.reachable;
        (self.running, self.reachable) = (moment.running, moment.reachable);
        if could_be_reached && !self.reachable {
            if moment.running {
                tally.cuts.add(1);
            }
            self.cut();
        }
    }

    /// The connection is gone without a word.
    fn cut(&mut self) {
        self.lose_session();
        (self.fetching, self.files) = (None, None);
        self.link = Link::Away { retry_at: Instant::now() };
    }

    fn lose_session(&mut self) {
        if matches!(self.link, Link::Attached(_)) {
            self.world.tally.attached.take(1);
        }
        self.spool.detached();
    }

    /// Goes on with commands.
    fn obey(&mut self, now: Instant) {
        if !self.running || self.orders.due().is_none_or(|due| due > now) {
            return;
        }
        let time = self.life.clock(self.world.timing.time(now));
        let facts = Facts {
            device_time: time.to_rfc3339_opts(SecondsFormat::Millis, true),
            configuration_version: self.life.configuration_version(),
            failing: self.life.is_failing(),
        };
        let lot = mix_all(&[self.world.seed, u64::from(self.number), 0x0C0F_FEE0]);
        let mut doings = Doings::default();
        self.orders.go_on(&self.world.scenario.commands, lot, &facts, now, &mut doings);
        self.do_it(doings);
    }

    fn do_it(&mut self, doings: Doings) {
        doings.ended.into_iter().for_each(|state| self.world.tally.outcome(state));
        if let Link::Attached(session) = &mut self.link {
            session.waiting.extend(doings.say.into_iter().map(|message| Bytes::from(message.encode_to_vec())));
        }
        for effect in doings.effects {
            match effect {
                Effect::Restarts(lasts) => {
                    let lasts = TimeDelta::from_std(lasts).unwrap_or(TimeDelta::MAX);
                    self.life.restart(self.world.timing.time(Instant::now()), lasts);
                }
                Effect::RestartsApplication => self.life.restart_application(),
                Effect::MeasuresEvery(interval) => self.own_interval = interval,
            }
        }
    }

    fn connect(&mut self, now: Instant) {
        let Link::Away { retry_at } = self.link else { return };
        // A run that ends waits for no network of its scenario.
        if retry_at > now || !(self.reachable || self.leaves_by.is_some()) {
            return;
        }
        let (world, number, credentials) = (self.world.clone(), self.number, self.credentials.clone());
        let (ticket, hello) = (self.ticket.clone(), self.hello(now));
        let turns = (!self.was_attached).then(|| self.world.turns.clone());
        self.link = Link::Opening(Box::pin(async move {
            let _turn = match turns {
                Some(turns) => turns.acquire_owned().await.ok(),
                None => None,
            };
            let opened = stream::open(&world.lines, number, credentials, ticket, hello);
            timeout(HANDSHAKE, opened).await.unwrap_or(Err(End::NoWelcome))
        }));
    }

    fn hello(&self, now: Instant) -> Bytes {
        let hello = pb::Hello {
            protocol_min: Hello::PROTOCOL,
            protocol_max: Hello::PROTOCOL,
            agent_version: concat!("homepot-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
            boot_id: format!("{}-{}", self.world.run, self.life.boots()),
            capabilities: Orders::capabilities(),
            source: common_pb::DeviceSource::from(DeviceSource::Simulated).into(),
            device_time: Some(to_proto_timestamp(self.life.clock(self.world.timing.time(now)))),
            journal_id: format!("{}-{}", self.world.run, self.number),
            takes_releases: self.updates.is_some(),
            ..Default::default()
        };
        AttachRequest { message: Some(Up::Hello(hello)) }.encode_to_vec().into()
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Opened(Ok(opened)) => self.attached(opened),
            Heard::Opened(Err(end)) => self.detached(&end),
            Heard::Message(Ok(Some(message))) => match inbound(message) {
                Inbound::Event(event) => self.on_event(*event),
                Inbound::Goodbye(end) => self.detached(&end),
                Inbound::Ignored => {}
            },
            Heard::Message(Ok(None)) => self.detached(&End::Lost),
            Heard::Message(Err(status)) => self.detached(&refused(&status)),
        }
    }

    fn attached(&mut self, opened: Opened) {
        let (now, tally) = (Instant::now(), &self.world.tally);
        tally.attached.add(1);
        tally.sessions.add(1);
        if !std::mem::replace(&mut self.was_attached, true) {
            tally.ever_attached.add(1);
        }
        self.reconnect.welcomed(now);
        let Opened { up, down, terms, ticket } = opened;
        self.ticket = ticket;
        self.server_interval = terms.sample_interval;
        let since = self.world.timing.time(now) - TimeDelta::from_std(self.interval() * 2).unwrap_or_default();
        let session = Session { up, down, terms, since, backlog_at: now, said_at: now, waiting: VecDeque::new() };
        self.link = Link::Attached(Box::new(session));
        if let Some(updates) = &mut self.updates {
            updates.attached();
        }
        let mut doings = Doings::default();
        self.orders.attached(&mut doings);
        self.do_it(doings);
    }

    fn detached(&mut self, end: &End) {
        self.lose_session();
        let expected = matches!(end, End::Goodbye { farewell: Farewell::Aged | Farewell::Draining, .. });
        if !expected {
            self.world.tally.error(end.describe());
        }
        if matches!(end, End::Refused(error) if error.kind() == ErrorKind::Unauthenticated) {
            self.ticket = None;
        }
        let now = Instant::now();
        self.link = Link::Away { retry_at: now + self.reconnect.after(end, now, random()) };
    }

    fn on_event(&mut self, event: Event) {
        let (now, tally) = (Instant::now(), &self.world.tally);
        let mut doings = Doings::default();
        match event {
            Event::SamplesAcknowledged { last_seq, refused, .. } => {
                let Some(settled) = self.spool.acknowledged(last_seq, now) else {
                    return tally.error("the server acknowledged what was never sent".to_owned());
                };
                let bad = refused.len() as u64;
                tally.acknowledged.add(settled.samples.saturating_sub(bad));
                tally.refused.add(bad);
                if settled.samples > 0 {
                    tally.latency.record(settled.took);
                }
                refused.into_iter().for_each(|(_, field, reason)| tally.error(format!("{field} {reason}")));
            }
            // A journal in memory loses nothing that its process has said.
            Event::JournalCheck(_) => {}
            Event::Command(delivery) => {
                tally.commands.add(u64::from(self.orders.take(delivery, now, &mut doings)));
            }
            Event::Cancellation { command_id, .. } => self.orders.cancel(command_id, &mut doings),
            Event::OutcomeAcknowledged { command_id, refusal } => {
                tally.answered.add(u64::from(self.orders.forget(command_id)));
                if !refusal.is_empty() {
                    tally.error(format!("an outcome was refused: {refusal}"));
                }
            }
            Event::Refused { message, field, reason } => tally.error(format!("{message} refused: {field} {reason}")),
            Event::UnreadableCommand { reason, .. } => tally.error(format!("a command can't be read: {reason}")),
            Event::DesiredRelease(desired) => self.desired(desired, now),
            Event::UpdateReportAcknowledged(ack) => self.told_to_go_on(&ack, now),
            Event::Connecting => {}
            Event::Attached { .. } | Event::Detached { .. } => {}
        }
        self.do_it(doings);
    }

    /// Sends what there is to send, as far as there is room.
    fn speak(&mut self, now: Instant) {
        let Link::Attached(session) = &mut self.link else { return };
        while let Some(message) = session.waiting.pop_front() {
            if let Some(back) = session.say(message, now) {
                return session.waiting.push_front(back);
            }
        }
        if session.has_room()
            && let Some(news) = self.spool.next_loss(now)
        {
            session.say(news, now);
        }
        let tally = &self.world.tally;
        while session.has_room() {
            let (limit, backlog) = (session.limit(&self.spool, now), session.is_backlog(&self.spool));
            let Some(message) = self.spool.next(limit, now) else { break };
            if backlog {
                session.paced(message.samples, now);
            }
            tally.sent.add(message.fresh);
            tally.resent.add(message.samples - message.fresh);
            session.say(message.bytes, now);
        }
        if now >= session.said_at + session.terms.heartbeat_interval {
            let heartbeat = AttachRequest { message: Some(Up::Heartbeat(pb::Heartbeat {})) };
            session.say(heartbeat.encode_to_vec().into(), now);
        }
    }

    /// When something is due that no message tells of.
    fn wake_at(&self, now: Instant) -> Instant {
        let measure = self.may_measure().then(|| self.world.timing.due(self.next));
        let order = self.orders.due().filter(|_| self.running);
        let link = match &self.link {
            Link::Away { retry_at } if self.reachable || self.leaves_by.is_some() => Some(*retry_at),
            Link::Away { .. } | Link::Opening(_) => None,
            Link::Attached(session) => Some(session.wake_at(&self.spool, now)),
        };
        let update = self.updates.as_ref().filter(|_| self.running && self.fetching.is_none());
        let update = update.and_then(|updates| updates.due());
        [measure, order, update, link, self.leaves_by].into_iter().flatten().min().unwrap_or(now + NEVER)
    }

    /// Ends our half of the stream, and hears the server out for a moment.
    async fn part(mut self) {
        self.world.keys.note_ticket(&self.credentials.device_id, self.ticket.as_deref());
        self.lose_session();
        let Link::Attached(session) = self.link else { return };
        let Session { up, mut down, .. } = *session;
        drop(up);
        let _ = timeout(FAREWELL, async { while let Ok(Some(_)) = down.message().await {} }).await;
    }
}
