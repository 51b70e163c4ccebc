//! A DeviceService that does what a test says: it keeps what it was told and answers only where it is told to.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use homepot::{
    Error,
    model::{to_proto_duration, to_proto_timestamp},
    pb::common::v1::DeviceSource,
    pb::device::v1::{
        self as pb,
        attach_request::Message as Up,
        attach_response::Message as Down,
        device_service_server::{DeviceService, DeviceServiceServer},
    },
};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_stream::{
    Stream,
    wrappers::{TcpListenerStream, UnboundedReceiverStream},
};
use tonic::{Request, Response, Status, Streaming};

pub(crate) const KEY: &str = "hpd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub(crate) const TICKET: &str = "ticket-1";
pub(crate) const COMMAND: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

pub(crate) fn delivery(command_type: &str) -> pb::CommandDelivery {
    pb::CommandDelivery {
        command_id: COMMAND.to_owned(),
        command_type: command_type.to_owned(),
        payload: None,
        time_to_live: Some(to_proto_duration(Duration::from_secs(60))),
        run_timeout: Some(to_proto_duration(Duration::from_secs(30))),
        created_at: Some(to_proto_timestamp(chrono::Utc::now())),
        server_time: Some(to_proto_timestamp(chrono::Utc::now())),
        requested_type: command_type.to_owned(),
    }
}

struct Script {
    enrollments: Vec<pb::EnrollRequest>,
    lose: usize,
    refuse: Option<Error>,
    sample_interval: Duration,
    heartbeat_interval: Duration,
    backlog_pace: u32,
}

/// A server on a loopback port; ends with the test's runtime.
pub(crate) struct Server {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    sessions: mpsc::UnboundedReceiver<Session>,
}

/// One stream, after Hello and Welcome.
pub(crate) struct Session {
    pub(crate) device_id: String,
    pub(crate) api_key: String,
    pub(crate) ticket: Option<String>,
    pub(crate) hello: pb::Hello,
    up: mpsc::UnboundedReceiver<Up>,
    down: mpsc::UnboundedSender<Result<pb::AttachResponse, Status>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script {
            enrollments: Vec::new(),
            lose: 0,
            refuse: None,
            sample_interval: Duration::from_millis(200),
            heartbeat_interval: Duration::from_secs(10),
            backlog_pace: 0,
        }));
        let (sender, sessions) = mpsc::unbounded_channel();
        let service = DeviceServiceServer::new(Service { script: script.clone(), sessions: sender });
        let serving = tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(serving);
        Self { address, script, sessions }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn lose_enrollment_answers(&self, count: usize) {
        self.script.lock().unwrap().lose = count;
    }

    pub(crate) fn refuse_enrollment(&self, error: Error) {
        self.script.lock().unwrap().refuse = Some(error);
    }

    pub(crate) fn set_intervals(&self, sample: Duration, heartbeat: Duration) {
        let mut script = self.script.lock().unwrap();
        (script.sample_interval, script.heartbeat_interval) = (sample, heartbeat);
    }

    pub(crate) fn set_backlog_pace(&self, samples_per_second: u32) {
        self.script.lock().unwrap().backlog_pace = samples_per_second;
    }

    pub(crate) fn enrollments(&self) -> Vec<pb::EnrollRequest> {
        self.script.lock().unwrap().enrollments.clone()
    }

    /// The next session that got through Hello.
    pub(crate) async fn session(&mut self) -> Session {
        timeout(super::PATIENCE, self.sessions.recv()).await.expect("a session").unwrap()
    }
}

impl Session {
    pub(crate) fn say(&self, message: Down) {
        self.down.send(Ok(pb::AttachResponse { message: Some(message) })).unwrap();
    }

    pub(crate) async fn message(&mut self) -> Up {
        timeout(super::PATIENCE, self.up.recv()).await.expect("a message").expect("the stream goes on")
    }

    /// The next message that `wanted` takes; others are passed over.
    pub(crate) async fn next<T>(&mut self, wanted: impl Fn(Up) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.message().await) {
                return found;
            }
        }
    }

    /// Waits until the agent has ended its half.
    pub(crate) async fn ended(mut self) {
        let drained = async { while self.up.recv().await.is_some() {} };
        timeout(super::PATIENCE, drained).await.expect("the agent ends its half");
    }

    /// Breaks the stream off without a word.
    pub(crate) fn end(self) {
        drop(self);
    }
}

struct Service {
    script: Arc<Mutex<Script>>,
    sessions: mpsc::UnboundedSender<Session>,
}

