//! Which operator made which operators and tokens, and their end. Nobody can give more rights than it has, and what an
//! operator makes ends no later than its own token.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Text},
};
use homepot::model::{Operator, OperatorName, Role, SiteScope};

use super::{Created, NewOperator, Row, find, insert};
use crate::{
    StoreError,
    locks::{self, Lock},
    row,
    schema::operators,
    secrets::NewSecret,
};

/// How far an operator that makes something reaches, by the database's clock.
pub(crate) struct Reach {
    now: DateTime<Utc>,
    end: Option<DateTime<Utc>>,
}

/// The result of making something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made<T> {
    /// This.
    Made(T),
    /// Its maker is no longer good.
    MakerEnded,
    /// It would outlast its maker, which ends at this time.
    Outlasts(DateTime<Utc>),
}

/// The reach of `maker`; `None`: it is no longer good. Until the transaction ends nobody is revoked, so that a revocation finds
/// what is being made.
pub(crate) fn reach(conn: &mut PgConnection, maker: &OperatorName) -> Result<Option<Reach>, StoreError> {
    locks::share_in_transaction(conn, Lock::Operators)?;
    let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
    let maker = find(conn, maker)?.filter(|maker| maker.is_good(now));
    Ok(maker.map(|maker| Reach { now, end: maker.expires_at }))
}

/// When what is made ends, asked to last for `asked`, or else for `default`; the maker's end where it would be later.
pub(crate) fn lifetime(
    reach: &Reach,
    asked: Option<Duration>,
    default: Option<Duration>,
) -> Result<Option<DateTime<Utc>>, DateTime<Utc>> {
    let after = |span| {
        let span = TimeDelta::from_std(span).ok();
        span.and_then(|span| reach.now.checked_add_signed(span)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    };
    match (asked.map(after), reach.end) {
        (Some(asked), Some(end)) if asked > end => Err(end),
        (Some(asked), _) => Ok(Some(asked)),
        (None, end) => Ok([default.map(after), end].into_iter().flatten().min()),
    }
}

/// Makes an operator on behalf of `maker`; its token lasts for `time_to_live`, or as long as the maker's.
pub fn make(
    conn: &mut PgConnection,
    maker: &OperatorName,
    new: NewOperator,
    time_to_live: Option<Duration>,
) -> Result<Made<Created>, StoreError> {
    conn.transaction(|conn| {
        let Some(reach) = reach(conn, maker)? else { return Ok(Made::MakerEnded) };
        let expires_at = match lifetime(&reach, time_to_live, None) {
            Ok(expires_at) => expires_at,
            Err(end) => return Ok(Made::Outlasts(end)),
        };
        let new = NewOperator { expires_at, made_by: Some(maker.clone()), ..new };
        insert(conn, &new).map(Made::Made)
    })
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The operator and all that it made, or that those made, by name; empty: there is none.
pub(super) fn with_made(conn: &mut PgConnection, name: &OperatorName) -> Result<Vec<String>, StoreError> {
    let names: Vec<Name> = sql_query(
        "WITH RECURSIVE own AS (
            SELECT name FROM operators WHERE name = $1
            UNION SELECT o.name FROM operators o JOIN own ON o.made_by = own.name)
        SELECT name FROM own ORDER BY name",
    )
    .bind::<Text, _>(name.as_str())
    .load(conn)?;
    Ok(names.into_iter().map(|Name { name }| name).collect())
}

/// What came of revoking an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is revoked.
    Operator(Box<Revocation>),
    /// Nobody else could then manage the whole fleet.
    LastAdmin,
    /// There is no such operator.
    Missing,
}

/// What a revocation took along, and what it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The operator.
    pub operator: Operator,
    /// Names of others that were revoked with it.
    pub also_revoked: Vec<String>,
    /// Enrolment tokens that were revoked with it.
    pub tokens_revoked: usize,
    /// Operators that it made, directly or not, and that are still good.
    pub operators_left: i64,
    /// Enrolment tokens that it or those made and that are still good.
    pub tokens_left: i64,
}

/// Revokes an operator, and with `with_made` what it made, but for the last admin of the whole fleet. `own_of` reaches itself and
/// what it made.
pub fn revoke(
    conn: &mut PgConnection,
    name: &OperatorName,
    own_of: Option<&OperatorName>,
    take_made: bool,
) -> Result<Revoked, StoreError> {
    conn.transaction(|conn| {
        // Two last admins could otherwise revoke each other at once, and what is being made would be missed.
        locks::hold_in_transaction(conn, Lock::Operators)?;
        if !is_within(conn, name, own_of)? {
            return Ok(Revoked::Missing);
        }
        let made = with_made(conn, name)?;
        let end = if take_made { made.clone() } else { vec![name.to_string()] };
        if end_fleets_rule(conn, &end)? {
            return Ok(Revoked::LastAdmin);
        }
        let mut also_revoked: Vec<String> = diesel::update(operators::table.filter(operators::name.eq_any(&end)))
            .filter(operators::revoked_at.is_null())
            .set(operators::revoked_at.eq(row::database_time().nullable()))
            .returning(operators::name)
            .get_results(conn)?;
        also_revoked.retain(|other| other != name.as_str());
        also_revoked.sort();
        let tokens_revoked = if take_made { revoke_tokens(conn, &made)? } else { 0 };
        let not_expired = operators::expires_at.is_null().or(operators::expires_at.gt(row::database_time().nullable()));
        let operators_left = operators::table
            .filter(operators::name.eq_any(&made))
            .filter(operators::revoked_at.is_null())
            .filter(not_expired)
            .count()
            .get_result(conn)?;
        let tokens_left = good_tokens(conn, &made)?;
        let operator = find(conn, name)?.ok_or(diesel::result::Error::NotFound)?;
        let revocation = Revocation { operator, also_revoked, tokens_revoked, operators_left, tokens_left };
        Ok(Revoked::Operator(Box::new(revocation)))
    })
}

