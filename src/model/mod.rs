//! What the code inside works with: types that can't hold what the contract forbids.
//!
//! A generated type becomes a model type once, on receipt, by `TryFrom`; the error names every field at fault. The way
//! back is `From` and can't fail. Bounds are constants beside the type they bound.

mod analytics;
mod command;
mod cursor;
mod damping;
mod device;
mod expected;
mod fleet;
mod history;
mod ids;
mod json;
mod labels;
mod metric;
mod operator;
mod operator_session;
mod page;
mod presence;
mod proof;
mod rollout;
mod run;
mod sample;
mod secret;
mod selection;
mod server_address;
mod site;
mod time;
mod weight;

pub use analytics::{
    Activity, ActivityFilter, ActivityGrouping, ActivitySum, ActivityType, ErrorFilter, ErrorGroup, ErrorGrouping,
    ErrorReport, ErrorSum, MAX_CONTEXT, MAX_METADATA, Severity, StoredActivity, masked,
};
pub use command::{
    CATALOGUE, Command, CommandState, DEFAULT_RUN_TIMEOUT, DEFAULT_TIME_TO_LIVE, Delivery, Event, Holder, MAX_PAYLOAD,
    MAX_PAYLOAD_BYTES, NewCommand, Outcome, Refusal, Standing, Step, Transition, UPDATE_CONFIG, is_safe_to_repeat,
};
pub use cursor::Cursor;
pub use damping::{Bounds, CONTESTED, Damping, FLAPPING};
pub use device::{Device, DeviceChange, DeviceSource, Enrollment, Hello, SelfChange};
pub use expected::check_expected_devices;
pub use fleet::{BySource, DeviceOrder, FleetSummary, SiteCount};
pub use history::History;
pub use ids::{
    CommandId, CommandType, DeviceId, DeviceType, OperatorName, ReleaseId, RolloutId, RunId, Sha256, SiteId,
    VariableName,
};
pub use json::{JsonBounds, JsonObject, check_exact, from_struct, to_struct};
pub use labels::{LabelSelector, Labels, MAX_LABELS, Requirement, parse_label, parse_labels};
pub use metric::{Aggregate, DeviceLoss, Heading, Loss, LossReason, Metric, MetricKind, Unit, shortest_decimal};
pub use operator::{EnrollmentToken, Identity, Operator, Role, SiteScope};
pub use operator_session::{OperatorSession, SESSION_ABSOLUTE, SESSION_IDLE, SIGN_IN_CODE_LIFE, SIGN_IN_FRESH};
pub use page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Page, PageRequest};
pub use presence::{DeviceStatus, OFFLINE_AFTER_HEARTBEATS, Presence, StateCause, StateChange};
pub use proof::{Nonce, ProofKey, proof_text};
pub use rollout::{
    Approval, Artifact, CHUNK_BYTES, DesiredRelease, DeviceTarget, DeviceUpdate, MAX_TARGETS, MaintenanceWindow,
    Phases, PlannedDevice, PlannedValue, Release, ReleaseFile, Rollout, RolloutDevice, RolloutOrder, RolloutProgress,
    RolloutState, RolloutStep, Signers, SitePolicy, TargetChange, TrustRoot, UpdateAction, UpdatePolicy, UpdateReport,
    UpdateState, ValueOrigin, ValueScope, VariableValue, WEEK,
};
pub use run::{Run, RunDevice, RunDeviceFilter, RunOrder, RunProgress, RunResumption, RunState, RunStep, Target, Whom};
pub use sample::{MAX_AGE, MAX_CLOCK_AHEAD, MAX_EXTRA, Sample, SampleFault, StoredSample, Temperature};
pub use secret::{Secret, SecretKind};
pub use selection::DeviceSelection;
pub use server_address::ServerAddress;
pub use site::{NewSite, Site, SiteChange};
pub use time::{
    TimeRange, from_proto_duration, from_proto_timestamp, read_range, to_proto_duration, to_proto_timestamp,
};
pub use weight::{PAGE_BYTES, Weigh};

use crate::error::{Error, FieldViolation, REQUIRED};

/// Collects faults so that a request tells all of them at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldViolation>);

impl Faults {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault.
    pub fn add(&mut self, field: &str, reason: impl Into<String>) {
        self.0.push(FieldViolation::new(field, reason));
    }

    /// The value, or its faults kept and `None`.
    pub fn take<T>(&mut self, value: Result<T, Error>) -> Option<T> {
        value.map_err(|error| self.0.extend(error.field_violations().iter().cloned())).ok()
    }

    /// Checks the length of a text in characters.
    pub fn text(&mut self, field: &str, value: &str, min: usize, max: usize) {
        let length = value.chars().count();
        if length < min && length == 0 {
            self.add(field, REQUIRED);
        } else if length < min {
            self.add(field, format!("is shorter than {min} characters"));
        } else if length > max {
            self.add(field, format!("is longer than {max} characters"));
        }
        if value.chars().any(|c| c == '\0') {
            self.add(field, "holds a NUL character");
        }
    }

    /// All faults as one error, or nothing.
    pub fn check(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::violations(self.0)) }
    }

    /// The value that was assembled, or all faults as one error.
    ///
    /// `value` may only be `None` when a fault was recorded.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::violations(self.0)),
        }
    }
}

/// `None` for an empty text: proto3 has no other way to leave one out.
pub(crate) fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
