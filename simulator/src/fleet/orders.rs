//! What a simulated device does with commands: takes them, starts one at a time, and ends each as the scenario has it.
//!
//! Without I/O, with time passed in. It keeps what a real agent keeps in its journal, in memory: a redelivery is answered from
//! it and nothing runs twice.

use std::{collections::VecDeque, time::Duration};

use homepot::{
    model::{CommandId, CommandState, Delivery, JsonObject, Outcome},
    pb::device::v1::{
        AttachRequest, CommandAcknowledged, CommandOutcome, CommandStarted, attach_request::Message as Up,
    },
};
use homepot_agent::commands::builtin::{self, CAPABILITIES};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    life::chance::{fraction, mix_all},
    scenario::Commands,
};

/// How long a device is away that was told to restart.
const REBOOT: Duration = Duration::from_secs(15);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Orders {
    known: VecDeque<Order>,
}

#[derive(Debug)]
struct Order {
    delivery: Delivery,
    arrived: Instant,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Waiting,
    Running { ends_at: Instant, verdict: Verdict },
    Ended(Outcome),
}

/// How a command will end, known to the simulation alone.
#[derive(Clone, Debug, PartialEq)]
struct Verdict {
    state: CommandState,
    result: Option<JsonObject>,
    reason: Option<String>,
}

/// What a command does to the device.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// It is off for so long.
    Restarts(Duration),
    /// Its application starts anew.
    RestartsApplication,
    /// It measures this often; `None`: as the server says.
    MeasuresEvery(Option<Duration>),
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Doings {
    pub(super) say: Vec<AttachRequest>,
    pub(super) effects: Vec<Effect>,
    /// Ends that were reached.
    pub(super) ended: Vec<CommandState>,
}

impl Doings {
    fn say(&mut self, message: Up) {
        self.say.push(AttachRequest { message: Some(message) });
    }

    fn acknowledge(&mut self, id: CommandId) {
        self.say(Up::CommandAcknowledged(CommandAcknowledged { command_id: id.to_string() }));
    }

    fn started(&mut self, id: CommandId) {
        self.say(Up::CommandStarted(CommandStarted { command_id: id.to_string() }));
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.say(Up::CommandOutcome(CommandOutcome::from(outcome.clone())));
    }
}

/// What the answers to commands tell of the device.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) device_time: String,
    pub(super) configuration_version: u32,
    pub(super) failing: bool,
}

impl Orders {
    /// The command types a simulated device declares.
    pub(super) fn capabilities() -> Vec<String> {
        CAPABILITIES.iter().map(|&name| name.to_owned()).collect()
    }

    /// A command arrived; `true` when it is a new one.
    pub(super) fn take(&mut self, delivery: Delivery, now: Instant, doings: &mut Doings) -> bool {
        let id = delivery.command_id;
        let Some(order) = self.known.iter().find(|order| order.delivery.command_id == id) else {
            self.known.push_back(Order { delivery, arrived: now, stage: Stage::Waiting });
            doings.acknowledge(id);
            return true;
        };
        doings.acknowledge(id);
        match &order.stage {
            Stage::Waiting => {}
            Stage::Running { .. } => doings.started(id),
            Stage::Ended(outcome) => doings.outcome(outcome),
        }
        false
    }

    /// The server wants a command back.
    pub(super) fn cancel(&mut self, id: CommandId, doings: &mut Doings) {
        let cancelled = Outcome { command_id: id, state: CommandState::Cancelled, result: None, reason: None };
        let Some(order) = self.known.iter_mut().find(|order| order.delivery.command_id == id) else {
            // Nothing to forget later: should it come after all, it was handed over again by a server that knows the answer.
            return doings.outcome(&cancelled);
        };
        match &order.stage {
            Stage::Waiting => {
                order.stage = Stage::Ended(cancelled.clone());
                doings.ended.push(CommandState::Cancelled);
                doings.outcome(&cancelled);
            }
            Stage::Running { .. } => doings.started(id),
            Stage::Ended(outcome) => doings.outcome(outcome),
        }
    }

