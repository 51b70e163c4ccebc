//! Operators.

use homepot::{
    Error,
    model::{OperatorName, PageRequest, Role, from_proto_duration, to_proto_timestamp},
    pb::registry::v1 as pb,
};
use homepot_runtime::auth::{Credential, OperatorCaller};
use homepot_store::{
    StoreError,
    operators::{self, sessions},
};

use super::{Service, scope_of};
use crate::operators::own_of;

impl Service {
    pub(super) async fn create_operator(
        &self,
        caller: &OperatorCaller,
        request: pb::CreateOperatorRequest,
    ) -> Result<pb::CreateOperatorResponse, Error> {
        let mut faults = homepot::model::Faults::new();
        let name = faults.take(OperatorName::parse(&request.name));
        let role = faults.take(Role::from_proto("role", request.role));
        let scope = faults.take(scope_of(&request.site_ids));
        let time_to_live =
            request.time_to_live.as_ref().and_then(|span| faults.take(from_proto_duration("time_to_live", span)));
        let ((name, role), scope) = faults.finish(name.zip(role).zip(scope))?;

        let (operator, token) = self.registry.create_operator(caller, name, role, scope, time_to_live).await?;
        Ok(pb::CreateOperatorResponse { operator: Some(operator.into()), token: token.reveal().to_owned() })
    }

    pub(super) async fn list_operators(
        &self,
        caller: &OperatorCaller,
        request: pb::ListOperatorsRequest,
    ) -> Result<pb::ListOperatorsResponse, Error> {
        let page = PageRequest::parse(request.page_size, &request.page_token)?;
        let own_of = own_of(caller);
        let list = move |conn: &mut _| operators::list(conn, own_of.as_ref(), &page);
        let page = self.registry.inner.store.run("list_operators", list).await?;
        let (operators, next_page_token) = page.into_answer(Into::into);
        Ok(pb::ListOperatorsResponse { operators, next_page_token })
    }

    pub(super) async fn revoke_operator(
        &self,
        caller: &OperatorCaller,
        request: pb::RevokeOperatorRequest,
    ) -> Result<pb::RevokeOperatorResponse, Error> {
        let name = OperatorName::parse(&request.name)?;
        let revoked = self.registry.revoke_operator(caller, name, request.with_made).await?;
        Ok(pb::RevokeOperatorResponse {
            operator: Some(revoked.operator.into()),
            also_revoked: revoked.also_revoked,
            enrollment_tokens_revoked: u32::try_from(revoked.tokens_revoked).unwrap_or(u32::MAX),
            operators_left: u32::try_from(revoked.operators_left).unwrap_or(u32::MAX),
            enrollment_tokens_left: u32::try_from(revoked.tokens_left).unwrap_or(u32::MAX),
        })
    }

    pub(super) async fn rotate_operator_token(
        &self,
        caller: &OperatorCaller,
        request: pb::RotateOperatorTokenRequest,
    ) -> Result<pb::RotateOperatorTokenResponse, Error> {
        let name = OperatorName::parse(&request.name)?;
        let (operator, token) = self.registry.rotate_operator(caller, name).await?;
        Ok(pb::RotateOperatorTokenResponse { operator: Some(operator.into()), token: token.reveal().to_owned() })
    }

    pub(super) async fn who_am_i(
        &self,
        caller: &OperatorCaller,
        _: pb::WhoAmIRequest,
    ) -> Result<pb::WhoAmIResponse, Error> {
        let (name, session_id) = (caller.name.clone(), caller.token_id.to_string());
        let has_session = matches!(caller.credential, Credential::Session { .. });
        let find = move |conn: &mut _| {
            let ids: &[String] = if has_session { &[session_id] } else { &[] };
            let session = sessions::find_sessions(conn, ids)?.into_iter().flatten().next();
            Ok::<_, StoreError>((operators::find(conn, &name)?, session.map(|found| found.session)))
        };
        let (operator, session) = self.registry.inner.store.run("find_operator", find).await?;
        let operator = operator.ok_or_else(|| Error::not_found("Operator not found"))?;
        Ok(pb::WhoAmIResponse {
            operator: Some(operator.into()),
            fresh_until: session.as_ref().map(|session| to_proto_timestamp(session.fresh_until())),
            session: session.map(|session| session.into_proto(true)),
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            device_url: self.registry.inner.config.device_url.clone(),
        })
    }
}
