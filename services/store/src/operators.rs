//! Operators and the hashes of their tokens.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{Operator, OperatorName, Page, PageRequest, Role, SiteId, SiteScope};

use crate::{
    StoreError,
    locks::{self, Lock},
    paging, row,
    schema::{operators, sites},
    secrets::{NewSecret, StoredSecret},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = operators)]
struct Row {
    name: String,
    role: String,
    site_ids: Option<Vec<String>>,
    token_id: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Operator {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let read = |site_id: &String| row::checked::<SiteId>("operators.site_ids", site_id);
        let scope = match &row.site_ids {
            None => SiteScope::All,
            Some(site_ids) => SiteScope::Only(site_ids.iter().map(read).collect::<Result<_, _>>()?),
        };
        Ok(Self {
            name: row::checked("operators.name", &row.name)?,
            role: row::checked("operators.role", &row.role)?,
            scope,
            token_id: row.token_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        })
    }
}

/// An operator to make; its token is hashed already.
#[derive(Clone, Debug)]
pub struct NewOperator {
    /// Unique, for ever.
    pub name: OperatorName,
    /// What it may do.
    pub role: Role,
    /// Where.
    pub scope: SiteScope,
    /// Its token.
    pub token: NewSecret,
    /// When its token ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What came of making an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is made.
    Operator(Operator),
    /// The name is taken, perhaps by one that was revoked.
    NameTaken,
    /// There is no such site.
    SiteMissing(SiteId),
}

/// Makes an operator.
pub fn insert(conn: &mut PgConnection, new: &NewOperator) -> Result<Created, StoreError> {
    if let SiteScope::Only(site_ids) = &new.scope {
        let wanted = site_ids.iter().map(|site_id| site_id.as_str());
        let known: Vec<String> =
            sites::table.filter(sites::site_id.eq_any(wanted)).select(sites::site_id).load(conn)?;
        let missing = site_ids.iter().find(|site_id| !known.iter().any(|known| known == site_id.as_str()));
        if let Some(site_id) = missing {
            return Ok(Created::SiteMissing(site_id.clone()));
        }
    }
    let operator: Option<Row> = diesel::insert_into(operators::table)
        .values((
            operators::name.eq(new.name.as_str()),
            operators::role.eq(new.role.as_str()),
            operators::site_ids.eq(new.scope.site_ids()),
            operators::token_id.eq(&new.token.public_id),
            operators::token_hash.eq(&new.token.hash),
            operators::check_tag.eq(Some(new.token.check_tag.as_slice())),
            operators::expires_at.eq(new.expires_at),
        ))
        .on_conflict(operators::name)
        .do_nothing()
        .returning(Row::as_returning())
        .get_result(conn)
        .optional()?;
    Ok(match operator {
        Some(row) => Created::Operator(row.try_into()?),
        None => Created::NameTaken,
    })
}

/// Makes the first operator; false: there are some already, perhaps another replica's.
pub fn insert_first(conn: &mut PgConnection, new: &NewOperator) -> Result<bool, StoreError> {
    conn.transaction(|conn| {
        locks::hold_in_transaction(conn, Lock::Operators)?;
        let any: Option<String> = operators::table.select(operators::name).first(conn).optional()?;
        if any.is_some() {
            return Ok(false);
        }
        Ok(matches!(insert(conn, new)?, Created::Operator(_)))
    })
}

/// What is needed to check a caller that says it is an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The operator.
    pub operator: Operator,
    /// What is kept of its token.
    pub secret: StoredSecret,
    /// Whether the token is neither revoked nor expired, by the database's clock.
    pub is_good: bool,
}

