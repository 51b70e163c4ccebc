//! The REST face of HOMEPOT: field devices and scripts that speak its HTTP API keep working against it.
//!
//! Requests come in as JSON over HTTP, under `/api/v1` and without it. What this crate does is translate: it reads and
//! checks the form of a request, makes the calls in the caller's own name, and writes the answer as the legacy contract
//! has it. Under `/api/v2` every method for operators is translated from the contract alone. The gateway decides nothing about
//! who may; credentials travel on as they came. It may call the services by their contract only, over a [`Backend`] that the
//! server hands it, and never the store.

// Unit tests share the clock of the machine that they run on.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod backend;
mod body;
mod bounded;
mod caller;
mod encoding;
mod error;
mod events;
mod headers;
mod lists;
mod observe;
mod openapi;
mod pages;
mod params;
mod query;
mod rest;
mod routes;
mod validate;
mod views;

use std::sync::Arc;

use axum::{Router, http::header, middleware, routing::get};
use futures_util::future::BoxFuture;
use homepot_runtime::peer::TrustedProxies;

use crate::{backend::Services, error::ApiError, openapi::DOCUMENT_PATH};

pub use crate::{backend::Backend, openapi::ROUTES};

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
    /// How many devices `/telemetry/prometheus` tells of at most; `None`: there is no such route.
    pub fleet_metrics: Option<usize>,
}

/// The gateway.
#[derive(Clone)]
pub struct Gateway {
    config: GatewayConfig,
    services: Services,
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    services: Services,
    version: &'static str,
    readiness: Readiness,
    fleet_metrics: Option<usize>,
}

impl Gateway {
    /// A gateway to the services behind `backend`.
    #[must_use]
    pub fn new(config: GatewayConfig, backend: Backend) -> Self {
        Self { config, services: Services::new(backend) }
    }

    /// All of it as one router. The listener adds the client's address as `ConnectInfo<SocketAddr>`.
    pub fn router(self) -> Router {
        let (api, document) = routes::api(self.config.version);
        let (bare, _) = routes::bare();
        let known = query::Known::of(&document);
        let document: Arc<str> = serde_json::to_string(&document).unwrap_or_default().into();
        let serve_document = get(move || {
            let document = document.to_string();
            async move { ([(header::CONTENT_TYPE, "application/json")], document) }
        });
        let app = App {
            services: self.services,
            version: self.config.version,
            readiness: self.config.readiness,
            fleet_metrics: self.config.fleet_metrics,
        };
        api.merge(bare)
            .merge(rest::translated(self.config.version))
            .route(DOCUMENT_PATH, serve_document)
            .merge(pages::router())
            .fallback(|| async { ApiError::not_found() })
            .method_not_allowed_fallback(|| async {
                ApiError::new(http::StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
            })
            .layer(middleware::from_fn_with_state(known, query::check))
            .layer(middleware::from_fn_with_state(bounded::Bound::new(), bounded::bound))
            .layer(middleware::from_fn_with_state(self.config.trusted_proxies, observe::observe))
            .with_state(app)
    }
}

#[cfg(test)]
mod tests;
