//! What operators do meanwhile: they queue commands, take some of them back, and start runs. Each asks until it is
//! answered, with the same idempotency key: that is what makes "lost" mean something.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use homepot::{
    model::{CommandState, to_proto_duration},
    pb::command::v1 as pb,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval, sleep},
};
use tonic::{Code, Status};

use super::{
    Plan,
    cast::{SITE, device_id},
    replicas::Replicas,
};

/// Orders that wait for their answer, at most.
const UNANSWERED: usize = 400;
const RUN_EVERY: Duration = Duration::from_secs(4);
/// Of so many queued commands one is asked for twice although it was answered, and one is taken back.
const AGAIN: u32 = 15;
const TAKEN_BACK: u32 = 9;

/// A command somebody wants.
#[derive(Clone, Debug)]
struct Order {
    request: pb::QueueRequest,
    /// The replica that is asked first.
    replica: usize,
    again: bool,
    /// How long after the answer it is taken back, and how long that may take.
    cancel: Option<(Duration, Duration)>,
}

/// What was answered to an order.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    /// The key it was asked for with.
    pub(super) key: String,
    /// Every id that was answered; more than one shows that it was queued twice.
    pub(super) ids: Vec<String>,
    /// What taking it back was answered, if somebody tried.
    pub(super) cancel: Option<CancelAnswer>,
}

/// What taking a command back was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelAnswer {
    /// It will never run.
    Cancelled,
    /// It has started or ended.
    TooLate,
    /// The device did not say in time.
    Open,
}

/// All that the operators were told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The commands that were queued.
    pub(super) commands: Vec<Answered>,
    /// The runs that were started: their keys, and every id that was answered.
    pub(super) runs: Vec<(String, Vec<String>)>,
    /// Refusals of what there is no reason to refuse.
    pub(super) refusals: Vec<String>,
}

/// The operators at work.
pub(super) struct Traffic {
    stop: watch::Sender<bool>,
    answered: watch::Receiver<usize>,
    orders: JoinHandle<Told>,
    runs: JoinHandle<Told>,
}

impl Traffic {
    /// Starts them.
    pub(super) fn start(plan: &Plan, operators: &Replicas) -> Self {
        let stop = watch::Sender::new(false);
        let (count, answered) = watch::channel(0);
        let orders = tokio::spawn(queue(plan.clone(), operators.clone(), stop.subscribe(), count));
        let runs = tokio::spawn(start_runs(plan.clone(), operators.clone(), stop.subscribe()));
        Self { stop, answered, orders, runs }
    }

    /// How many commands were queued and answered so far.
    pub(super) fn answered(&self) -> usize {
        *self.answered.borrow()
    }

    /// Asks for nothing more, and waits until all that was asked for is answered.
    pub(super) async fn finish(self) -> Told {
        self.stop.send_replace(true);
        let mut told = self.orders.await.expect("operators do not panic");
        let runs = self.runs.await.expect("operators do not panic");
        told.runs = runs.runs;
        told.refusals.extend(runs.refusals);
        told
    }
}

async fn queue(plan: Plan, operators: Replicas, stop: watch::Receiver<bool>, answered: watch::Sender<usize>) -> Told {
    let mut rng = Rng::with_seed(plan.seed ^ 1);
    let mut asked = JoinSet::new();
    let mut told = Told::default();
    let mut pace = interval(Duration::from_secs(1) / plan.rate.max(1));
    // What the machine could not do in time is left out: catching up would only tell how slow it is.
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let operators = Arc::new(operators);
    for number in 0.. {
        pace.tick().await;
        while let Some(order) = asked.try_join_next() {
            note(&mut told, order.expect("operators do not panic"), &answered);
        }
        if *stop.borrow() {
            break;
        }
        if asked.len() < UNANSWERED {
            asked.spawn(place(operators.clone(), order(&mut rng, number, plan.agents)));
        }
    }
    while let Some(order) = asked.join_next().await {
        note(&mut told, order.expect("operators do not panic"), &answered);
    }
    told
}

fn note(told: &mut Told, order: Result<Answered, Status>, answered: &watch::Sender<usize>) {
    match order {
        Ok(order) => told.commands.push(order),
        Err(status) => told.refusals.push(status.to_string()),
    }
    answered.send_replace(told.commands.len());
}

