//! `DeviceService`: reads the caller and passes each call on.

use homepot::{
    Error, Kind,
    model::{CommandId, Enrollment, Outcome, to_proto_timestamp},
    pb::{
        common::v1 as common_pb,
        device::v1::{self as pb, device_service_server::DeviceService},
    },
};
use homepot_runtime::{
    auth::{self, DeviceCaller, Enrollee},
    limits::Quota,
    request_id::REQUEST_ID,
};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    Link,
    outbound::{Down, Outbound},
    session,
};

/// The devices' face of the link.
#[derive(Clone)]
pub struct Service {
    link: Link,
}

impl Service {
    pub(crate) fn new(link: Link) -> Self {
        Self { link }
    }

    fn check_room(&self) -> Result<(), Error> {
        let inner = &self.link.inner;
        if self.link.is_draining() {
            return Err(
                Error::new(Kind::Unavailable, "the server is leaving").retry_after(inner.config.reconnect_after)
            );
        }
        if inner.sessions.is_full() {
            let told = Error::new(Kind::Unavailable, "this replica holds as many devices as it may");
            return Err(told.retry_after(inner.config.reconnect_after));
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl DeviceService for Service {
    async fn enroll(&self, request: Request<pb::EnrollRequest>) -> Result<Response<pb::EnrollResponse>, Status> {
        let enrollee: Enrollee = auth::caller(&request)?;
        let mut request = request.into_inner();
        if request.site_id.is_empty() {
            request.site_id = self.link.inner.registry.site_of(&enrollee).await?;
        }
        let enrollment = Enrollment::try_from(request)?;
        let (device, key) = self.link.inner.registry.enroll(enrollee, enrollment).await?;
        Ok(Response::new(pb::EnrollResponse {
            device_id: device.device_id.into(),
            site_id: device.site_id.into(),
            api_key: key.reveal().to_owned(),
            enrolled_at: Some(to_proto_timestamp(device.created_at)),
        }))
    }

    type AttachStream = Down;

    /// Answers the headers at once: a client may wait for them before it sends Hello.
    async fn attach(
        &self,
        request: Request<Streaming<pb::AttachRequest>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        let quota = request.extensions().get::<Quota>().cloned();
        let request_id = request.metadata().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().into();
        self.check_room()?;
        let (outbound, down) = Outbound::pair();
        let session = session::run(self.link.clone(), (caller, quota, request_id), request.into_inner(), outbound);
        self.link.inner.tasks.spawn(session);
        Ok(Response::new(down))
    }

    async fn report_samples(
        &self,
        request: Request<pb::ReportSamplesRequest>,
    ) -> Result<Response<pb::ReportSamplesResponse>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        Ok(Response::new(self.link.report_samples(&caller, request.into_inner()).await?))
    }

    async fn fetch_commands(
        &self,
        request: Request<pb::FetchCommandsRequest>,
    ) -> Result<Response<pb::FetchCommandsResponse>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        let commands = self.link.fetch_commands(&caller, request.into_inner().page_size).await?;
        Ok(Response::new(pb::FetchCommandsResponse { commands: commands.into_iter().map(Into::into).collect() }))
    }

    async fn acknowledge_command(
        &self,
        request: Request<pb::AcknowledgeCommandRequest>,
    ) -> Result<Response<pb::AcknowledgeCommandResponse>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        let pb::AcknowledgeCommandRequest { command_id, device_id } = request.into_inner();
        let id = CommandId::parse(&command_id)?;
        let command = self.link.acknowledge(&caller, &device_id, id).await?;
        Ok(Response::new(pb::AcknowledgeCommandResponse { command: Some(command.into()) }))
    }

    async fn report_outcome(
        &self,
        request: Request<pb::ReportOutcomeRequest>,
    ) -> Result<Response<pb::ReportOutcomeResponse>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        let outcome = request.into_inner().outcome.ok_or_else(|| Error::missing("outcome"))?;
        let command = self.link.report_outcome(&caller, Outcome::try_from(outcome)?).await?;
        Ok(Response::new(pb::ReportOutcomeResponse { command: Some(command.into()) }))
    }

    async fn report_heartbeat(
        &self,
        request: Request<pb::ReportHeartbeatRequest>,
    ) -> Result<Response<pb::ReportHeartbeatResponse>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        let heard_at = self.link.report_heartbeat(&caller, &request.into_inner().device_id)?;
        Ok(Response::new(pb::ReportHeartbeatResponse { heard_at: Some(to_proto_timestamp(heard_at)) }))
    }

    async fn update_self(
        &self,
        request: Request<pb::UpdateSelfRequest>,
    ) -> Result<Response<pb::UpdateSelfResponse>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        let device = self.link.update_self(&caller, request.into_inner()).await?;
        Ok(Response::new(device.into()))
    }

    async fn report_error(
        &self,
        request: Request<pb::ReportErrorRequest>,
    ) -> Result<Response<pb::ReportErrorResponse>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        self.link.report_error(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::ReportErrorResponse {}))
    }

    async fn fetch_artifact(
        &self,
        request: Request<pb::FetchArtifactRequest>,
    ) -> Result<Response<pb::FetchArtifactResponse>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        Ok(Response::new(self.link.inner.rollouts.fetch(caller.pk, request.into_inner()).await?))
    }

    async fn who_am_i(&self, request: Request<pb::WhoAmIRequest>) -> Result<Response<pb::WhoAmIResponse>, Status> {
        let caller: DeviceCaller = auth::caller(&request)?;
        Ok(Response::new(pb::WhoAmIResponse {
            device_id: caller.device_id.into(),
            site_id: caller.site_id.into(),
            source: common_pb::DeviceSource::from(caller.source).into(),
        }))
    }
}
