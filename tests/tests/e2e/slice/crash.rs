//! Everybody is killed in the middle, and nothing that was acknowledged is lost or doubled.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use homepot::pb::{device::v1::ReportSamplesRequest, telemetry::v1::Sample};
use homepot_tests::{
    Agent, System, eventually, field,
    grpc::{Caller, Clients, DeviceKey},
    rest::Request,
};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};

use super::{SITE, agent, own_server, read, server, stored};

const DEVICE: &str = "till-1";
const REPORTER: &str = "reporter";

/// Somebody who goes on until told to stop, and tells how far it is.
struct Worker<T> {
    stop: watch::Sender<bool>,
    done: watch::Receiver<usize>,
    task: JoinHandle<T>,
}

impl<T> Worker<T> {
    /// Waits until `more` further pieces of work are done.
    async fn goes_on(&mut self, more: usize) {
        let goal = *self.done.borrow() + more;
        let reached = self.done.wait_for(|done| *done >= goal);
        tokio::time::timeout(homepot_tests::PATIENCE, reached).await.expect("work goes on").expect("the worker lives");
    }

    async fn finish(self) -> T {
        self.stop.send_replace(true);
        self.task.await.expect("the worker does not panic")
    }
}

/// Queues PING after PING over REST; answers the id that each idempotency key got.
fn commander(server: &System) -> Worker<BTreeMap<String, String>> {
    let (address, token) = (server.rest_addr.clone(), server.admin_token.clone());
    let (stop, stopped) = watch::channel(false);
    let (progress, done) = watch::channel(0);
    let task = tokio::spawn(async move {
        let mut accepted = BTreeMap::new();
        let mut pace = tokio::time::interval(Duration::from_millis(40));
        while !*stopped.borrow() {
            let key = format!("command-{}", accepted.len());
            let request = Request::post(&format!("/api/v1/devices/{DEVICE}/commands")).bearer(&token);
            let request = request.header("Idempotency-Key", &key).json(&json!({"command_type": "PING"}));
            // Without an answer nobody knows whether it was queued; asking again with the same key is harmless.
            loop {
                pace.tick().await;
                match request.try_send(&address).await {
                    Ok(answer) if answer.status == 201 => {
                        accepted.insert(key, answer.json()["command_id"].as_str().unwrap().to_owned());
                        break;
                    }
                    Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                    Err(_) => {}
                }
            }
            progress.send_replace(accepted.len());
        }
        accepted
    });
    Worker { stop, done, task }
}

/// Reports batch after batch by unary calls, each until it is acknowledged; answers what was, by time.
fn reporter(server: &System, key: &DeviceKey) -> Worker<BTreeMap<i64, f64>> {
    let mut device = Clients::new(&server.grpc_addr, &Caller::Device(key.clone())).device;
    let (stop, stopped) = watch::channel(false);
    let (progress, done) = watch::channel(0);
    let task = tokio::spawn(async move {
        let mut acknowledged = BTreeMap::new();
        let mut pace = tokio::time::interval(Duration::from_millis(40));
        let start = SystemTime::now() - Duration::from_secs(3600);
        while !*stopped.borrow() {
            let first = acknowledged.len();
            let batch: Vec<_> = (first..first + 7)
                .map(|number| {
                    let time = start + Duration::from_millis(number as u64);
                    let cpu_percent = Some((number % 1000) as f64 / 10.0);
                    Sample { collected_at: Some(time.into()), cpu_percent, ..Default::default() }
                })
                .collect();
            let request = ReportSamplesRequest { samples: batch.clone(), ..Default::default() };
            loop {
                pace.tick().await;
                let Ok(answer) = device.report_samples(request.clone()).await else { continue };
                let answer = answer.into_inner();
                assert_eq!((answer.accepted, answer.refused.len()), (7, 0));
                break;
            }
            acknowledged.extend(batch.into_iter().map(|sample| {
                let time = sample.collected_at.unwrap();
                (time.seconds * 1_000_000 + i64::from(time.nanos) / 1000, sample.cpu_percent.unwrap())
            }));
            progress.send_replace(acknowledged.len());
        }
        acknowledged
    });
    Worker { stop, done, task }
}

/// The commands of the device in the ledger, once all of them have an end.
async fn ended(server: &System) -> Vec<Value> {
    eventually("every command has an end", async || {
        let rows = server.database().rows("SELECT * FROM ledger").await;
        let open = ["queued", "sent", "acknowledged", "running"];
        rows.iter().all(|row| !open.contains(&row["state"].as_str().unwrap())).then_some(rows)
    })
    .await
}

