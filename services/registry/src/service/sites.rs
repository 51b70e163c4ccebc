//! Sites.

use homepot::{
    Error, Kind,
    model::{Faults, NewSite, PageRequest, SiteChange, SiteId},
    pb::registry::v1 as pb,
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::sites;

use super::Service;

impl Service {
    pub(super) async fn create_site(
        &self,
        _: &OperatorCaller,
        request: pb::CreateSiteRequest,
    ) -> Result<pb::CreateSiteResponse, Error> {
        let site = NewSite::try_from(request)?;
        let site_id = site.site_id.clone();
        let made = self.registry.inner.store.run("insert_site", move |conn| sites::insert(conn, &site)).await?;
        let site = made.ok_or_else(|| Error::new(Kind::AlreadyExists, format!("Site {site_id} already exists")))?;
        Ok(pb::CreateSiteResponse { site: Some(site.into()) })
    }

    pub(super) async fn get_site(
        &self,
        caller: &OperatorCaller,
        request: pb::GetSiteRequest,
    ) -> Result<pb::GetSiteResponse, Error> {
        let site = self.directory.site(caller, SiteId::parse(&request.site_id)?).await?;
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
        let (sites, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListSitesResponse { sites, next_page_token })
    }

    pub(super) async fn update_site(
        &self,
        caller: &OperatorCaller,
        request: pb::UpdateSiteRequest,
    ) -> Result<pb::UpdateSiteResponse, Error> {
        let mut faults = Faults::new();
        let site_id = faults.take(SiteId::parse(&request.site_id));
        let change = faults.take(SiteChange::try_from(request));
        let (site_id, change) = faults.finish(site_id.zip(change))?;
        if self.directory.site(caller, site_id.clone()).await?.removed_at.is_some() {
            return Err(Error::new(Kind::Conflict, format!("Site {site_id} was removed")));
        }
        let wanted = site_id.clone();
        let changed =
            self.registry.inner.store.run("update_site", move |conn| sites::update(conn, &wanted, &change)).await?;
        let site = changed.ok_or_else(|| Error::not_found(format!("Site {site_id} not found")))?;
        Ok(pb::UpdateSiteResponse { site: Some(site.into()) })
    }
}
