//! The agent against a small server on real sockets: what it promises when answers get lost and streams break.

// The tests share the clock of the machine that they run on.
#![allow(clippy::disallowed_methods)]
// A test may panic; clippy sees that only within test functions.
#![allow(clippy::unwrap_used)]

mod commands;
mod server;

use std::{path::Path, time::Duration};

use homepot::{
    model::{Secret, SecretKind, to_proto_timestamp},
    pb::{
        device::v1::{self as pb, attach_request::Message as Up, attach_response::Message as Down},
        telemetry::v1 as telemetry,
    },
};
use homepot_agent::{
    Ended, RunError,
    config::{Config, Defaults, Flags, Place},
    protocol::spool::{Options, Spool},
    status::{Phase, Status},
};
use server::{Server, Session};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

struct Agent {
    stop: CancellationToken,
    status: watch::Receiver<Status>,
    task: JoinHandle<Result<Ended, RunError>>,
}

impl Agent {
    fn start(server: &Server, state: &Path, file: &str) -> Self {
        let flags = Flags {
            place: Place { config: Some(state.join("agent.toml")), state_dir: Some(state.join("state")) },
            server: Some(server.url()),
            site: Some("site-001".to_owned()),
            device_id: Some("till-7".to_owned()),
            ..Flags::default()
        };
        let files = [("agent.toml".into(), file.to_owned())];
        let config = Config::resolve(&flags, &files, &Defaults::default()).unwrap();
        let stop = CancellationToken::new();
        let (sender, status) = watch::channel(Status::starting("test"));
        let task = tokio::spawn(homepot_agent::run(config, stop.clone(), sender));
        Self { stop, status, task }
    }

    async fn until(&mut self, what: &str, wanted: impl FnMut(&Status) -> bool) -> Status {
        let found = timeout(PATIENCE, self.status.wait_for(wanted)).await;
        found.unwrap_or_else(|_| panic!("never saw: {what}")).unwrap().clone()
    }

    async fn stop(self) -> Result<Ended, RunError> {
        self.stop.cancel();
        timeout(Duration::from_secs(2), self.task).await.expect("the agent ends within 2 s").unwrap()
    }
}

fn state() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

async fn samples(session: &mut Session) -> pb::Samples {
    session.next(|message| if let Up::Samples(samples) = message { Some(samples) } else { None }).await
}

#[tokio::test]
async fn a_lost_answer_to_enrolment_is_asked_for_again_with_the_same_claim_and_never_after() {
    let mut server = Server::start().await;
    server.lose_enrollment_answers(1);
    let state = state();
    let agent = Agent::start(&server, state.path(), "");
    let session = server.session().await;
    let enrollments = server.enrollments();
    assert_eq!(enrollments.len(), 2);
    assert_eq!(enrollments[0].claim.len(), 32);
    assert_eq!(enrollments[0], enrollments[1]);
    assert_eq!((session.device_id.as_str(), session.api_key.as_str()), ("till-7", server::KEY));
    assert_eq!(session.ticket, None);
    agent.stop().await.unwrap();

    let again = Agent::start(&server, state.path(), "");
    server.session().await;
    assert_eq!(server.enrollments().len(), 2);
    again.stop().await.unwrap();
}

#[tokio::test]
async fn an_id_that_is_taken_ends_the_agent_with_what_to_do_instead_of_a_loop() {
    let server = Server::start().await;
    server.refuse_enrollment(homepot::Error::new(homepot::Kind::AlreadyExists, "Device till-7 already exists"));
    let state = state();
    let agent = Agent::start(&server, state.path(), "");
    let ended = timeout(PATIENCE, agent.task).await.unwrap().unwrap().unwrap_err();
    assert_eq!(ended.exit_code(), 3);
    assert!(ended.to_string().contains("rotate the key"), "{ended}");
    assert_eq!(server.enrollments().len(), 1);
}

#[tokio::test]
async fn a_token_that_was_left_goes_once_the_device_has_its_key_and_not_before() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let state = state();
    let left = state.path().join("enrollment/token");
    let leave = || {
        fs::create_dir_all(left.parent().unwrap()).unwrap();
        let token = Secret::from_random(SecretKind::EnrollmentToken, [7; 32]);
        fs::write(&left, token.reveal()).unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o600)).unwrap();
    };
    leave();
    let refusing = Server::start().await;
    refusing.refuse_enrollment(homepot::Error::new(homepot::Kind::AlreadyExists, "Device till-7 already exists"));
    let refused = Agent::start(&refusing, state.path(), "");
    timeout(PATIENCE, refused.task).await.unwrap().unwrap().unwrap_err();
    assert!(left.exists());

    let mut server = Server::start().await;
    let agent = Agent::start(&server, state.path(), "");
    server.session().await;
    assert!(!left.exists());
    agent.stop().await.unwrap();

    // Left once more, such as by whoever sets up the machine anew.
    leave();
    let again = Agent::start(&server, state.path(), "");
    server.session().await;
    assert_eq!(server.enrollments().len(), 1);
    assert!(!left.exists());
    again.stop().await.unwrap();
}

