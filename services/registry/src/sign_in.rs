//! Signing in: from a token or a one-time code to a session, and from a session's secret back to its operator.

use chrono::{DateTime, Utc};
use homepot::{
    Error, Kind,
    error::reason,
    model::{OperatorName, OperatorSession, Page, PageRequest, Role, Secret, SecretKind, SiteScope},
};
use homepot_runtime::{
    auth::{Credential, OperatorCaller},
    peer::Peer,
    trace::carried,
};
use homepot_store::operators::sessions::{self, Reach, SignIn};

use crate::{
    Registry,
    authenticator::{caller, session_caller},
    secrets::{is_random_secret, random_secret},
};

const SESSION_ENDED: &str = "The session has ended; sign in again";
const BAD_CODE: &str =
    "The sign-in link was used before, is too old or is wrong; `homepot ctl sign-in` prints a new one";

impl Registry {
    /// The operator whose session this is.
    pub(crate) async fn find_session(&self, secret: Secret, peer: Peer) -> Result<OperatorCaller, Error> {
        let session_id = secret.public_id(SecretKind::Session).unwrap_or_default();
        let found = self.inner.lookups.find_session(session_id.to_owned()).await?;
        let Some(found) = found.filter(|found| is_random_secret(&secret, found.hash)) else {
            return Err(self.refusal(session_id, peer, SESSION_ENDED).because(reason::SESSION_ENDED));
        };
        if !found.is_good {
            return Err(Error::new(Kind::Unauthenticated, SESSION_ENDED).because(reason::SESSION_ENDED));
        }
        if found.is_use_due {
            self.note_use(session_id.to_owned());
        }
        Ok(session_caller(found))
    }

    /// Notes that a session was used. The caller need not wait for it.
    fn note_use(&self, session_id: String) {
        let store = self.inner.store.clone();
        tokio::spawn(carried(async move {
            let noted = store.run("note_session_use", move |conn| sessions::note_use(conn, &session_id)).await;
            if let Err(error) = noted {
                tracing::debug!(%error, "note that a session was used");
            }
        }));
    }

    /// The operator that this code signs in. The code is used up only by the sign-in itself.
    pub(crate) async fn find_code(&self, secret: Secret, peer: Peer) -> Result<OperatorCaller, Error> {
        let code_id = secret.public_id(SecretKind::SignInCode).unwrap_or_default().to_owned();
        let wanted = code_id.clone();
        let found = self.inner.store.run("find_sign_in_code", move |conn| sessions::find_code(conn, &wanted)).await?;
        match found {
            Some(found) if found.is_good && is_random_secret(&secret, found.hash) => {
                Ok(OperatorCaller { token_id: code_id.into(), credential: Credential::Code, ..caller(found.operator) })
            }
            _ => Err(self.refusal(&code_id, peer, BAD_CODE)),
        }
    }

    /// Makes a session for whoever shows a token or a code.
    pub(crate) async fn sign_in(&self, caller: &OperatorCaller) -> Result<(OperatorSession, Secret), Error> {
        let shown = caller.token_id.to_string();
        let (who, refusal) = match caller.credential {
            Credential::Token => (SignIn::Token(caller.name.clone(), shown), "Invalid or missing operator token"),
            Credential::Code => (SignIn::Code(shown), BAD_CODE),
            Credential::Session { .. } => return Err(needs_token()),
        };
        let (secret, new) = random_secret(SecretKind::Session)?;
        let made = self.inner.store.run("sign_in", move |conn| sessions::sign_in(conn, &who, &new)).await?;
        let session = made.ok_or_else(|| Error::new(Kind::Unauthenticated, refusal))?;
        Ok((session, secret))
    }

    /// The sessions of `operator`, or the caller's own.
    pub(crate) async fn list_sessions(
        &self,
        caller: &OperatorCaller,
        operator: Option<OperatorName>,
        page: PageRequest,
    ) -> Result<Page<OperatorSession>, Error> {
        let operator = operator.unwrap_or_else(|| caller.name.clone());
        let (wanted, reach) = (operator.clone(), reach(caller));
        let list = move |conn: &mut _| sessions::list(conn, &wanted, &reach, &page);
        let found = self.inner.store.run("list_operator_sessions", list).await?;
        found.ok_or_else(|| Error::not_found(format!("Operator {operator} not found")))
    }

    /// Ends a session that the caller reaches.
    pub(crate) async fn revoke_session(
        &self,
        caller: &OperatorCaller,
        session_id: String,
    ) -> Result<OperatorSession, Error> {
        let reach = reach(caller);
        let revoke = move |conn: &mut _| sessions::revoke(conn, &session_id, &reach);
        let revoked = self.inner.store.run("revoke_operator_session", revoke).await?;
        revoked.ok_or_else(|| Error::not_found("Session not found"))
    }

    /// Makes a code that signs the caller in.
    pub(crate) async fn make_code(&self, caller: &OperatorCaller) -> Result<Code, Error> {
        if caller.credential != Credential::Token {
            return Err(needs_token());
        }
        let made = self.keep_code(caller.name.clone()).await?;
        made.ok_or_else(|| Error::new(Kind::Unauthenticated, "Invalid or missing operator token"))
    }

    pub(crate) async fn make_code_for_first_admin(&self) -> Result<Option<Secret>, Error> {
        let Some(admin) = self.inner.store.run("find_first_admin", sessions::first_admin).await? else {
            return Ok(None);
        };
        Ok(self.keep_code(admin).await?.map(|code| code.secret))
    }

    /// `None`: the operator is no longer good.
    async fn keep_code(&self, operator: OperatorName) -> Result<Option<Code>, Error> {
        let (secret, new) = random_secret(SecretKind::SignInCode)?;
        let code_id = new.public_id.clone();
        let insert = move |conn: &mut _| sessions::insert_code(conn, &operator, &new);
        let expires_at = self.inner.store.run("insert_sign_in_code", insert).await?;
        Ok(expires_at.map(|expires_at| Code { secret, code_id, expires_at }))
    }
}

/// A code that signs an operator in.
pub(crate) struct Code {
    pub(crate) secret: Secret,
    pub(crate) code_id: String,
    pub(crate) expires_at: DateTime<Utc>,
}

/// A session that made another, or a code for one, would never end, and its sign-in would always be fresh.
fn needs_token() -> Error {
    Error::new(Kind::Forbidden, "a session makes no other; show an operator's token")
}

/// Whose sessions a caller reaches: where it may revoke an operator, it may revoke its sessions.
fn reach(caller: &OperatorCaller) -> Reach {
    match (caller.role, &caller.scope) {
        (Role::Admin, SiteScope::All) => Reach::All,
        (Role::Admin, SiteScope::Only(_)) => Reach::WithMade(caller.name.clone()),
        _ => Reach::Own(caller.name.clone()),
    }
}