/// Draws an order. Half of what is hard to get right, half of what is easy.
fn order(rng: &mut Rng, number: usize, agents: usize) -> Order {
    let (command_type, payload) = match rng.u32(..100) {
        0..45 => ("PING", None),
        45..55 => ("RUN_DIAGNOSTICS", None),
        55..60 => ("SET_INTERVAL", Some(interval_payload(rng.f64()))),
        60..98 => ("RESTART_APP", None),
        _ => ("REBOOT", None),
    };
    let time_to_live = match rng.u32(..10) {
        0..3 => Duration::from_millis(rng.u64(1_000..4_000)),
        3..8 => Duration::from_secs(rng.u64(4..30)),
        _ => Duration::from_secs(rng.u64(30..180)),
    };
    let run_timeout = Duration::from_millis(rng.u64(1_000..2_000));
    let cancel = (rng.u32(..TAKEN_BACK) == 0)
        .then(|| (Duration::from_millis(rng.u64(..400)), Duration::from_millis(rng.u64(..2_000))));
    let request = pb::QueueRequest {
        device_id: device_id(rng.usize(..agents)),
        command_type: command_type.to_owned(),
        payload,
        idempotency_key: format!("order-{number}"),
        time_to_live: Some(to_proto_duration(time_to_live)),
        run_timeout: Some(to_proto_duration(run_timeout)),
    };
    Order { request, replica: rng.usize(..2), again: rng.u32(..AGAIN) == 0, cancel }
}

fn interval_payload(drawn: f64) -> prost_types::Struct {
    let seconds = prost_types::value::Kind::NumberValue((1.0 + drawn * 5.0).floor());
    let value = prost_types::Value { kind: Some(seconds) };
    prost_types::Struct { fields: [("interval_seconds".to_owned(), value)].into() }
}

async fn place(operators: Arc<Replicas>, order: Order) -> Result<Answered, Status> {
    let Order { request, replica, again, cancel } = order;
    let mut ids = vec![queue_one(&operators, replica, &request).await?];
    if again {
        ids.push(queue_one(&operators, replica + 1, &request).await?);
    }
    let cancel = match cancel {
        Some((after, wait)) => {
            sleep(after).await;
            Some(take_back(&operators, replica, &ids[0], wait).await?)
        }
        None => None,
    };
    Ok(Answered { key: request.idempotency_key, ids, cancel })
}

/// Queues a command; answers its id.
async fn queue_one(operators: &Replicas, replica: usize, request: &pb::QueueRequest) -> Result<String, Status> {
    let queued = operators.until_answered(replica, request, |mut to, it| async move { to.command.queue(it).await });
    Ok(queued.await?.command.map(|command| command.command_id).unwrap_or_default())
}

async fn take_back(operators: &Replicas, replica: usize, id: &str, wait: Duration) -> Result<CancelAnswer, Status> {
    let request = pb::CancelRequest {
        command_id: id.to_owned(),
        reason: "torture".to_owned(),
        wait: Some(to_proto_duration(wait)),
    };
    let answer =
        operators.until_answered(replica, &request, |mut to, it| async move { to.command.cancel(it).await }).await;
    match answer {
        Ok(answer) => {
            let state = answer.command.map(|command| command.state).unwrap_or_default();
            let cancelled = state == i32::from(pb::CommandState::from(CommandState::Cancelled));
            Ok(if cancelled { CancelAnswer::Cancelled } else { CancelAnswer::Open })
        }
        Err(status) if status.code() == Code::FailedPrecondition => Ok(CancelAnswer::TooLate),
        Err(status) => Err(status),
    }
}

/// Starts a run from time to time, on all devices by their site or on some by their ids.
async fn start_runs(plan: Plan, operators: Replicas, mut stop: watch::Receiver<bool>) -> Told {
    let mut rng = Rng::with_seed(plan.seed ^ 2);
    let mut told = Told::default();
    for number in 0.. {
        let by_site = pb::Target { site_id: SITE.to_owned(), ..Default::default() };
        let some = (0..plan.agents).filter(|_| rng.bool()).map(device_id).collect::<Vec<_>>();
        let by_id = pb::Target { device_ids: some.clone(), ..Default::default() };
        let request = pb::StartRunRequest {
            target: Some(if some.is_empty() || rng.bool() { by_site } else { by_id }),
            command_type: if rng.bool() { "RESTART_APP" } else { "PING" }.to_owned(),
            max_in_flight: rng.u32(1..4),
            // Some are halted by their first failures, some can't be.
            max_failures: if rng.bool() { rng.u32(..2) } else { 1_000 },
            time_to_live: Some(to_proto_duration(Duration::from_secs(rng.u64(2..20)))),
            run_timeout: Some(to_proto_duration(Duration::from_secs(1))),
            idempotency_key: format!("run-{number}"),
            ..Default::default()
        };
        let mut ids = Vec::new();
        for replica in 0..2 {
            let started =
                operators.until_answered(replica, &request, |mut to, it| async move { to.command.start_run(it).await });
            match started.await {
                Ok(started) => ids.push(started.run.map(|run| run.run_id).unwrap_or_default()),
                Err(status) => told.refusals.push(status.to_string()),
            }
        }
        told.runs.push((request.idempotency_key, ids));
        if tokio::time::timeout(RUN_EVERY, stop.wait_for(|stop| *stop)).await.is_ok() {
            break;
        }
    }
    told
}
