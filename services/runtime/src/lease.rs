//! Ends long-lived answers with the operator's token: an answer such as a watch ends within two seconds after the
//! token, whichever replica ended the token and whatever the service behind does.
//!
//! The door wraps each answer to an operator. An answer that does not end with its first message takes a lease. Once a
//! second, one query checks for all leases whether their tokens are still valid for the role and the sites they were
//! accepted with.

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use homepot::{Error, Kind};
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, oneshot};
use tonic::{Status, body::Body};

use crate::auth::{Authenticator, BAD_OPERATOR, OperatorCaller};

/// How often it is asked whose tokens are still good.
const EVERY: Duration = Duration::from_secs(1);

/// The leases of a process. Clones share them.
#[derive(Clone)]
pub(crate) struct Leases(Arc<Inner>);

struct Inner {
    authenticator: Arc<dyn Authenticator>,
    held: Mutex<Held>,
    came: Notify,
}

#[derive(Default)]
struct Held {
    next: u64,
    by_number: HashMap<u64, (OperatorCaller, oneshot::Sender<()>)>,
}

impl Leases {
    /// Starts the task that asks; it ends with the last clone and the last lease.
    pub(crate) fn start(authenticator: Arc<dyn Authenticator>) -> Self {
        let inner = Arc::new(Inner { authenticator, held: Mutex::default(), came: Notify::new() });
        tokio::spawn(keep(Arc::downgrade(&inner)));
        Self(inner)
    }

    /// `body`, for as long as `caller` may do what it was let in for.
    pub(crate) fn wrap(&self, caller: OperatorCaller, body: Body) -> Body {
        Body::new(Leased { body, messages: 0, state: State::New(self.clone(), caller) })
    }

    fn take(&self, caller: OperatorCaller) -> Lease {
        let (end, ended) = oneshot::channel();
        let mut held = self.0.lock();
        held.next += 1;
        let number = held.next;
        held.by_number.insert(number, (caller, end));
        drop(held);
        self.0.came.notify_one();
        Lease { leases: self.clone(), number, ended }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock()
    }

    async fn check(&self) {
        let token_ids: HashSet<_> = self.lock().by_number.values().map(|(caller, _)| caller.token_id.clone()).collect();
        if token_ids.is_empty() {
            return;
        }
        // Where nobody can tell, the answers go on: what they show is read from the same database.
        let good = match self.authenticator.good_operators(token_ids.iter().cloned().collect()).await {
            Ok(good) => good,
            Err(error) => return tracing::warn!(%error, "ask whose tokens are still good"),
        };
        let good: HashMap<_, _> = good.into_iter().map(|now| (now.token_id.clone(), now)).collect();
        let mut held = self.lock();
        let is_over = |(_, (then, _)): &(&u64, &(OperatorCaller, oneshot::Sender<()>))| {
            let now = good.get(&then.token_id);
            // One that came after the question was not asked about.
            token_ids.contains(&then.token_id) && now.is_none_or(|now| now.role != then.role || now.scope != then.scope)
        };
        let over: Vec<_> = held.by_number.iter().filter(is_over).map(|(number, _)| *number).collect();
        for number in over {
            if let Some((caller, end)) = held.by_number.remove(&number) {
                tracing::info!(operator = %caller.name, token_id = %caller.token_id, "an answer ended with its token");
                let _ = end.send(());
            }
        }
    }
}

async fn keep(leases: Weak<Inner>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(inner) = leases.upgrade() else { return };
        if inner.lock().by_number.is_empty() {
            inner.came.notified().await;
        }
        inner.check().await;
    }
}

struct Lease {
    leases: Leases,
    number: u64,
    ended: oneshot::Receiver<()>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.0.lock().by_number.remove(&self.number);
    }
}

/// An operator's answer.
struct Leased {
    body: Body,
    messages: u32,
    state: State,
}

enum State {
    /// It may well be over at once.
    New(Leases, OperatorCaller),
    /// It goes on.
    Held(Lease),
    /// Nothing more is to come.
    Over,
}

impl Leased {
    fn hold(&mut self) {
        if let State::New(leases, caller) = &self.state {
            let lease = leases.take(caller.clone());
            self.state = State::Held(lease);
        }
    }

    /// Whether the lease has ended; wakes up when it does.
    fn has_ended(&mut self, context: &mut Context<'_>) -> bool {
        match &mut self.state {
            State::Held(lease) => lease.ended.poll_unpin(context).is_ready(),
            _ => false,
        }
    }
}

