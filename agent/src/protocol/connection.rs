//! The task that holds the connection: connects, says Hello, waits for Welcome, carries messages both ways, and comes
//! back by the rules of [`super::reconnect`].
//!
//! It is tied to its owner by two bounded channels: [`Event`]s come out of one for as long as the task lives, and every
//! session brings a fresh one for [`Outgoing`] messages, so that nothing of an old session reaches a new one.

use std::{pin::pin, time::Duration};

use homepot::{
    Error, Kind,
    model::{
        CommandId, Delivery, DeviceId, DeviceSource, Nonce, Outcome, Secret, to_proto_duration, to_proto_timestamp,
    },
    pb::{
        common::v1 as common_pb,
        device::v1::{self as pb, attach_request::Message as Up, attach_response::Message as Down},
    },
};
use tokio::{
    select,
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Streaming, transport::Endpoint};

use super::{
    clock::ServerClock,
    endpoint,
    messages::{Inbound, inbound, outbound, terms},
    proof::Signer,
    reconnect::{End, Reconnect, random},
};
use crate::platform;

/// From the first packet to Welcome. The server gives Hello 10 s.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// How long an ending agent waits for the last acknowledgements.
const FAREWELL: Duration = Duration::from_secs(1);
const NO_PROOF_KEY: &str = "this device enrolled with a proof key, and it is not here: restore proof_key in the state \
    directory, or have an operator end all of the device's keys and make a new one";
/// Messages under way between the owner and the connection, each way.
const CHANNEL: usize = 64;

/// Who attaches.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The device.
    pub device_id: DeviceId,
    /// Its key.
    pub key: Secret,
    /// Answers the server's challenge; `None`: it enrolled without a proof key.
    pub signer: Option<Signer>,
}

/// What Hello tells.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// Version of the agent.
    pub agent_version: String,
    /// Changes when the device boots.
    pub boot_id: String,
    /// Command types it can carry out, in upper case.
    pub capabilities: Vec<String>,
    /// Real or simulated.
    pub source: DeviceSource,
    /// Names the journal that commands are kept in; empty: there is none.
    pub journal_id: String,
    /// Whether releases may bring files to it.
    pub takes_releases: bool,
}

/// What Welcome set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Raised by every session of the device.
    pub session_epoch: u64,
    /// Measure this often.
    pub sample_interval: Duration,
    /// Say something at least this often.
    pub heartbeat_interval: Duration,
    /// Samples in one message, at most.
    pub max_samples_per_message: usize,
    /// Samples sent and not yet acknowledged, at most.
    pub max_unacknowledged_samples: u64,
    /// Samples a second of what was measured before the session; `None`: as fast as they go.
    pub backlog_samples_per_second: Option<u32>,
    /// Older samples are refused; `None`: not told.
    pub max_sample_age: Option<Duration>,
    /// The server's clock; `None`: not told.
    pub clock: Option<ServerClock>,
}

/// What the connection tells its owner.
#[derive(Debug)]
pub enum Event {
    /// An attempt begins.
    Connecting,
    /// A session began. Dropping `outgoing` does not end it.
    Attached {
        /// Its terms.
        terms: Terms,
        /// What goes up in this session.
        outgoing: mpsc::Sender<Outgoing>,
    },
    /// All samples of a message are durable or were refused, or the news of their loss is durable.
    SamplesAcknowledged {
        /// The first number of the message; 0: everything up to `last_seq`.
        first_seq: u64,
        /// The last number of the message.
        last_seq: u64,
        /// Index in the message, field and reason of those that were refused.
        refused: Vec<(u32, String, String)>,
    },
    /// Do this.
    Command(Delivery),
    /// A command that can't be read.
    UnreadableCommand {
        /// Its id, where that can be read.
        command_id: Option<CommandId>,
        /// What is wrong with it.
        reason: String,
    },
    /// Do not do this after all.
    Cancellation {
        /// The command.
        command_id: CommandId,
        /// Who asked for it and why.
        reason: String,
    },
    /// Commands that the journal has told the server of.
    JournalCheck(Vec<CommandId>),
    /// An outcome is durable, or was refused for good.
    OutcomeAcknowledged {
        /// The command.
        command_id: CommandId,
        /// Why it was refused; empty when it was taken.
        refusal: String,
    },
    /// The release that the device should have. Nothing of it is checked yet.
    DesiredRelease(pb::DesiredRelease),
    /// A report about a release is durable, or was refused for good.
    UpdateReportAcknowledged(pb::UpdateReportAck),
    /// A message was not taken.
    Refused {
        /// Its kind.
        message: String,
        /// The field at fault.
        field: String,
        /// Why.
        reason: String,
    },
    /// The session, or the attempt, ended; the next attempt begins by itself.
    Detached {
        /// How.
        end: End,
        /// When the next attempt begins.
        retry_in: Duration,
    },
}