    /// The server has an outcome; `true` when it was one of ours.
    pub(super) fn forget(&mut self, id: CommandId) -> bool {
        let before = self.known.len();
        self.known.retain(|order| order.delivery.command_id != id || !matches!(order.stage, Stage::Ended(_)));
        self.known.len() < before
    }

    /// A session began: the server hears again what it may not have heard.
    pub(super) fn attached(&self, doings: &mut Doings) {
        for order in &self.known {
            let id = order.delivery.command_id;
            match &order.stage {
                Stage::Waiting => doings.acknowledge(id),
                Stage::Running { .. } => doings.started(id),
                Stage::Ended(outcome) => doings.outcome(outcome),
            }
        }
    }

    /// When the running command ends; at once, where one waits and none runs.
    pub(super) fn due(&self) -> Option<Instant> {
        let mut waits = None;
        for order in &self.known {
            match order.stage {
                Stage::Running { ends_at, .. } => return Some(ends_at),
                Stage::Waiting => waits = waits.or(Some(order.arrived)),
                Stage::Ended(_) => {}
            }
        }
        waits
    }

    /// Nothing waits, runs, or has to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Ends what is due and starts what waits, one at a time, in the order in which they came.
    pub(super) fn go_on(&mut self, rules: &Commands, lot: u64, facts: &Facts, now: Instant, doings: &mut Doings) {
        for order in &mut self.known {
            match &order.stage {
                Stage::Running { ends_at, .. } if *ends_at > now => return,
                Stage::Running { verdict, .. } => order.stage = Stage::Ended(end(&order.delivery, verdict, doings)),
                Stage::Waiting => {
                    if let Some(running) = start(order, rules, lot, facts, now, doings) {
                        order.stage = running;
                        if matches!(order.stage, Stage::Running { .. }) {
                            return;
                        }
                    }
                }
                Stage::Ended(_) => {}
            }
        }
    }
}

fn end(delivery: &Delivery, verdict: &Verdict, doings: &mut Doings) -> Outcome {
    let outcome = Outcome {
        command_id: delivery.command_id,
        state: verdict.state,
        result: verdict.result.clone(),
        reason: verdict.reason.clone(),
    };
    doings.ended.push(outcome.state);
    doings.outcome(&outcome);
    outcome
}

fn start(order: &Order, rules: &Commands, lot: u64, facts: &Facts, now: Instant, doings: &mut Doings) -> Option<Stage> {
    let delivery = &order.delivery;
    let without = |state, reason: &str| Verdict { state, result: None, reason: Some(reason.to_owned()) };
    if now.duration_since(order.arrived) >= delivery.time_to_live {
        let verdict = without(CommandState::Expired, "its time to live was over before it could start");
        return Some(Stage::Ended(end(delivery, &verdict, doings)));
    }
    let (high, low) = delivery.command_id.0.as_u64_pair();
    let lot = mix_all(&[lot, high, low]);
    let percent = fraction(lot) * 100.0;
    let kind = delivery.command_type.as_str();
    if percent < rules.reject_percent || !CAPABILITIES.contains(&kind) {
        let verdict = without(CommandState::Rejected, "this simulated device does not do that");
        return Some(Stage::Ended(end(delivery, &verdict, doings)));
    }
    if let Err(fault) = check_payload(delivery) {
        return Some(Stage::Ended(end(delivery, &without(CommandState::Rejected, &fault), doings)));
    }
    doings.started(delivery.command_id);
    let takes = Duration::from_secs_f64(rules.takes_ms / 1_000.0 * 2.0 * fraction(lot ^ 1)).min(delivery.run_timeout);
    let percent = percent - rules.reject_percent;
    let (verdict, takes) = if percent < rules.fail_percent {
        (without(CommandState::Failed, "a failure that the scenario asked for"), takes)
    } else if percent < rules.fail_percent + rules.lose_percent {
        doings.effects.push(Effect::Restarts(REBOOT));
        (without(CommandState::Unknown, "the device restarted while it ran"), REBOOT)
    } else {
        succeed(delivery, facts, takes, doings)
    };
    Some(Stage::Running { ends_at: now + takes, verdict })
}

