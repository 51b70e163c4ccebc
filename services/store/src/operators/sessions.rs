//! Sessions of operators, and the codes that open one. A session is judged by its operator's row as it is when it is asked, so
//! that a new role holds at once and a revocation ends it.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use homepot::model::{
    Operator, OperatorName, OperatorSession, Page, PageRequest, Role, SESSION_ABSOLUTE, SESSION_IDLE, SIGN_IN_CODE_LIFE,
};

use super::{Row, find, makers};
use crate::{
    StoreError, paging, row,
    schema::{finished_sign_ins, operator_sessions, operators, sign_in_codes},
};

/// Sessions are forgotten this long after they were made: until then who comes back with one is told that it has ended.
const FORGET_SESSIONS: Duration = Duration::from_secs(30 * 24 * 3600);
/// And codes, and sign-ins that are over.
const FORGET_CODES: Duration = Duration::from_secs(24 * 3600);
/// How often it is noted that a session was used.
const NOTE_USE_EVERY: Duration = Duration::from_secs(60);

/// A hash of a secret that is random enough to need no Argon2.
pub type PlainHash = [u8; 32];

/// A session or a code to keep.
#[derive(Clone, Debug)]
pub struct NewRandom {
    /// The public letters of its secret.
    pub public_id: String,
    /// The secret's hash.
    pub hash: PlainHash,
}

/// Who signs in.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// An operator with its token, which has these public letters.
    Token(OperatorName, String),
    /// Whoever has the code with these public letters.
    Code(String),
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = operator_sessions)]
struct SessionRow {
    session_id: String,
    secret_hash: Vec<u8>,
    operator: String,
    token_id: String,
    created_at: DateTime<Utc>,
    used_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
    authenticated_at: Option<DateTime<Utc>>,
}

impl SessionRow {
    fn into_session(self, token_expires_at: Option<DateTime<Utc>>) -> Result<OperatorSession, StoreError> {
        Ok(OperatorSession {
            session_id: self.session_id,
            operator: row::checked("operator_sessions.operator", &self.operator)?,
            created_at: self.created_at,
            authenticated_at: self.authenticated_at.unwrap_or(self.created_at),
            used_at: self.used_at,
            token_expires_at,
        })
    }
}

/// What is needed to check a caller that shows a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whose it is.
    pub operator: Operator,
    /// The session.
    pub session: OperatorSession,
    /// The hash of its secret.
    pub hash: PlainHash,
    /// Whether it has not ended, by the database's clock.
    pub is_good: bool,
    /// Whether the sign-in is fresh.
    pub is_fresh: bool,
    /// Whether its use is to be noted.
    pub is_use_due: bool,
}

/// What is needed to check a caller that shows a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Whom it signs in.
    pub operator: Operator,
    /// Its hash.
    pub hash: PlainHash,
    /// Whether it has not ended, by the database's clock.
    pub is_good: bool,
}

/// The sessions with these public letters, good or not, each in the place of its letters.
pub fn find_sessions(conn: &mut PgConnection, session_ids: &[String]) -> Result<Vec<Option<Credential>>, StoreError> {
    let rows: Vec<(SessionRow, Row, DateTime<Utc>)> = operator_sessions::table
        .inner_join(operators::table)
        .filter(operator_sessions::session_id.eq_any(session_ids))
        .select((SessionRow::as_select(), Row::as_select(), row::database_time()))
        .load(conn)?;
    let mut found = HashMap::with_capacity(rows.len());
    for (session, operator, now) in rows {
        let credential = credential(session, operator.try_into()?, now)?;
        found.insert(credential.session.session_id.clone(), credential);
    }
    Ok(session_ids.iter().map(|session_id| found.get(session_id).cloned()).collect())
}

fn credential(row: SessionRow, operator: Operator, now: DateTime<Utc>) -> Result<Credential, StoreError> {
    let hash = row::key("operator_sessions.secret_hash", &row.secret_hash)?;
    let has_its_token = row.revoked_at.is_none() && row.token_id == operator.token_id && operator.is_good(now);
    let session = row.into_session(operator.expires_at)?;
    let is_good = has_its_token && now < session.idle_expires_at();
    let is_fresh = now < session.fresh_until();
    let is_use_due = before(now, NOTE_USE_EVERY) > session.used_at;
    Ok(Credential { operator, session, hash, is_good, is_fresh, is_use_due })
}

/// Notes that a session was used, unless somebody did a moment ago.
pub fn note_use(conn: &mut PgConnection, session_id: &str) -> Result<(), StoreError> {
    let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
    diesel::update(operator_sessions::table.find(session_id))
        .filter(operator_sessions::used_at.lt(before(now, NOTE_USE_EVERY)))
        .set(operator_sessions::used_at.eq(row::database_time()))
        .execute(conn)?;
    Ok(())
}

