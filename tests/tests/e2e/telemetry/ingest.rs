//! Samples on their way into Postgres, when it does not do as it should.

use chrono::{DateTime, TimeDelta, Utc};
use homepot_tests::{AnySystem, Server, ServerOptions, Session, field as log_field};
use tokio::{sync::watch, task::JoinSet};

use super::{SITE, ack, message, sample};

const STORED: &str = "SELECT count(*) FROM samples";
const DEVICES: usize = 5;
/// Messages of each device, and samples in each.
const MESSAGES: u64 = 200;
const SAMPLES: u64 = 50;
/// Messages on their way at once.
const AHEAD: u64 = 10;
/// What the server may come to while Postgres is away; it holds no more than what is on its way.
const MEMORY_MB: u64 = 400;

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_that_postgres_refuses_costs_nobody_else_a_sample() {
    let server = AnySystem::start().await;
    server.create_site(SITE, false).await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.cpu_percent = 66.5 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON samples FOR EACH ROW EXECUTE FUNCTION refuse(); SELECT 1";
    server.database().number(refuse).await;

    let now = Utc::now();
    let mut sessions = Vec::new();
    for number in 0..DEVICES {
        let key = server.enroll(SITE, &format!("till-{number}")).await;
        sessions.push(Session::attach(&server, &key).await.0);
    }
    for (number, session) in sessions.iter().enumerate() {
        let load = |n| if number == 2 && n == 4 { 66.5 } else { 1.0 };
        let samples = (0..10).map(|n| sample(now - TimeDelta::seconds(n), load(n))).collect();
        session.send(message(1, samples)).await;
    }
    for (number, session) in sessions.iter_mut().enumerate() {
        let ack = ack(session).await;
        let refused: Vec<_> = ack.refused.iter().map(|refused| (refused.index, refused.field.as_str())).collect();
        let expected: &[_] = if number == 2 { &[(4, "sample")] } else { &[] };
        assert_eq!((ack.seq, &refused[..]), (10, expected), "device {number}");
    }
    assert_eq!(server.database().number(STORED).await, 10 * DEVICES as i64 - 1);
}

/// Sends all of a device's samples, and hears of each that it is stored.
async fn report(mut session: Session, start: DateTime<Utc>, progress: watch::Sender<u64>) {
    let (mut sent, mut acknowledged) = (0, 0);
    while acknowledged < MESSAGES {
        while sent < MESSAGES && sent < acknowledged + AHEAD {
            let first = sent * SAMPLES;
            let at = |n: u64| start + TimeDelta::milliseconds(i64::try_from(first + n).unwrap());
            let samples = (0..SAMPLES).map(|n| sample(at(n), 1.0)).collect();
            session.send(message(first + 1, samples)).await;
            sent += 1;
        }
        let ack = ack(&mut session).await;
        acknowledged += 1;
        assert_eq!((ack.seq, ack.refused), (acknowledged * SAMPLES, vec![]));
        progress.send_modify(|sum| *sum += 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_away_nothing_acknowledged_is_lost_and_the_server_catches_up_by_itself() {
    // The first holds the database, so that it can be taken away from the second for as long as it takes.
    let mut owner = Server::start().await;
    owner.create_site(SITE, false).await;
    let server = owner.start_beside(ServerOptions::default()).await;
    let start = Utc::now() - TimeDelta::minutes(10);
    let (progress, mut watched) = watch::channel(0);
    let mut reports = JoinSet::new();
    let mut sessions = Vec::new();
    for number in 0..DEVICES {
        let key = owner.enroll(SITE, &format!("till-{number}")).await;
        sessions.push(Session::attach(&server, &key).await.0);
    }
    for session in sessions {
        reports.spawn(report(session, start, progress.clone()));
    }

    watched.wait_for(|sum| *sum >= 50).await.unwrap();
    owner.kill9();
    let told = |line: &serde_json::Value| {
        let message = log_field(line, "message")?.as_str()?;
        (message == "database is out of reach").then_some(())
    };
    server.process().logged("that the database is away", told).await;
    assert!(*watched.borrow() < MESSAGES * DEVICES as u64, "there is something left to send");
    owner.restart().await;
    while let Some(report) = reports.join_next().await {
        report.unwrap();
    }
    let all = i64::try_from(MESSAGES * SAMPLES).unwrap() * DEVICES as i64;
    assert_eq!(owner.database().number(STORED).await, all);

    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process().id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kb: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kb < MEMORY_MB * 1_024, "{peak_kb} kB");
}
