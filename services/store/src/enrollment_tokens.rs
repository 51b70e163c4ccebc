//! Tokens that let devices enrol, as hashes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{DeviceSource, EnrollmentToken, Labels, OperatorName, Page, PageRequest, SiteId, SiteScope};
use serde_json::Value;

use crate::{
    StoreError,
    devices::labels,
    operators::{self, Made},
    paging, row,
    schema::enrollment_tokens,
    scope::within,
    secrets::{Columns, NewSecret, StoredSecret},
    sites,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = enrollment_tokens)]
struct Row {
    token_id: String,
    site_id: String,
    source: String,
    uses_left: i32,
    max_uses: i32,
    created_by: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
    labels: Value,
}

impl TryFrom<Row> for EnrollmentToken {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            token_id: row.token_id,
            site_id: row::checked("enrollment_tokens.site_id", &row.site_id)?,
            source: row::checked("enrollment_tokens.source", &row.source)?,
            uses_left: row.uses_left,
            max_uses: row.max_uses,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            labels: labels::read("enrollment_tokens.labels", row.labels)?,
        })
    }
}

/// A token to make; it is hashed already.
#[derive(Clone, Debug)]
pub struct NewEnrollmentToken {
    /// The token.
    pub token: NewSecret,
    /// The one site it is good for.
    pub site_id: SiteId,
    /// What its devices are.
    pub source: DeviceSource,
    /// Devices that may enrol with it.
    pub max_uses: i32,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// Who makes it.
    pub created_by: String,
    /// What its devices are marked with.
    pub labels: Labels,
}

/// Makes a token; `None`: there is no such site, or it was removed.
pub fn insert(conn: &mut PgConnection, new: &NewEnrollmentToken) -> Result<Option<EnrollmentToken>, StoreError> {
    if !sites::is_open(conn, &new.site_id)? {
        return Ok(None);
    }
    let row: Row = diesel::insert_into(enrollment_tokens::table)
        .values((
            enrollment_tokens::token_id.eq(&new.token.public_id),
            enrollment_tokens::token_hash.eq(&new.token.hash),
            enrollment_tokens::check_tag.eq(Some(new.token.check_tag.as_slice())),
            enrollment_tokens::site_id.eq(new.site_id.as_str()),
            enrollment_tokens::source.eq(new.source.as_str()),
            enrollment_tokens::uses_left.eq(new.max_uses),
            enrollment_tokens::max_uses.eq(new.max_uses),
            enrollment_tokens::created_by.eq(&new.created_by),
            enrollment_tokens::expires_at.eq(new.expires_at),
            enrollment_tokens::labels.eq(labels::json(&new.labels)),
        ))
        .returning(Row::as_returning())
        .get_result(conn)?;
    Ok(Some(row.try_into()?))
}

/// Makes a token on behalf of `maker`: it lasts for `time_to_live`, or else for `default`, and no longer than the maker.
pub fn make(
    conn: &mut PgConnection,
    maker: &OperatorName,
    new: NewEnrollmentToken,
    time_to_live: Option<Duration>,
    default: Duration,
) -> Result<Made<Option<EnrollmentToken>>, StoreError> {
    conn.transaction(|conn| {
        let Some(reach) = operators::reach(conn, maker)? else { return Ok(Made::MakerEnded) };
        let expires_at = match operators::lifetime(&reach, time_to_live, Some(default)) {
            Ok(expires_at) => expires_at.unwrap_or(new.expires_at),
            Err(end) => return Ok(Made::Outlasts(end)),
        };
        insert(conn, &NewEnrollmentToken { expires_at, created_by: maker.to_string(), ..new }).map(Made::Made)
    })
}

/// What is needed to check who shows a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// The token.
    pub token: EnrollmentToken,
    /// What is kept of its secret.
    pub secret: StoredSecret,
    /// Whether it is neither revoked nor expired, by the database's clock. It may have no uses left.
    pub is_good: bool,
}

/// The token with these public letters, good or not.
pub fn find(conn: &mut PgConnection, token_id: &str) -> Result<Option<Credential>, StoreError> {
    let found: Option<(Row, Columns, bool)> = enrollment_tokens::table
        .find(token_id)
        .select((
            Row::as_select(),
            (enrollment_tokens::token_hash, enrollment_tokens::check_tag),
            enrollment_tokens::expires_at.gt(row::database_time()),
        ))
        .first(conn)
        .optional()?;
    let Some((row, secret, not_expired)) = found else { return Ok(None) };
    let token = EnrollmentToken::try_from(row)?;
    let is_good = token.revoked_at.is_none() && not_expired;
    Ok(Some(Credential { token, secret: StoredSecret::from_columns(secret), is_good }))
}

/// Tokens within `scope`, newest first, ended ones too.
pub fn list(
    conn: &mut PgConnection,
    scope: &SiteScope,
    site_id: Option<&SiteId>,
    source: Option<DeviceSource>,
    page: &PageRequest,
) -> Result<Page<EnrollmentToken>, StoreError> {
    let mut query = enrollment_tokens::table.select(Row::as_select()).into_boxed();
    query = within(query, enrollment_tokens::site_id, scope);
    if let Some(site_id) = site_id {
        query = query.filter(enrollment_tokens::site_id.eq(site_id.as_str()));
    }
    if let Some(source) = source {
        query = query.filter(enrollment_tokens::source.eq(source.as_str()));
    }
    if let Some(after) = paging::after_time_key::<String>(page)? {
        let older = enrollment_tokens::created_at.lt(after.time);
        let as_old = enrollment_tokens::created_at.eq(after.time).and(enrollment_tokens::token_id.lt(after.name));
        query = query.filter(older.or(as_old));
    }
    let newest_first = (enrollment_tokens::created_at.desc(), enrollment_tokens::token_id.desc());
    let rows: Vec<Row> = query.order(newest_first).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(EnrollmentToken::try_from).collect::<Result<_, _>>()?;
    let key = |token: &EnrollmentToken| paging::time_key(token.created_at, &token.token_id);
    Ok(Page::cut(items, page.size, key).within_bytes(key))
}

/// Ends a token early; `None`: there is none with these public letters within `scope`.
pub fn revoke(
    conn: &mut PgConnection,
    token_id: &str,
    scope: &SiteScope,
) -> Result<Option<EnrollmentToken>, StoreError> {
    let found = enrollment_tokens::table.find(token_id).select(enrollment_tokens::token_id).into_boxed();
    let found: Option<String> = within(found, enrollment_tokens::site_id, scope).first(conn).optional()?;
    if found.is_none() {
        return Ok(None);
    }
    diesel::update(enrollment_tokens::table.find(token_id))
        .filter(enrollment_tokens::revoked_at.is_null())
        .set(enrollment_tokens::revoked_at.eq(row::database_time().nullable()))
        .execute(conn)?;
    Ok(find(conn, token_id)?.map(|found| found.token))
}
