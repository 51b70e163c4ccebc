//! Two sites with a device and operators each, and a request for every rpc that is about the first of them.

use homepot::pb::{
    analytics::v1 as analytics_pb,
    command::v1 as command_pb,
    device::v1::{self as device_pb, attach_request},
    registry::v1 as pb,
    rollout::v1 as rollout_pb,
    session::v1 as session_pb,
    telemetry::v1 as telemetry_pb,
};
use homepot_tests::{
    AnySystem, Publisher, ServerOptions, System, Updated,
    grpc::{Caller, Clients, DeviceKey},
    hello, upload,
};
use prost::Message;

/// What no caller of the other site may ever read in an answer: the first site's name, which everything there bears.
pub(super) const OURS: &str = "alpha";
/// The device of the first site.
pub(super) const TILL: &str = "alpha-till";

pub(super) struct World {
    pub(super) server: AnySystem,
    pub(super) alpha: DeviceKey,
    pub(super) beta: DeviceKey,
    pub(super) viewer: String,
    pub(super) operator: String,
    pub(super) admin: String,
    pub(super) beta_viewer: String,
    pub(super) beta_operator: String,
    pub(super) beta_admin: String,
    made: std::cell::Cell<u32>,
    publisher: Publisher,
    /// A release that a rollout brings to the first site's device, and that device's ticket for its file.
    release: rollout_pb::Release,
    ticket: String,
}

/// What the first site's device takes releases for.
const TARGET: &str = "prices";

impl World {
    pub(super) async fn build() -> Self {
        use pb::Role::{Admin, Operator, Viewer};
        let server = AnySystem::start_with(ServerOptions::default().env("HOMEPOT_FLEET_METRICS", "on")).await;
        server.create_site(OURS, false).await;
        server.create_site("beta", false).await;
        let (publisher, alpha) = (Publisher::default(), server.enroll(OURS, TILL).await);
        publisher.introduce(&server, None).await;
        let release = publisher.publish(&server, "prices", TARGET, b"1.99").await;
        // It never goes on, so that rollouts for it stay under way.
        let mut till = Updated::attach(&server, &alpha, TARGET).await;
        start_rollout(&server, &release).await;
        let ticket = till.desired().await.transfer_ticket;
        let world = Self {
            alpha,
            beta: server.enroll("beta", "beta-till").await,
            viewer: server.create_operator("alpha-viewer", Viewer, &[OURS]).await,
            operator: server.create_operator("alpha-operator", Operator, &[OURS]).await,
            admin: server.create_operator("alpha-admin", Admin, &[OURS]).await,
            beta_viewer: server.create_operator("beta-viewer", Viewer, &["beta"]).await,
            beta_operator: server.create_operator("beta-operator", Operator, &["beta"]).await,
            beta_admin: server.create_operator("beta-admin", Admin, &["beta"]).await,
            server,
            made: std::cell::Cell::new(0),
            publisher,
            release,
            ticket,
        };
        let sample = telemetry_pb::Sample { cpu_percent: Some(1.0), ..Default::default() };
        let report = device_pb::ReportSamplesRequest { samples: vec![sample], ..Default::default() };
        world.device().device.report_samples(report).await.expect("the device reports");
        // So that there is something of the first site that others must not read.
        let error = device_pb::ReportErrorRequest { error: Some(error()), ..Default::default() };
        world.device().device.report_error(error).await.expect("the device reports an error");
        let mut viewer = world.server.clients(&Caller::Operator(world.viewer.clone())).analytics;
        viewer.log_activity(activity()).await.expect("the viewer logs what it does");
        world
    }

    /// The first site's device as a caller.
    pub(super) fn device(&self) -> Clients {
        self.server.clients(&Caller::Device(self.alpha.clone()))
    }

    /// A name of the first site that was not used before.
    pub(super) fn fresh(&self) -> String {
        self.made.set(self.made.get() + 1);
        format!("alpha-{}", self.made.get())
    }

