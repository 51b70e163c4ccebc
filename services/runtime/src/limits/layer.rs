//! The limits of calls, by what the contract says they cost.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use homepot::{
    Error,
    cost::{Cost, cost},
};
use http::{Request, Response};
use tonic::{Status, body::Body};

use super::{
    Quota, Quotas, Rate, Share, Shares,
    body::{Counted, hold},
};
use crate::auth::{DeviceCaller, OperatorCaller};

/// Answers of up to a page that are made or sent at once: with a MiB on the wire and a few in memory for each.
const ANSWERS: usize = 64;
/// Reports at once.
const REPORTS: usize = 4;
/// Reports of one operator.
const REPORTS_PER_OPERATOR: usize = 2;
/// Queries at once.
const QUERIES: usize = 32;
/// Queries of one operator.
const QUERIES_PER_OPERATOR: usize = 8;
/// Short calls of operators at once.
const CALLS: usize = 1_024;
/// Short calls of one operator: two transactions that are shared by as many as may share one.
const CALLS_PER_OPERATOR: usize = 512;
/// Calls of devices at once, besides their streams.
const DEVICE_CALLS: usize = 1_024;
/// Calls of one device.
const CALLS_PER_DEVICE: usize = 8;
/// Parts of files that are sent to devices at once: up to 256 KiB each.
const TRANSFERS: usize = 256;
/// Parts that are sent to one device at once. It fetches one after the other; the second is for one whose connection broke.
const TRANSFERS_PER_DEVICE: usize = 2;
/// How long a call waits for its turn. Less than callers wait for an answer, so that they are told which limit it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Write quotas of callers, and the number of watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// What each device may write; `None`: as much as it likes.
    pub device: Option<Rate>,
    /// What each operator may write; `None`: as much as it likes.
    pub operator: Option<Rate>,
    /// Watches of all operators.
    pub watches: usize,
    /// Watches of one operator.
    pub watches_per_operator: usize,
}

/// What callers may take of this process. Clones share everything.
#[derive(Clone)]
pub struct Limits {
    inner: Arc<Inner>,
}

struct Inner {
    devices: Quotas<i64>,
    operators: Quotas<String>,
    device_calls: Shares,
    transfers: Shares,
    calls: Shares,
    answers: Shares,
    reports: Shares,
    queries: Shares,
    watches: Shares,
}

