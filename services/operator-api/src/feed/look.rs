//! The one task that queries the database for changes, for as long as somebody watches.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use homepot::model::Cursor;
use tokio::time::{Instant, sleep};

use super::{Change, Inner, News, Told};

/// However seldom it is nudged.
const FARTHEST: Duration = Duration::from_secs(1);
/// While nothing changes viewers are told how far they have seen this often.
const IDLE: Duration = Duration::from_secs(5);

/// Looks until the last viewer has left or the server stops.
pub(super) async fn run<T: Change>(inner: Arc<Inner<T>>, horizon: Cursor) {
    let mut told = Told::new(horizon);
    let mut told_at = Instant::now();
    while !is_over(&inner) {
        let number = inner.looks.fetch_add(1, Ordering::SeqCst) + 1;
        match inner.look(Some(told.since)).await {
            Ok(look) => {
                let changes = told.take(look);
                let mut horizon = inner.horizon();
                *horizon = Some(told.since);
                if changes.as_ref().is_none_or(|changes| !changes.is_empty()) || told_at.elapsed() >= IDLE {
                    told_at = Instant::now();
                    let bytes = changes.iter().flatten().map(|change| change.weight()).sum();
                    let news = changes.map(|changes| News { changes, cursor: told.since, number });
                    inner.news.tell(news, bytes);
                }
            }
            // What changed meanwhile is found by the next look.
            Err(error) => tracing::debug!(feed = inner.name, %error, "look for changes"),
        }
        sleep(T::CLOSEST).await;
        tokio::select! {
            () = sleep(FARTHEST.saturating_sub(T::CLOSEST)) => {}
            () = inner.nudged.notified() => {}
            () = inner.drain.wait() => {}
        }
    }
}

#[allow(clippy::cast_precision_loss)] // a count of viewers
fn is_over<T: Change>(inner: &Inner<T>) -> bool {
    let mut horizon = inner.horizon();
    let viewers = inner.news.viewers();
    metrics::gauge!("homepot_feed_viewers", "feed" => inner.name).set(viewers as f64);
    let over = viewers == 0 || inner.drain.started();
    if over {
        *horizon = None;
    }
    over
}
