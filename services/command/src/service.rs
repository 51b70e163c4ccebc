//! `CommandService`: the operators' face of the ledger.

use homepot::{
    Error,
    model::{CommandId, CommandState, DeviceId, Faults, NewCommand, PageRequest},
    pb::command::v1::{self as pb, command_service_server::CommandService},
};
use homepot_runtime::auth::{self, OperatorCaller};
use tonic::{Request, Response, Status};

use crate::Commands;

const MAX_REASON: usize = 500;

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
        let pb::CancelRequest { command_id, reason, wait: _ } = request.into_inner();
        let mut faults = Faults::new();
        let command_id = faults.take(CommandId::parse(&command_id));
        faults.text("reason", &reason, 0, MAX_REASON);
        let command_id = faults.finish(command_id)?;
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        let command = self.commands.cancel(&caller, command_id, reason).await?;
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
        let device_id = DeviceId::parse(&request.device_id)?;
        let page = PageRequest::parse(request.page_size, &request.page_token)?;
        let states = request.states.iter().map(|state| CommandState::from_proto("states", *state));
        let states = states.collect::<Result<Vec<_>, Error>>()?;
        let page = self.commands.list(&caller, &device_id, states, page).await?;
        let next_page_token = page.next_token();
        let commands = page.items.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListResponse { commands, next_page_token }))
    }

    type WatchStream = futures_util::stream::BoxStream<'static, Result<pb::WatchResponse, Status>>;

    async fn watch(&self, _: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not built yet"))
    }

    async fn start_run(&self, _: Request<pb::StartRunRequest>) -> Result<Response<pb::StartRunResponse>, Status> {
        Err(Status::unimplemented("not built yet"))
    }

    async fn get_run(&self, _: Request<pb::GetRunRequest>) -> Result<Response<pb::GetRunResponse>, Status> {
        Err(Status::unimplemented("not built yet"))
    }

    async fn list_runs(&self, _: Request<pb::ListRunsRequest>) -> Result<Response<pb::ListRunsResponse>, Status> {
        Err(Status::unimplemented("not built yet"))
    }

    async fn list_run_devices(
        &self,
        _: Request<pb::ListRunDevicesRequest>,
    ) -> Result<Response<pb::ListRunDevicesResponse>, Status> {
        Err(Status::unimplemented("not built yet"))
    }

    async fn pause_run(&self, _: Request<pb::PauseRunRequest>) -> Result<Response<pb::PauseRunResponse>, Status> {
        Err(Status::unimplemented("not built yet"))
    }

    async fn resume_run(&self, _: Request<pb::ResumeRunRequest>) -> Result<Response<pb::ResumeRunResponse>, Status> {
        Err(Status::unimplemented("not built yet"))
    }

    async fn cancel_run(&self, _: Request<pb::CancelRunRequest>) -> Result<Response<pb::CancelRunResponse>, Status> {
        Err(Status::unimplemented("not built yet"))
    }
}
