//! Tokens that let devices enrol.

use std::time::Duration;

use chrono::{DateTime, Utc};
use homepot::{
    Error,
    model::{
        DeviceSelection, DeviceSource, Faults, PageRequest, SecretKind, SiteId, from_proto_duration, parse_labels,
    },
    pb::registry::v1 as pb,
};
use homepot_operator_api::Named;
use homepot_runtime::auth::OperatorCaller;
use homepot_store::enrollment_tokens::{self, NewEnrollmentToken};

use super::Service;
use crate::{operators::made, secrets::place_of};

const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(24 * 3600);

impl Service {
    pub(super) async fn create_enrollment_token(
        &self,
        caller: &OperatorCaller,
        request: pb::CreateEnrollmentTokenRequest,
    ) -> Result<pb::CreateEnrollmentTokenResponse, Error> {
        let mut faults = Faults::new();
        let site_id = faults.take(SiteId::parse(&request.site_id));
        let max_uses = if request.max_uses == 0 { 1 } else { request.max_uses };
        let time_to_live = request.time_to_live.as_ref().map(|span| from_proto_duration("time_to_live", span));
        let time_to_live = time_to_live.and_then(|span| faults.take(span));
        let source = faults.take(DeviceSource::from_proto("source", request.source)).flatten();
        let labels = faults.take(parse_labels("labels", request.labels));
        faults.check()?;
        // Without a fault each has its value.
        let (Some(site_id), Some(labels)) = (site_id, labels) else { return Err(Error::internal()) };
        let source = source.unwrap_or(DeviceSource::Real);
        self.directory.site(caller, site_id.clone()).await?;

        let minted = self.registry.mint(SecretKind::EnrollmentToken, place_of(&caller.name)).await?;
        let token = NewEnrollmentToken {
            token: minted.kept,
            site_id: site_id.clone(),
            source,
            max_uses: max_uses.cast_signed(),
            // Settled when it is made, by the database's clock and the maker's end.
            expires_at: DateTime::<Utc>::MIN_UTC,
            created_by: caller.name.to_string(),
            labels,
        };
        let maker = caller.name.clone();
        let make = move |conn: &mut _| enrollment_tokens::make(conn, &maker, token, time_to_live, DEFAULT_TIME_TO_LIVE);
        let made = made(self.registry.inner.store.run("make_enrollment_token", make).await?)?;
        let token = made.ok_or_else(|| Error::not_found(format!("Site {site_id} not found")))?;
        Ok(pb::CreateEnrollmentTokenResponse {
            enrollment_token: Some(token.into()),
            secret: minted.secret.reveal().to_owned(),
        })
    }

    pub(super) async fn list_enrollment_tokens(
        &self,
        caller: &OperatorCaller,
        request: pb::ListEnrollmentTokensRequest,
    ) -> Result<pb::ListEnrollmentTokensResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let named = Named::read(&mut faults, &request.site_id, &[]);
        let source = faults.take(DeviceSource::from_proto("source", request.source));
        let (page, source) = faults.finish(page.zip(source))?;
        let DeviceSelection { scope, site_id, .. } = self.directory.select(caller, named, source).await?;
        let list = move |conn: &mut _| enrollment_tokens::list(conn, &scope, site_id.as_ref(), source, &page);
        let page = self.registry.inner.store.run("list_enrollment_tokens", list).await?;
        let (enrollment_tokens, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListEnrollmentTokensResponse { enrollment_tokens, next_page_token })
    }

    pub(super) async fn revoke_enrollment_token(
        &self,
        caller: &OperatorCaller,
        request: pb::RevokeEnrollmentTokenRequest,
    ) -> Result<pb::RevokeEnrollmentTokenResponse, Error> {
        let (token_id, scope) = (request.token_id, caller.scope.clone());
        let revoked = self
            .registry
            .inner
            .store
            .run("revoke_enrollment_token", move |conn| enrollment_tokens::revoke(conn, &token_id, &scope))
            .await?;
        let token = revoked.ok_or_else(|| Error::not_found("Enrollment token not found"))?;
        Ok(pb::RevokeEnrollmentTokenResponse { enrollment_token: Some(token.into()) })
    }
}
