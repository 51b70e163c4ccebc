//! Bounds the cost of what anybody may call: server reflection, gRPC health, enrolment, and the begin of a sign-in.
//!
//! tonic reserves memory for a message as soon as its length is announced. So messages of strangers are read here
//! first, only as far as they have really come, within limits of bytes and seconds. Streams of strangers have few
//! places, in which newcomers displace the oldest ones of the address that holds the most.

use std::{
    net::{IpAddr, Ipv4Addr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use homepot::{Error, Kind};
use http::HeaderMap;
use http_body::Frame;
use http_body_util::BodyExt as _;
use tonic::Status;

use crate::{
    peer::{Peer, TrustedProxies, counted_as},
    serve::{Limits, Place, Places},
};

/// The largest message that anybody may send without credentials.
pub const MESSAGE_BYTES: usize = 4 * 1024;
/// The largest request to sign in: an identity provider's code may have a few KiB.
pub(crate) const SIGN_IN_BYTES: usize = 8 * 1024;
/// The largest request to enrol: its `config` may have 16 KiB of JSON.
pub(crate) const ENROLLMENT_BYTES: usize = 32 * 1024;
/// The same through a gateway, which has bounded it as JSON: numbers take more room in the protocol.
pub(crate) const GATEWAY_BYTES: usize = 1024 * 1024;
/// A stranger's message has to arrive within this time.
const ARRIVAL: Duration = Duration::from_secs(5);
/// Before a message: a flag and its length.
const PREFIX_BYTES: usize = 5;
/// Streams of strangers.
const STREAMS: Limits = Limits { total: 256, per_address: 32 };
/// A reflection stream may take this long.
const REFLECTION: Duration = Duration::from_secs(60);

/// Reads the one message of a call, at most `limit` bytes of it, so that nothing is reserved for what never comes.
pub(crate) async fn read_message<B>(body: B, limit: usize) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let read = tokio::time::timeout(ARRIVAL, read(body, limit)).await;
    read.unwrap_or_else(|_| Err(Error::new(Kind::Timeout, "the message did not arrive in time")))
}

async fn read<B>(mut body: B, limit: usize) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let too_large = || Error::new(Kind::TooLarge, format!("the message is larger than {limit} bytes"));
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::new(Kind::Unavailable, "the message broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > PREFIX_BYTES + limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
        if announced(&bytes).is_some_and(|announced| announced > limit) {
            return Err(too_large());
        }
    }
    match announced(&bytes) {
        Some(announced) if announced > bytes.len() - PREFIX_BYTES => {
            Err(Error::new(Kind::Invalid, "the message is shorter than it announced"))
        }
        _ => Ok(bytes.freeze()),
    }
}

fn announced(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(1..PREFIX_BYTES)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(length)).ok()
}

/// What stands around reflection and health. Cheap to clone; all clones share their places.
#[derive(Clone, Debug)]
pub struct Unauthenticated {
    streams: Places,
    trusted: TrustedProxies,
}

impl Unauthenticated {
    /// Bounds that count by the addresses that `trusted` proxies tell.
    pub fn new(trusted: TrustedProxies) -> Self {
        Self { streams: Places::new(STREAMS), trusted }
    }

    /// Bounds calls of gRPC health.
    pub async fn health(State(bounds): State<Self>, request: Request, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        match read_message(body, MESSAGE_BYTES).await {
            Ok(bytes) => bounds.bound(Request::from_parts(parts, Body::from(bytes)), next, None).await,
            Err(error) => Status::from(error).into_http(),
        }
    }

    /// Bounds reflection, whose service has to bound its messages by [`MESSAGE_BYTES`].
    pub async fn reflection(State(bounds): State<Self>, request: Request, next: Next) -> Response {
        bounds.bound(request, next, Some(REFLECTION)).await
    }

