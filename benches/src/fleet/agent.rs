//! Devices that do what the agent does: they stay attached, give a sign of life as often as the server asks, carry out
//! commands, and come back by the agent's own rules when they lose the server.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use homepot::{
    Error, Kind,
    pb::{
        command::v1::CommandState,
        device::v1::{
            AttachRequest, CommandAcknowledged, CommandOutcome, CommandStarted, Goodbye, GoodbyeReason, Heartbeat,
            Welcome, attach_request::Message as Up, attach_response::Message as Down,
        },
    },
};
use homepot_agent::protocol::reconnect::{End, Farewell, Reconnect, random};
use prost::Message as _;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tonic::{Status, transport::Endpoint};

use super::{
    DeviceKey,
    device::{CONNECTING, WINDOW, hello},
    wire::{self, Ways},
};

/// The agent's own limits and keepalive.
const CONNECT: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(20);
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// Long: what is measured here may take minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// How devices behave where the agent leaves a choice.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// They present the ticket of their last session, as the agent does. Without, every key is checked slowly.
    pub tickets: bool,
}

/// Something that happened to a device.
#[derive(Clone, Debug)]
pub struct News {
    /// Which, by its place among the keys.
    pub device: usize,
    /// When.
    pub at: Instant,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A Welcome came.
    Attached,
    /// The session ended, or an attempt at one failed.
    Detached,
    /// It has this command in hand.
    Command(String),
    /// The outcome of this command is durable.
    Finished(String),
    /// It was refused something, which must not happen here.
    Wronged(String),
}

/// Devices at one address; dropping them cuts their connections.
#[derive(Debug)]
pub struct Agents {
    _tasks: JoinSet<()>,
    news: mpsc::UnboundedReceiver<News>,
    attached: Arc<AtomicU64>,
}

struct Agent {
    device: usize,
    key: DeviceKey,
    habits: Habits,
    endpoint: Endpoint,
    ticket: Option<String>,
    /// Commands that it has carried out: one that comes again is answered and not run again.
    journal: HashSet<String>,
    news: mpsc::UnboundedSender<News>,
    attached: Arc<AtomicU64>,
}

impl Agents {
    /// Attaches a device for each key, each on a connection of its own; a few at a time at first, as devices are switched
    /// on one by one.
    pub async fn attach(address: &str, keys: &[DeviceKey], habits: Habits) -> anyhow::Result<Self> {
        let (told, news) = mpsc::unbounded_channel();
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_ANSWER)
            .keep_alive_while_idle(true);
        let (attached, turns) = (Arc::<AtomicU64>::default(), Arc::new(Semaphore::new(CONNECTING)));
        let mut tasks = JoinSet::new();
        for (device, key) in keys.iter().cloned().enumerate() {
            let (news, attached, endpoint) = (told.clone(), attached.clone(), endpoint.clone());
            let journal = HashSet::new();
            let agent = Agent { device, key, habits, endpoint, ticket: None, journal, news, attached };
            tasks.spawn(agent.hold(turns.clone()));
        }
        let mut agents = Self { _tasks: tasks, news, attached };
        let mut waiting = keys.len();
        while waiting > 0 {
            match agents.next().await?.what {
                What::Attached => waiting -= 1,
                What::Detached => anyhow::bail!("a device could not attach"),
                _ => {}
            }
        }
        Ok(agents)
    }

    /// The next thing that happens to a device; an error when there is none for long, or a device was wronged.
    pub async fn next(&mut self) -> anyhow::Result<News> {
        let next = timeout(PATIENCE, self.news.recv()).await.context("nothing happens to the devices any more")?;
        let news = next.context("the devices are gone")?;
        if let What::Wronged(how) = &news.what {
            anyhow::bail!("device {} was refused: {how}", news.device);
        }
        Ok(news)
    }

    /// How many are attached, for whoever watches.
    pub fn attached(&self) -> Arc<AtomicU64> {
        self.attached.clone()
    }
}

impl Agent {
    async fn hold(mut self, turns: Arc<Semaphore>) {
        let mut reconnect = Reconnect::new();
        let mut turn = turns.acquire_owned().await.ok();
        loop {
            let end = self.attempt(&mut reconnect, &mut turn).await;
            self.tell(What::Detached);
            if matches!(&end, End::Refused(error) if error.kind() == Kind::Unauthenticated) {
                self.ticket = None;
            }
            sleep(reconnect.after(&end, Instant::now(), random())).await;
        }
    }

