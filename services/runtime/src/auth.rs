//! The door of every service: checks who calls, and whether the caller may call the method.
//!
//! [`AuthLayer`] stands once around all services. It finds the method's [`Audience`] in the contract's table,
//! has the caller's credentials checked by an [`Authenticator`], and puts who it is into the request's extensions:
//! [`DeviceCaller`], [`OperatorCaller`] or [`Enrollee`]. Credentials are taken off the request, so that nothing further
//! in can log them. What a caller may do *within* a method (its sites, its own commands) is the method's to check. An answer to an
//! operator that goes on ends with the operator's token, see `lease`.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use homepot::{
    Error, Kind,
    access::{self, Audience},
    error::reason,
    model::{DeviceId, DeviceSource, OperatorName, ProofKey, Role, SIGN_IN_FRESH, Secret, SiteId, SiteScope},
};
use http::{Extensions, HeaderMap, Request, Response, header::AUTHORIZATION};
use http_body_util::Full;
use tonic::{Status, body::Body};
use tracing::{Span, field};

use crate::{
    lease::Leases,
    peer::{ForwardedPeer, Peer, TrustedProxies},
    serve::ClientConnection,
    trace::CallSpan,
    unauthenticated,
};

/// Metadata with a device's id.
pub const DEVICE_ID: &str = "x-device-id";
/// Metadata with a device's key.
pub const API_KEY: &str = "x-api-key";
/// Metadata with the ticket of a device's last session.
pub const RECONNECT_TICKET: &str = "x-reconnect-ticket";
/// Metadata with what a device says it is.
pub const DEVICE_SOURCE: &str = "x-device-source";
/// Metadata with a token that lets a device enrol.
pub const ENROLLMENT_TOKEN: &str = "x-enrollment-token";

const MISSING_DEVICE: &str = "Missing X-API-Key or X-Device-ID header";
pub(crate) const BAD_OPERATOR: &str = "Invalid or missing operator token";

/// A device that proved who it is.
#[derive(Clone, Debug)]
pub struct DeviceCaller {
    /// Its row in the store.
    pub pk: i64,
    /// Its id.
    pub device_id: DeviceId,
    /// Its site.
    pub site_id: SiteId,
    /// Real or simulated.
    pub source: DeviceSource,
    /// Which generation of its keys opened the door; a later one ends the session.
    pub credential_version: i32,
    /// The public letters of the key that opened the door; with its end the session ends.
    pub key_id: Arc<str>,
    /// For `x-reconnect-ticket` on the next connect.
    pub ticket: String,
    /// What it has to prove itself by before it is believed; `None`: it is.
    pub proof_key: Option<ProofKey>,
}

/// An operator that proved who it is.
#[derive(Clone, Debug)]
pub struct OperatorCaller {
    /// How the ledger names it.
    pub name: OperatorName,
    /// What it may do.
    pub role: Role,
    /// Where.
    pub scope: SiteScope,
    /// The public letters of what it showed; another token of it, or another session, has others.
    pub token_id: Arc<str>,
    /// What it showed.
    pub credential: Credential,
}

/// What an operator showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// Its token.
    #[default]
    Token,
    /// A session that was made with its token.
    Session {
        /// Whether it signed in lately.
        is_fresh: bool,
    },
    /// A code that signs it in, once.
    Code,
}

impl OperatorCaller {
    /// Refuses a session whose sign-in is not fresh. To be asked where a call reaches the whole fleet or makes a credential, so
    /// that an open page that somebody left, or a stolen cookie, does neither. A token is shown for each call, and passes.
    pub fn check_fresh(&self) -> Result<(), Error> {
        match self.credential {
            Credential::Session { is_fresh: false } => {
                let minutes = SIGN_IN_FRESH.as_secs() / 60;
                let told =
                    format!("this needs a sign-in within the last {minutes} minutes; sign in again and repeat it");
                Err(Error::new(Kind::Conflict, told).because(reason::SIGN_IN_AGAIN))
            }
            _ => Ok(()),
        }
    }
}

/// What somebody shows as an operator.
#[derive(Clone, Debug)]
pub struct OperatorCredentials {
    /// A token, a session's secret or a code.
    pub secret: Secret,
    /// Whether it signs in, for which a code is good.
    pub signs_in: bool,
}

/// Somebody who wants to enrol a device; nothing is proved yet.
#[derive(Clone, Debug)]
pub struct Enrollee {
    /// The token that was shown, if any.
    pub token: Option<Secret>,
    /// Where the call comes from.
    pub peer: Peer,
}

/// What a device shows.
#[derive(Clone, Debug)]
pub struct DeviceCredentials {
    /// The id it claims.
    pub device_id: String,
    /// Its key.
    pub key: Secret,
    /// The ticket of its last session.
    pub ticket: Option<String>,
    /// What it says it is; `None`: nothing.
    pub declared: Option<DeviceSource>,
    /// Whether it opens its stream, on which it can prove itself.
    pub attaches: bool,
}

