//! One trace from the client to the device, through every process that has a part in it.

use homepot::pb::{
    command::v1 as command_pb,
    device::v1::{
        CommandAcknowledged, CommandOutcome, Heartbeat, Samples, attach_request::Message as Up,
        attach_response::Message as Down,
    },
    registry::v1 as pb,
    telemetry::v1::{self as telemetry_pb, Sample},
};
use homepot_tests::{Collector, Manner, Seen, Server, ServerOptions, Session, grpc::DeviceKey, rest::Request};

use super::{CLIENT, TRACE, sharing, span, traced, traceparent};

const QUEUE: &str = "homepot.command.v1.CommandService/Queue";
const QUEUE_OVER_REST: &str = "POST /api/v2/devices/{device_id}/commands";

/// A gateway, the ledger and a link, each a process of its own, beside one with the other roles.
struct Apart {
    /// Of the registry and telemetry.
    rest: Server,
    command: Server,
    link: Server,
    gateway: Server,
    key: DeviceKey,
}

impl Apart {
    async fn start(collector: &Collector, gateway: ServerOptions) -> Self {
        let role = |role: &str| traced(collector).env("HOMEPOT_ROLES", role);
        let rest = Server::start_with(role("registry,telemetry")).await;
        let command = rest.start_beside(role("command")).await;
        let link = rest.start_beside(role("link")).await;
        let url = |server: &Server| format!("http://{}", server.grpc_addr);
        let gateway = gateway
            .env("HOMEPOT_ROLES", "gateway")
            .env("HOMEPOT_GRPC_URL", url(&rest))
            .env("HOMEPOT_COMMAND_URL", url(&command))
            .env("HOMEPOT_LINK_URL", url(&link));
        let gateway = Server::start_with(gateway).await;
        rest.create_site("site-001", false).await;
        let token = rest.enrollment_token("site-001").await;
        let key = link.enroll_with(&token, "site-001", "till").await;
        Self { rest, command, link, gateway, key }
    }

    /// Queues a command by a request that is to be traced, and has the device do it.
    async fn command(&self, session: &mut Session) -> String {
        let request = Request::post("/api/v2/devices/till/commands")
            .json(&serde_json::json!({"command_type": "PING", "payload": {"pin": "1234-secret"}}))
            .header("traceparent", &traceparent("01"))
            .header("x-request-id", "shop-7.1")
            .bearer(&self.rest.admin_token);
        let queued = self.gateway.rest(request).await;
        assert_eq!(queued.status, 200, "{}", queued.text());
        let command_id = session
            .expect("the command", |message| match message {
                Down::Command(delivery) => Some(delivery.command_id.clone()),
                _ => None,
            })
            .await;
        session.send(Up::CommandAcknowledged(CommandAcknowledged { command_id: command_id.clone() })).await;
        let state = command_pb::CommandState::Succeeded.into();
        let outcome = CommandOutcome { command_id: command_id.clone(), state, ..Default::default() };
        session.send(Up::CommandOutcome(outcome)).await;
        command_id
    }

