//! The promises, each held against all that is known in the end: what operators were told, what the ledger says, what the
//! devices' journals say, what programs of commands and releases really did, and what lies on the devices.

mod runs;
mod updates;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use homepot::{
    model::{CommandState, CommandType, Event, Holder, Standing, Step, is_safe_to_repeat},
    pb::command::v1::Command,
};
use homepot_agent::commands::Record;

use super::{
    deeds::Line,
    ledger::{Ledger, bound, micros, state},
    traffic::{CancelAnswer, Told},
    updates::{Found, looks::Look, rollouts},
};

/// All that is known in the end.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) told: Told,
    pub(super) ledger: Ledger,
    /// Each device's journal; `Err`: it can't be read, or not all of it.
    pub(super) journals: BTreeMap<String, Result<Vec<Record>, String>>,
    /// What the programs did, by command.
    pub(super) deeds: BTreeMap<String, Vec<Line>>,
    /// What the operators were told who rolled releases out.
    pub(super) rollouts: rollouts::Told,
    /// What each device's programs saw at its targets.
    pub(super) looks: BTreeMap<String, Vec<Look>>,
    /// What lies at each device's targets.
    pub(super) found: BTreeMap<String, [Found; 2]>,
    /// Devices that did not come back.
    pub(super) absent: Vec<String>,
    /// Devices that were told online long after they were dead.
    pub(super) ghosts: Vec<String>,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offence {
    /// The command, run, rollout, key or device.
    pub(super) subject: String,
    pub(super) what: String,
}

impl Offence {
    fn new(subject: &str, what: impl Into<String>) -> Self {
        Self { subject: subject.to_owned(), what: what.into() }
    }
}

type Check = fn(&Evidence) -> Vec<Offence>;

/// Every promise by its word in the summary, where it stands with the number of times it was broken.
const PROMISES: &[(&str, Check)] = &[
    ("lost", lost),
    ("run_twice", run_twice),
    ("started_late", started_late),
    ("without_end", without_end),
    ("contradicted", contradicted),
    ("cancels_broken", cancels_broken),
    ("illegal_histories", illegal_histories),
    ("runs_broken", runs::broken),
    ("rollouts_broken", updates::rollouts_broken),
    ("not_installed", updates::not_installed),
    ("mixed", updates::mixed),
    ("applied_twice", updates::applied_twice),
    ("sites_crowded", updates::sites_crowded),
    ("refused", refused),
    ("absent", |evidence| of_devices(&evidence.absent, "did not come back")),
    ("ghosts", |evidence| of_devices(&evidence.ghosts, "is told online and is dead")),
];

/// Holds every promise against the evidence: the counters, and how each offence came about.
pub(super) fn judge(evidence: &Evidence) -> (String, Vec<String>) {
    let mut counters = Vec::new();
    let mut told = Vec::new();
    for (name, check) in PROMISES {
        let offences = check(evidence);
        counters.push(format!("{name}={}", offences.len()));
        told.extend(offences.iter().map(|offence| evidence.explain(name, offence)));
    }
    (counters.join(" "), told)
}

/// What was answered is in the ledger, once.
fn lost(evidence: &Evidence) -> Vec<Offence> {
    let commands = &evidence.ledger.commands;
    let mut by_key = BTreeMap::<&str, Vec<&str>>::new();
    for command in commands.values().filter(|command| command.run_id.is_empty()) {
        by_key.entry(&command.idempotency_key).or_default().push(&command.command_id);
    }
    let mut offences = Vec::new();
    for order in &evidence.told.commands {
        let kept = by_key.remove(order.key.as_str()).unwrap_or_default();
        if kept.len() != 1 || order.ids.iter().any(|id| id != kept[0]) {
            offences.push(Offence::new(&order.ids[0], format!("{} is {kept:?}, answered {:?}", order.key, order.ids)));
        }
    }
    // Every order was answered in the end.
    let unasked =
        by_key.into_iter().map(|(key, ids)| Offence::new(ids[0], format!("nobody was told of {key}: {ids:?}")));
    offences.extend(unasked);
    for (device, journal) in &evidence.journals {
        match journal {
            Ok(records) => offences.extend(lost_outcomes(device, records, commands)),
            Err(fault) => offences.push(Offence::new(device, fault)),
        }
    }
    offences
}

