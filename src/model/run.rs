//! Runs: the same command for many devices, some at a time.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    CommandId, CommandState, CommandType, DEFAULT_RUN_TIMEOUT, DeviceId, DeviceSource, Faults, JsonObject,
    LabelSelector, RunId, SiteId,
    command::{MAX_PAYLOAD, span},
    from_struct, non_empty, to_proto_duration, to_proto_timestamp, to_struct,
};
use crate::{
    checked,
    error::Error,
    pb::{command::v1 as pb, common::v1 as common_pb},
};

const DEFAULT_RUN_TIME_TO_LIVE: Duration = Duration::from_secs(3600);
const DEFAULT_IN_FLIGHT: u32 = 10;

/// Which devices a run is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The way they are named.
    pub whom: Whom,
    /// Of this source only. What is not named one by one always has one, so that no run mixes them by accident; `None`
    /// there: the run was started before devices were told apart.
    pub source: Option<DeviceSource>,
}

/// How the devices of a run are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// These.
    Devices(Vec<DeviceId>),
    /// Those of a site, or whose labels match, or both.
    Matching {
        /// Only of this site.
        site_id: Option<SiteId>,
        /// Only with such labels.
        selector: Option<LabelSelector>,
    },
    /// All that the caller may reach.
    Fleet,
}

impl TryFrom<pb::Target> for Target {
    type Error = Error;

    fn try_from(target: pb::Target) -> Result<Self, Error> {
        let pb::Target { device_ids, site_id, label_selector, fleet, source } = target;
        let mut faults = Faults::new();
        let site = if site_id.is_empty() { None } else { faults.take(SiteId::parse_as("target.site_id", &site_id)) };
        let selector = faults.take(LabelSelector::parse("target.label_selector", &label_selector)).flatten();
        let source = faults.take(DeviceSource::from_proto("target.source", source)).flatten();
        let mut devices: Vec<_> =
            device_ids.iter().filter_map(|id| faults.take(DeviceId::parse_as("target.device_ids", id))).collect();
        devices.sort_unstable();
        devices.dedup();
        let matching = !site_id.is_empty() || !label_selector.trim().is_empty();
        let ways = [!device_ids.is_empty(), matching, fleet].into_iter().filter(|way| *way).count();
        if ways != 1 {
            faults.add("target", "must be one of device_ids, site_id and label_selector, or fleet");
        }
        let any = source.or(Some(DeviceSource::Real));
        faults.finish(Some(match (fleet, matching) {
            (true, _) => Self { whom: Whom::Fleet, source: any },
            (false, true) => Self { whom: Whom::Matching { site_id: site, selector }, source: any },
            (false, false) => Self { whom: Whom::Devices(devices), source },
        }))
    }
}

impl From<Target> for pb::Target {
    fn from(target: Target) -> Self {
        let source = target.source.map(|source| common_pb::DeviceSource::from(source).into()).unwrap_or_default();
        let only = Self { source, ..Self::default() };
        match target.whom {
            Whom::Devices(devices) => Self { device_ids: devices.into_iter().map(Into::into).collect(), ..only },
            Whom::Matching { site_id, selector } => Self {
                site_id: site_id.map(Into::into).unwrap_or_default(),
                label_selector: selector.map(|selector| selector.as_str().to_owned()).unwrap_or_default(),
                ..only
            },
            Whom::Fleet => Self { fleet: true, ..only },
        }
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Commands are queued as earlier ones end.
    Running,
    /// An operator paused it.
    Paused,
    /// Too many devices failed.
    Halted,
    /// Every device has an outcome.
    Completed,
    /// An operator cancelled it.
    Cancelled,
}

impl RunState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Running, Self::Paused, Self::Halted, Self::Completed, Self::Cancelled];

    /// The word for people and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Halted => "halted",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is an end.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }

    /// Reads a filter; `None`: any.
    pub fn from_proto(field: &str, value: i32) -> Result<Option<Self>, Error> {
        match pb::RunState::try_from(value) {
            Ok(pb::RunState::Unspecified) => Ok(None),
            Ok(pb::RunState::Running) => Ok(Some(Self::Running)),
            Ok(pb::RunState::Paused) => Ok(Some(Self::Paused)),
            Ok(pb::RunState::Halted) => Ok(Some(Self::Halted)),
            Ok(pb::RunState::Completed) => Ok(Some(Self::Completed)),
            Ok(pb::RunState::Cancelled) => Ok(Some(Self::Cancelled)),
            Err(_) => Err(Error::invalid(field, "is not a known state")),
        }
    }
}

impl FromStr for RunState {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| Error::invalid("state", "is not a known state"))
    }
}

impl From<RunState> for pb::RunState {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Running => Self::Running,
            RunState::Paused => Self::Paused,
            RunState::Halted => Self::Halted,
            RunState::Completed => Self::Completed,
            RunState::Cancelled => Self::Cancelled,
        }
    }
}

