//! The way of a gateway to services that run in other processes.
//!
//! Each role has addresses of its own, or shares them with others. There may be several, or a name that has several, one
//! for each replica: `replicas` knows which of them are ready, spreads the calls over these, and repeats a call that broke where
//! the contract says that this is harmless.

mod replica;
mod replicas;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use homepot_gateway::Backend;
use http::{Request, Response};
use tonic::{body::Body, codegen::StdError};
use tower::{Service, ServiceExt as _};

use self::replicas::Replicas;
use crate::settings::{Role, ServiceAddresses};

/// Carries each call to where its service runs.
#[derive(Clone)]
pub(crate) struct Exchange(Arc<Ways>);

struct Ways {
    /// By the service's full name.
    by_service: HashMap<&'static str, Replicas>,
    here: Option<Backend>,
}

impl Exchange {
    /// `here` has the services of this process. Has to be called within a runtime.
    pub(crate) fn new(addresses: &ServiceAddresses, here: Option<Backend>) -> Self {
        let mut by_address: BTreeMap<String, Replicas> = BTreeMap::new();
        let mut by_service = HashMap::new();
        for (role, names) in &addresses.by_role {
            let replicas = by_address
                .entry(names.iter().map(|name| format!("{name} ")).collect())
                .or_insert_with(|| Replicas::find(names.clone(), addresses.tls.clone()));
            by_service.extend(role.grpc_services().iter().map(|service| (*service, replicas.clone())));
        }
        Self(Arc::new(Ways { by_service, here }))
    }

    /// Whether each service that runs elsewhere has a replica that is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.0.by_service.values().all(Replicas::any_ready)
    }

    /// As the gateway takes it. Where everything runs here, nothing stands between.
    pub(crate) fn backend(&self) -> Backend {
        match &self.0.here {
            Some(here) if self.0.by_service.is_empty() => here.clone(),
            _ => Backend::new(self.clone()),
        }
    }
}

impl Service<Request<Body>> for Exchange {
    type Response = Response<Body>;
    type Error = StdError;
    type Future = BoxFuture<'static, Result<Response<Body>, StdError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        // Each call waits for its own way.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = request.uri().path().split('/').nth(1).unwrap_or_default();
        // What an extension adds runs here, or at any of the services.
        let away = self.0.by_service.get(service).or_else(|| match self.0.here {
            Some(_) => None,
            None => Role::SERVICES.iter().find_map(|role| self.0.by_service.get(role.grpc_services()[0])),
        });
        match (away, &self.0.here) {
            (Some(replicas), _) => Box::pin(replicas.clone().call(request)),
            (None, Some(here)) => Box::pin(here.clone().oneshot(request)),
            (None, None) => {
                let told = tonic::Status::unimplemented(format!("there is no service {service}"));
                Box::pin(async move { Ok(told.into_http()) })
            }
        }
    }
}