    async fn bound(&self, request: Request, next: Next, longest: Option<Duration>) -> Response {
        // Only tests have no address; they share one.
        let ip = Peer::of(&request, &self.trusted).ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let place = self.streams.take(counted_as(ip));
        let ends = ends(place.lost().clone(), longest);
        let mut bounded = Bounded { body: Body::empty(), ends: Some(ends), _place: place };
        let answer = next.run(request).await;
        answer.map(|body| {
            bounded.body = body;
            Body::new(bounded)
        })
    }
}

/// Ends with the status that ends a stream: when its place goes to another, or after its time.
fn ends(lost: tokio_util::sync::CancellationToken, longest: Option<Duration>) -> BoxFuture<'static, Status> {
    Box::pin(async move {
        let long = async {
            match longest {
                Some(longest) => tokio::time::sleep(longest).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = lost.cancelled() => Status::resource_exhausted("too many calls without credentials; this was the oldest"),
            () = long => Status::deadline_exceeded("a call without credentials may not take longer"),
        }
    })
}

/// The body of an answer that holds a place.
struct Bounded {
    body: Body,
    ends: Option<BoxFuture<'static, Status>>,
    _place: Place,
}

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(status) = self.ends.as_mut().map_or(Poll::Pending, |ends| ends.as_mut().poll(cx)) {
            // With the body goes the service's stream.
            (self.body, self.ends) = (Body::empty(), None);
            let mut trailers = HeaderMap::new();
            let _ = status.add_header(&mut trailers);
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::{Router, middleware::from_fn_with_state, routing::post};
    use http_body_util::StreamBody;
    use tower::ServiceExt as _;

    use super::*;

    /// A body of these pieces that then stays open for ever.
    fn open(pieces: &[&[u8]]) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
        let pieces = tokio_stream::StreamExt::chain(tokio_stream::iter(pieces), tokio_stream::pending());
        Body::new(StreamBody::new(tokio_stream::StreamExt::map(pieces, |piece| piece.map(Frame::data))))
    }

    #[tokio::test(start_paused = true)]
    async fn what_announces_too_much_is_refused_at_its_first_bytes_and_what_never_ends_within_seconds() {
        let kind = async |body| read_message(body, MESSAGE_BYTES).await.unwrap_err().kind();
        assert_eq!(kind(open(&[&[0, 0, 64, 0, 0]])).await, Kind::TooLarge);
        assert_eq!(kind(open(&[&[0, 0], &[0, 16, 1]])).await, Kind::TooLarge);
        assert_eq!(kind(open(&[&[0, 0, 0, 0, 8], &[1]])).await, Kind::Timeout);
        assert_eq!(kind(Body::from(vec![0; PREFIX_BYTES + MESSAGE_BYTES + 1])).await, Kind::TooLarge);
        assert_eq!(kind(Body::from(&[0, 0, 0, 0, 8, 1][..])).await, Kind::Invalid);
        let whole = [0, 0, 0, 0, 2, 8, 1];
        assert_eq!(read_message(Body::from(whole.to_vec()), MESSAGE_BYTES).await.unwrap(), whole.to_vec());
    }

    fn router(handler: impl Fn() -> Body + Clone + Send + Sync + 'static) -> Router {
        let bounds = Unauthenticated::new(TrustedProxies::default());
        let reflection = from_fn_with_state(bounds, Unauthenticated::reflection);
        Router::new().route("/", post(move || async move { handler() })).layer(reflection)
    }

    async fn begin(router: &Router) -> Body {
        router.clone().oneshot(Request::post("/").body(Body::empty()).unwrap()).await.unwrap().into_body()
    }

    async fn status(body: Body) -> tonic::Code {
        let trailers = body.collect().await.unwrap().trailers().cloned().unwrap();
        Status::from_header_map(&trailers).unwrap().code()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_stream_makes_room_for_a_new_one_and_none_lives_for_ever() {
        let router = router(|| open(&[]));
        let mut streams = Vec::new();
        for _ in 0..=STREAMS.per_address {
            streams.push(begin(&router).await);
        }
        assert_eq!(status(streams.remove(0)).await, tonic::Code::ResourceExhausted);
        assert_eq!(status(streams.remove(0)).await, tonic::Code::DeadlineExceeded);
    }
}
