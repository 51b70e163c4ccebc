//! HOMEPOT over HTTP. `rest` translates every method for operators from the contract, below `/api/v2`. `web` serves the
//! same methods to browsers as gRPC-Web, and the pages. `legacy` has the documented legacy endpoints, written by hand,
//! below `/api/v1` and without that prefix, so that field devices and scripts which use them keep working.
//!
//! This crate only translates: it reads a request and checks its form, makes the calls in the caller's own name, and
//! writes the answer. A new method for operators needs no code here. The gateway does not decide who may call; it
//! passes credentials on as they came, and a page's cookie as the header that the services know. It may call the
//! services by their contract only, over a [`Backend`] that the server gives it, and never the store.

// Unit tests share the clock of the machine that they run on.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod backend;
mod body;
mod bounded;
mod caller;
mod encoding;
mod error;
mod headers;
mod legacy;
mod lists;
mod observe;
mod query;
mod rest;
pub mod settings;
mod web;

use std::{ops::Deref, sync::Arc};

use axum::{Router, middleware};
use futures_util::future::BoxFuture;
use homepot_runtime::peer::TrustedProxies;
use http::StatusCode;

use crate::{backend::Services, error::ApiError};

pub use crate::backend::Backend;

/// Tells whether the database answers.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// What the gateway needs to know.
#[derive(Clone)]
pub struct GatewayConfig {
    /// Proxies whose word on the client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// The server's version, for `/health/health` and the API document.
    pub version: &'static str,
    /// Asked by `/health/health`.
    pub readiness: Readiness,
    /// Whether browsers reach it over TLS, ended here or by a proxy in front.
    pub over_tls: bool,
    /// How many devices `/telemetry/prometheus` tells of at most; `None`: there is no such route.
    pub fleet_metrics: Option<usize>,
}

/// What handlers share. The router clones it several times for each request, so a clone is one count more.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    services: Services,
    config: GatewayConfig,
}

impl App {
    fn new(config: GatewayConfig, backend: Backend) -> Self {
        Self(Arc::new(Shared { services: Services::new(backend), config }))
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// All of it as one router to the services behind `backend`. The listener adds the client's address as
/// `ConnectInfo<SocketAddr>`.
pub fn router(config: GatewayConfig, backend: Backend) -> Router {
    let method_not_allowed = || async { ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed") };
    let (trusted_proxies, version) = (config.trusted_proxies.clone(), config.version);
    let app = App::new(config, backend);
    // What operators call may also come from our own page, with its cookie. Legacy clients have none.
    let operators = rest::translated(version).merge(web::methods());
    let operators = operators.route_layer(middleware::from_fn_with_state(app.clone(), web::admit_session));
    legacy::router(version)
        .merge(operators)
        .merge(web::pages())
        .fallback(|| async { ApiError::not_found() })
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(bounded::Bound::new(), bounded::bound))
        .layer(middleware::from_fn_with_state(trusted_proxies, observe::observe))
        .with_state(app)
}

#[cfg(test)]
mod tests;
