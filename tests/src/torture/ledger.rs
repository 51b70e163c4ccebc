//! What the ledger says when all is over, read as any operator reads it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use homepot::{
    model::CommandState,
    pb::command::v1::{self as pb, Command},
};
use tokio::{task::JoinSet, time::interval};

use super::{
    cast::{Cast, device_id},
    replicas::Replicas,
};

const PAGE: u32 = 1_000;
/// Gets at a time.
const READERS: usize = 16;
/// By its bound every command has an end; sweeps come once a second and end a thousand at a time.
const GRACE: Duration = Duration::from_secs(10);
/// What the bound has on top of time to live and run timeout.
const BOUND: Duration = Duration::from_secs(60);
/// A run that moves does so once a second.
const RUN_PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(250);

/// The ledger.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Commands with their histories, by id.
    pub(super) commands: BTreeMap<String, Command>,
    /// Runs with their devices, by id.
    pub(super) runs: BTreeMap<String, (pb::Run, Vec<pb::RunDevice>)>,
}

/// Waits until every command and every run has an end, or should have had it.
pub(super) async fn settle(cast: &mut Cast, agents: usize) {
    let operators = cast.operators.clone();
    let mut pace = interval(LOOK);
    let mut idle_since = std::time::Instant::now();
    loop {
        pace.tick().await;
        cast.tend();
        let open = open_commands(&operators, agents).await;
        let all_overdue = open.iter().all(|command| now() > bound(command));
        if !all_overdue {
            idle_since = std::time::Instant::now();
            continue;
        }
        if running_runs(&operators).await == 0 || idle_since.elapsed() > RUN_PATIENCE {
            return;
        }
    }
}

/// When a command must have an end, in microseconds.
pub(super) fn bound(command: &Command) -> i64 {
    let run_timeout =
        command.run_timeout.as_ref().map_or(0, |span| span.seconds * 1_000_000 + i64::from(span.nanos) / 1_000);
    micros(command.expires_at.as_ref()) + run_timeout + in_micros(BOUND + GRACE)
}

/// A time in microseconds; the beginning of time where there is none.
pub(super) fn micros(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map_or(i64::MIN, |time| time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000)
}

/// The state of a command or of a step of its history.
pub(super) fn state(number: i32) -> CommandState {
    CommandState::from_proto("state", number).expect("the server answers states it knows")
}

fn in_micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn now() -> i64 {
    in_micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Reads all of it. Histories come one by one: lists leave them out.
pub(super) async fn read(operators: &Replicas, agents: usize) -> Ledger {
    let mut ledger = Ledger::default();
    let mut gets = JoinSet::new();
    for device in (0..agents).map(device_id) {
        for command in list(operators, &device, &[]).await {
            if gets.len() >= READERS
                && let Some(read) = gets.join_next().await
            {
                let command: Command = read.expect("reading does not panic");
                ledger.commands.insert(command.command_id.clone(), command);
            }
            gets.spawn(get(operators.clone(), command.command_id));
        }
    }
    while let Some(read) = gets.join_next().await {
        let command = read.expect("reading does not panic");
        ledger.commands.insert(command.command_id.clone(), command);
    }
    for run in list_runs(operators, pb::RunState::Unspecified).await {
        let devices = list_run_devices(operators, &run.run_id).await;
        ledger.runs.insert(run.run_id.clone(), (run, devices));
    }
    ledger
}

async fn open_commands(operators: &Replicas, agents: usize) -> Vec<Command> {
    let open: Vec<_> = CommandState::ALL.into_iter().filter(|state| !state.is_end()).collect();
    let mut found = Vec::new();
    for device in (0..agents).map(device_id) {
        found.extend(list(operators, &device, &open).await);
    }
    found
}

async fn running_runs(operators: &Replicas) -> usize {
    list_runs(operators, pb::RunState::Running).await.len()
}

async fn get(operators: Replicas, command_id: String) -> Command {
    let request = pb::GetRequest { command_id };
    let answer = operators.until_answered(0, &request, |mut to, it| async move { to.command.get(it).await }).await;
    answer.expect("what is listed can be read").command.expect("a command")
}

async fn list(operators: &Replicas, device_id: &str, states: &[CommandState]) -> Vec<Command> {
    let states: Vec<i32> = states.iter().map(|state| pb::CommandState::from(*state).into()).collect();
    let mut request =
        pb::ListRequest { device_id: device_id.to_owned(), states, page_size: PAGE, ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = operators.until_answered(0, &request, |mut to, it| async move { to.command.list(it).await }).await;
        let page = page.expect("the admin may list commands");
        found.extend(page.commands);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return found;
        }
    }
}

async fn list_runs(operators: &Replicas, state: pb::RunState) -> Vec<pb::Run> {
    let mut request = pb::ListRunsRequest { state: state.into(), page_size: PAGE, ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page =
            operators.until_answered(0, &request, |mut to, it| async move { to.command.list_runs(it).await }).await;
        let page = page.expect("the admin may list runs");
        found.extend(page.runs);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return found;
        }
    }
}

async fn list_run_devices(operators: &Replicas, run_id: &str) -> Vec<pb::RunDevice> {
    let request = pb::ListRunDevicesRequest { run_id: run_id.to_owned(), page_size: PAGE, ..Default::default() };
    let page =
        operators.until_answered(0, &request, |mut to, it| async move { to.command.list_run_devices(it).await }).await;
    page.expect("the admin may list a run's devices").devices
}
