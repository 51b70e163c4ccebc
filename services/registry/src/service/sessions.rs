//! `SessionService`: the sign-in of operators, their sessions and codes, and the way to an identity provider.

use homepot::{
    Error,
    model::{Faults, OperatorName, PageRequest, Secret, to_proto_timestamp},
    pb::session::v1::{self as pb, session_service_server::SessionService},
};
use homepot_operator_api::operator_service;
use homepot_runtime::{auth::OperatorCaller, peer::Peer};

use crate::{Registry, identity::CameBack};

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

    #[allow(clippy::unused_async)] // each function of a service is one
    async fn get_sign_in_options(
        &self,
        _: Peer,
        _: pb::GetSignInOptionsRequest,
    ) -> Result<pb::GetSignInOptionsResponse, Error> {
        Ok(pb::GetSignInOptionsResponse { provider_name: self.registry.provider_name().to_owned() })
    }

    async fn begin_sign_in(
        &self,
        peer: Peer,
        request: pb::BeginSignInRequest,
    ) -> Result<pb::BeginSignInResponse, Error> {
        let (url, attempt) = self.registry.begin_sign_in(request.fresh, peer).await?;
        Ok(pb::BeginSignInResponse { url, attempt: attempt.reveal().to_owned() })
    }

    async fn finish_sign_in(
        &self,
        peer: Peer,
        request: pb::FinishSignInRequest,
    ) -> Result<pb::FinishSignInResponse, Error> {
        let pb::FinishSignInRequest { attempt, state, code, error, issuer } = request;
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let came_back = CameBack { state, code, error: given(error), issuer: given(issuer) };
        let code = self.registry.finish_sign_in(&Secret::presented(attempt), came_back, peer).await?;
        Ok(pb::FinishSignInResponse { code: code.reveal().to_owned() })
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
    anyone {
        get_sign_in_options(GetSignInOptionsRequest) -> GetSignInOptionsResponse;
        begin_sign_in(BeginSignInRequest) -> BeginSignInResponse;
        finish_sign_in(FinishSignInRequest) -> FinishSignInResponse;
    }
}
