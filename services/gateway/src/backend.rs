//! The services behind the gateway: their generated clients over whatever carries the calls.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{TryFutureExt, future::BoxFuture};
use homepot::pb::{
    analytics::v1::analytics_service_client::AnalyticsServiceClient,
    command::v1::command_service_client::CommandServiceClient,
    device::v1::{self as device_pb, device_service_client::DeviceServiceClient},
    registry::v1::{self as registry_pb, registry_service_client::RegistryServiceClient},
    session::v1::session_service_client::SessionServiceClient,
    telemetry::v1::telemetry_service_client::TelemetryServiceClient,
};
use http::StatusCode;
use tonic::{Request, Response, Status, body::Body, client::Grpc, codegen::StdError};
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};

use crate::{
    caller::{Caller, Sender},
    error::ApiError,
};

/// What carries calls to the services: their routes in the same process, or a channel to another.
pub type Backend = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, StdError>;

/// A service has this long for one call.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// What a client of gRPC takes unless told otherwise, and twice what a service answers.
pub(crate) const MAX_ANSWER_BYTES: usize = 4 << 20;

/// A [`Backend`] whose error is a type of its own: over a boxed error the compiler can't prove that the futures of the
/// generated clients are `Send`. To clone a backend is to clone every layer of it, so that is done once for each call.
#[derive(Clone)]
pub(crate) struct Carrier(Arc<Backend>);

/// The backend could not carry a call.
#[derive(Debug, thiserror::Error)]
#[error("call could not be carried")]
pub(crate) struct CarrierError(#[source] StdError);

impl Service<http::Request<Body>> for Carrier {
    type Response = http::Response<Body>;
    type Error = CarrierError;
    type Future = BoxFuture<'static, Result<Self::Response, CarrierError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CarrierError>> {
        // Each call waits for its own clone.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(Backend::clone(&self.0).oneshot(request).map_err(CarrierError))
    }
}

/// The clients.
#[derive(Clone)]
pub(crate) struct Services(Carrier);

impl Services {
    pub(crate) fn new(backend: Backend) -> Self {
        Self(Carrier(Arc::new(backend)))
    }

    pub(crate) fn device(&self) -> DeviceServiceClient<Carrier> {
        DeviceServiceClient::new(self.0.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn registry(&self) -> RegistryServiceClient<Carrier> {
        RegistryServiceClient::new(self.0.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn session(&self) -> SessionServiceClient<Carrier> {
        SessionServiceClient::new(self.0.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn command(&self) -> CommandServiceClient<Carrier> {
        CommandServiceClient::new(self.0.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn analytics(&self) -> AnalyticsServiceClient<Carrier> {
        AnalyticsServiceClient::new(self.0.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// What carries calls whose messages are only bytes here.
    pub(crate) fn carrier(&self) -> Carrier {
        self.0.clone()
    }

    /// A client for methods that are known by their descriptors only.
    pub(crate) fn dynamic(&self) -> Grpc<Carrier> {
        Grpc::new(self.0.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn telemetry(&self) -> TelemetryServiceClient<Carrier> {
        TelemetryServiceClient::new(self.0.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }
}

/// Makes one call in the caller's name, within the deadline.
pub(crate) async fn call<M, A, F>(
    caller: &Caller,
    message: M,
    send: impl FnOnce(Request<M>) -> F,
) -> Result<A, ApiError>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut request = caller.request(message);
    // For the other side; in one process nobody reads it, so the clock runs here as well.
    request.set_timeout(DEADLINE);
    within_deadline(caller, send(request), |status| ApiError::from(status)).await
}

/// Asks the services whether a request's sender is who it says, before more of the request is read. What it may do is asked
/// later, with the request itself.
pub(crate) async fn check_sender(services: &Services, sender: &Sender) -> Result<(), ApiError> {
    let checked = match sender {
        Sender::Device(caller) => {
            let mut device = services.device();
            let request = device_pb::WhoAmIRequest {};
            call(caller, request, |request| async move { device.who_am_i(request).await }).await.map(drop)
        }
        Sender::Operator(caller) => {
            let mut registry = services.registry();
            let request = registry_pb::WhoAmIRequest {};
            call(caller, request, |request| async move { registry.who_am_i(request).await }).await.map(drop)
        }
    };
    match checked {
        // Services of an earlier version don't know the question: they answer it with the request itself.
        Err(error) if error.status() == StatusCode::NOT_IMPLEMENTED => Ok(()),
        checked => checked,
    }
}

/// The answer of a service, within the deadline; `tell` says what the caller is told of a refusal.
pub(crate) async fn within_deadline<A>(
    caller: &Caller,
    answer: impl Future<Output = Result<Response<A>, Status>>,
    tell: impl FnOnce(&Status) -> ApiError,
) -> Result<A, ApiError> {
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(Ok(answer)) => {
            caller.was_let_in();
            Ok(answer.into_inner())
        }
        Ok(Err(status)) => Err(caller.told(tell(&status))),
        Err(_) => {
            tracing::warn!("service call timed out");
            Err(ApiError::timeout())
        }
    }
}

/// The part of an answer that the contract promises; without it the service is at fault.
pub(crate) fn promised<T>(part: Option<T>) -> Result<T, ApiError> {
    part.ok_or_else(|| {
        tracing::error!("a service left out what its contract promises");
        ApiError::internal()
    })
}
