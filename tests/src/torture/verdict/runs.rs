//! What runs promise: each device has its turn once, so many are under way at a time, and too many failures halt it.

use std::collections::BTreeSet;

use homepot::{
    model::CommandState,
    pb::command::v1::{Command, Run, RunDevice, RunState},
};

use super::{Evidence, Offence, distinct, micros, state};

/// Where runs did not keep to what they promise.
pub(super) fn broken(evidence: &Evidence) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut left: BTreeSet<&String> = evidence.ledger.runs.keys().collect();
    for (key, ids) in &evidence.told.runs {
        let ids = distinct(ids);
        left.retain(|id| !ids.contains(id.as_str()));
        let kept =
            ids.iter().filter(|id| evidence.ledger.runs.get(**id).is_some_and(|(run, _)| run.idempotency_key == *key));
        if ids.len() != 1 || kept.count() != 1 {
            offences.push(Offence::new(key, format!("was answered {ids:?}, not all of which is in the ledger")));
        }
    }
    offences.extend(left.into_iter().map(|id| Offence::new(id, "nobody was told of this run")));
    for (run, devices) in evidence.ledger.runs.values() {
        let commands: Vec<_> =
            evidence.ledger.commands.values().filter(|command| command.run_id == run.run_id).collect();
        let faults =
            [fault_of_end(run, &commands), fault_of_turns(run, devices, &commands), fault_of_crowd(run, &commands)];
        offences.extend(faults.into_iter().flatten().map(|fault| Offence::new(&run.run_id, fault)));
    }
    offences
}

/// A run whose last device fails is complete: nothing is left to be halted. A failure that halted one may have turned out
/// otherwise since, as what was unknown does when the device comes back.
fn fault_of_end(run: &Run, commands: &[&Command]) -> Option<String> {
    let progress = run.progress.unwrap_or_default();
    let has_failed = |command: &&&Command| command.history.iter().any(|step| is_failure(state(step.state)));
    let good = match run.state() {
        RunState::Completed => progress.waiting + progress.in_flight == 0,
        RunState::Halted => commands.iter().filter(has_failed).count() > run.max_failures as usize,
        _ => false,
    };
    (!good).then(|| format!("is {:?} with {progress:?}, {} may fail", run.state(), run.max_failures))
}

fn is_failure(state: CommandState) -> bool {
    use CommandState::{Expired, Failed, Rejected, Unknown};
    matches!(state, Failed | Rejected | Expired | Unknown)
}

/// Each device of the run has the one command that names the run, or none yet.
fn fault_of_turns(run: &Run, devices: &[RunDevice], commands: &[&Command]) -> Option<String> {
    let named: BTreeSet<_> = devices
        .iter()
        .filter(|device| !device.command_id.is_empty())
        .map(|device| (device.device_id.as_str(), device.command_id.as_str()))
        .collect();
    let queued: BTreeSet<_> =
        commands.iter().map(|command| (command.device_id.as_str(), command.command_id.as_str())).collect();
    let by_device: BTreeSet<_> = commands.iter().map(|command| &command.device_id).collect();
    if named != queued || by_device.len() != commands.len() {
        return Some(format!("its devices have {named:?}, and its commands are {queued:?}"));
    }
    let untouched = devices.iter().filter(|device| device.command_id.is_empty() && !device.skipped).count();
    (run.state() == RunState::Completed && untouched > 0).then(|| format!("{untouched} devices never had their turn"))
}

/// By the histories, never more than so many were under way at a time.
fn fault_of_crowd(run: &Run, commands: &[&Command]) -> Option<String> {
    let mut changes = Vec::new();
    for command in commands {
        changes.push((micros(command.created_at.as_ref()), 1));
        let end = command.history.iter().find(|step| state(step.state).is_end());
        changes.extend(end.map(|end| (micros(end.time.as_ref()), -1)));
    }
    // What ends makes room for what is queued in the same moment.
    changes.sort_unstable();
    let mut under_way = 0_i64;
    for (at, change) in changes {
        under_way += change;
        if under_way > i64::from(run.max_in_flight) {
            return Some(format!("{under_way} under way at {at}, {} may be", run.max_in_flight));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use homepot::pb::command::v1::{RunProgress, Transition};

    use super::*;

    /// A command of a device that was queued and ended at these seconds.
    fn command(device: &str, queued: i64, ended: i64, end: CommandState) -> Command {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let step = |state: CommandState, at| Transition {
            state: homepot::pb::command::v1::CommandState::from(state).into(),
            time: time(at),
            ..Default::default()
        };
        Command {
            command_id: format!("of-{device}"),
            device_id: device.to_owned(),
            run_id: "run".to_owned(),
            created_at: time(queued),
            history: vec![step(CommandState::Queued, queued), step(end, ended)],
            ..Default::default()
        }
    }

    fn evidence(run: Run, commands: Vec<Command>) -> Evidence {
        let devices = commands.iter().map(|command| RunDevice {
            device_id: command.device_id.clone(),
            command_id: command.command_id.clone(),
            ..Default::default()
        });
        let run = Run { run_id: "run".to_owned(), idempotency_key: "key".to_owned(), max_in_flight: 1, ..run };
        let mut evidence = Evidence::default();
        evidence.told.runs.push(("key".to_owned(), vec!["run".to_owned(), "run".to_owned()]));
        evidence.ledger.runs.insert("run".to_owned(), (run, devices.collect()));
        evidence.ledger.commands.extend(commands.into_iter().map(|command| (command.command_id.clone(), command)));
        evidence
    }

    fn run(state: RunState, in_flight: u32) -> Run {
        let progress = RunProgress { in_flight, ..Default::default() };
        Run { state: state.into(), progress: Some(progress), ..Default::default() }
    }

    #[test]
    fn one_after_the_other_is_good_and_two_at_once_are_one_too_many() {
        let pair =
            |second| vec![command("a", 0, 2, CommandState::Succeeded), command("b", second, 9, CommandState::Failed)];
        assert_eq!(broken(&evidence(run(RunState::Completed, 0), pair(2))), []);
        assert_eq!(broken(&evidence(run(RunState::Completed, 0), pair(1))).len(), 1);
    }

    #[test]
    fn a_run_must_end_and_halts_only_for_failures() {
        let of = |state, in_flight, end| broken(&evidence(run(state, in_flight), vec![command("a", 0, 1, end)])).len();
        assert_eq!(of(RunState::Halted, 0, CommandState::Failed), 0);
        assert_eq!(of(RunState::Halted, 0, CommandState::Succeeded), 1);
        assert_eq!(of(RunState::Running, 0, CommandState::Succeeded), 1);
        assert_eq!(of(RunState::Completed, 1, CommandState::Succeeded), 1);
    }

    #[test]
    fn a_device_with_two_turns_and_a_run_nobody_started_are_found() {
        let mut twice = vec![command("a", 0, 1, CommandState::Succeeded), command("a", 2, 3, CommandState::Succeeded)];
        twice[1].command_id = "another".to_owned();
        assert_eq!(broken(&evidence(run(RunState::Completed, 0), twice)).len(), 1);
        let mut unasked = evidence(run(RunState::Completed, 0), Vec::new());
        unasked.told.runs.clear();
        assert_eq!(broken(&unasked).len(), 1);
    }
}