/// Makes a session; a code is used up by it. `None`: whoever signs in is no longer good.
pub fn sign_in(conn: &mut PgConnection, who: &SignIn, new: &NewRandom) -> Result<Option<OperatorSession>, StoreError> {
    conn.transaction(|conn| {
        let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
        let (name, token_id, authenticated_at) = match who {
            SignIn::Token(name, token_id) => (name.clone(), token_id.clone(), None),
            SignIn::Code(code_id) => match use_up(conn, code_id, now)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let operator = find(conn, &name)?.filter(|operator| operator.token_id == token_id && operator.is_good(now));
        let Some(operator) = operator else { return Ok(None) };
        let made: SessionRow = diesel::insert_into(operator_sessions::table)
            .values((
                operator_sessions::session_id.eq(&new.public_id),
                operator_sessions::secret_hash.eq(new.hash.as_slice()),
                operator_sessions::operator.eq(name.as_str()),
                operator_sessions::token_id.eq(&token_id),
                operator_sessions::authenticated_at.eq(authenticated_at),
            ))
            .returning(SessionRow::as_returning())
            .get_result(conn)?;
        made.into_session(operator.expires_at).map(Some)
    })
}

/// Whom a code signs in, with the token that the operator had then, and when it showed who it is.
type Used = (OperatorName, String, Option<DateTime<Utc>>);

/// Takes a code away, so that nobody uses it again; `None`: somebody did before, or it is too old.
fn use_up(conn: &mut PgConnection, code_id: &str, now: DateTime<Utc>) -> Result<Option<Used>, StoreError> {
    type Row = (String, String, DateTime<Utc>, Option<DateTime<Utc>>);
    let used: Option<Row> = diesel::delete(sign_in_codes::table.find(code_id))
        .returning((
            sign_in_codes::operator,
            sign_in_codes::token_id,
            sign_in_codes::created_at,
            sign_in_codes::authenticated_at,
        ))
        .get_result(conn)
        .optional()?;
    let Some((operator, token_id, created_at, authenticated_at)) = used else { return Ok(None) };
    let operator = row::checked("sign_in_codes.operator", &operator)?;
    Ok((created_at > before(now, SIGN_IN_CODE_LIFE)).then_some((operator, token_id, authenticated_at)))
}

/// Keeps a code for an operator's sign-in, with the operator's token as it is now; answers when it ends. `None`: the
/// operator has no good token.
pub fn insert_code(
    conn: &mut PgConnection,
    operator: &OperatorName,
    new: &NewRandom,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
    let Some(operator) = find(conn, operator)?.filter(|operator| operator.is_good(now)) else { return Ok(None) };
    keep_code(conn, &operator, None, new)?;
    let end = operator.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
    Ok(Some(end.min(now + SIGN_IN_CODE_LIFE)))
}

pub(super) fn keep_code(
    conn: &mut PgConnection,
    operator: &Operator,
    authenticated_at: Option<DateTime<Utc>>,
    new: &NewRandom,
) -> Result<(), StoreError> {
    diesel::insert_into(sign_in_codes::table)
        .values((
            sign_in_codes::code_id.eq(&new.public_id),
            sign_in_codes::secret_hash.eq(new.hash.as_slice()),
            sign_in_codes::operator.eq(operator.name.as_str()),
            sign_in_codes::token_id.eq(&operator.token_id),
            sign_in_codes::authenticated_at.eq(authenticated_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// The code with these public letters, good or not.
pub fn find_code(conn: &mut PgConnection, code_id: &str) -> Result<Option<Code>, StoreError> {
    type Found = (Vec<u8>, String, DateTime<Utc>, Row, DateTime<Utc>);
    let found: Option<Found> = sign_in_codes::table
        .inner_join(operators::table)
        .filter(sign_in_codes::code_id.eq(code_id))
        .select((
            sign_in_codes::secret_hash,
            sign_in_codes::token_id,
            sign_in_codes::created_at,
            Row::as_select(),
            row::database_time(),
        ))
        .first(conn)
        .optional()?;
    let Some((hash, token_id, created_at, operator, now)) = found else { return Ok(None) };
    let operator = Operator::try_from(operator)?;
    let is_young = created_at > before(now, SIGN_IN_CODE_LIFE);
    let is_good = is_young && token_id == operator.token_id && operator.is_good(now);
    Ok(Some(Code { operator, hash: row::key("sign_in_codes.secret_hash", &hash)?, is_good }))
}

/// The admin of every site that has a token, was made first and is still good.
pub fn first_admin(conn: &mut PgConnection) -> Result<Option<OperatorName>, StoreError> {
    let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
    let name: Option<String> = operators::table
        .filter(operators::role.eq(Role::Admin.as_str()))
        .filter(operators::site_ids.is_null())
        .filter(operators::subject.is_null())
        .filter(operators::revoked_at.is_null())
        .filter(operators::expires_at.is_null().or(operators::expires_at.gt(now)))
        .order((operators::created_at, operators::name))
        .select(operators::name)
        .first(conn)
        .optional()?;
    name.map(|name| row::checked("operators.name", &name)).transpose()
}

/// Whose sessions a caller reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Its own.
    Own(OperatorName),
    /// Its own, and those of the operators that it made, or that those made.
    WithMade(OperatorName),
    /// Everybody's.
    All,
}

impl Reach {
    fn covers(&self, conn: &mut PgConnection, operator: &OperatorName) -> Result<bool, StoreError> {
        match self {
            Self::Own(name) => Ok(name == operator),
            Self::WithMade(name) => makers::is_within(conn, operator, Some(name)),
            Self::All => makers::is_within(conn, operator, None),
        }
    }
}

/// The sessions of an operator that have not ended, newest first; `None`: there is no such operator within `reach`.
pub fn list(
    conn: &mut PgConnection,
    operator: &OperatorName,
    reach: &Reach,
    page: &PageRequest,
) -> Result<Option<Page<OperatorSession>>, StoreError> {
    if !reach.covers(conn, operator)? {
        return Ok(None);
    }
    let now: DateTime<Utc> = diesel::select(row::database_time()).get_result(conn)?;
    let nothing = Page { items: Vec::new(), next: None };
    let Some(operator) = find(conn, operator)?.filter(|operator| operator.is_good(now)) else {
        return Ok(Some(nothing));
    };
    let mut query = operator_sessions::table
        .filter(operator_sessions::operator.eq(operator.name.as_str()))
        .filter(operator_sessions::token_id.eq(&operator.token_id))
        .filter(operator_sessions::revoked_at.is_null())
        .filter(operator_sessions::created_at.gt(before(now, SESSION_ABSOLUTE)))
        .filter(operator_sessions::used_at.gt(before(now, SESSION_IDLE)))
        .select(SessionRow::as_select())
        .into_boxed();
    if let Some(after) = paging::after_time_key::<String>(page)? {
        let older = operator_sessions::created_at.lt(after.time);
        let as_old = operator_sessions::created_at.eq(after.time).and(operator_sessions::session_id.lt(after.name));
        query = query.filter(older.or(as_old));
    }
    let newest_first = (operator_sessions::created_at.desc(), operator_sessions::session_id.desc());
    let rows: Vec<SessionRow> = query.order(newest_first).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(|row| row.into_session(operator.expires_at)).collect::<Result<_, _>>()?;
    let key = |session: &OperatorSession| paging::time_key(session.created_at, &session.session_id);
    Ok(Some(Page::cut(items, page.size, key).within_bytes(key)))
}

/// Ends a session; `None`: there is none with these public letters within `reach`.
pub fn revoke(conn: &mut PgConnection, session_id: &str, reach: &Reach) -> Result<Option<OperatorSession>, StoreError> {
    let found: Option<SessionRow> =
        operator_sessions::table.find(session_id).select(SessionRow::as_select()).first(conn).optional()?;
    let Some(session) = found.map(|row| row.into_session(None)).transpose()? else { return Ok(None) };
    if !reach.covers(conn, &session.operator)? {
        return Ok(None);
    }
    diesel::update(operator_sessions::table.find(session_id))
        .filter(operator_sessions::revoked_at.is_null())
        .set(operator_sessions::revoked_at.eq(row::database_time().nullable()))
        .execute(conn)?;
    let token_expires_at = find(conn, &session.operator)?.and_then(|operator| operator.expires_at);
    Ok(Some(OperatorSession { token_expires_at, ..session }))
}

/// Forgets what ended long ago.
pub(crate) fn sweep(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
    let old = operator_sessions::created_at.lt(before(now, FORGET_SESSIONS));
    diesel::delete(operator_sessions::table.filter(old)).execute(conn)?;
    let old = sign_in_codes::created_at.lt(before(now, FORGET_CODES));
    diesel::delete(sign_in_codes::table.filter(old)).execute(conn)?;
    let old = finished_sign_ins::finished_at.lt(before(now, FORGET_CODES));
    diesel::delete(finished_sign_ins::table.filter(old)).execute(conn)?;
    Ok(())
}

fn before(now: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
    now.checked_sub_signed(span).unwrap_or(DateTime::<Utc>::MIN_UTC)
}