fn check_payload(delivery: &Delivery) -> Result<(), String> {
    if delivery.command_type.as_str() == "SET_INTERVAL" {
        builtin::interval(delivery.payload.as_ref())?;
    }
    Ok(())
}

/// What comes of a command that works, and how long it takes.
fn succeed(delivery: &Delivery, facts: &Facts, takes: Duration, doings: &mut Doings) -> (Verdict, Duration) {
    let (result, takes) = match delivery.command_type.as_str() {
        "REBOOT" => {
            doings.effects.push(Effect::Restarts(REBOOT));
            (json!({ "rebooted": true, "simulated": true }), REBOOT)
        }
        "RESTART_APP" => {
            doings.effects.push(Effect::RestartsApplication);
            (json!({ "exit_code": 0, "simulated": true }), takes)
        }
        "SET_INTERVAL" => {
            let seconds = builtin::interval(delivery.payload.as_ref()).unwrap_or_default();
            doings.effects.push(Effect::MeasuresEvery(seconds.map(Duration::from_secs)));
            (json!({ "interval_seconds": seconds, "simulated": true }), takes)
        }
        "RUN_DIAGNOSTICS" => (
            json!({
                "simulated": true, "device_time": facts.device_time,
                "configuration_version": facts.configuration_version,
                "disk_health": if facts.failing { "failing" } else { "good" },
            }),
            takes,
        ),
        _ => (json!({ "pong": true, "simulated": true, "device_time": facts.device_time }), takes),
    };
    (Verdict { state: CommandState::Succeeded, result: result.as_object().cloned(), reason: None }, takes)
}

#[cfg(test)]
mod tests {
    use homepot::model::CommandType;

    use super::*;

    fn delivery(number: u128, kind: &str) -> Delivery {
        Delivery {
            command_id: CommandId(uuid::Uuid::from_u128(number)),
            command_type: CommandType::parse_any_case(kind).unwrap(),
            payload: None,
            time_to_live: Duration::from_secs(60),
            run_timeout: Duration::from_secs(60),
            created_at: chrono::DateTime::UNIX_EPOCH,
            server_time: None,
        }
    }

    fn facts() -> Facts {
        Facts { device_time: "now".to_owned(), configuration_version: 1, failing: false }
    }

    fn never_fails() -> Commands {
        Commands { fail_percent: 0.0, reject_percent: 0.0, lose_percent: 0.0, takes_ms: 1_000.0 }
    }

