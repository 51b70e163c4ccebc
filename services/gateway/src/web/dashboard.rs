//! The dashboard as it was built into the program: its index at `/`, and its files beside that.
//!
//! Files below `/assets/` have a hash of their content in their names and are kept by browsers for ever. Everything else is asked
//! for each time, and answered in few bytes where it has not changed. The page finds its way by what comes after `#`, so that no
//! other path answers the index: what is missing is 404, and a link with a code in it never reaches a log.

use axum::{
    Router,
    extract::Path,
    response::{Html, IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::under;
use crate::{App, error::ApiError};

/// A file of the dashboard; `build.rs` writes them.
struct File {
    /// Its path below the site's root, without a slash before it.
    path: &'static str,
    content_type: &'static str,
    /// Made from its content.
    tag: &'static str,
    plain: &'static [u8],
    /// The same packed, where the dashboard's build left it.
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

const INDEX: &str = "index.html";
const ASSETS: &str = "assets/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// May be kept, and is asked for again before it is shown.
const ASK_AGAIN: &str = "no-cache";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const UNBUILT: &str = include_str!("unbuilt.html");
const UNBUILT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

pub(super) fn router() -> Router<App> {
    let Some(index) = FILES.iter().find(|file| file.path == INDEX) else {
        return Router::new().route("/", get(|| async { under(UNBUILT_POLICY, Html(UNBUILT)) }));
    };
    let beside = FILES.iter().filter(|file| file.path != INDEX && !file.path.starts_with(ASSETS));
    let router = beside.fold(Router::new(), |router, file| {
        router.route(&format!("/{}", file.path), get(move |headers: HeaderMap| async move { serve(file, &headers) }))
    });
    router.route("/", get(move |headers: HeaderMap| async move { under(POLICY, serve(index, &headers)) })).route(
        "/assets/{*path}",
        get(|Path(path): Path<String>, headers: HeaderMap| async move { asset(&path, &headers) }),
    )
}

fn asset(path: &str, headers: &HeaderMap) -> Response {
    let file = FILES.iter().find(|file| file.path.strip_prefix(ASSETS) == Some(path));
    file.map_or_else(|| ApiError::not_found().into_response(), |file| serve(file, headers))
}

fn serve(file: &'static File, headers: &HeaderMap) -> Response {
    let (bytes, encoding) = if let Some(packed) = file.brotli.filter(|_| takes(headers, "br")) {
        (packed, Some("br"))
    } else if let Some(packed) = file.gzip.filter(|_| takes(headers, "gzip")) {
        (packed, Some("gzip"))
    } else {
        (file.plain, None)
    };
    let cached = if file.path.starts_with(ASSETS) { FOR_EVER } else { ASK_AGAIN };
    // Another packing is another answer.
    let tag = format!("\"{}{}\"", file.tag, encoding.map(|name| format!("-{name}")).unwrap_or_default());
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| knows(known, &tag));

    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Bytes::from_static(bytes).into_response(),
    };
    let answer = response.headers_mut();
    let mut put = |name: HeaderName, value: &'static str| answer.insert(name, HeaderValue::from_static(value));
    put(header::CACHE_CONTROL, cached);
    put(header::VARY, "accept-encoding");
    if !is_known {
        put(header::CONTENT_TYPE, file.content_type);
        if let Some(encoding) = encoding {
            put(header::CONTENT_ENCODING, encoding);
        }
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        answer.insert(header::ETAG, tag);
    }
    response
}

/// Whether `known`, a list of tags, has this one.
fn knows(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').map(|known| known.trim().trim_start_matches("W/")).any(|known| known == tag || known == "*")
}

/// Whether the client takes a body in this encoding.
fn takes(headers: &HeaderMap, encoding: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q="))?.parse::<f32>().ok());
        is_named && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::text;

    static INDEX_FILE: File = File {
        path: INDEX,
        content_type: "text/html; charset=utf-8",
        tag: "17",
        plain: b"plain",
        brotli: Some(b"brotli"),
        gzip: Some(b"gzip"),
    };
    static ASSET: File = File { path: "assets/app-1.js", brotli: None, ..INDEX_FILE };

    fn ask(file: &'static File, headers: &[(HeaderName, &str)]) -> Response {
        serve(file, &headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    #[tokio::test]
    async fn a_file_is_sent_packed_where_the_browser_takes_it() {
        let accept = |value: &'static str| [(header::ACCEPT_ENCODING, value)];
        for (file, encodings, due) in [
            (&INDEX_FILE, "gzip, deflate, br", "brotli"),
            (&INDEX_FILE, "gzip, br;q=0", "gzip"),
            (&INDEX_FILE, "identity", "plain"),
            (&INDEX_FILE, "brotli", "plain"),
            (&ASSET, "gzip, deflate, br", "gzip"),
        ] {
            let answer = ask(file, &accept(encodings));
            assert_eq!(answer.headers()[header::VARY], "accept-encoding");
            assert_eq!(text(answer).await, due, "{encodings}");
        }
    }

    #[tokio::test]
    async fn what_has_not_changed_is_not_sent_again_and_what_has_a_hash_is_not_even_asked_for() {
        let first = ask(&INDEX_FILE, &[]);
        assert_eq!(
            (first.status().as_u16(), &first.headers()[header::CACHE_CONTROL]),
            (200, &"no-cache".parse().unwrap())
        );
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        for (known, due) in [(tag.as_str(), 304), ("\"16\", W/\"17\"", 304), ("\"16\"", 200), ("\"17-br\"", 200)] {
            let answer = ask(&INDEX_FILE, &[(header::IF_NONE_MATCH, known)]);
            assert_eq!(answer.status().as_u16(), due, "{known}");
        }
        let packed = ask(&INDEX_FILE, &[(header::ACCEPT_ENCODING, "br"), (header::IF_NONE_MATCH, &tag)]);
        assert_eq!(packed.status(), 200);
        let cached = ask(&ASSET, &[]).headers()[header::CACHE_CONTROL].clone();
        assert_eq!(cached, "public, max-age=31536000, immutable");
    }

    #[tokio::test]
    async fn what_is_missing_is_never_the_index() {
        for path in ["/assets/gone-1.js", "/devices", "/sign-in", "/index.html/x"] {
            let (status, _) = crate::tests::answer("GET", path, &[("accept", "text/html")], "").await;
            assert_eq!(status, 404, "{path}");
        }
    }
}
