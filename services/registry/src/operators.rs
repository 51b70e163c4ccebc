//! Making, listing and ending operators.

use std::time::Duration;

use chrono::SecondsFormat;
use homepot::{
    Error, Kind,
    model::{Operator, OperatorName, Role, Secret, SecretKind, SiteScope},
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::operators::{self, Created, Made, NewOperator, Replaced, Revocation, Revoked};

use crate::{Registry, secrets::place_of};

/// What the first operator is called.
const FIRST_ADMIN: &str = "admin";

impl Registry {
    pub(crate) async fn create_first_admin(&self, secret: Secret) -> Result<bool, Error> {
        secret.check_form(SecretKind::OperatorToken, "admin_token")?;
        let name = OperatorName::parse(FIRST_ADMIN)?;
        let minted = self.mint_from(SecretKind::OperatorToken, secret, place_of(&name)).await?;
        let operator = NewOperator {
            name,
            role: Role::Admin,
            scope: SiteScope::All,
            token: minted.kept,
            expires_at: None,
            made_by: None,
        };
        let made =
            self.inner.store.run("insert_first_operator", move |conn| operators::insert_first(conn, &operator)).await?;
        Ok(made)
    }

    /// Makes an operator; its scope must lie within the caller's, and it ends no later.
    pub(crate) async fn create_operator(
        &self,
        caller: &OperatorCaller,
        name: OperatorName,
        role: Role,
        scope: SiteScope,
        time_to_live: Option<Duration>,
    ) -> Result<(Operator, Secret), Error> {
        caller.check_fresh()?;
        if !caller.scope.covers(&scope) {
            return Err(Error::new(Kind::Forbidden, "an admin can make operators for its own sites only"));
        }
        let name = name_within(caller, name)?;
        let minted = self.mint(SecretKind::OperatorToken, place_of(&caller.name)).await?;
        let operator =
            NewOperator { name: name.clone(), role, scope, token: minted.kept, expires_at: None, made_by: None };
        let maker = caller.name.clone();
        let make = move |conn: &mut _| operators::make(conn, &maker, operator, time_to_live);
        match made(self.inner.store.run("make_operator", make).await?)? {
            Created::Operator(operator) => Ok((operator, minted.secret)),
            Created::NameTaken => Err(Error::new(Kind::AlreadyExists, format!("Operator {name} already exists"))),
            Created::SiteMissing(site_id) => Err(Error::not_found(format!("Site {site_id} not found"))),
        }
    }

    /// Revokes an operator, and with `with_made` what it made. The last admin that is bound to no site can't be
    /// revoked.
    pub(crate) async fn revoke_operator(
        &self,
        caller: &OperatorCaller,
        name: OperatorName,
        with_made: bool,
    ) -> Result<Revocation, Error> {
        let (wanted, own_of) = (name.clone(), own_of(caller));
        let revoke = move |conn: &mut _| operators::revoke(conn, &wanted, own_of.as_ref(), with_made);
        match self.inner.store.run("revoke_operator", revoke).await? {
            Revoked::Operator(revocation) => {
                let (also, tokens) = (&revocation.also_revoked, revocation.tokens_revoked);
                tracing::info!(operator = %name, ?also, tokens, "operator revoked");
                Ok(*revocation)
            }
            Revoked::LastAdmin => Err(Error::new(
                Kind::Conflict,
                format!("{name} is the last admin of every site; make another one first"),
            )),
            Revoked::Missing => Err(missing(&name)),
        }
    }

    /// Gives an operator a new token; the old one ends at once.
    pub(crate) async fn rotate_operator(
        &self,
        caller: &OperatorCaller,
        name: OperatorName,
    ) -> Result<(Operator, Secret), Error> {
        caller.check_fresh()?;
        let minted = self.mint(SecretKind::OperatorToken, place_of(&caller.name)).await?;
        let (wanted, token) = (name.clone(), minted.kept);
        let (by, own) = (caller.name.clone(), own_of(caller).is_some());
        let replace = move |conn: &mut _| operators::replace_token(conn, &wanted, &token, &by, own);
        match self.inner.store.run("replace_operator_token", replace).await? {
            Replaced::Operator(operator) => Ok((operator, minted.secret)),
            Replaced::Missing => Err(missing(&name)),
            Replaced::HasNone => {
                Err(Error::new(Kind::Conflict, format!("{name} has no token: it signs in with an identity provider")))
            }
            Replaced::Outlasts => {
                Err(Error::new(Kind::Forbidden, format!("the token of {name} lasts longer than your own")))
            }
        }
    }
}

/// Whose operators an admin reaches: of one that is bound to sites, itself and those it made; `None`: all.
pub(crate) fn own_of(caller: &OperatorCaller) -> Option<OperatorName> {
    (caller.scope != SiteScope::All).then(|| caller.name.clone())
}

/// The name an operator gets. Names are unique in the fleet; what an admin of some sites makes has a name within its own, so that
/// a name that is taken tells nothing of other sites, and nobody passes for somebody else.
fn name_within(caller: &OperatorCaller, name: OperatorName) -> Result<OperatorName, Error> {
    let Some(own_of) = own_of(caller) else { return Ok(name) };
    let end = format!("@{own_of}");
    if name.as_str().ends_with(&end) {
        return Ok(name);
    }
    let full = OperatorName::parse(&format!("{name}{end}"));
    full.map_err(|_| Error::invalid("name", format!("is too long: with '{end}' after it, it has more than 64 letters")))
}

fn missing(name: &OperatorName) -> Error {
    Error::not_found(format!("Operator {name} not found"))
}

/// The record that was made, or why it was not.
pub(crate) fn made<T>(made: Made<T>) -> Result<T, Error> {
    match made {
        Made::Made(made) => Ok(made),
        Made::MakerEnded => Err(Error::new(Kind::Unauthenticated, "Invalid or missing operator token")),
        Made::Outlasts(end) => {
            let end = end.to_rfc3339_opts(SecondsFormat::Secs, true);
            Err(Error::invalid("time_to_live", format!("must end no later than your own token, at {end}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use homepot::model::SiteId;

    use super::*;

    #[test]
    fn who_is_bound_to_sites_makes_names_within_its_own() {
        let name = |text: &str| OperatorName::parse(text).unwrap();
        let caller = |scope| OperatorCaller {
            name: name("ann"),
            role: Role::Admin,
            scope,
            token_id: "hpo_".into(),
            credential: Default::default(),
        };
        let bound = caller(SiteScope::Only(vec![SiteId::parse("s").unwrap()]));
        assert_eq!(name_within(&bound, name("bob")).unwrap(), name("bob@ann"));
        assert_eq!(name_within(&bound, name("bob@ann")).unwrap(), name("bob@ann"));
        assert_eq!(name_within(&bound, name(&"b".repeat(60))).unwrap(), name(&format!("{}@ann", "b".repeat(60))));
        let fault = name_within(&bound, name(&"b".repeat(61))).unwrap_err();
        assert_eq!(fault.field_violations()[0].field, "name");
        assert_eq!(name_within(&caller(SiteScope::All), name("bob")).unwrap(), name("bob"));
    }
}