/// How far a run is, in devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunProgress {
    /// All of them.
    pub total: u32,
    /// Their turn has not come.
    pub waiting: u32,
    /// Queued, and no end yet.
    pub in_flight: u32,
    /// Done.
    pub succeeded: u32,
    /// Failed, rejected, expired or unknown.
    pub failed: u32,
    /// Taken back.
    pub cancelled: u32,
    /// Left out.
    pub skipped: u32,
}

impl From<RunProgress> for pb::RunProgress {
    fn from(progress: RunProgress) -> Self {
        let RunProgress { total, waiting, in_flight, succeeded, failed, cancelled, skipped } = progress;
        Self { total, waiting, in_flight, succeeded, failed, cancelled, skipped }
    }
}

/// A run as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub run_id: RunId,
    /// The request.
    pub order: RunOrder,
    /// Where it stands.
    pub state: RunState,
    /// Why it stands there.
    pub reason: Option<String>,
    /// How far it is.
    pub progress: RunProgress,
    /// Who started it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it reached an end.
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<Run> for pb::Run {
    fn from(run: Run) -> Self {
        let order = run.order;
        Self {
            run_id: run.run_id.to_string(),
            command_type: order.command_type.into(),
            payload: order.payload.as_ref().map(to_struct),
            target: Some(order.target.into()),
            max_in_flight: order.max_in_flight,
            max_failures: order.max_failures,
            time_to_live: Some(to_proto_duration(order.time_to_live)),
            run_timeout: Some(to_proto_duration(order.run_timeout)),
            state: pb::RunState::from(run.state).into(),
            reason: run.reason.unwrap_or_default(),
            progress: Some(run.progress.into()),
            created_by: run.created_by,
            idempotency_key: order.idempotency_key.unwrap_or_default(),
            description: order.description.unwrap_or_default(),
            created_at: Some(to_proto_timestamp(run.created_at)),
            finished_at: run.finished_at.map(to_proto_timestamp),
        }
    }
}

/// Which devices of a run to list: those that match any of the three; with none of them given, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunDeviceFilter {
    /// Those whose command is in one of these states.
    pub states: Vec<CommandState>,
    /// Those whose turn has not come.
    pub waiting: bool,
    /// Those that were left out.
    pub skipped: bool,
    /// Of this source only, whatever the three say.
    pub source: Option<DeviceSource>,
}

/// The next step of a running run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStep {
    /// Queue this many more commands.
    Queue(u32),
    /// Commands are under way, as many as may be.
    Wait,
    /// Too many devices failed.
    Halt,
    /// Every device has an outcome.
    Complete,
}

impl RunProgress {
    /// What is to be done about a run that is so far. Failures halt it before anything else: who allows none wants none
    /// more.
    pub fn step(&self, max_in_flight: u32, max_failures: u32) -> RunStep {
        if self.waiting == 0 && self.in_flight == 0 {
            return RunStep::Complete;
        }
        if self.failed > max_failures {
            return RunStep::Halt;
        }
        match max_in_flight.saturating_sub(self.in_flight).min(self.waiting) {
            0 => RunStep::Wait,
            free => RunStep::Queue(free),
        }
    }
}

/// What a caller asks a run to do.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOrder {
    /// Which devices.
    pub target: Target,
    /// What to do.
    pub command_type: CommandType,
    /// Its arguments.
    pub payload: Option<JsonObject>,
    /// Commands under way at a time.
    pub max_in_flight: u32,
    /// Devices that may fail before it is halted.
    pub max_failures: u32,
    /// How long each command waits.
    pub time_to_live: Duration,
    /// How long each may run.
    pub run_timeout: Duration,
    /// Makes a repeat harmless.
    pub idempotency_key: Option<String>,
    /// Its purpose, for people.
    pub description: Option<String>,
}

impl TryFrom<pb::StartRunRequest> for RunOrder {
    type Error = Error;

    fn try_from(request: pb::StartRunRequest) -> Result<Self, Error> {
        checked::check(&request)?;
        Ok(Self {
            target: request.target.unwrap_or_default().try_into()?,
            command_type: CommandType::parse_any_case(&request.command_type)?,
            payload: request.payload.as_ref().map(|p| from_struct("payload", p, MAX_PAYLOAD)).transpose()?,
            max_in_flight: if request.max_in_flight == 0 { DEFAULT_IN_FLIGHT } else { request.max_in_flight },
            max_failures: request.max_failures,
            time_to_live: span("time_to_live", request.time_to_live.as_ref(), DEFAULT_RUN_TIME_TO_LIVE)?,
            run_timeout: span("run_timeout", request.run_timeout.as_ref(), DEFAULT_RUN_TIMEOUT)?,
            idempotency_key: non_empty(request.idempotency_key),
            description: non_empty(request.description),
        })
    }
}

