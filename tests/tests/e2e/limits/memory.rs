//! Answers and watches that nobody reads cost bounded memory, and only whoever asked for them.

use homepot::pb::{command::v1 as pb, registry::v1::Role};
use homepot_tests::{Server, eventually, grpc::Caller, rest::Request};
use tonic::{Code, Streaming};

use super::{queue, resident};

/// Watches of one operator, as documented.
const WATCHES_PER_OPERATOR: usize = 100;
const TRIED: usize = 150;
/// What all of it may cost the server, in KiB.
const MEMORY: u64 = 300 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_nobody_reads_are_few_and_cheap_and_leave_places_to_others() {
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    server.enroll("site-001", "till").await;
    let command_ids = queue(&server, "till", 20, 60_000).await;
    let viewer = server.create_operator("loud", Role::Viewer, &[]).await;
    let before = resident(&server);

    let (mut unread, mut refused): (Vec<Streaming<pb::WatchResponse>>, Vec<_>) = (Vec::new(), Vec::new());
    let loud = Caller::Operator(viewer.clone());
    for _ in 0..TRIED {
        let request = pb::WatchRequest { command_ids: command_ids.clone(), ..Default::default() };
        // A connection of its own, so that its window is its own too.
        match server.clients(&loud).command.watch(request).await {
            Ok(watch) => unread.push(watch.into_inner()),
            Err(status) => refused.push(status),
        }
    }
    assert_eq!((unread.len(), refused.len()), (WATCHES_PER_OPERATOR, TRIED - WATCHES_PER_OPERATOR));
    for status in &refused {
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("too many watches"), "{}", status.message());
    }
    let grew = resident(&server).saturating_sub(before);
    assert!(grew < MEMORY, "{} MiB for {} watches", grew / 1024, unread.len());

    // By REST it is the same limit.
    let request = Request::get("/api/v2/watch/devices").bearer(&viewer);
    let answer = server.rest(request).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert!(answer.text().contains("too many watches"), "{}", answer.text());

    // Another one finds a place at once, and so does this one once a watch has ended.
    let request = pb::WatchRequest { command_ids: command_ids.clone(), ..Default::default() };
    let mut news = server.admin().command.watch(request.clone()).await.unwrap().into_inner();
    assert!(!news.message().await.unwrap().unwrap().commands.is_empty());
    unread.pop();
    eventually("a place that was given back", async || server.clients(&loud).command.watch(request.clone()).await.ok())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_lists_at_once_cost_bounded_memory() {
    let server = Server::start().await;
    server.create_site("site-001", false).await;
    server.enroll("site-001", "till").await;
    queue(&server, "till", 100, 60_000).await;
    let request = || pb::ListRequest { device_id: "till".to_owned(), page_size: 1_000, ..Default::default() };
    let before = resident(&server);
    let lists: Vec<_> = (0..50)
        .map(|_| {
            let mut admin = server.admin();
            tokio::spawn(
                async move { admin.command.list(request()).await.map(|page| page.into_inner().commands.len()) },
            )
        })
        .collect();
    for list in lists {
        assert!(list.await.unwrap().unwrap() > 10);
    }
    let grew = resident(&server).saturating_sub(before);
    assert!(grew < MEMORY, "{} MiB for 50 lists", grew / 1024);
}
