//! Builds the services with their dependencies and the layers around them.

use std::{convert::Infallible, sync::Arc};

use anyhow::Context as _;
use axum::{Router, extract, middleware};
use homepot::contract;
use homepot_analytics::Analytics;
use homepot_command::Commands;
use homepot_gateway::{Backend, GatewayConfig};
use homepot_hints::{Hints, NotifyTransport, RedisTransport, Transport};
use homepot_link::Link;
use homepot_registry::Registry;
use homepot_rollout::Rollouts;
use homepot_runtime::{
    Drain,
    auth::AuthLayer,
    limits::{LimitLayer, Limits},
    ops::{HEALTH_PATH, Health, Readiness},
    reload::Files,
    request_id::RequestLayer,
    settings::Reflection,
    unauthenticated::{MESSAGE_BYTES, Unauthenticated},
};
use homepot_store::{Awaited, Store};
use homepot_telemetry::Telemetry;
use http::{Request, Response};
use tonic::{Status, body::Body, service::Routes};
use tower::{Layer as _, ServiceExt as _, util::BoxCloneSyncService};

use crate::{
    Extension, admin_token,
    config_updates::ByRollouts,
    remote::Exchange,
    server_secret,
    settings::{Migrations, Role, Settings},
};

/// The services behind their door.
type Services = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The services that run here, and what they stand on.
pub(crate) struct Backstage {
    pub(crate) store: Store,
    /// Always there: it tells who calls.
    pub(crate) registry: Registry,
    /// Where samples are read or taken.
    pub(crate) telemetry: Option<Telemetry>,
    /// Where commands are queued or delivered.
    pub(crate) commands: Option<Commands>,
    /// Where releases are rolled out or delivered.
    pub(crate) rollouts: Option<Rollouts>,
    pub(crate) link: Option<Link>,
    /// The files that hold the way to Redis, if there are any.
    pub(crate) redis_files: Option<Arc<dyn Files>>,
    services: Services,
    door: AuthLayer,
    reflection: Reflection,
    unauthenticated: Unauthenticated,
}

