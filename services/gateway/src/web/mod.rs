//! What browsers use: every method for operators as gRPC-Web, the sign-in with its cookie, the dashboard, and the page that tries
//! the API. Nothing in the pages is loaded from another host, and no page of another host may call anything here.

mod cookie;
mod dashboard;
mod grpc;
mod provider;
mod same_origin;
mod session;

use std::sync::Arc;

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::{HeaderValue, header};
use utoipa_swagger_ui::{Config, Url};

pub(crate) use self::{grpc::router as methods, session::admit as admit_session};
use crate::{App, error::ApiError, legacy, rest};

/// The page styles its elements from its script, and draws with `data:` images.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The sign-in and the pages.
pub(crate) fn pages() -> Router<App> {
    // The page would otherwise have a host on the internet judge the document.
    let documents = [("operators", rest::DOCUMENT_PATH), ("legacy clients", legacy::DOCUMENT_PATH)];
    let config = Config::new(documents.map(|(name, path)| Url::new(name, path)))
        .validator_url("none")
        .persist_authorization(false);
    let config = Arc::new(config);
    let index = config.clone();
    session::router()
        .merge(dashboard::router())
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|| async { docs_file("index.html", index) }))
        .route("/docs/{*file}", get(|Path(file): Path<String>| async move { docs_file(&file, config) }))
}

fn docs_file(name: &str, config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(name, config) {
        Ok(Some(file)) => {
            let bytes = file.bytes.into_owned();
            under(DOCS_POLICY, ([(header::CONTENT_TYPE, file.content_type)], bytes))
        }
        Ok(None) => ApiError::not_found().into_response(),
        Err(error) => {
            tracing::error!(%error, "page of the API could not be made");
            ApiError::internal().into_response()
        }
    }
}

fn under(policy: &'static str, page: impl IntoResponse) -> Response {
    let mut response = page.into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
