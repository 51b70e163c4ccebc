//! What runs promise: each device has its turn once, so many are under way at a time, and too many failures halt it.

use std::collections::BTreeSet;

use homepot::pb::command::v1::{Command, Run, RunDevice, RunState};

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
        let faults = [fault_of_end(run), fault_of_turns(run, devices, &commands), fault_of_crowd(run, &commands)];
        offences.extend(faults.into_iter().flatten().map(|fault| Offence::new(&run.run_id, fault)));
    }
    offences
}

fn fault_of_end(run: &Run) -> Option<String> {
    let progress = run.progress.unwrap_or_default();
    let good = match run.state() {
        RunState::Completed => progress.failed <= run.max_failures && progress.waiting + progress.in_flight == 0,
        RunState::Halted => progress.failed > run.max_failures,
        _ => false,
    };
    (!good).then(|| format!("is {:?} with {progress:?}, {} may fail", run.state(), run.max_failures))
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