/// Checks credentials against what is stored.
pub trait Authenticator: Send + Sync + 'static {
    /// Who the device is; the same answer, after the same work, for an unknown device and a wrong key.
    fn device(&self, credentials: DeviceCredentials, peer: Peer) -> BoxFuture<'_, Result<DeviceCaller, Error>>;

    /// Who the operator is.
    fn operator(&self, credentials: OperatorCredentials, peer: Peer) -> BoxFuture<'_, Result<OperatorCaller, Error>>;

    /// Of the operators' tokens and sessions with these public letters, those that are good now, each with what it may.
    fn good_operators(&self, token_ids: Vec<Arc<str>>) -> BoxFuture<'_, Result<Vec<OperatorCaller>, Error>>;
}

/// See the [module](self).
#[derive(Clone)]
pub struct AuthLayer {
    authenticator: Arc<dyn Authenticator>,
    trusted: TrustedProxies,
    leases: Leases,
}

impl AuthLayer {
    /// A door that asks `authenticator`. To be called on a runtime: it starts the task that ends answers with their tokens.
    pub fn new(authenticator: Arc<dyn Authenticator>, trusted: TrustedProxies) -> Self {
        let leases = Leases::start(authenticator.clone());
        Self { authenticator, trusted, leases }
    }

    /// Lets operators of any role in, to what is no method of the contract.
    pub async fn admit_operator<B>(&self, request: &mut Request<B>) -> Result<(), Error> {
        let connection = request.extensions().get::<ClientConnection>().cloned();
        let peer = Peer::of(request, &self.trusted);
        self.operator(request.headers_mut(), peer, (Role::Viewer, false), connection.as_ref()).await.map(drop)
    }

    /// Answers the connection that a good answer lets in: whether somebody may enrol, the method tells.
    async fn admit(&self, request: &mut Request<Body>) -> Result<Option<ClientConnection>, Error> {
        let Some(audience) = access::audience(request.uri().path()) else {
            return Err(Error::new(Kind::Unimplemented, "there is no such method"));
        };
        // Both are opened by what the stream proved or is about to prove.
        let attaches = [access::ATTACH, access::FETCH_ARTIFACT].contains(&request.uri().path());
        let signs_in = request.uri().path() == access::CREATE_SESSION;
        let peer = Peer::of(request, &self.trusted);
        request.extensions_mut().insert(peer);
        let connection = request.extensions().get::<ClientConnection>().cloned();
        let headers = request.headers_mut();
        match audience {
            Audience::Enrollee => {
                let token = take(headers, ENROLLMENT_TOKEN).map(Secret::presented);
                request.extensions_mut().insert(Enrollee { token, peer });
                let body = std::mem::take(request.body_mut());
                // What comes through a gateway of this process was bounded there.
                let message = match request.extensions().get::<ForwardedPeer>() {
                    Some(_) => unauthenticated::read_message(body, unauthenticated::GATEWAY_BYTES).await?,
                    None => unauthenticated::read_message(body, unauthenticated::ENROLLMENT_BYTES).await?,
                };
                *request.body_mut() = Body::new(Full::new(message));
                return Ok(connection);
            }
            Audience::Anyone => {
                headers.remove(AUTHORIZATION);
                let body = std::mem::take(request.body_mut());
                let message = unauthenticated::read_message(body, unauthenticated::SIGN_IN_BYTES).await?;
                *request.body_mut() = Body::new(Full::new(message));
            }
            Audience::Device => {
                let credentials = device_credentials(headers, attaches)?;
                let check = connection.as_ref().map(ClientConnection::checking);
                let caller = self.authenticator.device(credentials, peer).await?;
                drop(check);
                if let Some(connection) = &connection {
                    connection.let_device_in()?;
                }
                note_device(request.extensions(), &caller);
                request.extensions_mut().insert(caller);
            }
            Audience::Operator(role) => {
                let caller = self.operator(headers, peer, (role, signs_in), connection.as_ref()).await?;
                note_operator(request.extensions(), &caller);
                request.extensions_mut().insert(caller);
            }
            Audience::FleetAdmin => {
                let caller = self.operator(headers, peer, (Role::Admin, false), connection.as_ref()).await?;
                if caller.scope != SiteScope::All {
                    return Err(Error::new(Kind::Forbidden, "this needs an admin of every site"));
                }
                note_operator(request.extensions(), &caller);
                request.extensions_mut().insert(caller);
            }
        }
        Ok(None)
    }

