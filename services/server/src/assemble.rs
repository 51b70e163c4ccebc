//! Builds the services with their dependencies and the layers around them.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{Router, extract, middleware};
use homepot::contract;
use homepot_analytics::Analytics;
use homepot_command::Commands;
use homepot_gateway::{Backend, GatewayConfig};
use homepot_hints::{Hints, NotifyTransport, RedisTransport, Transport};
use homepot_link::Link;
use homepot_registry::Registry;
use homepot_runtime::{
    Drain,
    auth::AuthLayer,
    limits::{LimitLayer, Limits},
    ops::{HEALTH_PATH, Health},
    request_id::RequestLayer,
    settings::Reflection,
    unauthenticated::{MESSAGE_BYTES, Unauthenticated},
};
use homepot_store::Store;
use homepot_telemetry::Telemetry;
use http::{Request, Response};
use tonic::{Status, body::Body, service::Routes};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tower::{Layer as _, ServiceExt as _, util::BoxCloneSyncService};

use crate::{
    Extension, admin_token, client, server_secret,
    settings::{Role, ServicesAddress, Settings},
};

/// The services behind their door.
type Services = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The services that run here, and what they stand on.
pub(crate) struct Backstage {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) telemetry: Telemetry,
    pub(crate) commands: Commands,
    pub(crate) link: Link,
    services: Services,
    door: AuthLayer,
    reflection: Reflection,
    unauthenticated: Unauthenticated,
}

impl Backstage {
    /// Opens the store, builds the services that `settings` ask for and makes the first admin. The streams of those who
    /// watch end with `front`, what runs beside the services with `back`.
    pub(crate) async fn build(
        settings: &Settings,
        database_url: String,
        extension: Option<Extension>,
        front: &Drain,
        back: &Drain,
    ) -> anyhow::Result<Self> {
        let config = settings.database.config(database_url.as_str());
        let store = Store::open(config).await.context("can't use the database")?;
        store.migrate().await.context("can't bring the database's schema up to date")?;

        let hints = Hints::start(transport(settings, &store, database_url)?, back.clone());
        let (secrets, data_dir) = (settings.secrets.clone(), settings.data_dir.as_path());
        let secret = server_secret::load(secrets.server, data_dir)?;
        let registry =
            Registry::build(settings.registry.clone(), &secret, store.clone(), hints.clone(), front.clone())?;
        admin_token::bootstrap(&registry, secrets.admin_token, data_dir).await?;
        let telemetry = Telemetry::build(Default::default(), store.clone(), front.clone());
        let commands = Commands::build(store.clone(), hints, front.clone());
        let analytics = Analytics::build(store.clone());
        let config = settings.link.clone();
        let link = Link::build(config, registry.clone(), telemetry.clone(), commands.clone(), analytics.clone());

        let mut routes = Routes::builder();
        if settings.roles.has(Role::Registry) {
            routes.add_service(registry.service());
            routes.add_service(registry.session_service());
        }
        if settings.roles.has(Role::Telemetry) {
            routes.add_service(telemetry.service());
            routes.add_service(analytics.service());
        }
        if settings.roles.has(Role::Command) {
            routes.add_service(commands.service());
        }
        if settings.roles.has(Role::Link) {
            routes.add_service(link.service());
        }
        if let Some(extension) = extension {
            (extension.mount)(&mut routes);
        }
        let security = &settings.security;
        let door = AuthLayer::new(registry.authenticator(), security.trusted_proxies.clone());
        let limits = LimitLayer::new(Limits::new(settings.limits));
        let services = RequestLayer.layer(door.layer(limits.layer(routes.routes())));
        let services = BoxCloneSyncService::new(services);
        let unauthenticated = Unauthenticated::new(security.trusted_proxies.clone());
        let reflection = security.reflection;
        Ok(Self { store, registry, telemetry, commands, link, services, door, reflection, unauthenticated })
    }