/// How a run is to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunResumption {
    /// Allows this many failures, those so far included; `None`: as many as so far, or as before.
    pub max_failures: Option<u32>,
    /// Commands under way at a time; `None`: as before.
    pub max_in_flight: Option<u32>,
}

/// A device of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunDevice {
    /// The device.
    pub device_id: DeviceId,
    /// Its site.
    pub site_id: SiteId,
    /// Whether it is real.
    pub source: DeviceSource,
    /// The command that was queued for it, and where that stands; `None`: none yet.
    pub command: Option<(CommandId, CommandState)>,
    /// Why it stands there, or why it was left out.
    pub reason: Option<String>,
    /// Whether it was left out.
    pub skipped: bool,
    /// What the device answered.
    pub result: Option<JsonObject>,
}

impl From<RunDevice> for pb::RunDevice {
    fn from(device: RunDevice) -> Self {
        let (command_id, state) = device.command.unzip();
        Self {
            device_id: device.device_id.into(),
            site_id: device.site_id.into(),
            command_id: command_id.map(|id| id.to_string()).unwrap_or_default(),
            state: state.map(|state| pb::CommandState::from(state).into()).unwrap_or_default(),
            reason: device.reason.unwrap_or_default(),
            skipped: device.skipped,
            result: device.result.as_ref().map(to_struct),
            source: common_pb::DeviceSource::from(device.source).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(target: pb::Target) -> Result<Target, Error> {
        Target::try_from(target)
    }

    #[test]
    fn a_target_is_one_way_and_the_fleet_has_to_be_said_out_loud() {
        let device_ids = vec!["b".to_owned(), "a".to_owned(), "b".to_owned()];
        let devices = target(pb::Target { device_ids: device_ids.clone(), ..Default::default() }).unwrap();
        let parse = |id| DeviceId::parse(id).unwrap();
        assert_eq!(devices.whom, Whom::Devices(vec![parse("a"), parse("b")]));
        assert_eq!(target(pb::Target { fleet: true, ..Default::default() }).unwrap().whom, Whom::Fleet);
        for bad in [pb::Target::default(), pb::Target { device_ids, fleet: true, ..Default::default() }] {
            assert_eq!(target(bad).unwrap_err().field_violations()[0].field, "target");
        }
    }

    #[test]
    fn who_does_not_name_devices_means_the_real_ones_and_is_told_so() {
        let [real, simulated] = DeviceSource::ALL.map(|source| i32::from(common_pb::DeviceSource::from(source)));
        let fleet = pb::Target { fleet: true, ..Default::default() };
        let site = pb::Target { site_id: "site".to_owned(), ..Default::default() };
        let labels = pb::Target { label_selector: "row=front".to_owned(), ..Default::default() };
        for asked in [fleet, site, labels] {
            assert_eq!(pb::Target::from(target(asked.clone()).unwrap()).source, real);
            let asked = pb::Target { source: simulated, ..asked };
            assert_eq!(pb::Target::from(target(asked.clone()).unwrap()), asked);
        }
        let named = pb::Target { device_ids: vec!["a".to_owned()], ..Default::default() };
        assert_eq!(pb::Target::from(target(named.clone()).unwrap()), named);
        let error = target(pb::Target { source: 9, ..named }).unwrap_err();
        assert_eq!(error.field_violations()[0].field, "target.source");
    }

    #[test]
    fn a_run_queues_no_more_than_it_may_and_halts_with_the_failure_too_many() {
        let step = |waiting, in_flight, failed| {
            RunProgress { waiting, in_flight, failed, ..RunProgress::default() }.step(3, 1)
        };
        assert_eq!(step(5, 0, 0), RunStep::Queue(3));
        assert_eq!(step(5, 2, 1), RunStep::Queue(1));
        assert_eq!(step(1, 0, 0), RunStep::Queue(1));
        assert_eq!(step(5, 3, 0), RunStep::Wait);
        assert_eq!(step(0, 1, 0), RunStep::Wait);
        assert_eq!(step(5, 4, 0), RunStep::Wait);
        assert_eq!(step(5, 1, 2), RunStep::Halt);
        assert_eq!(step(0, 1, 2), RunStep::Halt);
        assert_eq!(step(0, 0, 2), RunStep::Complete);
    }

    #[test]
    fn a_start_tells_all_its_faults_at_once() {
        let request = pb::StartRunRequest {
            target: Some(pb::Target { site_id: "/".to_owned(), ..Default::default() }),
            command_type: "1".to_owned(),
            max_in_flight: 5_000,
            max_failures: 2_000_000,
            ..Default::default()
        };
        let error = RunOrder::try_from(request).unwrap_err();
        let fields: Vec<_> = error.field_violations().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["target.site_id", "command_type", "max_in_flight", "max_failures"]);
    }
}
