//! Extractors of the caller: they take the credentials of a route's audience from the request and forward them
//! unchanged.
//!
//! The gateway checks no credential. It only refuses a request without one, before it looks at anything else. The
//! services decide whether a credential is valid.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use homepot::model::Secret;
use homepot_runtime::{
    auth::{API_KEY, DEVICE_ID, DEVICE_SOURCE, ENROLLMENT_TOKEN},
    peer::ForwardedPeer,
    serve::ClientConnection,
    trace::note_device,
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header::AUTHORIZATION, request::Parts};
use serde::de::DeserializeOwned;
use tonic::metadata::MetadataMap;

use crate::{error::ApiError, observe::Context, query};

/// What every call to a service carries for its caller. Secrets are in here: it has no `Debug`.
#[derive(Clone)]
pub(crate) struct Caller {
    metadata: Arc<HeaderMap>,
    peer: Option<ForwardedPeer>,
    connection: Option<ClientConnection>,
    is_operator: bool,
}

/// Who sent a request, before its body is read: put beside it by whatever took the credentials off.
#[derive(Clone)]
pub(crate) enum Sender {
    Device(Caller),
    Operator(Caller),
}

impl Caller {
    /// A caller whose credentials are shown, so that what is wrong with the query may be told.
    fn new(parts: &Parts, is_operator: bool) -> Result<Self, ApiError> {
        query::check_for_caller(parts)?;
        let context = parts.extensions.get::<Context>();
        let mut metadata = context.map(|context| context.headers.clone()).unwrap_or_default();
        let peer = context.and_then(|context| context.peer);
        peer.iter().for_each(|peer| peer.write_to(&mut metadata));
        let connection = context.and_then(|context| context.connection.clone());
        Ok(Self { metadata: Arc::new(metadata), peer, connection, is_operator })
    }

    /// An operator whose token, session or code did not come in the usual header.
    pub(crate) fn operator(parts: &Parts, secret: &Secret) -> Result<Self, ApiError> {
        let value = HeaderValue::try_from(format!("Bearer {}", secret.reveal())).map_err(|_| no_operator())?;
        Ok(Self::new(parts, true)?.with("authorization", value))
    }

    /// Somebody who shows nothing, on its way to a sign-in. A service that answers it has not let its connection in.
    pub(crate) fn anyone(parts: &Parts) -> Result<Self, ApiError> {
        Self::new(parts, false).map(|caller| Self { connection: None, ..caller })
    }

    /// Notes that a service accepted the credentials.
    pub(crate) fn was_let_in(&self) {
        if !self.is_operator && self.metadata.contains_key(API_KEY) {
            note_device(&self.device_id());
        }
        if let Some(connection) = &self.connection {
            connection.let_in();
        }
    }

    fn with(mut self, name: &'static str, mut secret: HeaderValue) -> Self {
        secret.set_sensitive(true);
        Arc::make_mut(&mut self.metadata).insert(HeaderName::from_static(name), secret);
        self
    }

    /// The id that a device shows; the services say whether it is one.
    pub(crate) fn device_id(&self) -> String {
        self.metadata.get(DEVICE_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// From here on the holder of an enrolment token, and no operator any more.
    pub(crate) fn into_enrollee(mut self, token: &str) -> Result<Self, ApiError> {
        Arc::make_mut(&mut self.metadata).remove(AUTHORIZATION);
        self.is_operator = false;
        self.with_enrollment_token(token)
    }

    /// The same caller with an enrolment token that came in a body.
    pub(crate) fn with_enrollment_token(self, token: &str) -> Result<Self, ApiError> {
        let refused = |_| ApiError::new(StatusCode::UNAUTHORIZED, "Invalid or missing enrollment token");
        Ok(self.with(ENROLLMENT_TOKEN, HeaderValue::from_str(token).map_err(refused)?))
    }

    /// A call of this caller.
    pub(crate) fn request<M>(&self, message: M) -> tonic::Request<M> {
        let mut extensions = Extensions::new();
        if let Some(peer) = self.peer {
            extensions.insert(peer);
        }
        tonic::Request::from_parts(MetadataMap::from_headers(HeaderMap::clone(&self.metadata)), extensions, message)
    }

    /// An error with what this kind of caller is told beside it.
    pub(crate) fn told(&self, error: ApiError) -> ApiError {
        if self.is_operator { error.for_operators() } else { error }
    }
}

fn shown<'a>(parts: &'a Parts, name: &str) -> Option<&'a HeaderValue> {
    parts.headers.get(name).filter(|value| !value.is_empty())
}

/// A device with its id and key.
pub(crate) struct Device(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Device {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some((id, key)) = shown(parts, DEVICE_ID).zip(shown(parts, API_KEY)) else {
            let told = "Missing X-API-Key or X-Device-ID header";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, told));
        };
        let caller = Caller::new(parts, false)?.with(DEVICE_ID, id.clone()).with(API_KEY, key.clone());
        // Also when it is empty: what it says is for the services to judge.
        let caller = match parts.headers.get(DEVICE_SOURCE) {
            Some(source) => caller.with(DEVICE_SOURCE, source.clone()),
            None => caller,
        };
        parts.extensions.insert(Sender::Device(caller.clone()));
        Ok(Self(caller))
    }
}

