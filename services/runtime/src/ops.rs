//! The ops address, for those who run the server: liveness, readiness, metrics.
//!
//! On an address of its own, in plaintext and without credentials, because probes can use neither TLS nor credentials:
//! `/livez`, `/readyz`, `/metrics`, and gRPC's health service. Nothing here reveals anything about single devices or
//! operators.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware,
    response::IntoResponse,
    routing::get,
};
use tokio::sync::watch;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use crate::{metrics::Metrics, peer::TrustedProxies, unauthenticated::Unauthenticated};

/// Where gRPC's health service is found.
pub const HEALTH_PATH: &str = "/grpc.health.v1.Health/{method}";

/// Where the process stands. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<Condition>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    phase: Phase,
    /// Things it can't work without and that are missing now, each with the reason where one is known.
    missing: BTreeMap<&'static str, &'static str>,
    /// Things that are missing and that it does without for a while.
    borne: BTreeMap<&'static str, &'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    Serving,
    Draining,
}

impl Condition {
    fn reasons(&self) -> Vec<String> {
        let phase = match self.phase {
            Phase::Starting => Some("starting".to_owned()),
            Phase::Serving => None,
            Phase::Draining => Some("draining".to_owned()),
        };
        phase.into_iter().chain(described(&self.missing)).collect()
    }
}

fn described(things: &BTreeMap<&'static str, &'static str>) -> impl Iterator<Item = String> {
    things.iter().map(|(what, reason)| match reason.is_empty() {
        true => (*what).to_owned(),
        false => format!("{what} ({reason})"),
    })
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// Starting, so not ready.
    pub fn new() -> Self {
        let (missing, borne) = (BTreeMap::new(), BTreeMap::new());
        Self(Arc::new(watch::Sender::new(Condition { phase: Phase::Starting, missing, borne })))
    }

    /// Everything is up. Has no effect once draining.
    pub fn serving(&self) {
        self.0.send_if_modified(|standing| {
            let changes = standing.phase == Phase::Starting;
            if changes {
                standing.phase = Phase::Serving;
            }
            changes
        });
    }

    /// No new work, for good.
    pub fn draining(&self) {
        self.0.send_modify(|standing| standing.phase = Phase::Draining);
    }

    /// Notes whether something it can't work without is there.
    pub fn note(&self, what: &'static str, there: bool) {
        self.note_reason(what, (!there).then_some(""));
    }

    /// Notes why something it can't work without is missing; `None`: it is there.
    pub fn note_reason(&self, what: &'static str, missing: Option<&'static str>) {
        self.0.send_if_modified(|standing| {
            standing.borne.remove(what);
            match missing {
                None => standing.missing.remove(what).is_some(),
                Some(reason) => standing.missing.insert(what, reason) != Some(reason),
            }
        });
    }

    /// Notes why something is missing that it does without for a while: it stays as ready as it is, and says what it lacks.
    pub fn bear(&self, what: &'static str, reason: &'static str) {
        self.0.send_if_modified(|standing| {
            standing.borne.insert(what, reason);
            standing.missing.remove(what).is_some()
        });
    }

    /// Whether new work is welcome.
    pub fn is_ready(&self) -> bool {
        self.0.borrow().reasons().is_empty()
    }
}

/// gRPC's health service, cloned to wherever it is mounted.
pub type Health = HealthServer<HealthService>;

/// gRPC health for `""` and for each of `services`, by their full names, in step with `readiness`.
pub async fn health(readiness: &Readiness, services: Vec<&'static str>) -> Health {
    let reporter = HealthReporter::new();
    let health = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
    let mut standing = readiness.0.subscribe();
    let tell = move |ready: bool| {
        let (reporter, services) = (reporter.clone(), services.clone());
        async move {
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            for name in [""].into_iter().chain(services) {
                reporter.set_service_status(name, status).await;
            }
        }
    };
    // Told before the first request can come: health says SERVING for "" from the start.
    let ready = standing.borrow_and_update().reasons().is_empty();
    tell(ready).await;
    tokio::spawn(async move {
        while standing.changed().await.is_ok() {
            let ready = standing.borrow_and_update().reasons().is_empty();
            tell(ready).await;
        }
    });
    health
}