/// What the owner sends up.
#[derive(Debug)]
pub enum Outgoing {
    /// Measurements.
    Samples(pb::Samples),
    /// Measurements that will never come.
    Lost(pb::SamplesLost),
    /// A command is on the device's disk.
    Acknowledged(CommandId),
    /// A command starts.
    Started(CommandId),
    /// How a command ended.
    Outcome(Outcome),
    /// How far the device is with a release, and what it has.
    Update(pb::UpdateReport),
    /// Not sent: the session is to end, and the next one to begin with another journal.
    AttachAgain {
        /// The journal's id.
        journal_id: String,
    },
}

/// Holds the connection until `stop`; the channel it returns ends when the task has. The ticket for reconnects is left in `ticket`.
pub fn spawn(
    endpoint: Endpoint,
    credentials: Credentials,
    introduction: Introduction,
    ticket: watch::Sender<Option<String>>,
    stop: CancellationToken,
) -> mpsc::Receiver<Event> {
    let (events, receiver) = mpsc::channel(CHANNEL);
    let connection = Connection { endpoint, credentials, introduction, stop, events, ticket };
    tokio::spawn(connection.hold());
    receiver
}

struct Connection {
    endpoint: Endpoint,
    credentials: Credentials,
    introduction: Introduction,
    stop: CancellationToken,
    events: mpsc::Sender<Event>,
    /// Spares the server the slow check of the key; worthless without it.
    ticket: watch::Sender<Option<String>>,
}

/// The owner is gone or wants the connection to end.
struct Stopped;

struct Session {
    up: mpsc::Sender<pb::AttachRequest>,
    down: Streaming<pb::AttachResponse>,
    heartbeat_interval: Duration,
}