impl Limits {
    /// Limits as `settings` say.
    pub fn new(settings: LimitSettings) -> Self {
        let inner = Inner {
            devices: Quotas::new(settings.device),
            operators: Quotas::new(settings.operator),
            device_calls: Shares::new("device calls", DEVICE_CALLS, CALLS_PER_DEVICE),
            transfers: Shares::new("transfers", TRANSFERS, TRANSFERS_PER_DEVICE),
            calls: Shares::new("calls", CALLS, CALLS_PER_OPERATOR),
            answers: Shares::new("answers", ANSWERS, ANSWERS),
            reports: Shares::new("reports", REPORTS, REPORTS_PER_OPERATOR),
            queries: Shares::new("queries", QUERIES, QUERIES_PER_OPERATOR),
            watches: Shares::new("watches", settings.watches, settings.watches_per_operator),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Lets a call in, or says which limit it reached. Returns what must be held until the call is over.
    async fn admit(&self, request: &mut Request<Body>) -> Result<Vec<Share>, Error> {
        let cost = cost(request.uri().path());
        let inner = &self.inner;
        if let Some(device) = request.extensions().get::<DeviceCaller>() {
            let (pk, device_id) = (device.pk, device.device_id.to_string());
            if matches!(cost, Cost::Write | Cost::Session)
                && let Some(quota) = inner.devices.of(&pk)
            {
                count(request, quota, cost, || format!("device {device_id}"))?;
            }
            return match cost {
                Cost::Session => Ok(Vec::new()),
                Cost::Transfer => Ok(vec![inner.transfers.take(&device_id, PATIENCE).await?]),
                _ => Ok(vec![inner.device_calls.take(&device_id, PATIENCE).await?]),
            };
        }
        let Some(operator) = request.extensions().get::<OperatorCaller>() else { return Ok(Vec::new()) };
        let name = operator.name.as_str().to_owned();
        if cost == Cost::Write
            && let Some(quota) = inner.operators.of(&name)
        {
            count(request, quota, cost, || format!("operator {name}"))?;
        }
        Ok(match cost {
            Cost::Control | Cost::Session | Cost::Transfer => Vec::new(),
            Cost::Small | Cost::Write => vec![inner.calls.take(&name, PATIENCE).await?],
            Cost::Page => vec![inner.answers.take(&name, PATIENCE).await?],
            Cost::Report => {
                vec![inner.reports.take(&name, PATIENCE).await?, inner.answers.take(&name, PATIENCE).await?]
            }
            Cost::Series => vec![inner.queries.take(&name, PATIENCE).await?],
            Cost::Watch => vec![inner.watches.try_take(&name)?],
        })
    }
}

/// Has what a call carries counted, and lets its handler count what else it causes. A call is refused when nothing is left;
/// a stream is only slowed down, so that the device loses nothing.
fn count(request: &mut Request<Body>, quota: Quota, cost: Cost, whose: impl FnOnce() -> String) -> Result<(), Error> {
    let is_stream = cost == Cost::Session;
    if !is_stream {
        quota.check(whose)?;
        quota.count_call();
    }
    let body = std::mem::replace(request.body_mut(), Body::empty());
    *request.body_mut() = Body::new(Counted::new(body, quota.clone(), is_stream));
    request.extensions_mut().insert(quota);
    Ok(())
}

/// Puts [`Limits`] around services, inside the auth layer, which identifies the caller.
#[derive(Clone)]
pub struct LimitLayer(Limits);

impl LimitLayer {
    /// A layer of `limits`.
    pub fn new(limits: Limits) -> Self {
        Self(limits)
    }
}

impl<S> tower::Layer<S> for LimitLayer {
    type Service = LimitService<S>;

    fn layer(&self, inner: S) -> LimitService<S> {
        LimitService { limits: self.0.clone(), inner }
    }
}

/// A service with limits.
#[derive(Clone)]
pub struct LimitService<S> {
    limits: Limits,
    inner: S,
}

impl<S> tower::Service<Request<Body>> for LimitService<S>
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
        let limits = self.limits.clone();
        // The one that was polled ready goes with the call; its clone stays.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            let held = match limits.admit(&mut request).await {
                Ok(held) => held,
                Err(error) => {
                    tracing::debug!(path = request.uri().path(), %error, "call refused by a limit");
                    return Ok(Status::from(error).into_http());
                }
            };
            let response = inner.call(request).await?;
            Ok(if held.is_empty() { response } else { response.map(|body| Body::new(hold(body, held))) })
        })
    }
}

#[cfg(test)]
mod tests {
    use homepot::model::{DeviceId, DeviceSource, OperatorName, Role, SiteId, SiteScope};
    use http_body_util::BodyExt as _;
    use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

    use super::*;

    const LIST: &str = "/homepot.command.v1.CommandService/List";
    const QUEUE: &str = "/homepot.command.v1.CommandService/Queue";
    const CANCEL: &str = "/homepot.command.v1.CommandService/Cancel";
    const WATCH: &str = "/homepot.command.v1.CommandService/Watch";
    const REPORT_SAMPLES: &str = "/homepot.device.v1.DeviceService/ReportSamples";

    const RATE: Rate = Rate { per_second: 1, burst: 2_000 };