    /// A device of the first site, to be changed at will.
    pub(super) async fn victim(&self) -> String {
        self.server.enroll(OURS, &self.fresh()).await.device_id
    }

    /// A command that waits for `device_id`.
    pub(super) async fn queued(&self, device_id: &str) -> String {
        let request = command_pb::QueueRequest {
            device_id: device_id.to_owned(),
            command_type: "PING".to_owned(),
            ..Default::default()
        };
        let answer = self.server.admin().command.queue(request).await.expect("the admin may queue").into_inner();
        answer.command.expect("what was queued").command_id
    }

    /// A command that the first site's device has fetched.
    pub(super) async fn fetched(&self) -> String {
        let command_id = self.queued(TILL).await;
        let answer = self.device().device.fetch_commands(device_pb::FetchCommandsRequest::default()).await;
        let commands = answer.expect("the device may fetch").into_inner().commands;
        assert!(commands.iter().any(|command| command.command_id == command_id));
        command_id
    }

    /// What to send to the method at `path`, so that the right caller succeeds.
    pub(super) async fn message(&self, path: &str) -> Vec<u8> {
        let method = path.rsplit('/').next().unwrap_or_default();
        match method {
            "CreateSite" | "GetSite" | "ListSites" | "UpdateSite" => self.about_sites(method),
            "RemoveSite" => {
                let site_id = self.fresh();
                self.server.create_site(&site_id, false).await;
                let (confirm, history) = (site_id.clone(), pb::History::Purge.into());
                pb::RemoveSiteRequest { site_id, history, confirm, with_devices: false }.encode_to_vec()
            }
            "CreateOperator" | "ListOperators" | "RevokeOperator" | "RotateOperatorToken" | "WhoAmI" => {
                self.about_operators(method).await
            }
            "CreateEnrollmentToken" | "ListEnrollmentTokens" | "RevokeEnrollmentToken" => {
                self.about_tokens(method).await
            }
            _ if path.contains("SessionService") => self.about_sessions(method).await,
            _ if path.contains("AnalyticsService") => self.about_analytics(method),
            _ if path.contains("ReleaseService") => self.about_releases(method).await,
            _ if path.contains("ValueService") => self.about_values(method).await,
            _ if path.contains("RolloutService") => self.about_rollouts(method).await,
            _ if path.contains("CommandService") => self.about_commands(method).await,
            _ if path.contains("RegistryService") => self.about_devices(method).await,
            _ if path.contains("DeviceService") => self.by_device(method).await,
            _ => self.about_data(method),
        }
    }

    fn about_sites(&self, method: &str) -> Vec<u8> {
        let site_id = OURS.to_owned();
        match method {
            "CreateSite" => {
                let name = "Annex".to_owned();
                pb::CreateSiteRequest { site_id: self.fresh(), name, ..Default::default() }.encode_to_vec()
            }
            "GetSite" => pb::GetSiteRequest { site_id }.encode_to_vec(),
            "ListSites" => pb::ListSitesRequest::default().encode_to_vec(),
            "UpdateSite" => {
                let location = Some("here".to_owned());
                pb::UpdateSiteRequest { site_id, location, ..Default::default() }.encode_to_vec()
            }
            other => panic!("no request for {other}"),
        }
    }

    async fn about_operators(&self, method: &str) -> Vec<u8> {
        let name = self.fresh();
        let mut name = name;
        if matches!(method, "RevokeOperator" | "RotateOperatorToken") {
            // By the site's own admin, which reaches those that it made.
            let (role, site_ids) = (pb::Role::Viewer.into(), vec![OURS.to_owned()]);
            let request = pb::CreateOperatorRequest { name, role, site_ids, ..Default::default() };
            let mut admin = self.server.clients(&Caller::Operator(self.admin.clone())).registry;
            name =
                admin.create_operator(request).await.expect("the admin makes one").into_inner().operator.unwrap().name;
        }
        match method {
            "CreateOperator" => {
                let (role, site_ids) = (pb::Role::Viewer.into(), vec![OURS.to_owned()]);
                pb::CreateOperatorRequest { name, role, site_ids, ..Default::default() }.encode_to_vec()
            }
            "ListOperators" => pb::ListOperatorsRequest::default().encode_to_vec(),
            "RevokeOperator" => pb::RevokeOperatorRequest { name, ..Default::default() }.encode_to_vec(),
            "RotateOperatorToken" => pb::RotateOperatorTokenRequest { name }.encode_to_vec(),
            "WhoAmI" => pb::WhoAmIRequest::default().encode_to_vec(),
            other => panic!("no request for {other}"),
        }
    }