    /// One attempt, and the session it leads to.
    async fn attempt<T>(&mut self, reconnect: &mut Reconnect, turn: &mut Option<T>) -> End {
        let (ways, welcome) = match timeout(HANDSHAKE, self.open()).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(end)) => return end,
            Err(_) => return End::NoWelcome,
        };
        *turn = None;
        reconnect.welcomed(Instant::now());
        self.attached.fetch_add(1, Ordering::Relaxed);
        self.tell(What::Attached);
        let heartbeat = welcome.heartbeat_interval.unwrap_or_default();
        let heartbeat = Duration::try_from(heartbeat).unwrap_or_default().max(Duration::from_millis(200));
        if self.habits.tickets {
            self.ticket = Some(welcome.reconnect_ticket).filter(|ticket| !ticket.is_empty());
        }
        let end = self.carry(ways, heartbeat).await;
        self.attached.fetch_sub(1, Ordering::Relaxed);
        end
    }

    async fn open(&self) -> Result<(Ways, Welcome), End> {
        let unreachable = |error: &dyn std::error::Error| End::Unreachable(error.to_string());
        let channel = self.endpoint.connect().await.map_err(|error| unreachable(&error))?;
        let (up, messages) = mpsc::channel(WINDOW);
        up.try_send(hello(&self.key)).map_err(|_| End::Lost)?;
        let request = wire::attach_request(&self.key, self.ticket.as_deref(), messages)
            .map_err(|error| End::Unreachable(error.to_string()))?;
        let mut down = wire::attach(channel, request).await.map_err(|status| ended(&status))?;
        loop {
            let message = down.message().await.map_err(|status| ended(&status))?.ok_or(End::Lost)?;
            match message.message {
                Some(Down::Welcome(welcome)) => return Ok(((up, down), welcome)),
                Some(Down::Goodbye(goodbye)) => return Err(parted(goodbye)),
                _ => {}
            }
        }
    }

    /// Owns the stream until it ends.
    async fn carry(&mut self, (up, mut down): Ways, heartbeat: Duration) -> End {
        let mut silence = std::pin::pin!(sleep(heartbeat));
        loop {
            let answers = tokio::select! {
                message = down.message() => match message {
                    Ok(Some(message)) => match message.message {
                        Some(Down::Command(delivery)) => self.obey(delivery.command_id),
                        Some(Down::Goodbye(goodbye)) => return parted(goodbye),
                        Some(other) => {
                            self.note(other);
                            continue;
                        }
                        None => continue,
                    },
                    Ok(None) => return End::Lost,
                    Err(status) => return ended(&status),
                },
                () = silence.as_mut() => vec![encoded(Up::Heartbeat(Heartbeat {}))],
            };
            for answer in answers {
                if up.try_send(answer).is_err() {
                    return End::Lost;
                }
            }
            silence.as_mut().reset(Instant::now() + heartbeat);
        }
    }

    /// Says of a command what an agent says that is done with it at once.
    fn obey(&mut self, command_id: String) -> Vec<Bytes> {
        self.tell(What::Command(command_id.clone()));
        let outcome = CommandOutcome {
            command_id: command_id.clone(),
            state: CommandState::Succeeded.into(),
            ..CommandOutcome::default()
        };
        let outcome = encoded(Up::CommandOutcome(outcome));
        if !self.journal.insert(command_id.clone()) {
            return vec![outcome];
        }
        let acknowledged = CommandAcknowledged { command_id: command_id.clone() };
        let started = CommandStarted { command_id };
        vec![encoded(Up::CommandAcknowledged(acknowledged)), encoded(Up::CommandStarted(started)), outcome]
    }

    fn note(&self, message: Down) {
        match message {
            Down::OutcomeAck(ack) if ack.refusal.is_empty() => self.tell(What::Finished(ack.command_id)),
            Down::OutcomeAck(ack) => self.tell(What::Wronged(format!("{ack:?}"))),
            Down::Refusal(refusal) => self.tell(What::Wronged(format!("{refusal:?}"))),
            _ => {}
        }
    }

    fn tell(&self, what: What) {
        // Nobody listens any more when a benchmark is over.
        let _ = self.news.send(News { device: self.device, at: Instant::now(), what });
    }
}

fn encoded(message: Up) -> Bytes {
    AttachRequest { message: Some(message) }.encode_to_vec().into()
}

/// As the agent reads it: a status with a cause was made on this side, from a connection that broke.
fn ended(status: &Status) -> End {
    match std::error::Error::source(status) {
        Some(_) => End::Lost,
        None => End::Refused(Error::from(status)),
    }
}

fn parted(goodbye: Goodbye) -> End {
    let farewell = match goodbye.reason() {
        GoodbyeReason::Superseded => Farewell::Superseded,
        GoodbyeReason::Revoked => Farewell::Revoked,
        GoodbyeReason::Draining => Farewell::Draining,
        GoodbyeReason::Protocol => Farewell::Protocol,
        GoodbyeReason::Aged => Farewell::Aged,
        GoodbyeReason::Silent => Farewell::Silent,
        GoodbyeReason::Internal | GoodbyeReason::Unspecified => Farewell::Internal,
    };
    let reconnect_after = goodbye.reconnect_after.and_then(|after| Duration::try_from(after).ok());
    End::Goodbye { farewell, detail: goodbye.detail, reconnect_after }
}