/// Tokens for enrolment that somebody of `$1` made and that are still good.
const GOOD_TOKENS: &str = "created_by = ANY ($1) AND revoked_at IS NULL AND expires_at > now()";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn good_tokens(conn: &mut PgConnection, makers: &[String]) -> Result<i64, StoreError> {
    let query = format!("SELECT count(*) AS count FROM enrollment_tokens WHERE {GOOD_TOKENS}");
    Ok(sql_query(query).bind::<Array<Text>, _>(makers).get_result::<Count>(conn)?.count)
}

fn revoke_tokens(conn: &mut PgConnection, makers: &[String]) -> Result<usize, StoreError> {
    let update = format!("UPDATE enrollment_tokens SET revoked_at = now() WHERE {GOOD_TOKENS}");
    Ok(sql_query(update).bind::<Array<Text>, _>(makers).execute(conn)?)
}

/// Whether there is an operator `name` that `own_of` reaches.
pub(super) fn is_within(
    conn: &mut PgConnection,
    name: &OperatorName,
    own_of: Option<&OperatorName>,
) -> Result<bool, StoreError> {
    Ok(match own_of {
        None => find(conn, name)?.is_some(),
        Some(own_of) => with_made(conn, own_of)?.iter().any(|own| own == name.as_str()),
    })
}

/// Whether nobody could manage the whole fleet any more once these have ended, though somebody can now.
fn end_fleets_rule(conn: &mut PgConnection, ending: &[String]) -> Result<bool, StoreError> {
    let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
    let rows: Vec<Row> = operators::table
        .filter(operators::role.eq(Role::Admin.as_str()))
        .filter(operators::revoked_at.is_null())
        .filter(operators::site_ids.is_null())
        // Who signs in with an identity provider is an admin for as long as the provider says so.
        .filter(operators::subject.is_null())
        .select(Row::as_select())
        .load(conn)?;
    let admins = rows.into_iter().map(Operator::try_from).collect::<Result<Vec<_>, _>>()?;
    let rule: Vec<_> = admins.iter().filter(|admin| admin.scope == SiteScope::All && admin.is_good(now)).collect();
    let ends = |admin: &&Operator| ending.iter().any(|name| name == admin.name.as_str());
    Ok(rule.iter().any(&ends) && rule.iter().all(ends))
}

/// What came of replacing an operator's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It has the new one.
    Operator(Operator),
    /// There is no such operator that is not revoked.
    Missing,
    /// It outlasts the caller, which would have made itself last longer.
    Outlasts,
    /// It signs in with an identity provider.
    HasNone,
}

/// Gives an operator another token in place of its own, on behalf of `caller`; with `own` that reaches itself and what it made.
pub fn replace_token(
    conn: &mut PgConnection,
    name: &OperatorName,
    token: &NewSecret,
    caller: &OperatorName,
    own: bool,
) -> Result<Replaced, StoreError> {
    conn.transaction(|conn| {
        let Some(reach) = reach(conn, caller)? else { return Ok(Replaced::Missing) };
        if !is_within(conn, name, own.then_some(caller))? {
            return Ok(Replaced::Missing);
        }
        let Some(operator) = find(conn, name)? else { return Ok(Replaced::Missing) };
        if operator.identity.is_some() {
            return Ok(Replaced::HasNone);
        }
        let outlasts = reach.end.is_some_and(|end| operator.expires_at.is_none_or(|expires_at| expires_at > end));
        if name != caller && outlasts {
            return Ok(Replaced::Outlasts);
        }
        let replaced: Option<Row> = diesel::update(operators::table.find(name.as_str()))
            .filter(operators::revoked_at.is_null())
            .set((
                operators::token_id.eq(&token.public_id),
                operators::token_hash.eq(&token.hash),
                operators::check_tag.eq(Some(token.check_tag.as_slice())),
            ))
            .returning(Row::as_returning())
            .get_result(conn)
            .optional()?;
        Ok(match replaced {
            Some(row) => Replaced::Operator(row.try_into()?),
            None => Replaced::Missing,
        })
    })
}
