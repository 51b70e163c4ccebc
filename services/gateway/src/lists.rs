//! Answers with an entire list by walking a service's pages, one page in memory at a time.
//!
//! The first page is fetched before anything is answered, so that its error gets a status. An error on a later page can
//! only cut the answer short: the client sees a body that does not end.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{
    future::BoxFuture,
    stream::{self, StreamExt},
};
use homepot::Error;
use http::{StatusCode, header};
use serde::Serialize;

use crate::error::{ApiError, broken};

/// Rows asked for at first. A page whose rows are so large that it does not fit one message is asked for again, smaller.
const PAGE_SIZE: u32 = 100;

/// A page's rows and the token of the next page.
pub(crate) type Page<T> = BoxFuture<'static, Result<(Vec<T>, String), ApiError>>;

/// The walk: `fetch` answers a page and the token of the next, given a size and a token.
pub(crate) struct Walk<F> {
    fetch: F,
    size: u32,
    /// Of the next page; `None` after the last.
    token: Option<String>,
}

impl<F> Walk<F> {
    /// A walk from the page of `token` on, in pages of `size`.
    pub(crate) fn from(token: String, size: u32, fetch: F) -> Self {
        Self { fetch, size, token: Some(token) }
    }

    /// Whether there is another page.
    pub(crate) fn has_more(&self) -> bool {
        self.token.is_some()
    }

    /// The next page's rows; none when there is no other page.
    pub(crate) async fn next<T>(&mut self) -> Result<Vec<T>, ApiError>
    where
        F: Fn(u32, String) -> Page<T>,
    {
        let Some(token) = &self.token else { return Ok(Vec::new()) };
        let (rows, token) = loop {
            match (self.fetch)(self.size, token.clone()).await {
                Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE && self.size > 1 => self.size /= 4,
                answer => break answer?,
            }
            self.size = self.size.max(1);
        };
        self.token = Some(token).filter(|token| !token.is_empty());
        Ok(rows)
    }
}

/// A body of pieces of text: one a page, written by `write`, which gets told whether the page is the last.
///
/// Answers once the first page is there.
pub(crate) async fn body<T, F, W>(mut walk: Walk<F>, mut write: W) -> Result<Body, ApiError>
where
    T: Send + 'static,
    F: Fn(u32, String) -> Page<T> + Send + 'static,
    W: FnMut(Vec<T>, bool) -> Result<Vec<u8>, ApiError> + Send + 'static,
{
    let rows = walk.next().await?;
    let first = write(rows, !walk.has_more())?;
    if !walk.has_more() {
        return Ok(Body::from(first));
    }
    let rest = stream::try_unfold((walk, write), |(mut walk, mut write)| async move {
        if !walk.has_more() {
            return Ok(None);
        }
        let rows = walk.next().await.map_err(cut_short)?;
        let text = write(rows, !walk.has_more()).map_err(cut_short)?;
        Ok(Some((Bytes::from(text), (walk, write))))
    });
    Ok(Body::from_stream(stream::once(async { Ok::<_, std::io::Error>(Bytes::from(first)) }).chain(rest)))
}

/// Ends a body that has begun.
#[allow(clippy::needless_pass_by_value)] // for map_err
fn cut_short(error: ApiError) -> std::io::Error {
    tracing::warn!(status = error.status().as_u16(), "answer cut short");
    std::io::Error::other("the rest could not be fetched")
}

/// A list between `open` and `close` of what `show` makes of each row; `fetch` answers a page and the token of the next, given
/// a size and a token.
pub(crate) async fn answer<T, V, F>(
    open: &'static str,
    close: &'static str,
    show: fn(T) -> Result<V, Error>,
    fetch: F,
) -> Result<Response, ApiError>
where
    T: Send + 'static,
    V: Serialize + 'static,
    F: Fn(u32, String) -> Page<T> + Send + 'static,
{
    let mut is_first = true;
    let mut separator = "";
    let body = body(Walk::from(String::new(), PAGE_SIZE, fetch), move |rows: Vec<T>, is_last| {
        let mut text = Vec::new();
        if std::mem::take(&mut is_first) {
            text.extend(open.as_bytes());
        }
        for row in rows {
            text.extend(separator.as_bytes());
            separator = ",";
            let row = show(row).map_err(|error| broken(&error))?;
            serde_json::to_writer(&mut text, &row).map_err(|_| ApiError::internal())?;
        }
        if is_last {
            text.extend(close.as_bytes());
        }
        Ok(text)
    });
    let body = body.await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn text(response: Response) -> Option<String> {
        let bytes = response.into_body().collect().await.ok()?.to_bytes();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Rows `0..count`, with the next row's number as token; pages over `fits` rows do not fit a message.
    fn page(count: u32, fits: u32, size: u32, token: &str) -> Result<(Vec<u32>, String), ApiError> {
        if size > fits {
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too large"));
        }
        let start: u32 = token.parse().unwrap_or_default();
        let end = (start + size).min(count);
        Ok(((start..end).collect(), if end < count { end.to_string() } else { String::new() }))
    }

    #[tokio::test]
    async fn a_list_is_whole_however_many_pages_it_has() {
        for (count, fits) in [(0, 1_000), (1, 1_000), (200, 1_000), (1_001, 1_000), (30, 7), (5, 1)] {
            let response = answer("{\"rows\":[", "]}", Ok, move |size, token| {
                Box::pin(async move { page(count, fits, size, &token) })
            })
            .await;
            let rows: Vec<_> = (0..count).map(|row| row.to_string()).collect();
            assert_eq!(text(response.unwrap()).await.unwrap(), format!("{{\"rows\":[{}]}}", rows.join(",")));
        }
    }

    #[tokio::test]
    async fn an_error_on_the_first_page_is_answered_and_a_later_one_cuts_the_body_short() {
        fn gone() -> Result<(Vec<u32>, String), ApiError> {
            Err(ApiError::not_found())
        }
        let first = answer("[", "]", Ok, |_, _| Box::pin(async { gone() }));
        assert_eq!(first.await.unwrap_err().status(), 404);
        let later = answer("[", "]", Ok, |_, token| {
            Box::pin(async move { if token.is_empty() { Ok((vec![1], "next".to_owned())) } else { gone() } })
        });
        assert!(text(later.await.unwrap()).await.is_none());
    }

    #[tokio::test]
    async fn a_single_row_that_fits_no_message_ends_the_walk() {
        let response = answer("[", "]", Ok, |size, token| Box::pin(async move { page(3, 0, size, &token) })).await;
        assert_eq!(response.unwrap_err().status(), 413);
    }
}
