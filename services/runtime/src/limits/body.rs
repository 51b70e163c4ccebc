//! Bodies that are counted on their way in, and those that hold something until they are sent.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::Quota;

/// The longest pause of a stream whose quota is used up, before it is looked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A body that drops `held` once it was sent or given up.
pub fn hold<B, H>(body: B, held: H) -> impl Body<Data = B::Data, Error = B::Error> + Send + 'static
where
    B: Body + Unpin + Send + 'static,
    H: Send + Unpin + 'static,
{
    Holding { body, _held: held }
}

struct Holding<B, H> {
    body: B,
    _held: H,
}

impl<B: Body + Unpin, H: Unpin> Body for Holding<B, H> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that counts what it carries; one of a stream also waits while the quota is used up. Nothing is read meanwhile,
/// so that flow control makes the sender keep what it has.
pub(super) struct Counted<B> {
    body: B,
    quota: Quota,
    waits: bool,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<B> Counted<B> {
    pub(super) fn new(body: B, quota: Quota, waits: bool) -> Self {
        Self { body, quota, waits, pause: None }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        while this.waits {
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(context));
                this.pause = None;
            }
            let Some(wait) = this.quota.wait() else { break };
            metrics::counter!("homepot_limits_pauses_total").increment(1);
            this.pause = Some(Box::pin(sleep(wait.min(LONGEST_PAUSE))));
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            this.quota.count(data.len());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full, StreamBody};

    use super::*;
    use crate::limits::{Quotas, Rate, Shares};

    #[tokio::test]
    async fn what_is_held_is_given_back_when_the_body_is_sent() {
        let shares = Shares::new("answers", 2, 1);
        let body = hold(Full::new(Bytes::from_static(b"x")), shares.try_take("one").unwrap());
        assert!(shares.try_take("one").is_err());
        body.collect().await.unwrap();
        assert!(shares.try_take("one").is_ok());
    }

    #[tokio::test]
    async fn a_stream_waits_for_its_quota_and_loses_nothing() {
        let quota = Quotas::new(Some(Rate { per_second: 10_000, burst: 1_000 })).of(&1).unwrap();
        let frames = (0..5).map(|_| Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![0; 1_000]))));
        let began = std::time::Instant::now();
        let body = Counted::new(StreamBody::new(futures_util::stream::iter(frames)), quota, true);
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 5_000);
        // The last frame has to wait until 3,000 bytes have been earned.
        assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    }
}