impl Connection {
    async fn hold(mut self) {
        let mut reconnect = Reconnect::new();
        loop {
            let Ok(end) = self.attempt(&mut reconnect).await else { return };
            if matches!(&end, End::Refused(error) if error.kind() == Kind::Unauthenticated) {
                self.ticket.send_replace(None);
            }
            let retry_in = reconnect.after(&end, Instant::now(), random());
            if self.tell(Event::Detached { end, retry_in }).await.is_err() {
                return;
            }
            select! {
                () = sleep(retry_in) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    /// One attempt, and the session it leads to.
    async fn attempt(&mut self, reconnect: &mut Reconnect) -> Result<End, Stopped> {
        self.tell(Event::Connecting).await?;
        let stop = self.stop.clone();
        let opened = select! {
            opened = timeout(HANDSHAKE, self.open()) => opened,
            () = stop.cancelled() => return Err(Stopped),
        };
        let (session, terms) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(end)) => return Ok(end),
            Err(_) => return Ok(End::NoWelcome),
        };
        reconnect.welcomed(Instant::now());
        let (outgoing, receiver) = mpsc::channel(CHANNEL);
        self.tell(Event::Attached { terms, outgoing }).await?;
        self.carry(session, receiver).await
    }

    /// Connects and exchanges Hello and Welcome, and proves itself where it is asked to.
    async fn open(&mut self) -> Result<(Session, Terms), End> {
        let mut client = endpoint::connect(&self.endpoint).await?;
        let (up, requests) = mpsc::channel(CHANNEL);
        // Read before the server can look at its own clock: what is reckoned from it is never too little.
        let hello_at = platform::since_boot();
        // Hello lies ready before the call: a server may answer headers only once it has read it.
        up.try_send(self.hello()).map_err(|_| End::Lost)?;
        let request = self.credentials.sign(ReceiverStream::new(requests), self.ticket.borrow().as_deref())?;
        let response = client.attach(request).await.map_err(|status| refused(&status))?;
        let mut down = response.into_inner();
        loop {
            let message = down.message().await.map_err(|status| refused(&status))?.ok_or(End::Lost)?;
            match message.message {
                Some(Down::Welcome(mut welcome)) => {
                    let terms = terms(&welcome, hello_at);
                    let heartbeat_interval = terms.heartbeat_interval;
                    let ticket =
                        Some(std::mem::take(&mut welcome.reconnect_ticket)).filter(|ticket| !ticket.is_empty());
                    self.ticket.send_replace(ticket);
                    return Ok((Session { up, down, heartbeat_interval }, terms));
                }
                Some(Down::Challenge(challenge)) => {
                    up.try_send(self.proof(&challenge)?).map_err(|_| End::Lost)?;
                }
                other => {
                    if let Inbound::Goodbye(end) = inbound(pb::AttachResponse { message: other }) {
                        return Err(end);
                    }
                }
            }
        }
    }

    /// Owns the stream until it ends. Never waits to send while there is something to read.
    async fn carry(&mut self, session: Session, mut outgoing: mpsc::Receiver<Outgoing>) -> Result<End, Stopped> {
        let Session { up, mut down, heartbeat_interval } = session;
        let mut next: Option<pb::AttachRequest> = None;
        let mut heartbeat = pin!(sleep(heartbeat_interval));
        loop {
            select! {
                message = down.message() => match message {
                    Ok(Some(message)) => match inbound(message) {
                        Inbound::Event(event) => self.tell(*event).await?,
                        Inbound::Goodbye(end) => return Ok(end),
                        Inbound::Ignored => tracing::debug!("ignored a message of an unknown kind"),
                    },
                    Ok(None) => return Ok(End::Lost),
                    Err(status) => return Ok(refused(&status)),
                },
                permit = up.reserve(), if next.is_some() => {
                    let Ok(permit) = permit else { return Ok(End::Lost) };
                    if let Some(message) = next.take() {
                        permit.send(message);
                    }
                    heartbeat.as_mut().reset(Instant::now() + heartbeat_interval);
                }
                Some(message) = outgoing.recv(), if next.is_none() => match message {
                    Outgoing::AttachAgain { journal_id } => {
                        self.introduction.journal_id = journal_id;
                        return Ok(End::OtherJournal);
                    }
                    message => next = outbound(message),
                },
                () = heartbeat.as_mut(), if next.is_none() => {
                    next = Some(pb::AttachRequest { message: Some(Up::Heartbeat(pb::Heartbeat {})) });
                }
                () = self.stop.cancelled() => break,
            }
        }
        self.part(up, down, next, outgoing).await
    }

    /// Sends what is left, ends our half, and hears the server out for a moment.
    async fn part(
        &self,
        up: mpsc::Sender<pb::AttachRequest>,
        mut down: Streaming<pb::AttachResponse>,
        next: Option<pb::AttachRequest>,
        mut outgoing: mpsc::Receiver<Outgoing>,
    ) -> Result<End, Stopped> {
        let deadline = Instant::now() + FAREWELL;
        let mut rest: Vec<_> = next.into_iter().collect();
        while let Ok(message) = outgoing.try_recv() {
            rest.extend(outbound(message));
        }
        let mut rest = rest.into_iter().peekable();
        let mut up = Some(up);
        loop {
            if rest.peek().is_none() {
                up = None;
            }
            let permit = async {
                match &up {
                    Some(up) => up.clone().reserve_owned().await,
                    None => std::future::pending().await,
                }
            };
            select! {
                message = down.message() => match message.map(|message| message.map(inbound)) {
                    Ok(Some(Inbound::Event(event))) => self.tell(*event).await?,
                    Ok(Some(Inbound::Ignored)) => {}
                    Ok(Some(Inbound::Goodbye(_)) | None) | Err(_) => return Err(Stopped),
                },
                permit = permit => {
                    let Ok(permit) = permit else { return Err(Stopped) };
                    if let Some(message) = rest.next() {
                        permit.send(message);
                    }
                }
                () = sleep_until(deadline) => return Err(Stopped),
            }
        }
    }

    async fn tell(&self, event: Event) -> Result<(), Stopped> {
        self.events.send(event).await.map_err(|_| Stopped)
    }

    fn hello(&self) -> pb::AttachRequest {
        let hello = pb::Hello {
            protocol_min: homepot::model::Hello::PROTOCOL,
            protocol_max: homepot::model::Hello::PROTOCOL,
            agent_version: self.introduction.agent_version.clone(),
            boot_id: self.introduction.boot_id.clone(),
            capabilities: self.introduction.capabilities.clone(),
            source: common_pb::DeviceSource::from(self.introduction.source).into(),
            device_time: Some(to_proto_timestamp(platform::wall_clock())),
            journal_id: self.introduction.journal_id.clone(),
            since_boot: Some(to_proto_duration(platform::since_boot())),
            takes_releases: self.introduction.takes_releases,
        };
        pb::AttachRequest { message: Some(Up::Hello(hello)) }
    }

    /// Answers a challenge. Without the key for it there is nothing to wait for: the server would end the stream.
    fn proof(&self, challenge: &pb::Challenge) -> Result<pb::AttachRequest, End> {
        let Some(signer) = &self.credentials.signer else {
            return Err(End::Refused(Error::new(Kind::Forbidden, NO_PROOF_KEY)));
        };
        let nonce: Nonce = challenge
            .nonce
            .as_slice()
            .try_into()
            .map_err(|_| End::Refused(Error::new(Kind::Internal, "the server's challenge is not 32 bytes long")))?;
        let signature = signer.prove(&nonce, &self.credentials.device_id);
        Ok(pb::AttachRequest { message: Some(Up::Proof(pb::Proof { signature })) })
    }
}

/// How a call's status ends a session, or the attempt at one.
pub fn refused(status: &tonic::Status) -> End {
    // What has a cause was made on this side, from a connection that broke; a server's answer has none.
    if let Some(cause) = std::error::Error::source(status) {
        tracing::debug!(%status, cause, "connection lost");
        return End::Lost;
    }
    End::Refused(Error::from(status))
}
