//! Making, listing and ending operators.

use std::time::Duration;

use chrono::{DateTime, Utc};
use homepot::{
    Error, Kind,
    model::{Operator, OperatorName, Role, Secret, SecretKind, SiteScope},
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::operators::{self, Created, NewOperator, Revoked};

use crate::{Registry, secrets::place_of};

/// What the first operator is called.
const FIRST_ADMIN: &str = "admin";

impl Registry {
    pub(crate) async fn create_first_admin(&self, secret: Secret) -> Result<bool, Error> {
        secret.check_form(SecretKind::OperatorToken, "admin_token")?;
        let name = OperatorName::parse(FIRST_ADMIN)?;
        let minted = self.mint_from(SecretKind::OperatorToken, secret, place_of(&name)).await?;
        let operator =
            NewOperator { name, role: Role::Admin, scope: SiteScope::All, token: minted.kept, expires_at: None };
        let made =
            self.inner.store.run("insert_first_operator", move |conn| operators::insert_first(conn, &operator)).await?;
        Ok(made)
    }

    /// Makes an operator; its scope must lie within the caller's.
    pub(crate) async fn create_operator(
        &self,
        caller: &OperatorCaller,
        name: OperatorName,
        role: Role,
        scope: SiteScope,
        time_to_live: Option<Duration>,
    ) -> Result<(Operator, Secret), Error> {
        if !caller.scope.covers(&scope) {
            return Err(Error::new(Kind::Forbidden, "an admin can make operators for its own sites only"));
        }
        let minted = self.mint(SecretKind::OperatorToken, place_of(&caller.name)).await?;
        let operator = NewOperator {
            name: name.clone(),
            role,
            scope,
            token: minted.kept,
            expires_at: time_to_live.map(|span| after(Utc::now(), span)),
        };
        match self.inner.store.run("insert_operator", move |conn| operators::insert(conn, &operator)).await? {
            Created::Operator(operator) => {
                tracing::info!(operator = %operator.name, role = role.as_str(), by = %caller.name, "operator made");
                Ok((operator, minted.secret))
            }
            Created::NameTaken => Err(Error::new(Kind::AlreadyExists, format!("Operator {name} already exists"))),
            Created::SiteMissing(site_id) => Err(Error::not_found(format!("Site {site_id} not found"))),
        }
    }

    /// Ends an operator's token; the last admin of every site stays.
    pub(crate) async fn revoke_operator(&self, caller: &OperatorCaller, name: OperatorName) -> Result<Operator, Error> {
        let wanted = name.clone();
        match self.inner.store.run("revoke_operator", move |conn| operators::revoke(conn, &wanted)).await? {
            Revoked::Operator(operator) => {
                tracing::info!(operator = %name, by = %caller.name, "operator revoked");
                Ok(operator)
            }
            Revoked::LastAdmin => Err(Error::new(
                Kind::Conflict,
                format!("{name} is the last admin of every site; make another one first"),
            )),
            Revoked::Missing => Err(Error::not_found(format!("Operator {name} not found"))),
        }
    }

    /// Gives an operator a new token; the old one ends at once.
    pub(crate) async fn rotate_operator(
        &self,
        caller: &OperatorCaller,
        name: OperatorName,
    ) -> Result<(Operator, Secret), Error> {
        let minted = self.mint(SecretKind::OperatorToken, place_of(&caller.name)).await?;
        let (wanted, token) = (name.clone(), minted.kept);
        let replaced = self
            .inner
            .store
            .run("replace_operator_token", move |conn| operators::replace_token(conn, &wanted, &token))
            .await?;
        let operator = replaced.ok_or_else(|| Error::not_found(format!("Operator {name} not found")))?;
        tracing::info!(operator = %name, by = %caller.name, "operator token rotated");
        Ok((operator, minted.secret))
    }
}

/// A span from `now`, within what a date can hold.
pub(crate) fn after(now: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    chrono::TimeDelta::from_std(span)
        .ok()
        .and_then(|span| now.checked_add_signed(span))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