/// An operator with its token.
pub(crate) struct Operator(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match operator_token(parts) {
            Some(token) => {
                let caller = Caller::new(parts, true)?.with("authorization", token.clone());
                parts.extensions.insert(Sender::Operator(caller.clone()));
                Ok(Self(caller))
            }
            None => Err(no_operator()),
        }
    }
}

fn no_operator() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "Invalid or missing operator token").for_operators()
}

fn operator_token(parts: &Parts) -> Option<&HeaderValue> {
    shown(parts, AUTHORIZATION.as_str()).filter(|value| is_bearer(value))
}

fn is_bearer(value: &HeaderValue) -> bool {
    let scheme = value.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"bearer") && scheme.len() < value.len()
}

/// A device, where a device's credentials are shown, or else an operator. Who shows neither is told what a device lacks.
pub(crate) enum DeviceOrOperator {
    Device(Caller),
    Operator(Caller),
}

impl<S: Send + Sync> FromRequestParts<S> for DeviceOrOperator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let is_device = shown(parts, DEVICE_ID).is_some() && shown(parts, API_KEY).is_some();
        if is_device || operator_token(parts).is_none() {
            return Device::from_request_parts(parts, state).await.map(|Device(caller)| Self::Device(caller));
        }
        Operator::from_request_parts(parts, state).await.map(|Operator(caller)| Self::Operator(caller))
    }
}

/// Someone who wants to enrol a device, with a token or without.
pub(crate) struct Enrollee(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Enrollee {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = Caller::new(parts, false)?;
        Ok(Self(match shown(parts, ENROLLMENT_TOKEN) {
            Some(token) => caller.with(ENROLLMENT_TOKEN, token.clone()),
            None => caller,
        }))
    }
}

/// An operator, where an operator's token is shown and no enrolment token; or else someone who wants to enrol.
pub(crate) enum EnrolleeOrOperator {
    Enrollee(Caller),
    Operator(Caller),
}

impl<S: Send + Sync> FromRequestParts<S> for EnrolleeOrOperator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if shown(parts, ENROLLMENT_TOKEN).is_none() && shown(parts, AUTHORIZATION.as_str()).is_some() {
            return Operator::from_request_parts(parts, state).await.map(|Operator(caller)| Self::Operator(caller));
        }
        Enrollee::from_request_parts(parts, state).await.map(|Enrollee(caller)| Self::Enrollee(caller))
    }
}

/// The ids in the path, as they came: the services say whether anything goes by them.
pub(crate) struct Ids<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Ids<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(ids)| Self(ids)).map_err(|_| ApiError::not_found())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(headers: &[(&'static str, &str)]) -> Parts {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[tokio::test]
    async fn a_device_shows_both_its_id_and_its_key() {
        let mut good = parts(&[("X-Device-ID", "d"), ("X-API-Key", "k")]);
        let Ok(Device(caller)) = Device::from_request_parts(&mut good, &()).await else { panic!("refused") };
        let request = caller.request(());
        assert_eq!(request.metadata().get("x-device-id").unwrap(), "d");
        assert_eq!(request.metadata().get("x-api-key").unwrap(), "k");
        assert!(request.metadata().get("x-device-source").is_none());
        let mut says = parts(&[("X-Device-ID", "d"), ("X-API-Key", "k"), ("X-Device-Source", "simulated")]);
        let Ok(Device(caller)) = Device::from_request_parts(&mut says, &()).await else { panic!("refused") };
        assert_eq!(caller.request(()).metadata().get("x-device-source").unwrap(), "simulated");
        for bad in [&[][..], &[("X-Device-ID", "d")], &[("X-API-Key", "k")], &[("X-Device-ID", ""), ("X-API-Key", "k")]]
        {
            assert!(Device::from_request_parts(&mut parts(bad), &()).await.is_err());
        }
    }

    #[tokio::test]
    async fn who_shows_a_device_is_one_and_who_shows_a_token_alone_is_an_operator() {
        let who = async |headers| DeviceOrOperator::from_request_parts(&mut parts(headers), &()).await;
        let both = [("X-Device-ID", "d"), ("X-API-Key", "k"), ("Authorization", "Bearer t")];
        assert!(matches!(who(&both).await, Ok(DeviceOrOperator::Device(_))));
        assert!(matches!(who(&both[2..]).await, Ok(DeviceOrOperator::Operator(_))));
        assert!(matches!(who(&both[1..]).await, Ok(DeviceOrOperator::Operator(_))));
        for nobody in [&both[..1], &[("Authorization", "Basic t")][..], &[]] {
            assert_eq!(who(nobody).await.err().map(|error| error.status()), Some(StatusCode::UNAUTHORIZED));
        }
    }

    #[tokio::test]
    async fn an_operators_token_travels_as_it_came_and_nothing_else_does() {
        let mut good = parts(&[("Authorization", "bearer t"), ("X-API-Key", "k"), ("Cookie", "c")]);
        let Ok(Operator(caller)) = Operator::from_request_parts(&mut good, &()).await else { panic!("refused") };
        let metadata = caller.request(()).metadata().clone().into_headers();
        assert_eq!(metadata.len(), 1);
        assert_eq!(metadata["authorization"], "bearer t");
        for bad in ["Basic dDp0", "Bearer", "hpo_x"] {
            assert!(Operator::from_request_parts(&mut parts(&[("Authorization", bad)]), &()).await.is_err());
        }
    }
}
