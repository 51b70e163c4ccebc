//! `SessionService`: the sign-in of operators, their sessions and codes.

use homepot::{
    Error,
    model::{Faults, OperatorName, PageRequest, to_proto_timestamp},
    pb::session::v1::{self as pb, session_service_server::SessionService},
};
use homepot_operator_api::operator_service;
use homepot_runtime::auth::OperatorCaller;

use crate::Registry;

/// See the [module](self).
#[derive(Clone)]
pub struct Sessions {
    registry: Registry,
}

impl Sessions {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry }
    }

    async fn create_session(
        &self,
        caller: &OperatorCaller,
        _: pb::CreateSessionRequest,
    ) -> Result<pb::CreateSessionResponse, Error> {
        let (session, secret) = self.registry.sign_in(caller).await?;
        Ok(pb::CreateSessionResponse { secret: secret.reveal().to_owned(), session: Some(session.into_proto(true)) })
    }

    async fn list_sessions(
        &self,
        caller: &OperatorCaller,
        request: pb::ListSessionsRequest,
    ) -> Result<pb::ListSessionsResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let operator = match request.operator.as_str() {
            "" => Some(None),
            name => faults.take(OperatorName::parse_as("operator", name)).map(Some),
        };
        let (page, operator) = faults.finish(page.zip(operator))?;
        let page = self.registry.list_sessions(caller, operator, page).await?;
        let (sessions, next_page_token) = page.into_answer(|session| {
            let current = *session.session_id == *caller.token_id;
            session.into_proto(current)
        });
        Ok(pb::ListSessionsResponse { sessions, next_page_token })
    }

    async fn revoke_session(
        &self,
        caller: &OperatorCaller,
        request: pb::RevokeSessionRequest,
    ) -> Result<pb::RevokeSessionResponse, Error> {
        let session = self.registry.revoke_session(caller, request.session_id).await?;
        let current = *session.session_id == *caller.token_id;
        Ok(pb::RevokeSessionResponse { session: Some(session.into_proto(current)) })
    }

    async fn create_sign_in_code(
        &self,
        caller: &OperatorCaller,
        _: pb::CreateSignInCodeRequest,
    ) -> Result<pb::CreateSignInCodeResponse, Error> {
        let code = self.registry.make_code(caller).await?;
        Ok(pb::CreateSignInCodeResponse {
            code_id: code.code_id,
            code: code.secret.reveal().to_owned(),
            expires_at: Some(to_proto_timestamp(code.expires_at)),
        })
    }
}

operator_service! {
    impl SessionService for Sessions, with messages of pb;
    unary {
        create_session(CreateSessionRequest) -> CreateSessionResponse;
        list_sessions(ListSessionsRequest) -> ListSessionsResponse;
        revoke_session(RevokeSessionRequest) -> RevokeSessionResponse;
        create_sign_in_code(CreateSignInCodeRequest) -> CreateSignInCodeResponse;
    }
    streams {}
}