#[tokio::test]
async fn samples_that_were_not_acknowledged_come_again_after_a_reconnect_with_a_ticket() {
    let mut server = Server::start().await;
    let state = state();
    let agent = Agent::start(&server, state.path(), "");
    let mut first = server.session().await;
    let sent = samples(&mut first).await;
    assert_eq!(sent.first_seq, 1);
    first.end();

    let mut second = server.session().await;
    assert_eq!(second.ticket.as_deref(), Some(server::TICKET));
    let resent = samples(&mut second).await;
    assert_eq!(resent.first_seq, 1);
    assert_eq!(resent.samples[0], sent.samples[0]);

    let last = resent.first_seq + resent.samples.len() as u64 - 1;
    second.say(Down::SamplesAck(pb::SamplesAck { seq: last, refused: vec![], first_seq: 1 }));
    let mut next = samples(&mut second).await;
    assert_eq!(next.first_seq, last + 1);
    // The round trip of live samples is known once they are acknowledged.
    while next.samples.iter().all(|sample| sample.network_latency_ms.is_none()) {
        let seq = next.first_seq + next.samples.len() as u64 - 1;
        second.say(Down::SamplesAck(pb::SamplesAck { seq, refused: vec![], first_seq: next.first_seq }));
        next = samples(&mut second).await;
    }
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn samples_outlive_the_agent_and_what_the_server_acknowledged_does_not_come_again() {
    let mut server = Server::start().await;
    let state = state();
    let agent = Agent::start(&server, state.path(), "");
    let sent = samples(&mut server.session().await).await;
    assert_eq!((sent.first_seq, sent.resent), (1, false));
    agent.stop().await.unwrap();

    let mut agent = Agent::start(&server, state.path(), "");
    let mut session = server.session().await;
    let resent = samples(&mut session).await;
    assert_eq!((resent.first_seq, resent.resent), (1, true));
    assert_eq!(resent.samples[0], sent.samples[0]);
    let mut last = 0;
    for message in [resent, samples(&mut session).await] {
        last = message.first_seq + message.samples.len() as u64 - 1;
        let ack = pb::SamplesAck { seq: last, refused: vec![], first_seq: message.first_seq };
        session.say(Down::SamplesAck(ack));
    }
    agent.until("a round trip", |status| status.spool.lost == 0 && status.spool.samples < 2).await;
    agent.stop().await.unwrap();

    let agent = Agent::start(&server, state.path(), "");
    let next = samples(&mut server.session().await).await;
    assert_eq!(next.first_seq, last + 1);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_backlog_keeps_to_the_servers_pace_and_what_is_happening_now_goes_before_it() {
    let mut server = Server::start().await;
    server.set_intervals(Duration::from_millis(200), Duration::from_secs(10));
    let state = state();
    // The backlog of an earlier life.
    homepot_agent::state::StateDir::open(&state.path().join("state")).unwrap();
    let directory = Some(state.path().join("state/spool"));
    let mut spool = Spool::open(Options { directory, max_bytes: 1 << 20, max_age: Duration::from_secs(86_400) });
    for n in 1..=1_000 {
        let at = chrono::Utc::now() - chrono::TimeDelta::seconds(n);
        let sample = telemetry::Sample { collected_at: Some(to_proto_timestamp(at)), ..Default::default() };
        spool.push(&sample, tokio::time::Instant::now()).unwrap();
    }
    spool.close(tokio::time::Instant::now());
    drop(spool);
    server.set_backlog_pace(1);
    let agent = Agent::start(&server, state.path(), "");
    let mut session = server.session().await;
    let (mut live, mut backlog) = (0, 0);
    while live < 5 {
        let message = samples(&mut session).await;
        match message.first_seq {
            1..=1_000 => backlog += message.samples.len(),
            _ => live += message.samples.len(),
        }
    }
    assert!(backlog >= 1, "the backlog moves");
    assert!(backlog < 100, "at its pace");
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_superseded_agent_does_not_fight_and_says_so() {
    let mut server = Server::start().await;
    let state = state();
    let mut agent = Agent::start(&server, state.path(), "");
    let session = server.session().await;
    session.say(Down::Goodbye(pb::Goodbye {
        reason: pb::GoodbyeReason::Superseded.into(),
        detail: "a newer session took over".to_owned(),
        reconnect_after: None,
    }));
    let waiting = agent.until("waiting", |status| status.phase == Phase::Waiting).await;
    assert!(waiting.last_error.unwrap().contains("another machine"));
    assert_eq!(waiting.superseded, 1);
    assert!(waiting.retry_at.unwrap() - waiting.last_error_at.unwrap() >= chrono::TimeDelta::minutes(5));
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_silent_agent_says_that_it_is_still_there_and_parts_by_ending_its_half() {
    let mut server = Server::start().await;
    server.set_intervals(Duration::from_secs(3_600), Duration::from_millis(300));
    let state = state();
    let agent = Agent::start(&server, state.path(), "");
    let mut session = server.session().await;
    for _ in 0..2 {
        session.next(|message| matches!(message, Up::Heartbeat(_)).then_some(())).await;
    }
    agent.stop().await.unwrap();
    session.ended().await;
}
