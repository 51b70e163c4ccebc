//! One viewer: first what is, then what is new. Nothing is kept for a viewer that does not read, however many devices it
//! watches: when it reads again it gets the newest of each.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use homepot::{
    Error, Kind,
    model::{DeviceId, DeviceSelection, PageRequest, StoredSample, Weigh},
    pb::telemetry::v1 as pb,
};
use homepot_operator_api::feed::{PIECE_BYTES, Receiver};
use homepot_runtime::Drain;
use homepot_store::{Store, samples};
use tokio::sync::broadcast::{self, error::RecvError};
use tonic::Status;

use super::poller::News;

/// Samples in one message.
const PIECE: u32 = 500;
/// Bytes of samples that wait for a viewer. Beyond that they are dropped, and it starts over.
const WAITING_BYTES: usize = 16 << 20;
/// Looks of the poller in which may come again what the first look brought.
const ECHOES: u32 = 3;

/// See the [module](self).
pub(super) struct Viewer {
    store: Store,
    selection: DeviceSelection,
    news: Receiver<News>,
    drain: Drain,
    state: State,
    /// What is to be sent next, each device once.
    waiting: VecDeque<Arc<StoredSample>>,
}

enum State {
    /// Brings what is the newest, page by page; `after` the page before.
    Catching {
        after: Option<String>,
        first: bool,
        sent: HashMap<DeviceId, DateTime<Utc>>,
    },
    /// Brings news, but for the echoes of what was sent already.
    Following {
        sent: HashMap<DeviceId, DateTime<Utc>>,
        echoes: u32,
    },
    Ended,
}

impl Viewer {
    pub(super) fn new(store: Store, selection: DeviceSelection, news: Receiver<News>, drain: Drain) -> Self {
        Self {
            store,
            selection,
            news,
            drain,
            state: State::Catching { after: None, first: true, sent: HashMap::new() },
            waiting: VecDeque::new(),
        }
    }

    /// The next message; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Result<pb::WatchResponse, Status>> {
        if matches!(self.state, State::Ended) {
            return None;
        }
        let next = self.find_next().await;
        if next.is_err() {
            self.state = State::Ended;
        }
        Some(next.map(|samples| pb::WatchResponse { samples }).map_err(Status::from))
    }

    async fn find_next(&mut self) -> Result<Vec<pb::DeviceSample>, Error> {
        loop {
            if self.drain.started() {
                return Err(stopping());
            }
            if !self.waiting.is_empty() {
                return Ok(self.piece());
            }
            if let Some(page) = self.catch_up().await? {
                return Ok(page);
            }
            self.await_news().await?;
        }
    }

    /// As much of what waits as fits one message.
    fn piece(&mut self) -> Vec<pb::DeviceSample> {
        let mut bytes = 0;
        let fits = self.waiting.iter().take(PIECE as usize).take_while(|stored| {
            bytes += stored.weight();
            bytes <= PIECE_BYTES
        });
        let count = fits.count().max(1).min(self.waiting.len());
        self.waiting.drain(..count).map(|stored| StoredSample::clone(&stored).into()).collect()
    }

    /// While it catches up: the next page, if it holds anything or is the first.
    async fn catch_up(&mut self) -> Result<Option<Vec<pb::DeviceSample>>, Error> {
        let State::Catching { after, first, sent } = &mut self.state else { return Ok(None) };
        let (selection, request) = (self.selection.clone(), PageRequest { size: PIECE, after: after.take() });
        let page = self.store.run("watch_latest", move |conn| samples::latest(conn, &selection, &request)).await?;
        sent.extend(page.items.iter().map(|stored| (stored.device_id.clone(), stored.sample.collected_at)));
        let is_first = std::mem::take(first);
        match page.next {
            Some(next) => *after = Some(next),
            None => self.state = State::Following { sent: std::mem::take(sent), echoes: ECHOES },
        }
        let samples: Vec<_> = page.items.into_iter().map(Into::into).collect();
        Ok((is_first || !samples.is_empty()).then_some(samples))
    }

    /// Waits for news, or the end.
    async fn await_news(&mut self) -> Result<(), Error> {
        let news = tokio::select! {
            () = self.drain.wait() => return Ok(()),
            news = self.news.recv() => news,
        };
        let mut lagged = matches!(news, Err(RecvError::Lagged(_)));
        // All that waits is taken at once: who reads slowly gets the newest of each device only.
        let mut newest = BTreeMap::new();
        let mut looks = 0;
        let (mut next, mut bytes) = (news.ok(), 0);
        while let Some(entry) = next.take() {
            looks += 1;
            let Some(news) = entry.get() else {
                lagged = true;
                break;
            };
            bytes += news.iter().filter(|stored| self.sees(stored)).map(|stored| stored.weight()).sum::<usize>();
            if bytes > WAITING_BYTES {
                lagged = true;
                break;
            }
            let own = news.iter().filter(|stored| self.sees(stored));
            newest.extend(own.map(|stored| (stored.device_id.clone(), stored.clone())));
            next = match self.news.try_recv() {
                Ok(news) => Some(news),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {
                    lagged = true;
                    None
                }
                Err(_) => None,
            };
        }
        if lagged {
            // Some news are gone. What is the newest now is in the store; older news that still wait are echoes of it.
            metrics::counter!("homepot_watch_lagged_total").increment(1);
            self.news = self.news.resubscribe();
            self.state = State::Catching { after: None, first: false, sent: HashMap::new() };
            return Ok(());
        }
        if let State::Following { sent, echoes } = &mut self.state {
            newest
                .retain(|device_id, stored| sent.get(device_id).is_none_or(|sent| *sent < stored.sample.collected_at));
            *echoes = echoes.saturating_sub(looks);
            if *echoes == 0 {
                *sent = HashMap::new();
            }
        }
        self.waiting.extend(newest.into_values());
        Ok(())
    }

    fn sees(&self, stored: &StoredSample) -> bool {
        self.selection.includes(&stored.site_id, stored.source, &stored.device_id)
    }
}

fn stopping() -> Error {
    Error::new(Kind::Unavailable, "the server is stopping").retry_after(Duration::from_secs(1))
}