    async fn about_tokens(&self, method: &str) -> Vec<u8> {
        let create = pb::CreateEnrollmentTokenRequest { site_id: OURS.to_owned(), ..Default::default() };
        match method {
            "CreateEnrollmentToken" => create.encode_to_vec(),
            "ListEnrollmentTokens" => pb::ListEnrollmentTokensRequest::default().encode_to_vec(),
            "RevokeEnrollmentToken" => {
                let made = self.server.admin().registry.create_enrollment_token(create).await.unwrap().into_inner();
                let token_id = made.enrollment_token.unwrap().token_id;
                pb::RevokeEnrollmentTokenRequest { token_id }.encode_to_vec()
            }
            other => panic!("no request for {other}"),
        }
    }

    async fn about_devices(&self, method: &str) -> Vec<u8> {
        let device_id = self.victim().await;
        match method {
            "GetDevice" => pb::GetDeviceRequest { device_id }.encode_to_vec(),
            "ListDevices" => pb::ListDevicesRequest::default().encode_to_vec(),
            "SummarizeFleet" => pb::SummarizeFleetRequest::default().encode_to_vec(),
            "UpdateDevice" => {
                let name = Some("Renamed".to_owned());
                pb::UpdateDeviceRequest { device_id, name, ..Default::default() }.encode_to_vec()
            }
            "DeactivateDevice" => pb::DeactivateDeviceRequest { device_id }.encode_to_vec(),
            "ActivateDevice" => pb::ActivateDeviceRequest { device_id }.encode_to_vec(),
            "RotateDeviceKey" => pb::RotateDeviceKeyRequest { device_id, overlap: None }.encode_to_vec(),
            "RevokeDeviceKeys" => pb::RevokeDeviceKeysRequest { device_id }.encode_to_vec(),
            "RemoveDevice" => {
                let (confirm, history) = (device_id.clone(), pb::History::Purge.into());
                pb::RemoveDeviceRequest { device_id, history, confirm }.encode_to_vec()
            }
            "RemoveSimulatedDevices" => {
                let site_ids = vec![OURS.to_owned()];
                pb::RemoveSimulatedDevicesRequest { site_ids, ..Default::default() }.encode_to_vec()
            }
            "GetPresence" => pb::GetPresenceRequest { device_id }.encode_to_vec(),
            "ListStateChanges" => pb::ListStateChangesRequest { device_id, ..Default::default() }.encode_to_vec(),
            "Watch" => pb::WatchRequest::default().encode_to_vec(),
            other => panic!("no request for {other}"),
        }
    }

    fn about_data(&self, method: &str) -> Vec<u8> {
        let device_id = TILL.to_owned();
        match method {
            "Latest" => telemetry_pb::LatestRequest::default().encode_to_vec(),
            "ListSamples" => telemetry_pb::ListSamplesRequest { device_id, ..Default::default() }.encode_to_vec(),
            "Query" => {
                let metrics = vec![telemetry_pb::Metric::CpuPercent.into()];
                telemetry_pb::QueryRequest { device_ids: vec![device_id], metrics, ..Default::default() }
                    .encode_to_vec()
            }
            "Watch" => telemetry_pb::WatchRequest::default().encode_to_vec(),
            other => panic!("no request for {other}"),
        }
    }

