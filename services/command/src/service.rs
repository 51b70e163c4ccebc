//! `CommandService`: the ledger's service for operators.

use std::{collections::BTreeSet, time::Duration};

use homepot::{
    Error,
    model::{
        Command, CommandId, CommandState, CommandType, DeviceId, DeviceSource, Faults, NewCommand, OperatorName, Page,
        PageRequest, RunDevice, RunDeviceFilter, RunId, RunOrder, RunResumption, RunState, Target, Weigh,
        from_proto_duration,
    },
    pb::command::v1::{self as pb, command_service_server::CommandService},
};
use homepot_operator_api::{Answers, Call, Named, operator_service, reaches_far};
use homepot_runtime::{
    auth::OperatorCaller,
    limits::Quota,
    trace::{self, CallSpan},
};
use homepot_store::commands::RecentFilter;

use crate::Commands;

/// What the row of a command takes without its payload.
const ROW: usize = 1_024;
/// How long a cancel waits for a device that has to be asked when the caller does not say.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// The operators' face of the ledger.
#[derive(Clone)]
pub struct Service {
    commands: Commands,
}

impl Service {
    pub(crate) fn new(commands: Commands) -> Self {
        Self { commands }
    }

    async fn queue(&self, call: &Call, request: pb::QueueRequest) -> Result<pb::QueueResponse, Error> {
        let command = NewCommand::try_from(request)?;
        let trace = call.extension::<CallSpan>().and_then(|CallSpan(span)| trace::traceparent(span));
        let (command, existed) = self.commands.queue(call, command, trace).await?;
        Ok(pb::QueueResponse { command: Some(command.into()), existed })
    }

    async fn cancel(&self, caller: &OperatorCaller, request: pb::CancelRequest) -> Result<pb::CancelResponse, Error> {
        let pb::CancelRequest { command_id, reason, wait } = request;
        let command_id = CommandId::parse(&command_id)?;
        let wait = wait.map_or(Ok(CANCEL_WAIT), |wait| from_proto_duration("wait", &wait))?;
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        let command = self.commands.cancel(caller, command_id, reason, wait).await?;
        Ok(pb::CancelResponse { command: Some(command.into()) })
    }

    async fn get(&self, caller: &OperatorCaller, request: pb::GetRequest) -> Result<pb::GetResponse, Error> {
        let command_id = CommandId::parse(&request.command_id)?;
        let command = self.commands.get(caller, command_id).await?;
        Ok(pb::GetResponse { command: Some(command.into()) })
    }

    async fn list(&self, caller: &OperatorCaller, request: pb::ListRequest) -> Result<pb::ListResponse, Error> {
        let mut faults = Faults::new();
        let device_id = faults.take(DeviceId::parse(&request.device_id));
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let states = faults.take(read_states(&request.states));
        let ((device_id, page), states) = faults.finish(device_id.zip(page).zip(states))?;
        let page = self.commands.list(caller, device_id, states, page).await?;
        let without_history = |command: Command| pb::Command { history: Vec::new(), ..command.into() };
        let (commands, next_page_token) = page.into_answer(without_history);
        Ok(pb::ListResponse { commands, next_page_token })
    }

    async fn list_recent(
        &self,
        caller: &OperatorCaller,
        request: pb::ListRecentRequest,
    ) -> Result<pb::ListRecentResponse, Error> {
        let mut faults = Faults::new();
        let named = Named::read(&mut faults, &request.site_id, &[]);
        let states = faults.take(read_states(&request.states));
        let command_type =
            (!request.command_type.is_empty()).then(|| CommandType::parse_any_case(&request.command_type));
        let command_type = faults.take(command_type.transpose());
        let by = (!request.created_by.is_empty()).then(|| OperatorName::parse_as("created_by", &request.created_by));
        let created_by = faults.take(by.transpose());
        let source = faults.take(DeviceSource::from_proto("source", request.source)).flatten();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let all = states.zip(command_type).zip(created_by).zip(page);
        let (((states, command_type), created_by), page) = faults.finish(all)?;
        let selection = self.commands.directory.select(caller, named, source).await?;
        let page = self.commands.recent(RecentFilter { selection, states, command_type, created_by }, page).await?;
        let without_history = |command: Command| pb::Command { history: Vec::new(), ..command.into() };
        let (commands, next_page_token) = page.into_answer(without_history);
        Ok(pb::ListRecentResponse { commands, next_page_token })
    }

    async fn watch(
        &self,
        caller: &OperatorCaller,
        request: pb::WatchRequest,
    ) -> Result<Answers<pb::WatchResponse>, Error> {
        self.commands.watch(caller, &request).await
    }

    async fn start_run(&self, call: &Call, request: pb::StartRunRequest) -> Result<pb::StartRunResponse, Error> {
        let expected_devices = request.expected_devices;
        let order = RunOrder::try_from(request)?;
        let (run, existed) = self.commands.start_run(call, order, expected_devices).await?;
        if let Some(quota) = call.extension::<Quota>().filter(|_| !existed) {
            // Each of its devices gets a row with the payload.
            quota.count(run.progress.total as usize * (ROW + run.order.payload.weight()));
        }
        Ok(pb::StartRunResponse { run: Some(run.into()), existed })
    }