/// An outcome that was acknowledged to the device stands in the ledger.
fn lost_outcomes(device: &str, records: &[Record], commands: &BTreeMap<String, Command>) -> Vec<Offence> {
    let acknowledged = records.iter().filter_map(|record| match record {
        Record::Forgotten { command_id, state, .. } => Some((command_id.to_string(), *state)),
        _ => None,
    });
    let lost = acknowledged.filter_map(|(id, told)| match commands.get(&id).map(|command| state(command.state)) {
        Some(kept) if kept == told => None,
        kept => Some(Offence::new(&id, format!("{device} was acknowledged that it is {told:?}, but it is {kept:?}"))),
    });
    lost.collect()
}

/// What is not safe to repeat begins once.
fn run_twice(evidence: &Evidence) -> Vec<Offence> {
    let begun_often =
        evidence.deeds.keys().map(|id| (id, evidence.begins(id).count())).filter(|(_, begins)| *begins > 1);
    begun_often.map(|(id, begins)| Offence::new(id, format!("began {begins} times"))).collect()
}

/// Nothing begins after its time to live.
fn started_late(evidence: &Evidence) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (id, command) in &evidence.ledger.commands {
        let expires_at = micros(command.expires_at.as_ref());
        let late = evidence.begins(id).filter(|line| line.at > expires_at);
        offences.extend(late.map(|line| Offence::new(id, format!("began {} us too late", line.at - expires_at))));
    }
    offences
}

/// Everything ends, at the latest when its bound is over.
fn without_end(evidence: &Evidence) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (id, command) in &evidence.ledger.commands {
        let first_end = command.history.iter().find(|step| state(step.state).is_end());
        match first_end.map(|end| micros(end.time.as_ref()) - bound(command)) {
            None => offences.push(Offence::new(id, "has no end")),
            Some(late) if late > 0 => offences.push(Offence::new(id, format!("ended {late} us after its bound"))),
            Some(_) => {}
        }
    }
    offences
}

/// The ledger tells what happened: what it calls done was done, and what it calls never started was not.
fn contradicted(evidence: &Evidence) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (id, command) in &evidence.ledger.commands {
        let (kept, lines) = (state(command.state), evidence.deeds.get(id).map_or(&[][..], Vec::as_slice));
        let (began, ended) = (lines.iter().any(|line| line.begins), lines.iter().any(|line| !line.begins));
        let fault = match kept {
            CommandState::Cancelled | CommandState::Expired | CommandState::Rejected => began,
            CommandState::Succeeded if has_side_effects(command) => !(began && ended),
            _ => false,
        };
        if fault {
            offences.push(Offence::new(id, format!("is {kept:?}; began: {began}, ended: {ended}")));
        }
    }
    let unknown = evidence.deeds.keys().filter(|id| !evidence.ledger.commands.contains_key(*id));
    offences.extend(unknown.map(|id| Offence::new(id, "ran and is not in the ledger")));
    offences
}

/// What was told of a cancellation holds.
fn cancels_broken(evidence: &Evidence) -> Vec<Offence> {
    let mut offences = Vec::new();
    for order in &evidence.told.commands {
        let Some(command) = evidence.ledger.commands.get(&order.ids[0]) else { continue };
        let cancelled = state(command.state) == CommandState::Cancelled;
        let broken = match order.cancel {
            Some(CancelAnswer::Cancelled) => !cancelled,
            Some(CancelAnswer::TooLate) => cancelled,
            Some(CancelAnswer::Open) => false,
            None => cancelled,
        };
        if broken {
            offences.push(Offence::new(&order.ids[0], format!("cancel was answered {:?}", order.cancel)));
        }
    }
    offences
}

/// Every history goes from step to step as the rules allow, and time goes forward.
fn illegal_histories(evidence: &Evidence) -> Vec<Offence> {
    let check = |command: &Command| {
        let steps: Vec<_> =
            command.history.iter().map(|step| (state(step.state), micros(step.time.as_ref()))).collect();
        if steps.first().map(|step| step.0) != Some(CommandState::Queued) {
            return Some("does not begin as queued".to_owned());
        }
        if steps.last().map(|step| step.0) != Some(state(command.state)) {
            return Some("is not where its history ends".to_owned());
        }
        let wrong =
            steps.windows(2).find(|pair| !may_follow(command, pair[0].0, pair[1].0) || pair[1].1 < pair[0].1)?;
        Some(format!("{:?} at {} is followed by {:?} at {}", wrong[0].0, wrong[0].1, wrong[1].0, wrong[1].1))
    };
    let wrong = evidence.ledger.commands.iter().filter_map(|(id, command)| Some(Offence::new(id, check(command)?)));
    wrong.collect()
}

