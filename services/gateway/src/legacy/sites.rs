//! Sites.

use axum::{Json, extract::State, response::Response};
use homepot::{Error, model::NewSite, pb::registry::v1 as pb};

use super::{
    Fields,
    views::{self, View, view},
};
use crate::{
    App,
    backend::{call, promised},
    body::{Shape, Valid},
    caller::Operator,
    error::ApiError,
    lists,
};

impl Shape for pb::CreateSiteRequest {
    fn read(fields: &mut Fields) -> Self {
        Self {
            site_id: fields.required_text("site_id", 64),
            name: fields.required_text("name", 200),
            description: fields.string("description", 2_000),
            location: fields.string("location", 500),
            open_enrollment: fields.flag("open_enrollment").unwrap_or_default(),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        NewSite::try_from(self.clone()).map(drop)
    }
}

/// Makes a site.
pub(super) async fn create(
    State(app): State<App>,
    Operator(caller): Operator,
    Valid(site): Valid<pb::CreateSiteRequest>,
) -> Result<Json<View>, ApiError> {
    let mut registry = app.services.registry();
    let answer = call(&caller, site, |request| async move { registry.create_site(request).await }).await?;
    let site = promised(answer.site)?;
    let message = format!("Site {} created successfully", site.site_id);
    Ok(Json(view! {"message": message, "site_id": site.site_id, "name": site.name}))
}

/// Lists the sites the caller may see.
pub(super) async fn list(State(app): State<App>, Operator(caller): Operator) -> Result<Response, ApiError> {
    lists::answer("{\"sites\":[", "]}", views::site, move |page_size, page_token| {
        let (mut registry, caller) = (app.services.registry(), caller.clone());
        Box::pin(async move {
            let message = pb::ListSitesRequest { page_size, page_token };
            let page = call(&caller, message, |request| async move { registry.list_sites(request).await }).await?;
            Ok((page.sites, page.next_page_token))
        })
    })
    .await
}