    /// What was said, by kind.
    fn said(doings: &Doings) -> Vec<&'static str> {
        let kind = |message: &AttachRequest| match message.message {
            Some(Up::CommandAcknowledged(_)) => "acknowledged",
            Some(Up::CommandStarted(_)) => "started",
            Some(Up::CommandOutcome(_)) => "outcome",
            _ => "other",
        };
        doings.say.iter().map(kind).collect()
    }

    fn step(orders: &mut Orders, rules: &Commands, now: Instant) -> Doings {
        let mut doings = Doings::default();
        orders.go_on(rules, 1, &facts(), now, &mut doings);
        doings
    }

    #[test]
    fn one_command_runs_at_a_time_in_the_order_they_came() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        let mut doings = Doings::default();
        assert!(orders.take(delivery(1, "PING"), now, &mut doings));
        assert!(orders.take(delivery(2, "PING"), now, &mut doings));
        assert_eq!(said(&doings), ["acknowledged", "acknowledged"]);
        assert_eq!(said(&step(&mut orders, &never_fails(), now)), ["started"]);
        assert_eq!(said(&step(&mut orders, &never_fails(), now)), [""; 0]);
        let later = now + Duration::from_secs(3);
        assert_eq!(said(&step(&mut orders, &never_fails(), later)), ["outcome", "started"]);
        assert_eq!(step(&mut orders, &never_fails(), later + Duration::from_secs(3)).ended, [CommandState::Succeeded]);
    }

    #[test]
    fn a_redelivery_is_answered_and_nothing_runs_twice() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        orders.take(delivery(1, "REBOOT"), now, &mut Doings::default());
        assert_eq!(step(&mut orders, &never_fails(), now).effects, [Effect::Restarts(REBOOT)]);
        step(&mut orders, &never_fails(), now + REBOOT);
        let mut doings = Doings::default();
        assert!(!orders.take(delivery(1, "REBOOT"), now + REBOOT, &mut doings));
        assert_eq!(said(&doings), ["acknowledged", "outcome"]);
        assert!(step(&mut orders, &never_fails(), now + REBOOT * 2).effects.is_empty());
        assert!(orders.forget(CommandId(uuid::Uuid::from_u128(1))) && orders.is_empty());
    }

    #[test]
    fn a_command_never_starts_after_its_time_to_live() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        orders.take(delivery(1, "REBOOT"), now, &mut Doings::default());
        let doings = step(&mut orders, &never_fails(), now + Duration::from_secs(60));
        assert_eq!((doings.ended, doings.effects), (vec![CommandState::Expired], vec![]));
    }

    #[test]
    fn what_waits_can_be_taken_back_and_what_runs_can_not() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        orders.take(delivery(1, "PING"), now, &mut Doings::default());
        orders.take(delivery(2, "PING"), now, &mut Doings::default());
        step(&mut orders, &never_fails(), now);
        let cancel = |orders: &mut Orders, number| {
            let mut doings = Doings::default();
            orders.cancel(CommandId(uuid::Uuid::from_u128(number)), &mut doings);
            (said(&doings), doings.ended)
        };
        assert_eq!(cancel(&mut orders, 1), (vec!["started"], vec![]));
        assert_eq!(cancel(&mut orders, 2), (vec!["outcome"], vec![CommandState::Cancelled]));
        assert_eq!(cancel(&mut orders, 3), (vec!["outcome"], vec![]), "one that it never saw");
    }

    #[test]
    fn failures_come_as_often_as_the_scenario_says_and_the_same_ones_for_the_same_lot() {
        let rules = Commands { fail_percent: 20.0, reject_percent: 10.0, lose_percent: 5.0, takes_ms: 0.0 };
        let ends = |lot| {
            let end = |number| {
                let (mut orders, now) = (Orders::default(), Instant::now());
                orders.take(delivery(number, "PING"), now, &mut Doings::default());
                let mut doings = Doings::default();
                orders.go_on(&rules, lot, &facts(), now, &mut doings);
                orders.go_on(&rules, lot, &facts(), now + REBOOT, &mut doings);
                doings.ended[0]
            };
            (0..1_000).map(end).collect::<Vec<_>>()
        };
        let count = |state| ends(1).iter().filter(|end| **end == state).count();
        assert!((150..250).contains(&count(CommandState::Failed)));
        assert!((70..130).contains(&count(CommandState::Rejected)));
        assert!((30..70).contains(&count(CommandState::Unknown)));
        assert_eq!(ends(1), ends(1));
        assert_ne!(ends(1), ends(2));
    }

    #[test]
    fn an_interval_that_makes_no_sense_is_rejected_as_the_agent_would() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        orders.take(delivery(1, "SET_INTERVAL"), now, &mut Doings::default());
        let doings = step(&mut orders, &never_fails(), now);
        assert_eq!((doings.ended, doings.effects), (vec![CommandState::Rejected], vec![]));
    }
}