    /// What the gRPC address answers: the services; to anyone health, by which gateways and load balancers tell whether
    /// this process is ready; and reflection, which shows the public contract, to whom the settings allow it.
    pub(crate) fn grpc(&self, health: Health) -> anyhow::Result<Routes> {
        let services = self.services.clone().map_request(|request: Request<axum::body::Body>| request.map(Body::new));
        let bounds = middleware::from_fn_with_state(self.unauthenticated.clone(), Unauthenticated::health);
        let mut router = Router::new().route_service(HEALTH_PATH, health).route_layer(bounds);
        if self.reflection != Reflection::Off {
            router = router.merge(self.reflection()?);
        }
        Ok(Routes::from(router.fallback_service(services)))
    }

    fn reflection(&self) -> anyhow::Result<Router> {
        let build = || {
            let builder = tonic_reflection::server::Builder::configure();
            contract::parts()
                .fold(builder, |builder, part| builder.register_encoded_file_descriptor_set(part.descriptors))
        };
        // grpcurl asks for v1; older clients know v1alpha only.
        let v1 = build().build_v1()?.max_decoding_message_size(MESSAGE_BYTES);
        let v1alpha = build().build_v1alpha()?.max_decoding_message_size(MESSAGE_BYTES);
        let bounds = middleware::from_fn_with_state(self.unauthenticated.clone(), Unauthenticated::reflection);
        let router = Router::new()
            .route_service("/grpc.reflection.v1.ServerReflection/{method}", v1)
            .route_service("/grpc.reflection.v1alpha.ServerReflection/{method}", v1alpha)
            .route_layer(bounds);
        if self.reflection == Reflection::Anyone {
            return Ok(router);
        }
        let door = self.door.clone();
        Ok(router.route_layer(middleware::from_fn(move |mut request: extract::Request, next: middleware::Next| {
            let door = door.clone();
            async move {
                match door.admit_operator(&mut request).await {
                    Ok(()) => next.run(request).await,
                    Err(error) => Status::from(error).into_http(),
                }
            }
        })))
    }

    /// The way from a gateway in this process to the services: no socket.
    pub(crate) fn backend(&self) -> Backend {
        Backend::new(self.services.clone().map_err(|never| match never {}))
    }
}

/// How replicas wake each other.
fn transport(settings: &Settings, store: &Store, database_url: String) -> anyhow::Result<Arc<dyn Transport>> {
    Ok(match &settings.redis {
        Some(redis) => Arc::new(RedisTransport::new(redis.clone())?),
        None => Arc::new(NotifyTransport::new(store.clone(), database_url)),
    })
}

/// The way from a gateway of its own process to the services.
pub(crate) fn remote_backend(address: &ServicesAddress) -> anyhow::Result<Backend> {
    let endpoint = client::endpoint(&address.address, address.ca_pem.as_deref())?;
    let channel = endpoint
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
        .connect_lazy();
    Ok(Backend::new(channel.map_err(Into::into)))
}

/// REST over `backend`. A gateway without a database of its own is as healthy as the services it speaks to.
pub(crate) fn gateway(settings: &Settings, backend: Backend, store: Option<Store>) -> Router {
    let probe = probe(backend.clone());
    let readiness: homepot_gateway::Readiness = Arc::new(move || {
        let (store, probe) = (store.clone(), probe.clone());
        Box::pin(async move {
            match store {
                Some(store) => store.check().await.is_ok(),
                None => are_ready(probe).await,
            }
        })
    });
    let trusted_proxies = settings.security.trusted_proxies.clone();
    let (version, fleet_metrics) = (env!("CARGO_PKG_VERSION"), settings.fleet_metrics);
    let over_tls = settings.security.page.over_tls;
    let config = GatewayConfig { trusted_proxies, version, readiness, over_tls, fleet_metrics };
    homepot_gateway::router(config, backend)
}

/// Boxed with an error that has a name: with a boxed error, or a closure in its type, the compiler can't see that a
/// future which holds the client may move between threads.
type Probe = HealthClient<BoxCloneSyncService<Request<Body>, Response<Body>, io::Error>>;

fn probe(services: Backend) -> Probe {
    HealthClient::new(BoxCloneSyncService::new(services.map_err(io::Error::other)))
}

async fn are_ready(mut probe: Probe) -> bool {
    let answer = probe.check(HealthCheckRequest { service: String::new() }).await;
    answer.is_ok_and(|answer| answer.get_ref().status() == ServingStatus::Serving)
}