    async fn about_sessions(&self, method: &str) -> Vec<u8> {
        match method {
            "CreateSession" => session_pb::CreateSessionRequest::default().encode_to_vec(),
            "ListSessions" => session_pb::ListSessionsRequest::default().encode_to_vec(),
            "RevokeSession" => {
                let mut viewer = self.server.clients(&Caller::Operator(self.viewer.clone())).session;
                let made = viewer.create_session(session_pb::CreateSessionRequest {}).await.expect("a viewer signs in");
                let session_id = made.into_inner().session.unwrap().session_id;
                session_pb::RevokeSessionRequest { session_id }.encode_to_vec()
            }
            "GetSignInOptions" => session_pb::GetSignInOptionsRequest::default().encode_to_vec(),
            "BeginSignIn" => session_pb::BeginSignInRequest::default().encode_to_vec(),
            "FinishSignIn" => session_pb::FinishSignInRequest::default().encode_to_vec(),
            "CreateSignInCode" => session_pb::CreateSignInCodeRequest::default().encode_to_vec(),
            other => panic!("no request for {other}"),
        }
    }

    fn about_analytics(&self, method: &str) -> Vec<u8> {
        match method {
            "LogActivity" => activity().encode_to_vec(),
            "LogError" => {
                let (error, device_id) = (Some(error()), TILL.to_owned());
                analytics_pb::LogErrorRequest { error, device_id, ..Default::default() }.encode_to_vec()
            }
            "ListActivities" => analytics_pb::ListActivitiesRequest::default().encode_to_vec(),
            "ListErrors" => analytics_pb::ListErrorsRequest::default().encode_to_vec(),
            "AggregateActivities" => {
                let group_by = analytics_pb::ActivityGrouping::Operator.into();
                analytics_pb::AggregateActivitiesRequest { group_by, ..Default::default() }.encode_to_vec()
            }
            "AggregateErrors" => {
                let group_by = analytics_pb::ErrorGrouping::Device.into();
                analytics_pb::AggregateErrorsRequest { group_by, ..Default::default() }.encode_to_vec()
            }
            other => panic!("no request for {other}"),
        }
    }

    async fn about_commands(&self, method: &str) -> Vec<u8> {
        let (device_id, command_type) = (TILL.to_owned(), "PING".to_owned());
        let target = Some(command_pb::Target { site_id: OURS.to_owned(), ..Default::default() });
        let (reason, run) = (String::new(), |run_id| command_pb::GetRunRequest { run_id });
        match method {
            "Queue" => command_pb::QueueRequest { device_id, command_type, ..Default::default() }.encode_to_vec(),
            "Cancel" => {
                let command_id = self.queued(&self.victim().await).await;
                command_pb::CancelRequest { command_id, ..Default::default() }.encode_to_vec()
            }
            "Get" => command_pb::GetRequest { command_id: self.queued(TILL).await }.encode_to_vec(),
            "List" => command_pb::ListRequest { device_id, ..Default::default() }.encode_to_vec(),
            "ListRecent" => command_pb::ListRecentRequest::default().encode_to_vec(),
            "Watch" => command_pb::WatchRequest { command_ids: vec![self.queued(TILL).await], ..Default::default() }
                .encode_to_vec(),
            "StartRun" => command_pb::StartRunRequest { target, command_type, ..Default::default() }.encode_to_vec(),
            "PreviewRun" => {
                command_pb::PreviewRunRequest { target, command_type, ..Default::default() }.encode_to_vec()
            }
            "GetRun" => run(self.run().await).encode_to_vec(),
            "ListRuns" => command_pb::ListRunsRequest::default().encode_to_vec(),
            "ListRunDevices" => {
                command_pb::ListRunDevicesRequest { run_id: self.run().await, ..Default::default() }.encode_to_vec()
            }
            "PauseRun" => command_pb::PauseRunRequest { run_id: self.run().await, reason }.encode_to_vec(),
            "ResumeRun" => {
                command_pb::ResumeRunRequest { run_id: self.run().await, ..Default::default() }.encode_to_vec()
            }
            "CancelRun" => command_pb::CancelRunRequest { run_id: self.run().await, reason }.encode_to_vec(),
            other => panic!("no request for {other}"),
        }
    }

