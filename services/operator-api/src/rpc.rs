//! The shape of an operator's rpc: the caller, the method's own function, the answer, and the audit record.

use std::ops::Deref;

use futures_util::stream::BoxStream;
use homepot::{
    Error,
    checked::{self, Checked},
};
use homepot_runtime::{
    auth::{self, OperatorCaller},
    peer::Peer,
    request_id::{Method, REQUEST_ID},
};
use prost::Message;
use tonic::{Extensions, Request, Response, Status};

use crate::audit::Record;

/// The messages of an rpc that answers with a stream.
pub type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// A call that is being answered. It stands for its caller wherever one is asked for.
pub struct Call {
    caller: OperatorCaller,
    extensions: Extensions,
    /// `None` where the method changes nothing.
    record: Option<Record>,
}

impl Call {
    /// Takes a request apart: who calls, and what is asked. What the contract forbids gets no further.
    pub fn open<Q: Message + Checked>(request: Request<Q>) -> Result<(Self, Q), Error> {
        let caller: OperatorCaller = auth::caller(&request)?;
        let Some(Method(method)) = request.extensions().get().copied() else {
            tracing::error!("a service is mounted without the layer of requests");
            return Err(Error::internal());
        };
        let (metadata, extensions, message) = request.into_parts();
        let request_id = metadata.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
        let record = Record::begin(method, &caller, request_id, &message);
        if let Err(error) = checked::check(&message) {
            if let Some(record) = record {
                record.end::<()>(&Err(error.clone()));
            }
            return Err(error);
        }
        Ok((Self { caller, extensions, record }, message))
    }

    /// What a layer put into the request.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions.get::<T>()
    }

    /// Answers.
    pub fn close<A: Message>(self, answer: Result<A, Error>) -> Result<Response<A>, Status> {
        if let Some(record) = self.record {
            record.end(&answer);
        }
        Ok(Response::new(answer?))
    }

    /// Answers with a stream, which goes on after this.
    pub fn close_stream<A>(self, answers: Result<Answers<A>, Error>) -> Result<Response<Answers<A>>, Status> {
        if let Some(record) = self.record {
            record.end_stream(answers.as_ref().err());
        }
        Ok(Response::new(answers?))
    }
}

impl Deref for Call {
    type Target = OperatorCaller;

    fn deref(&self) -> &OperatorCaller {
        &self.caller
    }
}

/// Takes a request of somebody who has shown nothing apart: where it comes from, and what is asked. What the contract forbids
/// gets no further.
pub fn open_to_anyone<Q: Checked>(request: Request<Q>) -> Result<(Peer, Q), Error> {
    let peer: Peer = auth::caller(&request)?;
    let message = request.into_inner();
    checked::check(&message)?;
    Ok((peer, message))
}

/// Implements the trait that is generated for a service by functions of the same names, which take the caller (or the
/// [`Call`]) and the request and answer with the response or an [`Error`](homepot::Error). Those in `streams` answer with
/// [`Answers`], for which the trait has the type that is named. Those in `anyone` are for whoever calls, and take the
/// [`Peer`](homepot_runtime::peer::Peer) in the place of a caller.
#[macro_export]
macro_rules! operator_service {
    (
        impl $trait:ident for $service:ty, with messages of $pb:ident;
        unary { $($rpc:ident($request:ident) -> $answer:ident;)* }
        streams { $($stream_rpc:ident($stream_request:ident) -> $stream_answer:ident as $stream:ident;)* }
        $(anyone { $($open_rpc:ident($open_request:ident) -> $open_answer:ident;)* })?
    ) => {
        #[tonic::async_trait]
        impl $trait for $service {
            $(
                async fn $rpc(
                    &self,
                    request: tonic::Request<$pb::$request>,
                ) -> Result<tonic::Response<$pb::$answer>, tonic::Status> {
                    let (call, request) = $crate::Call::open(request)?;
                    let answer = self.$rpc(&call, request).await;
                    call.close(answer)
                }
            )*
            $(
                type $stream = $crate::Answers<$pb::$stream_answer>;

                async fn $stream_rpc(
                    &self,
                    request: tonic::Request<$pb::$stream_request>,
                ) -> Result<tonic::Response<Self::$stream>, tonic::Status> {
                    let (call, request) = $crate::Call::open(request)?;
                    let answers = self.$stream_rpc(&call, request).await;
                    call.close_stream(answers)
                }
            )*
            $($(
                async fn $open_rpc(
                    &self,
                    request: tonic::Request<$pb::$open_request>,
                ) -> Result<tonic::Response<$pb::$open_answer>, tonic::Status> {
                    let (peer, request) = $crate::open_to_anyone(request)?;
                    Ok(tonic::Response::new(self.$open_rpc(peer, request).await?))
                }
            )*)?
        }
    };
}