#[tonic::async_trait]
impl DeviceService for Service {
    async fn enroll(&self, request: Request<pb::EnrollRequest>) -> Result<Response<pb::EnrollResponse>, Status> {
        let request = request.into_inner();
        let mut script = self.script.lock().unwrap();
        script.enrollments.push(request.clone());
        if let Some(error) = &script.refuse {
            return Err(error.clone().into());
        }
        if script.lose > 0 {
            script.lose -= 1;
            return Err(Status::unavailable("the connection broke after the row was written"));
        }
        Ok(Response::new(pb::EnrollResponse {
            device_id: request.device_id,
            site_id: request.site_id,
            api_key: KEY.to_owned(),
            enrolled_at: Some(to_proto_timestamp(chrono::Utc::now())),
        }))
    }

    type AttachStream = Pin<Box<dyn Stream<Item = Result<pb::AttachResponse, Status>> + Send>>;

    async fn attach(
        &self,
        request: Request<Streaming<pb::AttachRequest>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let header = |name: &str| request.metadata().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (down, responses) = mpsc::unbounded_channel();
        let (up_sender, up) = mpsc::unbounded_channel();
        let mut session = Session {
            device_id: header("x-device-id").unwrap(),
            api_key: header("x-api-key").unwrap(),
            ticket: header("x-reconnect-ticket"),
            hello: pb::Hello::default(),
            up,
            down,
        };
        let welcome = {
            let script = self.script.lock().unwrap();
            pb::Welcome {
                protocol: 1,
                session_epoch: 1,
                sample_interval: Some(to_proto_duration(script.sample_interval)),
                heartbeat_interval: Some(to_proto_duration(script.heartbeat_interval)),
                server_time: Some(to_proto_timestamp(chrono::Utc::now())),
                max_samples_per_message: 100,
                max_unacknowledged_samples: 1_000,
                reconnect_ticket: TICKET.to_owned(),
                backlog_samples_per_second: script.backlog_pace,
                max_sample_age: None,
                source: DeviceSource::Real.into(),
            }
        };
        let sessions = self.sessions.clone();
        let mut requests = request.into_inner();
        tokio::spawn(async move {
            let first = requests.message().await.unwrap().unwrap();
            let Some(Up::Hello(hello)) = first.message else { panic!("Hello comes first") };
            session.hello = hello;
            session.say(Down::Welcome(welcome));
            sessions.send(session).unwrap();
            while let Ok(Some(pb::AttachRequest { message: Some(message) })) = requests.message().await {
                if up_sender.send(message).is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(responses))))
    }

    async fn report_samples(
        &self,
        _: Request<pb::ReportSamplesRequest>,
    ) -> Result<Response<pb::ReportSamplesResponse>, Status> {
        Err(Status::unimplemented("the agent streams"))
    }

    async fn fetch_artifact(
        &self,
        _: Request<pb::FetchArtifactRequest>,
    ) -> Result<Response<pb::FetchArtifactResponse>, Status> {
        Err(Status::unimplemented("there are no releases"))
    }

    async fn who_am_i(&self, _: Request<pb::WhoAmIRequest>) -> Result<Response<pb::WhoAmIResponse>, Status> {
        Err(Status::unimplemented("the agent knows"))
    }

    async fn report_heartbeat(
        &self,
        _: Request<pb::ReportHeartbeatRequest>,
    ) -> Result<Response<pb::ReportHeartbeatResponse>, Status> {
        Err(Status::unimplemented("the agent streams"))
    }

    async fn update_self(&self, _: Request<pb::UpdateSelfRequest>) -> Result<Response<pb::UpdateSelfResponse>, Status> {
        Err(Status::unimplemented("the agent says it in Hello"))
    }

    async fn fetch_commands(
        &self,
        _: Request<pb::FetchCommandsRequest>,
    ) -> Result<Response<pb::FetchCommandsResponse>, Status> {
        Err(Status::unimplemented("the agent streams"))
    }

    async fn acknowledge_command(
        &self,
        _: Request<pb::AcknowledgeCommandRequest>,
    ) -> Result<Response<pb::AcknowledgeCommandResponse>, Status> {
        Err(Status::unimplemented("the agent streams"))
    }

    async fn report_outcome(
        &self,
        _: Request<pb::ReportOutcomeRequest>,
    ) -> Result<Response<pb::ReportOutcomeResponse>, Status> {
        Err(Status::unimplemented("the agent streams"))
    }

    async fn report_error(
        &self,
        _: Request<pb::ReportErrorRequest>,
    ) -> Result<Response<pb::ReportErrorResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}
