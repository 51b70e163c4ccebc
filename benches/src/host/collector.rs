//! A collector of traces that takes spans by OTLP and counts them: the least that one can do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use anyhow::Context as _;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use tokio::{net::TcpListener, sync::oneshot};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// A running one, on a thread of its own, so that it holds up no load; it ends when it is dropped.
#[derive(Debug)]
pub struct Collector {
    /// Its address, as a server's settings have it.
    pub url: String,
    spans: Arc<AtomicU64>,
    _stop: oneshot::Sender<()>,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?.into_std()?;
        let url = format!("http://{}", listener.local_addr()?);
        let spans = Arc::<AtomicU64>::default();
        let (stop, stopped) = oneshot::channel();
        let service = TraceServiceServer::new(Counting(spans.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serve = async move {
            let listener = TcpListener::from_std(listener)?;
            let serving = Server::builder().add_service(service);
            let until = async {
                // The other end is dropped.
                let _ = stopped.await;
            };
            serving.serve_with_incoming_shutdown(TcpListenerStream::new(listener), until).await?;
            anyhow::Ok(())
        };
        let run = move || {
            if let Err(error) = runtime.block_on(serve) {
                eprintln!("the collector of traces ended: {error:#}");
            }
        };
        thread::Builder::new().name("collector".to_owned()).spawn(run).context("a thread for the collector")?;
        Ok(Self { url, spans, _stop: stop })
    }

    /// How many spans came so far.
    pub fn spans(&self) -> u64 {
        self.spans.load(Ordering::Relaxed)
    }
}

struct Counting(Arc<AtomicU64>);

#[tonic::async_trait]
impl TraceService for Counting {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes = request.into_inner().resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let spans: usize = scopes.map(|scope| scope.spans.len()).sum();
        self.0.fetch_add(spans as u64, Ordering::Relaxed);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