impl Backstage {
    /// Waits for the database of `store`, builds the services that the roles of `settings` need and, where this process runs the migrations,
    /// makes the first admin. `readiness` says what the start waits for. The streams of those who watch end with `front`,
    /// what runs beside the services with `back`.
    pub(crate) async fn build(
        settings: &Settings,
        store: Store,
        extension: Option<Extension>,
        readiness: &Readiness,
        front: &Drain,
        back: &Drain,
    ) -> anyhow::Result<Self> {
        readiness.note_reason("database", Some("waiting"));
        store.wait_for_database().await.context("can't use the database")?;
        readiness.note("database", true);
        let migrates = settings.migrations == Migrations::Run;
        match migrates {
            true => drop(store.migrate().await.context("can't bring the database's schema up to date")?),
            false => wait_for_schema(&store, readiness).await?,
        }
        store.settle().await.context("can't use the database")?;

        let (transport, redis_files) = transport(settings, &store)?;
        let hints = Hints::start(transport, back.clone());
        let secret = server_secret::load(settings.secrets.server.clone(), &settings.data_dir)?;
        let registry =
            Registry::build(settings.registry.clone(), &secret, store.clone(), hints.clone(), front.clone())?;
        if migrates {
            admin_token::bootstrap(&registry, settings.secrets.admin_token.clone(), &settings.data_dir).await?;
        }

        let roles = &settings.roles;
        let holds_devices = roles.has(Role::Link);
        let telemetry = (roles.has(Role::Telemetry) || holds_devices)
            .then(|| Telemetry::build(Default::default(), store.clone(), front.clone()));
        let analytics = (roles.has(Role::Telemetry) || holds_devices).then(|| Analytics::build(store.clone()));
        let rollouts = (roles.has(Role::Command) || holds_devices).then(|| {
            let (rates, mends) = (settings.transfers, settings.mends);
            Rollouts::build(store.clone(), hints.clone(), &secret, rates, mends, front.clone())
        });
        let commands = rollouts.as_ref().map(|rollouts| {
            let by_rollouts = Arc::new(ByRollouts(rollouts.clone()));
            Commands::build(store.clone(), hints, front.clone()).with_config_updates(by_rollouts)
        });
        // A link does its devices' part of the other services itself, on the same database.
        let link = match (holds_devices, &telemetry, &commands, &analytics, &rollouts) {
            (true, Some(telemetry), Some(commands), Some(analytics), Some(rollouts)) => {
                let config = settings.link.clone();
                let (telemetry, commands, analytics) = (telemetry.clone(), commands.clone(), analytics.clone());
                Some(Link::build(config, registry.clone(), telemetry, commands, analytics, rollouts.clone()))
            }
            _ => None,
        };

        let mut routes = Routes::builder();
        if roles.has(Role::Registry) {
            routes.add_service(registry.service());
            routes.add_service(registry.session_service());
        }
        if let (true, Some(telemetry), Some(analytics)) = (roles.has(Role::Telemetry), &telemetry, &analytics) {
            routes.add_service(telemetry.service());
            routes.add_service(analytics.service());
        }
        if let (true, Some(commands), Some(rollouts)) = (roles.has(Role::Command), &commands, &rollouts) {
            routes.add_service(commands.service());
            routes.add_service(rollouts.release_service());
            routes.add_service(rollouts.service());
            routes.add_service(rollouts.value_service());
        }
        if let Some(link) = &link {
            routes.add_service(link.service());
        }
        if let Some(extension) = extension {
            (extension.mount)(&mut routes);
        }
        let security = &settings.security;
        let door = AuthLayer::new(registry.authenticator(), security.grpc_proxies());
        let limits = LimitLayer::new(Limits::new(settings.limits));
        let requests = RequestLayer::new(security.grpc_proxies());
        let services = requests.layer(door.layer(limits.layer(routes.routes())));
        let services = BoxCloneSyncService::new(services);
        let unauthenticated = Unauthenticated::new(security.grpc_proxies());
        let reflection = security.reflection;
        Ok(Self {
            store,
            registry,
            telemetry,
            commands,
            rollouts,
            link,
            redis_files,
            services,
            door,
            reflection,
            unauthenticated,
        })
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

/// Waits for somebody else's migrations, and says so.
async fn wait_for_schema(store: &Store, readiness: &Readiness) -> anyhow::Result<()> {
    let mut told = None;
    let waited = store.wait_for_schema(|awaited| {
        readiness.note_reason("schema", Some("waiting for `homepot migrate`"));
        if told.as_ref() == Some(&awaited) {
            return;
        }
        match &awaited {
            Awaited::Migrations(pending) => tracing::warn!(
                pending,
                "waiting for `homepot migrate`: the database lacks migrations that this server needs"
            ),
            Awaited::Rights(lacks) => tracing::warn!(
                lacks,
                "waiting for `homepot migrate`: this server's database user lacks rights; name it in HOMEPOT_DATABASE_USERS there"
            ),
        }
        told = Some(awaited);
    });
    waited.await.context("can't use the database's schema")?;
    readiness.note("schema", true);
    Ok(())
}

/// How replicas wake each other, and the files that hold the way to Redis.
type Waking = (Arc<dyn Transport>, Option<Arc<dyn Files>>);

fn transport(settings: &Settings, store: &Store) -> anyhow::Result<Waking> {
    Ok(match &settings.redis {
        Some(redis) => {
            let transport = RedisTransport::new(redis.clone())?;
            let files = transport.files();
            (Arc::new(transport), files)
        }
        None => (Arc::new(NotifyTransport::new(store.clone())), None),
    })
}

/// REST over the services. A gateway is as healthy as they are, and as their database.
pub(crate) fn gateway(settings: &Settings, exchange: Exchange, store: Option<Store>) -> Router {
    let backend = exchange.backend();
    let readiness: homepot_gateway::Readiness = Arc::new(move || {
        let (store, exchange) = (store.clone(), exchange.clone());
        Box::pin(async move {
            let is_stored = match store {
                Some(store) => store.check().await.is_ok(),
                None => true,
            };
            is_stored && exchange.is_ready()
        })
    });
    let trusted_proxies = settings.security.trusted_proxies.clone();
    let (version, fleet_metrics) = (env!("CARGO_PKG_VERSION"), settings.fleet_metrics);
    let over_tls = settings.security.page.over_tls;
    let config = GatewayConfig { trusted_proxies, version, readiness, over_tls, fleet_metrics };
    homepot_gateway::router(config, backend)
}
