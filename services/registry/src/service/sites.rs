//! Sites.

use homepot::{
    Error, Kind,
    model::{NewSite, PageRequest, SiteChange, SiteId},
    pb::registry::v1 as pb,
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::sites;

use super::Service;

impl Service {
    pub(super) async fn create_site(
        &self,
        caller: &OperatorCaller,
        request: pb::CreateSiteRequest,
    ) -> Result<pb::CreateSiteResponse, Error> {
        let site = NewSite::try_from(request)?;
        let site_id = site.site_id.clone();
        let made = self.registry.inner.store.run("insert_site", move |conn| sites::insert(conn, &site)).await?;
        let site = made.ok_or_else(|| Error::new(Kind::AlreadyExists, format!("Site {site_id} already exists")))?;
        tracing::info!(%site_id, by = %caller.name, "site made");
        Ok(pb::CreateSiteResponse { site: Some(site.into()) })
    }

    pub(super) async fn get_site(
        &self,
        caller: &OperatorCaller,
        request: pb::GetSiteRequest,
    ) -> Result<pb::GetSiteResponse, Error> {
        let site = self.site_of(caller, &SiteId::parse(&request.site_id)?).await?;
        Ok(pb::GetSiteResponse { site: Some(site.into()) })
    }

    pub(super) async fn list_sites(
        &self,
        caller: &OperatorCaller,
        request: pb::ListSitesRequest,
    ) -> Result<pb::ListSitesResponse, Error> {
        let page = PageRequest::parse(request.page_size, &request.page_token)?;
        let scope = caller.scope.clone();
        let page = self.registry.inner.store.run("list_sites", move |conn| sites::list(conn, &scope, &page)).await?;
        let next_page_token = page.next_token();
        Ok(pb::ListSitesResponse { sites: page.items.into_iter().map(Into::into).collect(), next_page_token })
    }

    pub(super) async fn update_site(
        &self,
        caller: &OperatorCaller,
        request: pb::UpdateSiteRequest,
    ) -> Result<pb::UpdateSiteResponse, Error> {
        let site_id = SiteId::parse(&request.site_id)?;
        self.site_of(caller, &site_id).await?;
        let change = SiteChange::try_from(request)?;
        let wanted = site_id.clone();
        let changed =
            self.registry.inner.store.run("update_site", move |conn| sites::update(conn, &wanted, &change)).await?;
        let site = changed.ok_or_else(|| Error::not_found(format!("Site {site_id} not found")))?;
        tracing::info!(%site_id, by = %caller.name, "site changed");
        Ok(pb::UpdateSiteResponse { site: Some(site.into()) })
    }
}