    async fn preview_run(
        &self,
        caller: &OperatorCaller,
        request: pb::PreviewRunRequest,
    ) -> Result<pb::PreviewRunResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let target = faults.take(Target::try_from(request.target.unwrap_or_default()));
        let command_type = match request.command_type.as_str() {
            "" => Some(None),
            text => faults.take(CommandType::parse_any_case(text)).map(Some),
        };
        let ((page, target), command_type) = faults.finish(page.zip(target).zip(command_type))?;
        let needs_fresh_sign_in = reaches_far(caller, &target);
        let devices = self.commands.preview_run(caller, target, command_type).await?;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let sites: BTreeSet<_> = devices.iter().map(|device| &device.site_id).collect();
        let (sites, skipped) = (sites.len(), devices.iter().filter(|device| device.skipped).count());
        let devices_total = count(devices.len());
        let is_after = |device: &RunDevice| page.after.as_deref().is_none_or(|after| device.device_id.as_str() > after);
        let rest = devices.into_iter().filter(is_after).take(page.size as usize + 1).collect();
        let key = |device: &RunDevice| device.device_id.to_string();
        let (devices, next_page_token) = Page::cut(rest, page.size, key).within_bytes(key).into_answer(Into::into);
        Ok(pb::PreviewRunResponse {
            devices_total,
            devices_skipped: count(skipped),
            sites: count(sites),
            needs_fresh_sign_in,
            devices,
            next_page_token,
        })
    }

    async fn get_run(&self, caller: &OperatorCaller, request: pb::GetRunRequest) -> Result<pb::GetRunResponse, Error> {
        let run_id = RunId::parse(&request.run_id)?;
        let run = self.commands.get_run(caller, run_id).await?;
        Ok(pb::GetRunResponse { run: Some(run.into()) })
    }

    async fn list_runs(
        &self,
        caller: &OperatorCaller,
        request: pb::ListRunsRequest,
    ) -> Result<pb::ListRunsResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let state = faults.take(RunState::from_proto("state", request.state));
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let ((page, state), source) = faults.finish(page.zip(state).zip(source))?;
        let page = self.commands.list_runs(caller, state, source, page).await?;
        let (runs, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListRunsResponse { runs, next_page_token })
    }

    async fn list_run_devices(
        &self,
        caller: &OperatorCaller,
        request: pb::ListRunDevicesRequest,
    ) -> Result<pb::ListRunDevicesResponse, Error> {
        let mut faults = Faults::new();
        let run_id = faults.take(RunId::parse(&request.run_id));
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let states = faults.take(read_states(&request.states));
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let (((run_id, page), states), source) = faults.finish(run_id.zip(page).zip(states).zip(source))?;
        let filter = RunDeviceFilter { states, waiting: request.waiting, skipped: request.skipped, source };
        let page = self.commands.list_run_devices(caller, run_id, filter, page).await?;
        let (devices, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListRunDevicesResponse { devices, next_page_token })
    }

    async fn pause_run(
        &self,
        caller: &OperatorCaller,
        request: pb::PauseRunRequest,
    ) -> Result<pb::PauseRunResponse, Error> {
        let pb::PauseRunRequest { run_id, reason } = request;
        let run_id = RunId::parse(&run_id)?;
        let run = self.commands.pause_run(caller, run_id, &reason).await?;
        Ok(pb::PauseRunResponse { run: Some(run.into()) })
    }

    async fn resume_run(
        &self,
        caller: &OperatorCaller,
        request: pb::ResumeRunRequest,
    ) -> Result<pb::ResumeRunResponse, Error> {
        let pb::ResumeRunRequest { run_id, max_failures, max_in_flight } = request;
        let how = RunResumption { max_failures, max_in_flight };
        let run = self.commands.resume_run(caller, RunId::parse(&run_id)?, how).await?;
        Ok(pb::ResumeRunResponse { run: Some(run.into()) })
    }

    async fn cancel_run(
        &self,
        caller: &OperatorCaller,
        request: pb::CancelRunRequest,
    ) -> Result<pb::CancelRunResponse, Error> {
        let pb::CancelRunRequest { run_id, reason } = request;
        let run_id = RunId::parse(&run_id)?;
        let run = self.commands.cancel_run(caller, run_id, &reason).await?;
        Ok(pb::CancelRunResponse { run: Some(run.into()) })
    }
}

operator_service! {
    impl CommandService for Service, with messages of pb;
    unary {
        queue(QueueRequest) -> QueueResponse;
        cancel(CancelRequest) -> CancelResponse;
        get(GetRequest) -> GetResponse;
        list(ListRequest) -> ListResponse;
        list_recent(ListRecentRequest) -> ListRecentResponse;
        start_run(StartRunRequest) -> StartRunResponse;
        preview_run(PreviewRunRequest) -> PreviewRunResponse;
        get_run(GetRunRequest) -> GetRunResponse;
        list_runs(ListRunsRequest) -> ListRunsResponse;
        list_run_devices(ListRunDevicesRequest) -> ListRunDevicesResponse;
        pause_run(PauseRunRequest) -> PauseRunResponse;
        resume_run(ResumeRunRequest) -> ResumeRunResponse;
        cancel_run(CancelRunRequest) -> CancelRunResponse;
    }
    streams {
        watch(WatchRequest) -> WatchResponse as WatchStream;
    }
}

fn read_states(states: &[i32]) -> Result<Vec<CommandState>, Error> {
    states.iter().map(|state| CommandState::from_proto("states", *state)).collect()
}
