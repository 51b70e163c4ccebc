//! Calls to the server: an answer or its refusal, all pages of a list, a watch that survives its connection.

use std::{ops::ControlFlow, time::Duration};

use homepot::{
    Error,
    pb::{
        command::v1 as command_pb, registry::v1 as registry_pb, rollout::v1 as rollout_pb,
        telemetry::v1 as telemetry_pb,
    },
};
use tonic::{Code, Response, Status, Streaming};

use super::out::note;
use crate::client::refusal;

/// Rows asked for at once.
const PAGE_SIZE: u32 = 500;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a call answered.
pub(crate) fn answer<T>(answer: Result<Response<T>, Status>) -> anyhow::Result<T> {
    answer.map(Response::into_inner).map_err(|status| refusal(&status))
}

/// All rows of a list, or the first `limit`. `page` gets the size and the token of a page, and answers its rows and the
/// token of the next.
pub(crate) async fn all<T>(
    limit: Option<u32>,
    mut page: impl AsyncFnMut(u32, String) -> Result<(Vec<T>, String), Status>,
) -> anyhow::Result<Vec<T>> {
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let (mut rows, mut token) = (Vec::new(), String::new());
    loop {
        let left = u32::try_from(limit - rows.len()).unwrap_or(u32::MAX);
        let (more, next) = page(left.min(PAGE_SIZE), token).await.map_err(|status| refusal(&status))?;
        rows.extend(more);
        rows.truncate(limit);
        token = next;
        if token.is_empty() || rows.len() == limit {
            return Ok(rows);
        }
    }
}

/// A message of a watch.
pub(crate) trait News {
    /// Resumes after it.
    fn cursor(&self) -> &str;
}

impl News for registry_pb::WatchResponse {
    fn cursor(&self) -> &str {
        &self.cursor
    }
}

impl News for command_pb::WatchResponse {
    fn cursor(&self) -> &str {
        &self.cursor
    }
}

impl News for rollout_pb::WatchResponse {
    fn cursor(&self) -> &str {
        &self.cursor
    }
}

impl News for telemetry_pb::WatchResponse {
    fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// Opens a watch and gives its messages to `take` until that is done with it. A connection that is lost is made again, and
/// the watch goes on where it was; `take` gets `None` each time it is open.
pub(crate) async fn follow<N: News, R>(
    mut open: impl AsyncFnMut(String) -> Result<Response<Streaming<N>>, Status>,
    mut take: impl AsyncFnMut(Option<N>) -> anyhow::Result<ControlFlow<R>>,
) -> anyhow::Result<R> {
    let (mut cursor, mut pause) = (String::new(), FIRST_PAUSE);
    loop {
        let mut lost = match open(cursor.clone()).await {
            Ok(stream) => {
                let mut stream = stream.into_inner();
                if let ControlFlow::Break(done) = take(None).await? {
                    return Ok(done);
                }
                loop {
                    match stream.message().await {
                        Ok(Some(news)) => {
                            pause = FIRST_PAUSE;
                            // The answer has the last word where it says nothing about the place.
                            if !news.cursor().is_empty() {
                                news.cursor().clone_into(&mut cursor);
                            }
                            if let ControlFlow::Break(done) = take(Some(news)).await? {
                                return Ok(done);
                            }
                        }
                        Ok(None) => break Status::unavailable("the server ended the watch"),
                        Err(status) => break status,
                    }
                }
            }
            Err(status) => status,
        };
        if !passes(&lost) {
            return Err(refusal(&lost));
        }
        if pause == FIRST_PAUSE {
            note(format_args!("the watch was interrupted ({}); it goes on by itself", lost.message()));
        }
        let asked = Error::from(&std::mem::replace(&mut lost, Status::ok(""))).retry_delay().unwrap_or_default();
        tokio::time::sleep(asked.clamp(pause, LONGEST_PAUSE)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether a failure says more about the way than about the request.
fn passes(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Aborted => true,
        // A connection that broke in the middle shows as one of these.
        Code::Unknown | Code::Internal => std::error::Error::source(status).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn numbers(limit: Option<u32>) -> (Vec<u32>, Vec<u32>) {
        let mut sizes = Vec::new();
        let rows = all(limit, async |size, token| {
            sizes.push(size);
            let first: u32 = if token.is_empty() { 0 } else { token.parse().unwrap() };
            let end = (first + size).min(1_200);
            Ok(((first..end).collect(), if end == 1_200 { String::new() } else { end.to_string() }))
        });
        (rows.await.unwrap(), sizes)
    }

    #[tokio::test]
    async fn every_page_is_fetched_and_no_more_than_asked_for() {
        let (rows, sizes) = numbers(None).await;
        assert_eq!((rows.len(), sizes.len()), (1_200, 3));
        assert_eq!(rows, (0..1_200).collect::<Vec<_>>());
        let (rows, sizes) = numbers(Some(501)).await;
        assert_eq!((rows.len(), sizes), (501, vec![500, 1]));
        assert_eq!(numbers(Some(7)).await, ((0..7).collect(), vec![7]));
    }

    #[tokio::test]
    async fn what_no_repeat_helps_ends_a_watch() {
        let mut opened = 0;
        let open = async |_| {
            opened += 1;
            Err::<Response<Streaming<registry_pb::WatchResponse>>, _>(Status::not_found("Device not found"))
        };
        let ended = follow(open, async |_| Ok(ControlFlow::<()>::Continue(()))).await;
        assert!(ended.unwrap_err().to_string().contains("Device not found"));
        assert_eq!(opened, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_opened_again_when_the_server_is_away() {
        let mut opened = 0;
        let open = async |_| {
            opened += 1;
            let status = if opened < 10 { Status::unavailable("away") } else { Status::unimplemented("no such call") };
            Err::<Response<Streaming<command_pb::WatchResponse>>, _>(status)
        };
        let ended = follow(open, async |_| Ok(ControlFlow::<()>::Continue(()))).await;
        assert!(ended.unwrap_err().to_string().contains("no such call"));
        assert_eq!(opened, 10);
    }
}