    /// A run over a device of the first site that is not there, so that it stays under way.
    async fn run(&self) -> String {
        let device_ids = vec![self.victim().await];
        let request = command_pb::StartRunRequest {
            target: Some(command_pb::Target { device_ids, ..Default::default() }),
            command_type: "PING".to_owned(),
            ..Default::default()
        };
        let answer = self.server.admin().command.start_run(request).await.expect("the admin may start a run");
        answer.into_inner().run.expect("what was started").run_id
    }

    async fn about_releases(&self, method: &str) -> Vec<u8> {
        let (sha256, release_id) = (self.release.files[0].sha256.clone(), self.release.release_id.clone());
        match method {
            "AddTrustRoot" => {
                rollout_pb::AddTrustRootRequest { signed_root: self.publisher.next_root() }.encode_to_vec()
            }
            "ListTrustRoots" => rollout_pb::ListTrustRootsRequest::default().encode_to_vec(),
            "UploadArtifact" => {
                rollout_pb::UploadArtifactRequest { sha256, size: 4, offset: 0, data: b"1.99".to_vec() }.encode_to_vec()
            }
            "GetArtifact" => rollout_pb::GetArtifactRequest { sha256 }.encode_to_vec(),
            "CreateRelease" => {
                let content = self.fresh();
                upload(&self.server, content.as_bytes()).await;
                let signed_release = self.publisher.release("prices", &[TARGET], content.as_bytes());
                rollout_pb::CreateReleaseRequest { signed_release }.encode_to_vec()
            }
            "GetRelease" => rollout_pb::GetReleaseRequest { release_id }.encode_to_vec(),
            "ListReleases" => rollout_pb::ListReleasesRequest::default().encode_to_vec(),
            other => panic!("no request for {other}"),
        }
    }

    async fn about_rollouts(&self, method: &str) -> Vec<u8> {
        let rollout = async || start_rollout(&self.server, &self.release).await;
        let (release_id, target) = (self.release.release_id.clone(), Some(till()));
        match method {
            "StartRollout" => {
                rollout_pb::StartRolloutRequest { release_id, target, ..Default::default() }.encode_to_vec()
            }
            "PlanRollout" => {
                rollout_pb::PlanRolloutRequest { release_id, target, ..Default::default() }.encode_to_vec()
            }
            "GetRollout" => rollout_pb::GetRolloutRequest { rollout_id: rollout().await }.encode_to_vec(),
            "ListRollouts" => rollout_pb::ListRolloutsRequest::default().encode_to_vec(),
            "ListRolloutDevices" => {
                let rollout_id = rollout().await;
                rollout_pb::ListRolloutDevicesRequest { rollout_id, ..Default::default() }.encode_to_vec()
            }
            "PauseRollout" => {
                rollout_pb::PauseRolloutRequest { rollout_id: rollout().await, reason: String::new() }.encode_to_vec()
            }
            "ResumeRollout" => rollout_pb::ResumeRolloutRequest { rollout_id: rollout().await }.encode_to_vec(),
            "AbortRollout" => {
                rollout_pb::AbortRolloutRequest { rollout_id: rollout().await, reason: String::new() }.encode_to_vec()
            }
            "Watch" => rollout_pb::WatchRequest { rollout_id: rollout().await, ..Default::default() }.encode_to_vec(),
            "GetDeviceUpdate" => rollout_pb::GetDeviceUpdateRequest { device_id: TILL.to_owned() }.encode_to_vec(),
            other => panic!("no request for {other}"),
        }
    }

