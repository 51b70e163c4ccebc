//! Sites.

use axum::{Json, extract::State, response::Response};
use homepot::{Error, model::NewSite, pb::registry::v1 as pb};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    backend::{call, promised},
    body::{Shape, Valid},
    caller::Operator,
    error::{ApiError, ErrorBody},
    lists,
    validate::Fields,
    views::SiteView,
};

/// A site to make.
#[derive(ToSchema)]
#[schema(example = json!({"site_id": "site-001", "name": "Main street", "location": "Leipzig"}))]
pub(crate) struct CreateSite {
    /// Unique: 1 to 64 of A-Z, a-z, 0-9, `.`, `_` and `-`, a letter or digit first.
    #[schema(min_length = 1, max_length = 64)]
    site_id: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(max_length = 2_000)]
    description: Option<String>,
    #[schema(max_length = 500)]
    location: Option<String>,
    /// Whether devices on the server's machine may enrol without a token, where the server allows it too. Default: no.
    open_enrollment: Option<bool>,
}

impl CreateSite {
    fn request(&self) -> pb::CreateSiteRequest {
        pb::CreateSiteRequest {
            site_id: self.site_id.clone(),
            name: self.name.clone(),
            description: self.description.clone().unwrap_or_default(),
            location: self.location.clone().unwrap_or_default(),
            open_enrollment: self.open_enrollment.unwrap_or_default(),
        }
    }
}

impl Shape for CreateSite {
    fn read(fields: &mut Fields) -> Self {
        Self {
            site_id: fields.required_text("site_id", 64),
            name: fields.required_text("name", 200),
            description: fields.text("description", 2_000),
            location: fields.text("location", 500),
            open_enrollment: fields.flag("open_enrollment"),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        NewSite::try_from(self.request()).map(drop)
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SiteCreated {
    #[schema(example = "Site site-001 created successfully")]
    message: String,
    #[schema(example = "site-001")]
    site_id: String,
    #[schema(example = "Main street")]
    name: String,
}

#[derive(ToSchema)]
#[allow(dead_code)] // the list is streamed; this tells its shape
pub(crate) struct Sites {
    sites: Vec<SiteView>,
}

/// Makes a site
#[utoipa::path(
    post, path = "/sites/", tag = "sites",
    request_body = CreateSite,
    responses(
        (status = 200, description = "It was made", body = SiteCreated),
        (status = 409, description = "The id is taken", body = ErrorBody,
            example = json!({"detail": "Site site-001 already exists", "status_code": 409})),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Operator(caller): Operator,
    Valid(site): Valid<CreateSite>,
) -> Result<Json<SiteCreated>, ApiError> {
    let mut registry = app.services.registry();
    let answer = call(&caller, site.request(), |request| async move { registry.create_site(request).await }).await?;
    let site = promised(answer.site)?;
    Ok(Json(SiteCreated {
        message: format!("Site {} created successfully", site.site_id),
        site_id: site.site_id,
        name: site.name,
    }))
}

/// Lists the sites the caller may see
#[utoipa::path(
    get, path = "/sites/", tag = "sites",
    responses((status = 200, description = "All of them, ordered by id", body = Sites))
)]
pub(crate) async fn list(State(app): State<App>, Operator(caller): Operator) -> Result<Response, ApiError> {
    lists::answer("{\"sites\":[", "]}", move |page_size, page_token| {
        let (mut registry, caller) = (app.services.registry(), caller.clone());
        Box::pin(async move {
            let message = pb::ListSitesRequest { page_size, page_token };
            let page = call(&caller, message, |request| async move { registry.list_sites(request).await }).await?;
            let sites = page.sites.into_iter().map(SiteView::try_from).collect::<Result<Vec<_>, _>>()?;
            Ok((sites, page.next_page_token))
        })
    })
    .await
}
