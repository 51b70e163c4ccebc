//! Operators of people who sign in with an identity provider. Such an operator belongs to one issuer and subject for ever, so
//! nobody comes by the operator of somebody else, whatever the provider says a person is called.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{Identity, Operator, OperatorName, Role, SiteScope};

use super::{
    Row,
    sessions::{self, NewRandom},
};
use crate::{
    StoreError,
    locks::{self, Lock},
    schema::{finished_sign_ins, operators},
};

/// What stands in the place of a token's hash: no token has it.
const NO_TOKEN: &str = "none";

/// Identifies one sign-in, so that none is finished twice.
pub type AttemptId = [u8; 16];

/// Somebody for whom an identity provider vouches.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Which sign-in it is.
    pub attempt: AttemptId,
    /// Who.
    pub identity: Identity,
    /// Names that a new operator may get; the first one that is free.
    pub names: Vec<OperatorName>,
    /// What it may do from now on.
    pub role: Role,
    /// And where.
    pub scope: SiteScope,
    /// When the person showed who it is.
    pub authenticated_at: DateTime<Utc>,
    /// Random letters in the place of a token's, for a new operator.
    pub token_id: String,
}

/// What came of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// The code is good for this operator.
    Operator(Box<Operator>),
    /// It was finished before.
    Finished,
    /// The operator was revoked.
    Revoked(OperatorName),
    /// All of the names are somebody else's.
    NamesTaken,
}

/// Finishes a sign-in: makes the operator or gives it its new role and sites, and keeps `code` for it.
pub fn sign_in(conn: &mut PgConnection, who: &SignIn, code: &NewRandom) -> Result<SignedIn, StoreError> {
    conn.transaction(|conn| {
        // One person may sign in twice at once, and may be revoked meanwhile.
        locks::hold_in_transaction(conn, Lock::Operators)?;
        let noted = diesel::insert_into(finished_sign_ins::table)
            .values(finished_sign_ins::attempt.eq(who.attempt.as_slice()))
            .on_conflict_do_nothing()
            .execute(conn)?;
        if noted == 0 {
            return Ok(SignedIn::Finished);
        }
        let operator = match update(conn, who)? {
            Some(operator) => operator,
            None => match insert(conn, who)? {
                Some(operator) => operator,
                None => return Ok(SignedIn::NamesTaken),
            },
        };
        if operator.revoked_at.is_some() {
            return Ok(SignedIn::Revoked(operator.name));
        }
        sessions::keep_code(conn, &operator, Some(who.authenticated_at), code)?;
        Ok(SignedIn::Operator(Box::new(operator)))
    })
}

fn update(conn: &mut PgConnection, who: &SignIn) -> Result<Option<Operator>, StoreError> {
    let row: Option<Row> = diesel::update(operators::table.filter(operators::issuer.eq(&who.identity.issuer)))
        .filter(operators::subject.eq(&who.identity.subject))
        .set((operators::role.eq(who.role.as_str()), operators::site_ids.eq(who.scope.site_ids())))
        .returning(Row::as_returning())
        .get_result(conn)
        .optional()?;
    row.map(Operator::try_from).transpose()
}

fn insert(conn: &mut PgConnection, who: &SignIn) -> Result<Option<Operator>, StoreError> {
    for name in &who.names {
        let row: Option<Row> = diesel::insert_into(operators::table)
            .values((
                operators::name.eq(name.as_str()),
                operators::role.eq(who.role.as_str()),
                operators::site_ids.eq(who.scope.site_ids()),
                operators::token_id.eq(&who.token_id),
                operators::token_hash.eq(NO_TOKEN),
                operators::issuer.eq(&who.identity.issuer),
                operators::subject.eq(&who.identity.subject),
            ))
            .on_conflict(operators::name)
            .do_nothing()
            .returning(Row::as_returning())
            .get_result(conn)
            .optional()?;
        if let Some(row) = row {
            return Operator::try_from(row).map(Some);
        }
    }
    Ok(None)
}

/// Ends the sessions of somebody who may nothing any more; `token_id` is random. Does nothing for who never signed in.
pub fn end_sessions(conn: &mut PgConnection, identity: &Identity, token_id: &str) -> Result<(), StoreError> {
    diesel::update(operators::table.filter(operators::issuer.eq(&identity.issuer)))
        .filter(operators::subject.eq(&identity.subject))
        .set(operators::token_id.eq(token_id))
        .execute(conn)?;
    Ok(())
}