/// The operators whose tokens have these public letters, good or not, each in the place of its letters.
pub fn find_by_tokens(conn: &mut PgConnection, token_ids: &[String]) -> Result<Vec<Option<Credential>>, StoreError> {
    type Found = (Row, (String, Option<Vec<u8>>), Option<bool>);
    let not_expired = operators::expires_at.is_null().or(operators::expires_at.gt(row::database_time().nullable()));
    let rows: Vec<Found> = operators::table
        .filter(operators::token_id.eq_any(token_ids))
        .select((Row::as_select(), (operators::token_hash, operators::check_tag), not_expired))
        .load(conn)?;
    let mut found = HashMap::with_capacity(rows.len());
    for (row, secret, not_expired) in rows {
        let operator = Operator::try_from(row)?;
        let is_good = operator.revoked_at.is_none() && not_expired == Some(true);
        let token_id = operator.token_id.clone();
        found.insert(token_id, Credential { operator, secret: StoredSecret::from_columns(secret), is_good });
    }
    Ok(token_ids.iter().map(|token_id| found.get(token_id).cloned()).collect())
}

/// The operator of that name.
pub fn find(conn: &mut PgConnection, name: &OperatorName) -> Result<Option<Operator>, StoreError> {
    operators::table
        .find(name.as_str())
        .select(Row::as_select())
        .first(conn)
        .optional()?
        .map(Operator::try_from)
        .transpose()
}

/// Operators by name, revoked ones too.
pub fn list(conn: &mut PgConnection, page: &PageRequest) -> Result<Page<Operator>, StoreError> {
    let mut query = operators::table.select(Row::as_select()).into_boxed();
    if let Some(after) = &page.after {
        query = query.filter(operators::name.gt(after));
    }
    let rows: Vec<Row> = query.order(operators::name).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(Operator::try_from).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, |operator: &Operator| operator.name.to_string()))
}

/// What came of revoking an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is revoked.
    Operator(Operator),
    /// Nobody else could then manage the whole fleet.
    LastAdmin,
    /// There is no such operator.
    Missing,
}

/// Revokes an operator, but for the last admin of the whole fleet.
pub fn revoke(conn: &mut PgConnection, name: &OperatorName) -> Result<Revoked, StoreError> {
    conn.transaction(|conn| {
        // Two last admins could otherwise revoke each other at once.
        locks::hold_in_transaction(conn, Lock::Operators)?;
        let Some(operator) = find(conn, name)? else { return Ok(Revoked::Missing) };
        if operator.revoked_at.is_some() {
            return Ok(Revoked::Operator(operator));
        }
        let now = Utc::now();
        if rules_fleet(&operator, now) && !another_rules_fleet(conn, &operator, now)? {
            return Ok(Revoked::LastAdmin);
        }
        let row: Row = diesel::update(operators::table.find(name.as_str()))
            .set(operators::revoked_at.eq(row::database_time().nullable()))
            .returning(Row::as_returning())
            .get_result(conn)?;
        Ok(Revoked::Operator(row.try_into()?))
    })
}

fn rules_fleet(operator: &Operator, now: DateTime<Utc>) -> bool {
    operator.role == Role::Admin && operator.scope == SiteScope::All && operator.is_good(now)
}

fn another_rules_fleet(conn: &mut PgConnection, but: &Operator, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let rows: Vec<Row> = operators::table
        .filter(operators::role.eq(Role::Admin.as_str()))
        .filter(operators::revoked_at.is_null())
        .filter(operators::name.ne(but.name.as_str()))
        .select(Row::as_select())
        .load(conn)?;
    let admins = rows.into_iter().map(Operator::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(admins.iter().any(|admin| rules_fleet(admin, now)))
}

/// Gives an operator another token in place of its own; `None`: there is none of that name that is not revoked.
pub fn replace_token(
    conn: &mut PgConnection,
    name: &OperatorName,
    token: &NewSecret,
) -> Result<Option<Operator>, StoreError> {
    diesel::update(operators::table.find(name.as_str()))
        .filter(operators::revoked_at.is_null())
        .set((
            operators::token_id.eq(&token.public_id),
            operators::token_hash.eq(&token.hash),
            operators::check_tag.eq(Some(token.check_tag.as_slice())),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
        .optional()?
        .map(Operator::try_from)
        .transpose()
}