    async fn operator(
        &self,
        headers: &mut HeaderMap,
        peer: Peer,
        (least, signs_in): (Role, bool),
        connection: Option<&ClientConnection>,
    ) -> Result<OperatorCaller, Error> {
        let secret = take(headers, AUTHORIZATION.as_str()).and_then(|value| bearer(&value));
        let Some(secret) = secret else { return Err(Error::new(Kind::Unauthenticated, BAD_OPERATOR)) };
        let check = connection.map(ClientConnection::checking);
        let caller = self.authenticator.operator(OperatorCredentials { secret, signs_in }, peer).await?;
        drop(check);
        if let Some(connection) = connection {
            connection.let_in();
        }
        if caller.role < least {
            let told = format!("this needs the role {}; {} has {}", least.as_str(), caller.name, caller.role.as_str());
            return Err(Error::new(Kind::Forbidden, told));
        }
        Ok(caller)
    }
}

/// Has log lines and the trace of this call name its device.
fn note_device(extensions: &Extensions, caller: &DeviceCaller) {
    Span::current().record("device_id", field::display(&caller.device_id));
    if let Some(span) = extensions.get::<CallSpan>() {
        span.note("device_id", &caller.device_id);
    }
}

/// Has the trace of this call name its operator, as the audit log does.
fn note_operator(extensions: &Extensions, caller: &OperatorCaller) {
    if let Some(span) = extensions.get::<CallSpan>() {
        span.note("operator", &caller.name);
    }
}

/// A header's text, taken off the request.
fn take(headers: &mut HeaderMap, name: &str) -> Option<String> {
    headers.remove(name).and_then(|value| value.to_str().ok().map(str::to_owned)).filter(|value| !value.is_empty())
}

fn device_credentials(headers: &mut HeaderMap, attaches: bool) -> Result<DeviceCredentials, Error> {
    let device_id = take(headers, DEVICE_ID);
    let key = take(headers, API_KEY);
    let ticket = take(headers, RECONNECT_TICKET);
    let Some((device_id, key)) = device_id.zip(key) else {
        return Err(Error::new(Kind::Unauthenticated, MISSING_DEVICE));
    };
    Ok(DeviceCredentials { device_id, key: Secret::presented(key), ticket, declared: declared(headers)?, attaches })
}

/// What is said must be readable: a word that is taken for none would let in what it was to keep out.
fn declared(headers: &mut HeaderMap) -> Result<Option<DeviceSource>, Error> {
    let Some(value) = headers.remove(DEVICE_SOURCE) else { return Ok(None) };
    let source = value.to_str().ok().and_then(|word| word.parse().ok());
    source.map(Some).ok_or_else(|| {
        let shown: String = String::from_utf8_lossy(value.as_bytes()).chars().take(40).collect();
        Error::invalid(DEVICE_SOURCE, format!("must be real or simulated, not '{shown}'"))
    })
}

/// RFC 6750: the scheme's case does not matter.
fn bearer(value: &str) -> Option<Secret> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::presented(token.trim()))
}

impl<S> tower::Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { layer: self.clone(), inner }
    }
}

/// A service behind the door.
#[derive(Clone)]
pub struct AuthService<S> {
    layer: AuthLayer,
    inner: S,
}

impl<S> tower::Service<Request<Body>> for AuthService<S>
where
    S: tower::Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let layer = self.layer.clone();
        // The one that was polled ready goes with the call; its clone stays.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            let admitted = layer.admit(&mut request).await;
            let enrolls_on = admitted.as_ref().ok().cloned().flatten();
            if let Err(error) = admitted {
                metrics::counter!("homepot_auth_refusals_total", "code" => error.kind().code().description())
                    .increment(1);
                tracing::debug!(path = request.uri().path(), kind = ?error.kind(), "caller refused");
                return Ok(Status::from(error).into_http());
            }
            let caller = request.extensions().get::<OperatorCaller>().cloned();
            let response = inner.call(request).await?;
            if let Some(connection) = enrolls_on
                && !response.headers().contains_key("grpc-status")
            {
                connection.let_in();
            }
            Ok(match caller {
                Some(caller) => response.map(|body| layer.leases.wrap(caller, body)),
                None => response,
            })
        })
    }
}

/// The caller that the door let in; missing only when a service was mounted without [`AuthLayer`].
pub fn caller<T: Clone + Send + Sync + 'static, M>(request: &tonic::Request<M>) -> Result<T, Error> {
    request.extensions().get::<T>().cloned().ok_or_else(|| {
        tracing::error!("a service is mounted without the auth layer");
        Error::internal()
    })
}

#[cfg(test)]
mod tests {
    use tower::{Layer, Service, ServiceExt, service_fn};

    use super::*;

    struct Fixed;