    async fn about_values(&self, method: &str) -> Vec<u8> {
        let (variable, device_id) = ("price".to_owned(), TILL.to_owned());
        let request =
            rollout_pb::SetValueRequest { variable, device_id, value: "alpha".to_owned(), ..Default::default() };
        match method {
            "SetValue" => request.encode_to_vec(),
            "ListValues" => rollout_pb::ListValuesRequest::default().encode_to_vec(),
            "DeleteValue" => {
                self.server.admin().values.set_value(request.clone()).await.expect("the admin may set a value");
                let rollout_pb::SetValueRequest { variable, device_id, .. } = request;
                rollout_pb::DeleteValueRequest { variable, device_id, ..Default::default() }.encode_to_vec()
            }
            other => panic!("no request for {other}"),
        }
    }

    async fn by_device(&self, method: &str) -> Vec<u8> {
        match method {
            "Enroll" => {
                let (site_id, name) = (OURS.to_owned(), "New".to_owned());
                let request = device_pb::EnrollRequest { site_id, device_id: self.fresh(), name, ..Default::default() };
                request.encode_to_vec()
            }
            "Attach" => {
                let message = Some(attach_request::Message::Hello(hello()));
                device_pb::AttachRequest { message }.encode_to_vec()
            }
            "ReportSamples" => {
                let sample = telemetry_pb::Sample { cpu_percent: Some(2.0), ..Default::default() };
                let request = device_pb::ReportSamplesRequest { device_id: TILL.to_owned(), samples: vec![sample] };
                request.encode_to_vec()
            }
            "ReportHeartbeat" => device_pb::ReportHeartbeatRequest { device_id: TILL.to_owned() }.encode_to_vec(),
            "UpdateSelf" => {
                let (device_id, firmware_version) = (TILL.to_owned(), Some("2".to_owned()));
                device_pb::UpdateSelfRequest { device_id, firmware_version, ..Default::default() }.encode_to_vec()
            }
            "ReportError" => {
                let (error, device_id) = (Some(error()), TILL.to_owned());
                device_pb::ReportErrorRequest { device_id, error }.encode_to_vec()
            }
            "FetchArtifact" => {
                let (ticket, sha256) = (self.ticket.clone(), self.release.files[0].sha256.clone());
                device_pb::FetchArtifactRequest { ticket, sha256, offset: 0, length: 16 }.encode_to_vec()
            }
            "WhoAmI" => device_pb::WhoAmIRequest {}.encode_to_vec(),
            "FetchCommands" => {
                self.queued(TILL).await;
                device_pb::FetchCommandsRequest::default().encode_to_vec()
            }
            "AcknowledgeCommand" => {
                let command_id = self.fetched().await;
                device_pb::AcknowledgeCommandRequest { command_id, ..Default::default() }.encode_to_vec()
            }
            "ReportOutcome" => {
                let (command_id, state) = (self.fetched().await, command_pb::CommandState::Succeeded.into());
                let outcome = device_pb::CommandOutcome { command_id, state, ..Default::default() };
                device_pb::ReportOutcomeRequest { outcome: Some(outcome) }.encode_to_vec()
            }
            other => panic!("no request for {other}"),
        }
    }
}

/// The first site's device, as the target of a rollout.
fn till() -> command_pb::Target {
    command_pb::Target { device_ids: vec![TILL.to_owned()], ..Default::default() }
}

/// A rollout that stays under way, because its device waits for the one before it.
async fn start_rollout(server: &System, release: &rollout_pb::Release) -> String {
    let request = rollout_pb::StartRolloutRequest {
        release_id: release.release_id.clone(),
        target: Some(till()),
        ..Default::default()
    };
    let answer = server.admin().rollouts.start_rollout(request).await.expect("the admin may start a rollout");
    answer.into_inner().rollout.expect("what was started").rollout_id
}

fn error() -> analytics_pb::ErrorReport {
    analytics_pb::ErrorReport {
        category: "print".to_owned(),
        severity: analytics_pb::Severity::Warning.into(),
        error_message: "out of paper".to_owned(),
        ..Default::default()
    }
}

fn activity() -> analytics_pb::LogActivityRequest {
    let activity_type = analytics_pb::ActivityType::Click.into();
    let activity = Some(analytics_pb::Activity { activity_type, ..Default::default() });
    analytics_pb::LogActivityRequest { activity, ..Default::default() }
}
