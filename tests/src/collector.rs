//! A collector of traces: it takes spans by OTLP over gRPC and keeps them for the test, or behaves badly.

use std::{collections::BTreeMap, future::pending, sync::Arc};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    transport::{Server, ServerTlsConfig},
};

use crate::{Certificate, PATIENCE};

/// What a collector does with spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It takes them.
    Takes,
    /// It says that it can't.
    Refuses,
    /// It never answers.
    Hangs,
}

/// A span as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What sent it is called.
    pub service: String,
    /// What its sender says of itself.
    pub resource: BTreeMap<String, String>,
    /// Its name.
    pub name: String,
    /// Its trace.
    pub trace_id: String,
    /// Its id.
    pub span_id: String,
    /// The span above it; empty where it is the first of its trace.
    pub parent: String,
    /// What it says.
    pub attributes: BTreeMap<String, String>,
    /// Whether it failed.
    pub has_failed: bool,
    /// All of it as text.
    pub text: String,
}

impl Seen {
    /// One of its attributes; empty where it has none of that name.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

#[derive(Debug)]
struct State {
    manner: watch::Sender<Manner>,
    spans: watch::Sender<Vec<Seen>>,
    calls: watch::Sender<usize>,
}

/// A running collector; it ends when it is dropped.
#[derive(Debug)]
pub struct Collector {
    /// Its address, as a server's settings have it.
    pub url: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Collector {
    /// Starts one without TLS.
    pub async fn start(manner: Manner) -> Self {
        Self::start_with(manner, None).await
    }

    /// Starts one that shows a certificate.
    pub async fn over_tls(certificate: &Certificate) -> Self {
        Self::start_with(Manner::Takes, Some(certificate)).await
    }

    async fn start_with(manner: Manner, certificate: Option<&Certificate>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State {
            manner: watch::Sender::new(manner),
            spans: watch::Sender::new(Vec::new()),
            calls: watch::Sender::new(0),
        });
        let mut server = Server::builder();
        if let Some(certificate) = certificate {
            let tls = ServerTlsConfig::new().identity(certificate.identity());
            server = server.tls_config(tls).expect("the certificate is good");
        }
        let router = server.add_service(TraceServiceServer::from_arc(state.clone()));
        let task = tokio::spawn(async move {
            router.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("the collector serves");
        });
        let url = match certificate {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        Self { url, state, task }
    }

    /// Changes what it does with spans, also with those of calls that hang.
    pub fn turn(&self, manner: Manner) {
        self.state.manner.send_replace(manner);
    }

    /// Waits until `read` finds in the spans what it looks for. Panics when that does not come.
    pub async fn sees<T>(&self, what: &str, read: impl Fn(&[Seen]) -> Option<T>) -> T {
        let mut spans = self.state.spans.subscribe();
        let search = async {
            loop {
                let found = read(&spans.borrow_and_update());
                match found {
                    Some(found) => return found,
                    None => spans.changed().await.expect("the collector outlives its readers"),
                }
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("the collector never saw {what}\n{:#?}", self.spans()),
        }
    }

    /// Waits for so many calls, answered or not.
    pub async fn is_called(&self, times: usize) {
        let mut calls = self.state.calls.subscribe();
        let called = calls.wait_for(|calls| *calls >= times);
        tokio::time::timeout(PATIENCE, called).await.expect("nobody calls the collector").expect("it runs");
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Seen> {
        self.state.spans.borrow().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tonic::async_trait]
impl TraceService for State {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.calls.send_modify(|calls| *calls += 1);
        let manner = *self.manner.borrow();
        match manner {
            Manner::Takes => {}
            Manner::Refuses => return Err(Status::unavailable("this collector takes nothing")),
            Manner::Hangs => return pending().await,
        }
        let seen = seen(request.into_inner());
        self.spans.send_modify(|spans| spans.extend(seen));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn seen(request: ExportTraceServiceRequest) -> Vec<Seen> {
    let mut all = Vec::new();
    for of_process in request.resource_spans {
        let resource = texts(of_process.resource.map(|resource| resource.attributes).unwrap_or_default());
        for span in of_process.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans) {
            all.push(Seen {
                service: resource.get("service.name").cloned().unwrap_or_default(),
                resource: resource.clone(),
                text: format!("{span:?}"),
                name: span.name,
                trace_id: hex(&span.trace_id),
                span_id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: texts(span.attributes),
                has_failed: span.status.is_some_and(|status| status.code == 2),
            });
        }
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(is) => is.to_string(),
        other => format!("{other:?}"),
    };
    let value = |attribute: KeyValue| Some((attribute.key, text(attribute.value?.value?)));
    attributes.into_iter().filter_map(value).collect()
}