    impl Authenticator for Fixed {
        fn device(&self, credentials: DeviceCredentials, _: Peer) -> BoxFuture<'_, Result<DeviceCaller, Error>> {
            assert_eq!(credentials.key.reveal(), "k");
            Box::pin(async { Err(Error::new(Kind::Unauthenticated, "Invalid device credentials")) })
        }

        fn operator(&self, shown: OperatorCredentials, _: Peer) -> BoxFuture<'_, Result<OperatorCaller, Error>> {
            assert!(!shown.signs_in);
            let (role, scope) = match shown.secret.reveal() {
                "viewer" => (Role::Viewer, SiteScope::All),
                "site-admin" => (Role::Admin, SiteScope::Only(vec![SiteId::parse("s").unwrap()])),
                _ => (Role::Admin, SiteScope::All),
            };
            let name = OperatorName::parse("somebody").unwrap();
            Box::pin(async move {
                Ok(OperatorCaller { name, role, scope, token_id: "hpo_".into(), credential: Credential::Token })
            })
        }

        fn good_operators(&self, _: Vec<Arc<str>>) -> BoxFuture<'_, Result<Vec<OperatorCaller>, Error>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    async fn code(path: &str, headers: &[(&'static str, &str)]) -> tonic::Code {
        let inner = service_fn(|request: Request<Body>| async move {
            assert!(!request.headers().contains_key(AUTHORIZATION));
            assert!(!request.headers().contains_key(API_KEY));
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
        });
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut service = AuthLayer::new(Arc::new(Fixed), TrustedProxies::default()).layer(inner);
        let response = service.ready().await.unwrap().call(request.body(Body::empty()).unwrap()).await.unwrap();
        Status::from_header_map(response.headers()).map_or(tonic::Code::Ok, |status| status.code())
    }

    #[tokio::test]
    async fn a_role_opens_what_it_may_and_nothing_more() {
        let get = "/homepot.command.v1.CommandService/Get";
        let queue = "/homepot.command.v1.CommandService/Queue";
        let create_site = "/homepot.registry.v1.RegistryService/CreateSite";
        let token = |token: &'static str| [("authorization", token)];
        assert_eq!(code(get, &token("Bearer viewer")).await, tonic::Code::Ok);
        assert_eq!(code(queue, &token("bearer viewer")).await, tonic::Code::PermissionDenied);
        assert_eq!(code(create_site, &token("Bearer site-admin")).await, tonic::Code::PermissionDenied);
        assert_eq!(code(create_site, &token("Bearer admin")).await, tonic::Code::Ok);
        assert_eq!(code(get, &[]).await, tonic::Code::Unauthenticated);
        assert_eq!(code(get, &token("Basic viewer")).await, tonic::Code::Unauthenticated);
    }

    #[tokio::test]
    async fn a_devices_method_wants_a_devices_credentials_and_enrolment_wants_none() {
        let fetch = "/homepot.device.v1.DeviceService/FetchCommands";
        assert_eq!(code(fetch, &[("authorization", "Bearer admin")]).await, tonic::Code::Unauthenticated);
        assert_eq!(code(fetch, &[(DEVICE_ID, "d"), (API_KEY, "k")]).await, tonic::Code::Unauthenticated);
        assert_eq!(code("/homepot.device.v1.DeviceService/Enroll", &[]).await, tonic::Code::Ok);
    }

    #[tokio::test]
    async fn a_word_for_what_a_device_is_must_be_one_of_two() {
        let fetch = "/homepot.device.v1.DeviceService/FetchCommands";
        let declares = |word: &'static str| [(DEVICE_ID, "d"), (API_KEY, "k"), (DEVICE_SOURCE, word)];
        assert_eq!(code(fetch, &declares("simulated")).await, tonic::Code::Unauthenticated);
        for unknown in ["Real", "", "virtual"] {
            assert_eq!(code(fetch, &declares(unknown)).await, tonic::Code::InvalidArgument, "{unknown}");
        }
    }

    #[tokio::test]
    async fn a_method_that_the_table_does_not_know_is_open_to_nobody() {
        let path = "/homepot.registry.v1.RegistryService/DropEverything";
        assert_eq!(code(path, &[("authorization", "Bearer admin")]).await, tonic::Code::Unimplemented);
    }

    #[test]
    fn only_a_session_has_to_sign_in_again() {
        let caller = |credential| OperatorCaller {
            name: OperatorName::parse("ann").unwrap(),
            role: Role::Admin,
            scope: SiteScope::All,
            token_id: "id".into(),
            credential,
        };
        for credential in [Credential::Token, Credential::Session { is_fresh: true }] {
            assert_eq!(caller(credential).check_fresh(), Ok(()));
        }
        let refused = caller(Credential::Session { is_fresh: false }).check_fresh().unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (Kind::Conflict, Some(reason::SIGN_IN_AGAIN)));
    }
}