/// The ops address' routes.
pub fn router(readiness: Readiness, metrics: Metrics, health: Health) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .with_state(readiness)
        .route("/metrics", get(render))
        .with_state(metrics)
        .merge(bounded(health))
}

/// Health as anybody may call it. Whoever probes comes from no proxy that tells addresses.
fn bounded(health: Health) -> Router {
    let bounds = Unauthenticated::new(TrustedProxies::default());
    Router::new()
        .route_service(HEALTH_PATH, health)
        .route_layer(middleware::from_fn_with_state(bounds, Unauthenticated::health))
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let (reasons, borne) = {
        let condition = readiness.0.borrow();
        (condition.reasons(), described(&condition.borne).collect::<Vec<_>>())
    };
    match (reasons.is_empty(), borne.is_empty()) {
        (true, true) => (StatusCode::OK, "ready\n".to_owned()),
        (true, false) => (StatusCode::OK, format!("ready, for a while without: {}\n", borne.join(", "))),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", reasons.join(", "))),
    }
}

async fn render(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use http_body_util::BodyExt as _;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn ops() -> (Readiness, Router) {
        let readiness = Readiness::new();
        let health = health(&readiness, vec!["homepot.device.v1.DeviceService"]).await;
        let router = router(readiness.clone(), Metrics::local().1, health);
        (readiness, router)
    }

    #[tokio::test]
    async fn it_is_alive_from_the_start_and_ready_only_while_it_serves() {
        let (readiness, ops) = ops().await;
        assert_eq!(ask(&ops, "/livez").await, (StatusCode::OK, "alive\n".into()));
        assert_eq!(ask(&ops, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, "not ready: starting\n".into()));
        readiness.serving();
        assert_eq!(ask(&ops, "/readyz").await, (StatusCode::OK, "ready\n".into()));
        readiness.note("database", false);
        assert_eq!(ask(&ops, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, "not ready: database\n".into()));
        readiness.note_reason("database", Some("disk_full"));
        let told = "not ready: database (disk_full)\n".to_owned();
        assert_eq!(ask(&ops, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, told));
        readiness.bear("database", "out_of_reach");
        let told = "ready, for a while without: database (out_of_reach)\n".to_owned();
        assert_eq!(ask(&ops, "/readyz").await, (StatusCode::OK, told));
        readiness.note_reason("database", Some("out_of_reach"));
        assert!(!readiness.is_ready());
        readiness.note("database", true);
        assert!(readiness.is_ready());
        readiness.draining();
        readiness.serving();
        assert_eq!(ask(&ops, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, "not ready: draining\n".into()));
        assert_eq!(ask(&ops, "/livez").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_are_text_and_other_paths_are_not_there() {
        let (_, ops) = ops().await;
        assert_eq!(ask(&ops, "/metrics").await.0, StatusCode::OK);
        assert_eq!(ask(&ops, "/").await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn grpc_health_follows_readiness() {
        let (readiness, ops) = ops().await;
        let mut client = HealthClient::new(ops.map_request(|r: http::Request<tonic::body::Body>| r.map(Body::new)));
        for service in ["", "homepot.device.v1.DeviceService"] {
            let request = HealthCheckRequest { service: service.into() };
            let mut watched = client.watch(request).await.unwrap().into_inner();
            let first = watched.message().await.unwrap().unwrap();
            assert_eq!(first.status, ServingStatus::NotServing as i32);
            readiness.serving();
            readiness.note("database", true);
            assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::Serving as i32);
            readiness.bear("database", "out_of_reach");
            readiness.note("database", false);
            assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::NotServing as i32);
        }
    }
}
