//! Plays a plan: each request at its time, whatever became of those before, and never more than so many under way.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::Method;
use indicatif::ProgressBar;
use parking_lot::Mutex;
use tokio::{
    select,
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use tokio_util::sync::CancellationToken;

use super::plan::{Kind, Plan, Planned};
use crate::{
    fleet::{Counter, Histogram},
    rest::Rest,
    screen::{PLAIN_LINE_EVERY, Screen},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const CREATED: u16 = 201;

/// What a run came to so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) activities: Counts,
    pub(super) errors: Counts,
    pub(super) latency: Histogram,
    /// Why requests were not acknowledged, with how often.
    pub(super) refusals: Mutex<BTreeMap<String, u64>>,
}

/// Of requests of one kind.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: Counter,
    pub(super) acknowledged: Counter,
    /// The server said no.
    pub(super) refused: Counter,
    /// Nobody knows whether the server has it.
    pub(super) unanswered: Counter,
}

/// A run that is over.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) tally: Arc<Tally>,
    pub(super) planned: u64,
    pub(super) took: Duration,
    /// The furthest that a request went out behind its time.
    pub(super) behind: Duration,
    pub(super) interrupted: bool,
}

impl Tally {
    pub(super) fn of(&self, kind: Kind) -> &Counts {
        match kind {
            Kind::Activity => &self.activities,
            Kind::Error => &self.errors,
        }
    }

    fn refuse(&self, why: String) {
        *self.refusals.lock().entry(why).or_default() += 1;
    }

    fn answered(&self) -> u64 {
        let of = |counts: &Counts| counts.acknowledged.get() + counts.refused.get() + counts.unanswered.get();
        of(&self.activities) + of(&self.errors)
    }
}

/// Where requests go, and how many of them may be under way.
pub(super) struct Destination {
    pub(super) rest: Rest,
    pub(super) bearer: Arc<str>,
    pub(super) together: usize,
}

/// Sends all of `plan`, or what of it comes before `stop`, and waits for the answers.
pub(super) async fn play(plan: Plan, to: &Destination, stop: &CancellationToken, screen: Option<&Screen>) -> Played {
    let planned = plan.total();
    let tally = Arc::new(Tally::default());
    let begun = Instant::now();
    let send = send_all(plan, to, stop, &tally, begun);
    let (behind, interrupted) = match screen {
        Some(screen) => {
            let bar = screen.bar("traffic", planned);
            let ended = select! {
                ended = send => ended,
                never = show(screen, &bar, &tally) => match never {},
            };
            bar.set_position(tally.answered());
            bar.finish();
            ended
        }
        None => send.await,
    };
    Played { tally, planned, took: begun.elapsed(), behind, interrupted }
}

async fn send_all(
    plan: Plan,
    to: &Destination,
    stop: &CancellationToken,
    tally: &Arc<Tally>,
    begun: Instant,
) -> (Duration, bool) {
    let turns = Arc::new(Semaphore::new(to.together));
    let mut under_way = JoinSet::new();
    let mut behind = Duration::ZERO;
    let mut interrupted = false;
    for planned in plan {
        let due = begun + planned.at;
        let turn = async {
            sleep_until(due).await;
            turns.clone().acquire_owned().await
        };
        let turn = select! {
            biased;
            () = stop.cancelled() => {
                interrupted = true;
                break;
            }
            turn = turn => turn,
        };
        let Ok(turn) = turn else { break };
        behind = behind.max(due.elapsed());
        let (rest, bearer, tally) = (to.rest.clone(), to.bearer.clone(), tally.clone());
        under_way.spawn(async move {
            send(planned, &rest, &bearer, &tally).await;
            drop(turn);
        });
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
    (behind, interrupted)
}

async fn send(planned: Planned, rest: &Rest, bearer: &str, tally: &Tally) {
    let counts = tally.of(planned.kind);
    let headers = [("authorization", bearer), ("x-device-source", "simulated")];
    let begun = Instant::now();
    counts.sent.add(1);
    match rest.call(Method::POST, planned.kind.path(), &headers, Some(&planned.body)).await {
        Ok(answer) if answer.status == CREATED => {
            counts.acknowledged.add(1);
            tally.latency.record(begun.elapsed());
        }
        Ok(answer) => {
            counts.refused.add(1);
            let told = &answer.body["detail"];
            let told = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
            tally.refuse(format!("{}: {told}", answer.status));
        }
        Err(error) => {
            counts.unanswered.add(1);
            tally.refuse(error.to_string());
        }
    }
}

async fn show(screen: &Screen, bar: &ProgressBar, tally: &Tally) -> std::convert::Infallible {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told_at, mut before) = (Instant::now(), (Instant::now(), 0, tally.latency.read()));
    loop {
        ticks.tick().await;
        let now = (Instant::now(), tally.answered(), tally.latency.read());
        let seconds = now.0.duration_since(before.0).as_secs_f64().max(0.001);
        let p99 = now.2.since(&before.2).quantile(99.0);
        let p99 = p99.map_or_else(|| "-".to_owned(), |took| format!("{:.0} ms", took.as_secs_f64() * 1e3));
        let failed = now.1 - tally.activities.acknowledged.get().min(now.1);
        let failed = failed - tally.errors.acknowledged.get().min(failed);
        let line =
            format!("{:.0} requests/s  p99 {p99}  not acknowledged {failed}", (now.1 - before.1) as f64 / seconds);
        bar.set_position(now.1);
        bar.set_message(line.clone());
        before = now;
        if !screen.draws() && told_at.elapsed() >= PLAIN_LINE_EVERY {
            told_at = Instant::now();
            screen.say(format_args!("traffic  {}/{}  {line}", before.1, bar.length().unwrap_or_default()));
        }
    }
}