    fn secrets(&self) -> [&str; 3] {
        [&self.rest.admin_token, &self.key.api_key, "1234-secret"]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_client_through_four_processes_to_the_device_and_back() {
    let collector = Collector::start(Manner::Takes).await;
    let apart = Apart::start(&collector, traced(&collector)).await;
    let (mut session, _) = Session::attach(&apart.link, &apart.key).await;
    let command_id = apart.command(&mut session).await;

    let [http, call, store, deliver, done] = collector
        .sees("every part of the trace", |spans| {
            Some([
                span(spans, "homepot-gateway", QUEUE_OVER_REST)?,
                span(spans, "homepot-command", QUEUE)?,
                span(spans, "homepot-command", "insert_commands")?,
                span(spans, "homepot-link", "deliver command")?,
                span(spans, "homepot-link", "command succeeded")?,
            ])
        })
        .await;
    for part in [&http, &call, &store, &deliver, &done] {
        assert_eq!(part.trace_id, TRACE, "{part:?}");
        assert!(!part.has_failed, "{part:?}");
    }
    assert_eq!(http.parent, CLIENT);
    assert_eq!(call.parent, http.span_id);
    assert_eq!(store.parent, call.span_id);
    assert_eq!((&deliver.parent, &done.parent), (&call.span_id, &call.span_id), "the device is asked by the call");

    assert_eq!(http.attribute("http.request.method"), "POST");
    assert_eq!(http.attribute("http.route"), "/api/v2/devices/{device_id}/commands");
    assert_eq!(http.attribute("http.response.status_code"), "200");
    assert_eq!((call.attribute("rpc.method"), call.attribute("rpc.response.status_code")), (QUEUE, "OK"));
    assert_eq!(call.attribute("operator"), "admin");
    assert_eq!((http.attribute("request_id"), call.attribute("request_id")), ("shop-7.1", "shop-7.1"));
    for part in [&deliver, &done] {
        assert_eq!((part.attribute("device_id"), part.attribute("command_id")), ("till", command_id.as_str()));
    }
    assert_eq!(http.resource["homepot.roles"], "gateway");
    assert_eq!(http.resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_ne!(http.resource["service.instance.id"], call.resource["service.instance.id"]);

    let spans = collector.spans();
    let others: Vec<_> = spans.iter().filter(|span| span.trace_id != TRACE).collect();
    assert!(others.is_empty(), "nothing else was asked for: {others:#?}");
    for secret in apart.secrets() {
        assert!(spans.iter().all(|span| !span.text.contains(secret)), "a secret is in a span: {spans:#?}");
    }
    // What is kept with the command is not shown.
    let shown = apart.command.admin().command.get(command_pb::GetRequest { command_id }).await.unwrap().into_inner();
    assert!(!format!("{shown:?}").contains(TRACE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_traces_nothing_passes_on_what_its_caller_says() {
    let collector = Collector::start(Manner::Takes).await;
    let apart = Apart::start(&collector, ServerOptions::default()).await;
    let (mut session, _) = Session::attach(&apart.link, &apart.key).await;
    apart.command(&mut session).await;
    let call = collector.sees("the call", |spans| span(spans, "homepot-command", QUEUE)).await;
    assert_eq!((call.trace_id.as_str(), call.parent.as_str()), (TRACE, CLIENT));
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_and_grpc_web_are_followed_as_rest_is_and_who_wants_no_trace_has_none() {
    let collector = Collector::start(Manner::Takes).await;
    let server = Server::start_with(sharing(&collector, "1", "0")).await;
    let who_am_i = "homepot.registry.v1.RegistryService/WhoAmI";

    let ask = async |flags: &str, id: &str| {
        let mut request = tonic::Request::new(pb::WhoAmIRequest {});
        request.metadata_mut().insert("traceparent", traceparent(flags).parse().unwrap());
        request.metadata_mut().insert("x-request-id", id.parse().unwrap());
        server.admin().registry.who_am_i(request).await.unwrap();
    };
    ask("00", "unwanted").await;
    ask("01", "by-grpc").await;
    let of = |id: &'static str| {
        move |spans: &[Seen]| {
            let of_id = |span: &&Seen| span.attribute("request_id") == id && span.name == who_am_i;
            spans.iter().find(of_id).cloned()
        }
    };
    let by_grpc = collector.sees("the call over gRPC", of("by-grpc")).await;
    assert_eq!((by_grpc.trace_id.as_str(), by_grpc.parent.as_str()), (TRACE, CLIENT));

    let request = Request::post(&format!("/{who_am_i}"))
        .header("content-type", "application/grpc-web+proto")
        .header("x-request-id", "by-web")
        .header("traceparent", &traceparent("01"))
        .bearer(&server.admin_token)
        .body(vec![0; 5]);
    assert_eq!(server.rest(request).await.status, 200);
    let by_web = collector.sees("the call over gRPC-Web", of("by-web")).await;
    let above = |spans: &[Seen]| spans.iter().find(|span| span.span_id == by_web.parent).cloned();
    let gateway = collector.sees("the gateway's span", above).await;
    assert_eq!((gateway.parent.as_str(), gateway.attribute("request_id")), (CLIENT, "by-web"));

    // Whoever says nothing of traces is drawn by chance, and here always.
    let request = Request::get("/api/v2/whoami").header("x-request-id", "by-chance").bearer(&server.admin_token);
    assert_eq!(server.rest(request).await.status, 200);
    let by_chance = collector.sees("the call that was drawn", of("by-chance")).await;
    assert_ne!(by_chance.trace_id, TRACE);
    assert_eq!(of("unwanted")(&collector.spans()).map(|span| span.text), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_while_it_is_answered_is_in_the_trace_of_the_call() {
    let collector = Collector::start(Manner::Takes).await;
    let server = Server::start_with(traced(&collector)).await;
    server.create_site("site-001", false).await;
    server.enroll("site-001", "till").await;
    let metrics = vec![telemetry_pb::Metric::CpuPercent.into()];
    let query = telemetry_pb::QueryRequest { device_ids: vec!["till".to_owned()], metrics, ..Default::default() };
    let mut request = tonic::Request::new(query);
    request.metadata_mut().insert("traceparent", traceparent("01").parse().unwrap());
    let mut pieces = server.admin().telemetry.query(request).await.unwrap().into_inner();
    while pieces.message().await.unwrap().is_some() {}

    let name = "homepot.telemetry.v1.TelemetryService/Query";
    let [call, read] = collector
        .sees("the call and what it reads", |spans| {
            let call = span(spans, "homepot", name)?;
            let read = spans.iter().find(|span| span.parent == call.span_id && span.attribute("lane") == "reports");
            Some([call.clone(), read?.clone()])
        })
        .await;
    assert_eq!((call.trace_id.as_str(), read.trace_id.as_str()), (TRACE, TRACE));
    let spans = collector.spans();
    let inside = |name: &str| spans.iter().any(|span| span.parent == read.span_id && span.name == name);
    assert!(inside("wait for a connection") && inside("transaction"), "{spans:#?}");
}

fn samples() -> Up {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let time = prost_types::Timestamp { seconds: now.as_secs() as i64, nanos: 0 };
    let sample = Sample { collected_at: Some(time), cpu_percent: Some(5.0), ..Default::default() };
    Up::Samples(Samples { first_seq: 1, samples: vec![sample], resent: false })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_does_is_followed_by_its_own_share_and_not_by_its_own_word() {
    let collector = Collector::start(Manner::Takes).await;
    let server = Server::start_with(sharing(&collector, "0", "1")).await;
    server.create_site("site-001", false).await;
    let key = server.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(&server, &key).await;
    session.send(Up::Heartbeat(Heartbeat {})).await;
    session.send(samples()).await;
    session.expect("that samples are stored", |message| matches!(message, Down::SamplesAck(_)).then_some(())).await;
    let request = Request::get("/api/v1/devices/pending")
        .header("traceparent", &traceparent("01"))
        .device(&key.device_id, &key.api_key);
    let polled = server.rest(request).await;

    let fetch = "homepot.device.v1.DeviceService/FetchCommands";
    let [attach, stored, flush, written, fetched] = collector
        .sees("what the device did", |spans| {
            Some([
                span(spans, "homepot", "attach")?,
                span(spans, "homepot", "store samples")?,
                span(spans, "homepot", "flush samples")?,
                span(spans, "homepot", "write_samples")?,
                span(spans, "homepot", fetch)?,
            ])
        })
        .await;
    assert_eq!(polled.status, 200);
    for of_device in [&attach, &stored, &fetched] {
        assert_eq!(of_device.attribute("device_id"), "till", "{of_device:?}");
    }
    assert_eq!((stored.attribute("samples"), written.parent), ("1", flush.span_id));
    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace_id != TRACE), "a device does not ask for traces: {spans:#?}");
    assert!(spans.iter().all(|span| !span.text.contains(&key.api_key)), "{spans:#?}");
    let within: Vec<_> = spans.iter().filter(|span| span.name == "transaction").collect();
    assert!(within.iter().all(|inner| spans.iter().any(|outer| outer.span_id == inner.parent)), "{within:#?}");
}