impl http_body::Body for Leased {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if matches!(this.state, State::Over) {
            return Poll::Ready(None);
        }
        if this.has_ended(context) {
            this.state = State::Over;
            return Poll::Ready(Some(Ok(Frame::trailers(refusal()))));
        }
        let polled = Pin::new(&mut this.body).poll_frame(context);
        match &polled {
            Poll::Pending => {
                this.hold();
                if this.has_ended(context) {
                    this.state = State::Over;
                    return Poll::Ready(Some(Ok(Frame::trailers(refusal()))));
                }
            }
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                this.messages = this.messages.saturating_add(1);
                if this.messages > 1 {
                    this.hold();
                }
            }
            // Its end.
            Poll::Ready(_) => this.state = State::Over,
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Over) || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // The end may come before what the service meant to send.
        if self.body.is_end_stream() { self.body.size_hint() } else { SizeHint::default() }
    }
}

fn refusal() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    let status = Status::from(Error::new(Kind::Unauthenticated, BAD_OPERATOR));
    if let Err(error) = status.add_header(&mut trailers) {
        tracing::error!(%error, "write the end of an answer");
    }
    trailers
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;
    use homepot::model::{OperatorName, Role, SiteScope};
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;
    use crate::{
        auth::{DeviceCaller, DeviceCredentials, OperatorCredentials},
        peer::Peer,
    };

    /// Who is still good, and how often that was asked.
    #[derive(Default)]
    struct Register(Mutex<(Vec<OperatorCaller>, u32)>);

    impl Authenticator for Register {
        fn device(&self, _: DeviceCredentials, _: Peer) -> BoxFuture<'_, Result<DeviceCaller, Error>> {
            unreachable!("no device calls")
        }

        fn operator(&self, _: OperatorCredentials, _: Peer) -> BoxFuture<'_, Result<OperatorCaller, Error>> {
            unreachable!("nobody comes through the door")
        }

        fn good_operators(&self, _: Vec<Arc<str>>) -> BoxFuture<'_, Result<Vec<OperatorCaller>, Error>> {
            let mut register = self.0.lock();
            register.1 += 1;
            let good = register.0.clone();
            Box::pin(async move { Ok(good) })
        }
    }

    fn caller(token_id: &str) -> OperatorCaller {
        let name = OperatorName::parse("eve").unwrap();
        let credential = Default::default();
        OperatorCaller { name, role: Role::Admin, scope: SiteScope::All, token_id: token_id.into(), credential }
    }

    /// An answer that has one message and then goes on without another.
    fn endless() -> Body {
        let first = Ok::<_, Status>(Frame::data(Bytes::from_static(b"first")));
        let rest = futures_util::stream::pending();
        Body::new(StreamBody::new(futures_util::StreamExt::chain(futures_util::stream::iter([first]), rest)))
    }

    async fn ends_unauthenticated(mut body: Body) {
        let end = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(Status::from_header_map(&end).unwrap().code(), tonic::Code::Unauthenticated);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_goes_on_ends_within_two_seconds_of_its_token_and_others_stay() {
        let register = Arc::new(Register::default());
        register.0.lock().0 = vec![caller("a"), caller("b"), caller("c")];
        let leases = Leases::start(register.clone());
        let mut answers = ["a", "b", "c"].map(|id| leases.wrap(caller(id), endless()));
        for answer in &mut answers {
            assert!(answer.frame().await.unwrap().unwrap().is_data());
        }
        let [a, mut b, c] = answers;
        let (a, c) = (tokio::spawn(ends_unauthenticated(a)), tokio::spawn(ends_unauthenticated(c)));
        assert!(tokio::time::timeout(Duration::from_secs(60), b.frame()).await.is_err());
        assert!(!a.is_finished() && !c.is_finished());
        let narrower = OperatorCaller { role: Role::Viewer, ..caller("c") };
        register.0.lock().0 = vec![caller("b"), narrower];
        let began = tokio::time::Instant::now();
        a.await.unwrap();
        c.await.unwrap();
        assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(tokio::time::timeout(Duration::from_secs(60), b.frame()).await.is_err(), "b is good");
        drop(b);
        assert!(leases.0.lock().by_number.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_one_message_takes_no_lease() {
        let register = Arc::new(Register::default());
        let leases = Leases::start(register.clone());
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let frames = [Frame::data(Bytes::from_static(b"all")), Frame::trailers(trailers)].map(Ok::<_, Status>);
        let answer = leases.wrap(caller("a"), Body::new(StreamBody::new(futures_util::stream::iter(frames))));
        let all = answer.collect().await.unwrap();
        assert_eq!(all.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(all.to_bytes(), "all");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!((leases.0.lock().next, register.0.lock().1), (0, 0));
    }
}
