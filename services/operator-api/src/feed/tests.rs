use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use homepot::{
    Kind,
    model::{Cursor, Page},
};
use homepot_runtime::Drain;
use tokio::time::{Instant, sleep};

use super::{
    Feed, Look, Piece, View,
    model::{Database, Row},
};

fn keys(piece: &Piece<Row>) -> Vec<u8> {
    piece.changes.iter().map(|row| row.key).collect()
}

#[tokio::test(start_paused = true)]
async fn a_viewer_gets_what_is_there_then_what_changes_and_nothing_twice() {
    let database = Database::new();
    let feed = database.feed(Duration::ZERO, Drain::new());
    let mut empty = Box::pin(feed.view(database.view(None)).await.unwrap());
    let first = empty.next().await.unwrap().unwrap();
    assert!(first.changes.is_empty() && first.cursor.is_some());
    database.write(1);
    feed.nudge();
    assert_eq!(keys(&empty.next().await.unwrap().unwrap()), [1]);
    let mut later = Box::pin(feed.view(database.view(None)).await.unwrap());
    assert_eq!(keys(&later.next().await.unwrap().unwrap()), [1]);
    database.write(2);
    assert_eq!(keys(&later.next().await.unwrap().unwrap()), [2]);
    assert_eq!(keys(&empty.next().await.unwrap().unwrap()), [2]);
    // Nothing but the sign of life.
    assert!(later.next().await.unwrap().unwrap().changes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_nudge_is_looked_after_at_once_and_many_make_few_looks() {
    let database = Database::new();
    let feed = database.feed(Duration::ZERO, Drain::new());
    let mut view = Box::pin(feed.view(database.view(None)).await.unwrap());
    view.next().await.unwrap().unwrap();
    // Into the pause between two looks.
    sleep(Duration::from_millis(100)).await;
    let (looks, asked) = (database.looks(), Instant::now());
    database.write(1);
    for _ in 0..100 {
        feed.nudge();
    }
    assert_eq!(keys(&view.next().await.unwrap().unwrap()), [1]);
    assert!(asked.elapsed() < Duration::from_millis(50), "in the time of the test's clock");
    sleep(Duration::from_millis(500)).await;
    // One more for those that came after the first had woken it.
    assert!(database.looks() <= looks + 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_looks_while_nobody_watches() {
    let database = Database::new();
    let feed = database.feed(Duration::ZERO, Drain::new());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(database.looks(), 0);
    let mut view = Box::pin(feed.view(database.view(None)).await.unwrap());
    view.next().await.unwrap().unwrap();
    sleep(Duration::from_secs(10)).await;
    assert!(database.looks() >= 10);
    drop(view);
    sleep(Duration::from_secs(2)).await;
    let looks = database.looks();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(database.looks(), looks);
    // And it begins again.
    let mut view = Box::pin(feed.view(database.view(None)).await.unwrap());
    view.next().await.unwrap().unwrap();
    database.write(3);
    assert_eq!(keys(&view.next().await.unwrap().unwrap()), [3]);
}

#[tokio::test(start_paused = true)]
async fn while_nothing_changes_a_viewer_is_told_how_far_it_has_seen() {
    let database = Database::new();
    let feed = database.feed(Duration::ZERO, Drain::new());
    let mut view = Box::pin(feed.view(database.view(None)).await.unwrap());
    let first = view.next().await.unwrap().unwrap();
    let sign = view.next().await.unwrap().unwrap();
    let next = view.next().await.unwrap().unwrap();
    assert!(sign.changes.is_empty() && first.cursor < sign.cursor && sign.cursor < next.cursor);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_of_a_server_that_stops_is_told_so() {
    let database = Database::new();
    let drain = Drain::new();
    let feed = database.feed(Duration::ZERO, drain.clone());
    let mut viewer = Box::pin(feed.view(database.view(None)).await.unwrap());
    viewer.next().await.unwrap().unwrap();
    drain.start();
    let error = viewer.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.retry_delay().is_some()), (Kind::Unavailable, true));
    assert!(viewer.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn changes_that_are_more_than_a_look_may_bring_are_read_by_each_viewer() {
    let database = Database::new();
    let looking = database.clone();
    let look = move |since: Option<Cursor>| {
        let look = Look { changes: since.is_none().then(Vec::new), horizon: looking.horizon() };
        async move { Ok(look) }.boxed()
    };
    let feed = Feed::new("test", look, Drain::new());
    let mut view = Box::pin(feed.view(database.view(None)).await.unwrap());
    assert!(view.next().await.unwrap().unwrap().changes.is_empty());
    database.write(1);
    let piece = loop {
        let piece = view.next().await.unwrap().unwrap();
        if !piece.changes.is_empty() {
            break piece;
        }
    };
    assert_eq!(keys(&piece), [1]);
}

#[tokio::test(start_paused = true)]
async fn news_that_weigh_more_than_may_wait_are_read_from_the_database() {
    let database = Database::new();
    let looking = database.clone();
    let look = move |since: Option<Cursor>| {
        let rows = since.map(|since| looking.since(since)).unwrap_or_default();
        let heavy = rows.into_iter().map(|row| Row { weight: 900 * 1024, version: 100, ..row }).collect();
        let look = Look { changes: Some(heavy), horizon: looking.horizon() };
        async move { Ok(look) }.boxed()
    };
    let feed = Feed::new("test", look, Drain::new());
    let mut view = Box::pin(feed.view(database.view(None)).await.unwrap());
    view.next().await.unwrap().unwrap();
    database.write(1);
    database.write(2);
    let mut told = Vec::new();
    while told.len() < 2 {
        told.extend(view.next().await.unwrap().unwrap().changes.iter().map(|row| (row.key, row.version)));
    }
    assert_eq!(told, [(1, 1), (2, 1)], "as the database has them, not as the news had");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_of_bounded_size_and_only_the_last_of_several_moves_the_cursor() {
    let database = Database::new();
    let feed = database.feed(Duration::ZERO, Drain::new());
    let now = database.now();
    let since = Cursor(now - chrono::TimeDelta::minutes(1));
    let view = View {
        since: Some(since),
        catch_up: Box::new(move |_, _| {
            let row = |key| Row { key, version: 1, changed_at: now, weight: 100 * 1024 };
            let huge = Row { weight: 10_000_000, ..row(9) };
            let items = (0..4).map(row).chain([huge]).collect();
            async move { Ok(Page { items, next: None }) }.boxed()
        }),
        ..database.view(None)
    };
    let mut view = Box::pin(feed.view(view).await.unwrap());
    let mut pieces = Vec::new();
    for _ in 0..3 {
        pieces.push(view.next().await.unwrap().unwrap());
    }
    assert_eq!(pieces.iter().map(keys).collect::<Vec<_>>(), [vec![0, 1], vec![2, 3], vec![9]]);
    assert_eq!(pieces[1].cursor, Some(since));
    assert!(pieces[2].cursor > Some(since));
}

#[tokio::test(start_paused = true)]
async fn who_reads_slowly_gets_the_newest_of_each_and_misses_none_when_news_were_lost() {
    let database = Database::new();
    let feed = database.feed(Duration::ZERO, Drain::new());
    let mut view = Box::pin(feed.view(database.view(None)).await.unwrap());
    view.next().await.unwrap().unwrap();
    // Two looks: within the backlog. Then many more: beyond it.
    for (rounds, versions) in [(2, [2, 2]), (20, [22, 22])] {
        for _ in 0..rounds {
            database.write(1);
            database.write(2);
            feed.nudge();
            sleep(Duration::from_secs(1)).await;
        }
        let mut told = Vec::new();
        while told.len() < 2 {
            let piece = view.next().await.unwrap().unwrap();
            told.extend(piece.changes.iter().map(|row| row.version));
        }
        assert_eq!(told, versions);
    }
}
