//! `CommandService`: the operators' face of the ledger.

use std::time::Duration;

use futures_util::stream::BoxStream;
use homepot::{
    Error,
    model::{
        CommandId, CommandState, DeviceId, DeviceSource, Faults, NewCommand, PageRequest, RunId, RunOrder,
        RunResumption, RunState, Weigh, from_proto_duration,
    },
    pb::command::v1::{self as pb, command_service_server::CommandService},
};
use homepot_runtime::{
    auth::{self, OperatorCaller},
    limits::Quota,
};
use tonic::{Request, Response, Status};

use crate::Commands;

const MAX_REASON: usize = 500;
/// What the row of a command takes without its payload.
const ROW: usize = 1_024;
/// How long a cancel waits for a device that has to be asked when the caller does not say.
const CANCEL_WAIT: Duration = Duration::from_secs(5);
const MAX_CANCEL_WAIT: Duration = Duration::from_secs(60);

/// The operators' face of the ledger.
#[derive(Clone)]
pub struct Service {
    commands: Commands,
}

impl Service {
    pub(crate) fn new(commands: Commands) -> Self {
        Self { commands }
    }
}

#[tonic::async_trait]
impl CommandService for Service {
    async fn queue(&self, request: Request<pb::QueueRequest>) -> Result<Response<pb::QueueResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let command = NewCommand::try_from(request.into_inner())?;
        let (command, existed) = self.commands.queue(&caller, command).await?;
        Ok(Response::new(pb::QueueResponse { command: Some(command.into()), existed }))
    }

    async fn cancel(&self, request: Request<pb::CancelRequest>) -> Result<Response<pb::CancelResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let pb::CancelRequest { command_id, reason, wait } = request.into_inner();
        let mut faults = Faults::new();
        let command_id = faults.take(CommandId::parse(&command_id));
        faults.text("reason", &reason, 0, MAX_REASON);
        let wait = faults.take(read_wait(wait.as_ref()));
        let (command_id, wait) = faults.finish(command_id.zip(wait))?;
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        let command = self.commands.cancel(&caller, command_id, reason, wait).await?;
        Ok(Response::new(pb::CancelResponse { command: Some(command.into()) }))
    }

    async fn get(&self, request: Request<pb::GetRequest>) -> Result<Response<pb::GetResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let command_id = CommandId::parse(&request.into_inner().command_id)?;
        let command = self.commands.get(&caller, command_id).await?;
        Ok(Response::new(pb::GetResponse { command: Some(command.into()) }))
    }

    async fn list(&self, request: Request<pb::ListRequest>) -> Result<Response<pb::ListResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let request = request.into_inner();
        let mut faults = Faults::new();
        let device_id = faults.take(DeviceId::parse(&request.device_id));
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let states = faults.take(read_states(&request.states));
        let ((device_id, page), states) = faults.finish(device_id.zip(page).zip(states))?;
        let page = self.commands.list(&caller, &device_id, states, page).await?;
        let next_page_token = page.next_token();
        let commands = page.items.into_iter().map(|command| pb::Command { history: Vec::new(), ..command.into() });
        let commands = commands.collect();
        Ok(Response::new(pb::ListResponse { commands, next_page_token }))
    }

    type WatchStream = BoxStream<'static, Result<pb::WatchResponse, Status>>;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let answers = self.commands.watch(&caller, request.get_ref()).await?;
        Ok(Response::new(answers))
    }

    async fn start_run(&self, request: Request<pb::StartRunRequest>) -> Result<Response<pb::StartRunResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let quota = request.extensions().get::<Quota>().cloned();
        let order = RunOrder::try_from(request.into_inner())?;
        let (run, existed) = self.commands.start_run(&caller, order).await?;
        if let Some(quota) = quota.filter(|_| !existed) {
            // Each of its devices gets a row with the payload.
            quota.count(run.progress.total as usize * (ROW + run.order.payload.weight()));
        }
        Ok(Response::new(pb::StartRunResponse { run: Some(run.into()), existed }))
    }

    async fn get_run(&self, request: Request<pb::GetRunRequest>) -> Result<Response<pb::GetRunResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let run_id = RunId::parse(&request.into_inner().run_id)?;
        let run = self.commands.get_run(&caller, run_id).await?;
        Ok(Response::new(pb::GetRunResponse { run: Some(run.into()) }))
    }

    async fn list_runs(&self, request: Request<pb::ListRunsRequest>) -> Result<Response<pb::ListRunsResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let request = request.into_inner();
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let state = faults.take(RunState::from_proto("state", request.state));
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let ((page, state), source) = faults.finish(page.zip(state).zip(source))?;
        let page = self.commands.list_runs(&caller, state, source, page).await?;
        let next_page_token = page.next_token();
        let runs = page.items.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListRunsResponse { runs, next_page_token }))
    }

    async fn list_run_devices(
        &self,
        request: Request<pb::ListRunDevicesRequest>,
    ) -> Result<Response<pb::ListRunDevicesResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let request = request.into_inner();
        let mut faults = Faults::new();
        let run_id = faults.take(RunId::parse(&request.run_id));
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let states = faults.take(read_states(&request.states));
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let (((run_id, page), states), source) = faults.finish(run_id.zip(page).zip(states).zip(source))?;
        let page = self.commands.list_run_devices(&caller, run_id, states, source, page).await?;
        let next_page_token = page.next_token();
        let devices = page.items.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListRunDevicesResponse { devices, next_page_token }))
    }

    async fn pause_run(&self, request: Request<pb::PauseRunRequest>) -> Result<Response<pb::PauseRunResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let pb::PauseRunRequest { run_id, reason } = request.into_inner();
        let run_id = run_and_reason(&run_id, &reason)?;
        let run = self.commands.pause_run(&caller, run_id, &reason).await?;
        Ok(Response::new(pb::PauseRunResponse { run: Some(run.into()) }))
    }

    async fn resume_run(
        &self,
        request: Request<pb::ResumeRunRequest>,
    ) -> Result<Response<pb::ResumeRunResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let pb::ResumeRunRequest { run_id, max_failures, max_in_flight } = request.into_inner();
        let mut faults = Faults::new();
        let run_id = faults.take(RunId::parse(&run_id));
        let how = faults.take(RunResumption::parse(max_failures, max_in_flight));
        let (run_id, how) = faults.finish(run_id.zip(how))?;
        let run = self.commands.resume_run(&caller, run_id, how).await?;
        Ok(Response::new(pb::ResumeRunResponse { run: Some(run.into()) }))
    }

    async fn cancel_run(
        &self,
        request: Request<pb::CancelRunRequest>,
    ) -> Result<Response<pb::CancelRunResponse>, Status> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let pb::CancelRunRequest { run_id, reason } = request.into_inner();
        let run_id = run_and_reason(&run_id, &reason)?;
        let run = self.commands.cancel_run(&caller, run_id, &reason).await?;
        Ok(Response::new(pb::CancelRunResponse { run: Some(run.into()) }))
    }
}

fn read_wait(wait: Option<&prost_types::Duration>) -> Result<Duration, Error> {
    let Some(wait) = wait else { return Ok(CANCEL_WAIT) };
    let wait = from_proto_duration("wait", wait)?;
    if wait > MAX_CANCEL_WAIT {
        return Err(Error::invalid("wait", format!("must be 0 to {} seconds", MAX_CANCEL_WAIT.as_secs())));
    }
    Ok(wait)
}

fn read_states(states: &[i32]) -> Result<Vec<CommandState>, Error> {
    states.iter().map(|state| CommandState::from_proto("states", *state)).collect()
}

fn run_and_reason(run_id: &str, reason: &str) -> Result<RunId, Error> {
    let mut faults = Faults::new();
    let run_id = faults.take(RunId::parse(run_id));
    faults.text("reason", reason, 0, MAX_REASON);
    faults.finish(run_id)
}