/// Whether anything that can happen to the command leads from one state to the other.
fn may_follow(command: &Command, from: CommandState, to: CommandState) -> bool {
    let cancel_requested = command.cancel_requested_at.is_some();
    // Every device here has a stream.
    let standing = Standing { state: from, holder: Holder::Session, cancel_requested };
    let events = [
        Event::HandedOver,
        Event::Acknowledged,
        Event::Started,
        Event::Ended(to),
        Event::CancelAsked,
        Event::TimeToLiveOver,
        Event::BoundOver,
        Event::JournalLost,
    ];
    events.into_iter().any(|event| standing.on(event) == Ok(Step::To(to)))
}

fn refused(evidence: &Evidence) -> Vec<Offence> {
    let refusals = evidence.told.refusals.iter().chain(&evidence.rollouts.refusals);
    refusals.map(|refusal| Offence::new("request", refusal)).collect()
}

fn of_devices(devices: &[String], what: &str) -> Vec<Offence> {
    devices.iter().map(|device| Offence::new(device, what)).collect()
}

fn has_side_effects(command: &Command) -> bool {
    CommandType::parse(&command.command_type).is_ok_and(|command_type| !is_safe_to_repeat(&command_type))
}

impl Evidence {
    fn begins(&self, id: &str) -> impl Iterator<Item = &Line> {
        self.deeds.get(id).into_iter().flatten().filter(|line| line.begins)
    }

    /// How many commands ended how, and how many programs ran.
    pub(super) fn counts(&self) -> String {
        let mut by_state = BTreeMap::<&str, usize>::new();
        for command in self.ledger.commands.values() {
            *by_state.entry(state(command.state).as_str()).or_default() += 1;
        }
        let ends: Vec<_> = by_state.iter().map(|(state, count)| format!("{state}={count}")).collect();
        let (commands, runs, deeds) = (self.ledger.commands.len(), self.ledger.runs.len(), self.deeds.len());
        let (rollouts, looks) = (self.rollouts.rollouts.len(), self.looks.values().map(Vec::len).sum::<usize>());
        let commands = format!("commands={commands} runs={runs} programs={deeds}; {}", ends.join(" "));
        format!("{commands}\nrollouts={rollouts} looks={looks}")
    }

    /// An offence with all that is known of its subject.
    fn explain(&self, promise: &str, offence: &Offence) -> String {
        let Offence { subject, what } = offence;
        let mut text = format!("{promise}: {subject} {what}\n");
        let mut add = |line: &dyn std::fmt::Display| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "    {line}");
        };
        // The command itself, or those of a run.
        let is_meant = |command: &&Command| command.command_id == *subject || command.run_id == *subject;
        for command in self.ledger.commands.values().filter(is_meant) {
            let Command { command_id, command_type, device_id, run_id, deliveries, .. } = command;
            let expires_at = micros(command.expires_at.as_ref());
            add(&format_args!("{command_id}: {command_type} of {device_id}, run {run_id:?}, {deliveries} deliveries"));
            add(&format_args!("{expires_at} is when its time to live is over"));
            for step in &command.history {
                add(&format_args!("{} {:?}: {}", micros(step.time.as_ref()), state(step.state), step.cause));
            }
        }
        for (device, records) in &self.journals {
            let records = records.iter().flatten().filter(|record| command_of(record).is_some_and(|id| id == *subject));
            records.for_each(|record| add(&format_args!("{device}: {record:?}")));
        }
        self.deeds.get(subject).into_iter().flatten().for_each(|line| add(line));
        self.looks.get(subject).into_iter().flatten().for_each(|look| add(look));
        text
    }
}

/// The command that a record is about.
fn command_of(record: &Record) -> Option<String> {
    Some(match record {
        Record::Journal { .. } => return None,
        Record::Received(received) => received.command_id.to_string(),
        Record::Renewed(renewed) => renewed.command_id.to_string(),
        Record::Started { command_id, .. }
        | Record::Ended { command_id, .. }
        | Record::Forgotten { command_id, .. } => command_id.to_string(),
    })
}

/// The distinct values, where there are any.
fn distinct<'a>(values: impl IntoIterator<Item = &'a String>) -> BTreeSet<&'a str> {
    values.into_iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests;