    async fn call(limits: &Limits, path: &str, caller: impl Clone + Send + Sync + 'static) -> Response<Body> {
        let read_all = service_fn(|request: Request<Body>| async move {
            let _ = request.into_body().collect().await;
            Ok::<_, std::convert::Infallible>(Response::new(Body::new(http_body_util::Full::from("answer"))))
        });
        let mut request = Request::new(Body::new(http_body_util::Full::from(vec![b'x'; 900])));
        *request.uri_mut() = path.parse().unwrap();
        request.extensions_mut().insert(caller);
        let mut service = LimitLayer::new(limits.clone()).layer(read_all);
        service.ready().await.unwrap().call(request).await.unwrap()
    }

    fn operator(name: &str) -> OperatorCaller {
        OperatorCaller {
            name: OperatorName::parse(name).unwrap(),
            role: Role::Viewer,
            scope: SiteScope::All,
            token_id: "hpo_x".into(),
            credential: Default::default(),
        }
    }

    fn device(pk: i64) -> DeviceCaller {
        DeviceCaller {
            pk,
            device_id: DeviceId::parse("till-7").unwrap(),
            site_id: SiteId::parse("site").unwrap(),
            source: DeviceSource::Real,
            credential_version: 1,
            key_id: "hpd_x".into(),
            ticket: String::new(),
            proof_key: None,
        }
    }

    fn limits(rate: Option<Rate>, watches_per_operator: usize) -> Limits {
        Limits::new(LimitSettings { device: rate, operator: rate, watches: 10, watches_per_operator })
    }

    fn refusal(response: &Response<Body>) -> Option<String> {
        let status = Status::from_header_map(response.headers())?;
        (status.code() == tonic::Code::ResourceExhausted).then(|| status.message().to_owned())
    }

    #[tokio::test]
    async fn a_loud_writer_is_refused_by_name_and_nobody_else_is() {
        let limits = limits(Some(RATE), 10);
        let mut calls = 0;
        let told = loop {
            calls += 1;
            if let Some(told) = refusal(&call(&limits, QUEUE, operator("loud")).await) {
                break told;
            }
        };
        assert_eq!(calls, 3, "two calls of 900 bytes and what a call counts for");
        assert!(told.contains("write quota of operator loud"), "{told}");
        assert_eq!(refusal(&call(&limits, QUEUE, operator("quiet")).await), None);
        assert_eq!(refusal(&call(&limits, CANCEL, operator("loud")).await), None, "what takes back is never kept out");
        for _ in 0..2 {
            assert_eq!(refusal(&call(&limits, REPORT_SAMPLES, device(1)).await), None);
        }
        let told = refusal(&call(&limits, REPORT_SAMPLES, device(1)).await).unwrap();
        assert!(told.contains("write quota of device till-7"), "{told}");
        assert_eq!(refusal(&call(&limits, REPORT_SAMPLES, device(2)).await), None);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_nobody_reads_keep_only_their_own_caller_waiting() {
        let limits = limits(None, 3);
        let mut unread = Vec::new();
        let told = loop {
            let response = call(&limits, LIST, operator("loud")).await;
            if let Some(told) = refusal(&response) {
                break told;
            }
            unread.push(response);
        };
        assert_eq!(unread.len(), ANSWERS / 2);
        assert!(told.contains("too many answers"), "{told}");
        assert_eq!(refusal(&call(&limits, LIST, operator("quiet")).await), None);
        drop(unread);
        assert_eq!(refusal(&call(&limits, LIST, operator("loud")).await), None);
    }

    #[tokio::test]
    async fn one_operator_does_not_take_all_places_of_watches() {
        let limits = limits(None, 3);
        let mut open = Vec::new();
        for _ in 0..3 {
            let response = call(&limits, WATCH, operator("loud")).await;
            assert_eq!(refusal(&response), None);
            open.push(response);
        }
        let told = refusal(&call(&limits, WATCH, operator("loud")).await).unwrap();
        assert!(told.contains("too many watches") && told.contains("3 at once"), "{told}");
        assert_eq!(refusal(&call(&limits, WATCH, operator("quiet")).await), None);
    }
}