/// How often the agent ran each command to its end.
fn runs(agent: &Agent) -> BTreeMap<String, usize> {
    let mut runs = BTreeMap::new();
    for line in agent.log().iter().filter(|line| field(line, "message").is_some_and(|text| text == "command ended")) {
        let id = field(line, "command_id").and_then(Value::as_str).expect("the line names the command");
        *runs.entry(id.to_owned()).or_default() += 1;
    }
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed_again_and_again() {
    let mut server = own_server().await;
    let key = server.enroll(SITE, REPORTER).await;
    let agent = agent(&server, DEVICE).await;
    agent.read_samples(1).await;
    let mut commander = commander(&server);
    let mut reporter = reporter(&server, &key);
    for round in 0..6 {
        commander.goes_on(8).await;
        reporter.goes_on(50).await;
        if round % 2 == 0 {
            server.kill9();
        } else {
            server.kill9_and_look_away();
        }
        server.restart().await;
    }
    commander.goes_on(8).await;
    let accepted = commander.finish().await;
    let acknowledged = reporter.finish().await;

    let rows = ended(&server).await;
    let ledger: BTreeMap<_, _> = rows
        .iter()
        .map(|row| {
            (row["idempotency_key"].as_str().unwrap().to_owned(), row["command_id"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!((rows.len(), &ledger), (accepted.len(), &accepted), "each command that was accepted, once");
    let bad: Vec<_> = rows.iter().filter(|row| row["state"] != "succeeded").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let runs = runs(&agent);
    assert_eq!(runs.keys().collect::<BTreeSet<_>>(), accepted.values().collect(), "each command reached the agent");
    assert!(runs.values().all(|count| *count == 1), "each command ran once: {runs:?}");

    let reported: BTreeMap<_, _> =
        stored(&server, REPORTER).await.into_iter().map(|(at, row)| (at, row["cpu_percent"])).collect();
    assert_eq!(reported, acknowledged, "each sample that was acknowledged, once, as it was");

    // What the agent read while the server was away comes too.
    let wanted = read(&agent);
    let arrived = eventually("every sample the agent read", async || {
        let stored = stored(&server, DEVICE).await;
        wanted.keys().all(|at| stored.contains_key(at)).then_some(stored)
    })
    .await;
    let read = read(&agent);
    for (at, row) in arrived {
        assert_eq!(Some(&row), read.get(&at), "what is stored was read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_runs_twice_when_the_agent_is_killed_again_and_again() {
    let server = server().await;
    let mut agent = agent(&server, DEVICE).await;
    agent.read_samples(1).await;
    let mut commander = commander(&server);
    for _ in 0..5 {
        commander.goes_on(6).await;
        agent.kill9();
        commander.goes_on(2).await;
        agent.restart();
        agent.read_samples(1).await;
    }
    let accepted = commander.finish().await;
    let rows = ended(&server).await;
    assert_eq!(rows.len(), accepted.len());
    let runs = runs(&agent);
    assert!(runs.values().all(|count| *count == 1), "no command ran twice: {runs:?}");
    for row in &rows {
        let state = row["state"].as_str().unwrap();
        // A command that was cut short has no better end than unknown.
        assert!(["succeeded", "unknown"].contains(&state), "{row}");
    }
    // An agent that is killed between its journal and its log has run a command of which its log has no line.
    let is_unlogged =
        |row: &&Value| row["state"] == "succeeded" && !runs.contains_key(row["command_id"].as_str().unwrap());
    let unlogged = rows.iter().filter(is_unlogged).count();
    let unknown = rows.iter().filter(|row| row["state"] == "unknown").count();
    let cut_short = unlogged + unknown;
    assert!(cut_short <= 5, "at most what was running when the agent was killed, not {cut_short}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sample_is_lost_or_doubled_when_the_agent_is_killed_again_and_again_while_the_server_is_away_too() {
    let mut server = own_server().await;
    let mut agent = agent(&server, DEVICE).await;
    agent.read_samples(1).await;
    let rounds = 6;
    for round in 0..rounds {
        if round == 1 || round == 4 {
            server.kill9();
        }
        agent.read_samples(2).await;
        agent.kill9();
        if round == 3 || round == 5 {
            server.restart().await;
        }
        agent.restart();
    }
    agent.read_samples(1).await;
    let wanted = read(&agent);
    let arrived = eventually("every sample the agent read", async || {
        let stored = stored(&server, DEVICE).await;
        wanted.keys().all(|at| stored.contains_key(at)).then_some(stored)
    })
    .await;
    let read = read(&agent);
    let (told, untold): (Vec<_>, Vec<_>) = arrived.into_iter().partition(|(at, _)| read.contains_key(at));
    for (at, row) in told {
        assert_eq!(Some(&row), read.get(&at), "what is stored was read");
    }
    assert!(untold.len() <= rounds, "a sample is kept before the log tells it, so each death can hide one: {untold:?}");
    let losses = server.database().rows("SELECT * FROM sample_losses").await;
    assert!(losses.is_empty(), "{losses:?}");
}
